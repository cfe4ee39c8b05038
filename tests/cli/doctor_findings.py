"""What `spl doctor` finds, in a home of its own or of a daemon that answers as a test wants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syncropel.client import Client
from syncropel.settings.home import Home
from syncropel.wire import EngineHealth, FleetStatus, InstanceOut, Start, StoreOut

from .conftest import Ran

Spl = Callable[..., Ran]
SOUND = StoreOut(state="sound", records=1)
SERVING = Start(state="serving", pid=1, version="1", records_read=1, records=1)


@pytest.fixture
def fresh(spl: Spl, home: Path) -> Home:
    """A home that was made and never used."""
    assert spl("init").code == 0
    made = Home(home / ".syncro")
    text = made.config.read_text().replace("port = 9100", "port = 0")
    made.config.write_text(text)
    return made


def answer(
    monkeypatch: pytest.MonkeyPatch, health: EngineHealth, *rows: InstanceOut, log: StoreOut = SOUND
) -> None:
    """Answer as a daemon that says this of itself, of its fleet, and of its log."""
    fleet = FleetStatus.model_construct(at=1e9, instances=list(rows))
    answers = {Start: SERVING, StoreOut: log, FleetStatus: fleet}
    monkeypatch.setattr(Client, "send", lambda _, call: answers.get(call.answer, health))


def finding(spl: Spl, about: str, *flags: str) -> dict[str, Any]:
    """The gravest finding about this."""
    told = spl("doctor", "-o", "json", *flags).json
    found = [one for one in told["findings"] if one["about"] == about]
    assert found, told
    assert told["healthy"] is all(one["state"] != "fail" for one in told["findings"])
    return max(found, key=lambda one: ("ok", "warn", "fail").index(one["state"]))
