"""Drains and spend, as the manual prints them."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.cli import drain
from syncropel.cli.text import spend as spend_text
from syncropel.wire import DrainingInstance, DrainStatus

from . import wire


def draining(**changes: Any) -> DrainingInstance:
    fields: dict[str, Any] = {
        "did": wire.WORKER_A,
        "alias": "worker-a",
        "status": "draining",
        "fleet_wide": False,
        "deadline": None,
        "then": "reassign",
        "reason": "",
        "actor": "did:sync:user:alice",
        "at": 1.0,
        "confirmed": True,
        "in_flight": 0,
        "held": 0,
    }
    return DrainingInstance(**{**fields, **changes})


def status(*instances: DrainingInstance) -> DrainStatus:
    return DrainStatus(
        at=100.0,
        draining=bool(instances),
        in_flight=sum(one.in_flight for one in instances),
        held=sum(one.held for one in instances),
        instances=list(instances),
    )


def test_nothing_drains() -> None:
    assert drain.status_lines(status(), None) == ["nothing is draining"]
    assert drain.status_lines(status(), "worker-a") == ["worker-a is not draining"]


def test_a_drain_with_everything_there_is_to_say() -> None:
    one = draining(in_flight=2, held=1, deadline=130.0, reason="new disk")
    assert drain.status_lines(status(one), None) == [
        "Drain status: 2 in flight",
        "  worker-a (draining): 2 in flight · others take the rest in 30s · new disk",
        "    1 not begun, held until the drain stops or they are retried elsewhere",
    ]
    assert drain.progress_line(status(one)) == "draining · 2 in flight · worker-a 2"


def test_a_deadline_that_is_over() -> None:
    (_, line) = drain.status_lines(status(draining(deadline=99.0, then="end")), None)
    assert line.endswith("· the rest is ended now")


@pytest.mark.parametrize(
    ("cost", "budget", "text"),
    [
        (0.1, None, "$0.10"),
        (0.1, 0.5, "$0.10 of $0.50 (20%)"),
        (0.4, 0.5, "$0.40 of $0.50 (80%) !"),
        (0.6, 0.5, "$0.60 of $0.50 (120%) !"),
    ],
)
def test_spend_against_budget(cost: float, budget: float | None, text: str) -> None:
    assert spend_text.against(cost, budget) == text


def test_a_fleet_that_spends_nothing_says_nothing_of_it() -> None:
    assert spend_text.spend_lines(wire.three()) == []
