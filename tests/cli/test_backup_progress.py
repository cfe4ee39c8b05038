"""While a daemon takes a backup, the one who waits hears how far it is."""

from __future__ import annotations

import io
import re
import threading
from typing import Any

import pytest

from syncropel.cli.support import backup_progress
from syncropel.cli.support.backup_progress import told_how_far
from syncropel.client import Client, Target
from syncropel.errors import DaemonUnreachable
from syncropel.wire import EngineDetails, EngineHealth

LIMIT_SECS = 60.0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_each_step_is_shown_on_one_line_which_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [
        None,
        {"progress": None},
        {"progress": {"what": "copying", "done": 1024, "of": 4096}},
        DaemonUnreachable("it is busy", ""),
        {"progress": {"what": "checking", "done": 256, "of": 90_000}},
    ]
    asked = threading.Event()

    def send(self: Client, call: Any) -> Any:
        if not answers:
            asked.set()
            return EngineHealth.model_construct(details=None)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return EngineHealth.model_construct(details=EngineDetails(backup=answer))

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(Client, "send", send)
    monkeypatch.setattr(backup_progress, "LOOK_SECS", 0.0)
    with told_how_far(Target(url="http://127.0.0.1:1")):
        assert asked.wait(LIMIT_SECS)
    shown = [line for line in re.split("\r\x1b\\[K", terminal.getvalue()) if line]
    assert shown == ["copying: 1,024 of 4,096 pages", "checking: 256 of 90,000 records"]
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_an_error_of_the_backup_ends_the_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "send", lambda self, call: EngineHealth.model_construct(details=None))
    before = threading.active_count()
    with pytest.raises(ValueError, match="no"), told_how_far(Target(url="http://127.0.0.1:1")):
        raise ValueError("no")
    assert threading.active_count() == before
