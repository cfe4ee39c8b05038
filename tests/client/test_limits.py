"""An answer is read up to a limit, an event stream line by line."""

from __future__ import annotations

import pytest

from syncropel.client import limits
from syncropel.errors import DaemonUnreachable


@pytest.mark.parametrize("step", [1, 2, 7, 100])
def test_lines_come_out_whole_however_they_came_in(step: int) -> None:
    stream = "event: a\r\ndata: ünï\n\ndata: b\n\nrest".encode()
    lines = limits.EventLines("/watch")
    found = [line for at in range(0, len(stream), step) for line in lines.add(stream[at : at + step])]
    assert found == ["event: a", "data: ünï", "", "data: b", ""]


def test_an_event_may_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_EVENT_BYTES", 100)
    lines = limits.EventLines("/watch")
    for _ in range(10):
        lines.add(b"data: " + b"x" * 50 + b"\n\n")
    lines.add(b"data: " + b"x" * 50 + b"\n")
    with pytest.raises(DaemonUnreachable, match="/watch answered more than"):
        lines.add(b"data: " + b"x" * 50 + b"\n")
    rest = limits.EventLines("/watch")
    rest.add(b"x" * 60)
    with pytest.raises(DaemonUnreachable):
        rest.add(b"x" * 60)


def test_an_answer_may_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ANSWER_BYTES", 100)
    body = limits.Body("/v1/tasks")
    body.add(b"x" * 60)
    assert len(body.content()) == 60
    with pytest.raises(DaemonUnreachable, match="/v1/tasks"):
        body.add(b"x" * 60)
