"""What `spl doctor` says of links, on either side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from syncropel.wire import EngineDetails, EngineHealth, InstanceOut, LinkOut

from .conftest import Ran
from .doctor_findings import answer, finding
from .live import daemon_home, live

__all__ = ["daemon_home", "live"]
Spl = Callable[..., Ran]


@pytest.mark.parametrize(
    ("link", "state", "told"),
    [
        (LinkOut(state="up", transport="poll"), "ok", "up (poll)"),
        (LinkOut(state="down", problem="HTTP 409"), "warn", "down: HTTP 409"),
    ],
)
def test_a_worker_tells_of_its_own_link(
    spl: Spl, live: Path, monkeypatch: pytest.MonkeyPatch, link: LinkOut, state: str, told: str
) -> None:
    health = EngineHealth.model_construct(
        pid=1, role="worker", alias="worker-a", details=EngineDetails(), clock_ahead_secs=0.0, link=link
    )
    answer(monkeypatch, health)
    found = finding(spl, "link")
    assert (found["state"], found["told"]) == (state, told)


@pytest.mark.parametrize(
    ("state", "finding_state", "told"),
    [("up", "ok", "1 up"), ("down", "warn", "worker-a: link down: it was cut")],
)
def test_a_coordinator_tells_of_the_links_of_its_workers(
    spl: Spl, live: Path, monkeypatch: pytest.MonkeyPatch, state: str, finding_state: str, told: str
) -> None:
    link = LinkOut.model_construct(state=state, problem="" if state == "up" else "it was cut")
    row = InstanceOut.model_construct(alias="worker-a", status="live", clock_ahead_secs=0.0, link=link)
    health = EngineHealth.model_construct(pid=1, role="coordinator", details=EngineDetails())
    answer(monkeypatch, health, row)
    found = finding(spl, "links")
    assert (found["state"], found["told"]) == (finding_state, told)
