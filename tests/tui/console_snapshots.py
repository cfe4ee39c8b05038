"""Pictures of the console in `snapshots/`, one SVG a test, kept by syrupy.

Syrupy takes every file in the folder that no selected test asked for as unused and deletes it on update.
With one folder for all tests a run of a few would delete the rest, so unused files are looked for only
when all of the console's tests run.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.data import SnapshotCollections
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation

unpictured = pytest.mark.unpictured
"""For a case of a test of pictures that has none."""

_ID = re.compile(r"terminal-\d+-")
_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


class Pictured(Protocol):
    """Something that can be drawn."""

    def picture(self) -> str: ...


class Pictures(SingleFileSnapshotExtension):
    """SVG files in the top-level folder; in it a folder for each test module, as syrupy wants it."""

    _write_mode = WriteMode.TEXT
    file_extension = "svg"
    folder: ClassVar[Path] = Path()
    whole_run: ClassVar[bool] = False

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        return str(cls.folder / test_location.basename)

    def discover_snapshots(self, **how: Any) -> SnapshotCollections:
        return super().discover_snapshots(**how) if self.whole_run else SnapshotCollections()


def normalise(svg: str) -> str:
    """The picture without what differs from run to run, and without fonts from elsewhere."""
    lines = _FONT.sub("", _ID.sub("terminal-", svg)).splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def is_whole(config: pytest.Config) -> bool:
    """Whether nothing was left out by `-k`, `-m`, `--lf`, or by naming files or tests."""
    option = config.option
    narrowing = ("keyword", "markexpr", "lf", "deselect", "stepwise")
    narrowed = any(getattr(option, name, None) for name in narrowing)
    named = any("::" in one or one.endswith(".py") for one in config.args)
    return not narrowed and not named


def pytest_sessionstart(session: pytest.Session) -> None:
    Pictures.folder = session.config.rootpath / "snapshots"
    Pictures.whole_run = is_whole(session.config)


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day are the same wherever the test runs."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def picture(snapshot: SnapshotAssertion) -> Callable[[Pictured], None]:
    """Compare what is drawn with the picture of this test."""
    kept = snapshot.use_extension(Pictures)

    def compare(pictured: Pictured) -> None:
        assert normalise(pictured.picture()) == kept

    return compare
