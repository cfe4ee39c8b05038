"""What the log says about memory before a spawn."""

from __future__ import annotations

import logging

import pytest

from syncropel.adapters.preflight import GIB, available_memory, tell_memory


@pytest.mark.parametrize(
    ("gib", "level", "message"),
    [
        (8.14, "DEBUG", "dispatch pre-flight: host memory healthy avail_gb=8.1"),
        (4.0, "DEBUG", "dispatch pre-flight: host memory healthy avail_gb=4.0"),
        (3.2, "INFO", "dispatch pre-flight: host approaching memory pressure avail_gb=3.2"),
        (2.0, "INFO", "dispatch pre-flight: host approaching memory pressure avail_gb=2.0"),
        (
            1.4,
            "WARNING",
            "dispatch pre-flight: host under memory pressure — OOM-kill risk; "
            "consider sequential dispatch avail_gb=1.4",
        ),
    ],
)
def test_each_band_of_memory_has_its_line(
    caplog: pytest.LogCaptureFixture, gib: float, level: str, message: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        tell_memory(int(gib * GIB))
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [(level, message)]


def test_where_the_kernel_does_not_tell_nothing_is_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with caplog.at_level(logging.DEBUG):
        tell_memory(available_memory())
    assert caplog.records == []


@pytest.mark.skipif("sys.platform != 'linux'")
def test_linux_tells() -> None:
    assert (available_memory() or 0) > 0
