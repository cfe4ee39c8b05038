"""What is said of work that a freeze ends: it has settled only when who confirmed has said so since."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.client.attention import of_instance
from syncropel.client.unended import by_instance, settled
from syncropel.wire import Confirmation, FleetStatus, FreezeOut, InstanceOut, Unended

AT = 100.0


def run(namespace: str = "docs", ended: bool = True, *left: int) -> Unended:
    return Unended(child_thread="th_1", namespace=namespace, ended=ended, left=list(left))


def instance(*unended: Unended, **changes: Any) -> InstanceOut:
    facts = {"did": "did:a", "alias": "worker-a", "role": "worker", "endpoint": "http://a", "status": "live"}
    more = {"health": "healthy", "version": "1", "since": 0.0, "last_heartbeat": AT + 1}
    return InstanceOut(**{**facts, **more, "unended": list(unended), **changes})


def status(*instances: InstanceOut) -> FleetStatus:
    return FleetStatus.model_construct(instances=list(instances))


def freeze(namespace: str = "docs", confirmed: bool = True) -> FreezeOut:
    told = [Confirmation(instance="did:a", alias="worker-a", at=AT)] if confirmed else []
    return FreezeOut(
        level="hard", namespace=namespace, reason="r", grace_secs=0, at=AT, record="f",
        confirmed=told, waiting=[],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (instance(), True),
        (instance(run("docs", False)), False),
        (instance(run("docs/v1", False)), False),
        (instance(run("docsy", False)), True),
        (instance(run("other", False)), True),
        (instance(run("docs", True, 7)), True),
        (instance(last_heartbeat=AT), True),
        (instance(last_heartbeat=AT - 1), False),
        (instance(last_heartbeat=None), False),
        (instance(run("docs", False), status="left"), True),
        (instance(run("docs", False), status="draining"), False),
    ],
)
def test_settled(found: InstanceOut, expected: bool) -> None:
    assert settled(status(found), freeze()) is expected


def test_who_has_not_confirmed_is_told_of_elsewhere() -> None:
    assert settled(status(instance(run("docs", False))), freeze(confirmed=False))


def test_an_emergency_meets_every_namespace() -> None:
    assert not settled(status(instance(run("other", False))), freeze("*"))


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([run("docs", True, 7, 8)], ["worker-a: pid 7, 8"]),
        ([run("docs", True)], ["worker-a: 1 not proven empty"]),
        ([run("docs", False)], ["worker-a: 1 being ended"]),
        ([run("docs", True, 7), run("docs", True, 9)], ["worker-a: pid 7, 9"]),
        ([run("docs", True, 7), run("docs", False)], ["worker-a: pid 7, 1 being ended"]),
        ([run("other", True, 7)], []),
        ([], []),
    ],
)  # fmt: skip
def test_what_is_left_is_named(runs: list[Unended], words: list[str]) -> None:
    assert by_instance(status(instance(*runs)), freeze()) == words


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([run("docs", True, 7)], "could not end what it ran: pid 7"),
        ([run("docs", True)], "has ended 1 runs, not proven empty"),
        ([run("docs", False)], ""),
        ([], ""),
    ],
)
def test_an_instance_with_something_left_needs_a_look(runs: list[Unended], words: str) -> None:
    assert of_instance(instance(*runs)) == words
