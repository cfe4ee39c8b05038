"""How long `spl run` and `spl task dispatch` wait, and what they say meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from syncropel.cli.support import waiting
from syncropel.wire import ChildOut, Dispatched

from .conftest import FakeDaemon, Ran
from .wire import THREAD, WORKER_A, child, fleet, instance, join

Spl = Callable[..., Ran]
NEVER = "worker-z has never joined this fleet"


class Time:
    """Passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._then: list[tuple[float, Callable[[], None]]] = []

    def after(self, secs: float, happens: Callable[[], None]) -> None:
        """Let something happen when so much has passed from the beginning."""
        self._then.append((1000.0 + secs, happens))

    def monotonic(self) -> float:
        return self.now

    def sleep(self, secs: float) -> None:
        self.now += secs
        due = [one for one in self._then if one[0] <= self.now]
        self._then = [one for one in self._then if one not in due]
        for _, happens in due:
            happens()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(waiting, "time", time)
    return time


@pytest.fixture
def stands(daemon: FakeDaemon) -> Callable[[ChildOut], None]:
    """Say how the goal stands that is dispatched."""
    made = Dispatched(
        thread=THREAD, alias="Z-1", goal="say hi", target="worker-z", attempt=1, record="ab" * 32
    )
    daemon.answer("/v1/dispatch", made, 201)
    return lambda child: daemon.answer(f"/v1/tasks/{THREAD}/join", join(child))


@pytest.mark.parametrize("words", [["run", "say hi"], ["task", "dispatch", "Z-1"]])
def test_who_waits_no_longer_than_so_long_is_told_why_and_where_to_look(
    spl: Spl, time: Time, stands: Callable[[ChildOut], None], words: list[str]
) -> None:
    stands(child(0, "say hi", state="pending", instance=None, why=NEVER))
    ran = spl(*words, "--wait-secs", "30")
    assert ran.code == 1
    assert 1030 <= time.now < 1031
    assert ran.err.splitlines() == [
        f"waiting: {NEVER}",
        f"Z-1 has not ended after 30s: {NEVER}",
        "  it continues without you, see: spl task join-status Z-1",
        "  or end it: spl task cancel Z-1",
    ]
    assert ran.out.startswith("◇ Dispatched: say hi")


def test_as_json_how_it_stands_is_printed_all_the_same(
    spl: Spl, time: Time, stands: Callable[[ChildOut], None]
) -> None:
    stands(child(0, "say hi", instance_alias="worker-a"))
    ran = spl("run", "say hi", "--wait-secs", "1", "-o", "json")
    assert (ran.code, ran.json["subtasks"][0]["state"]) == (1, "in_progress")
    assert "Z-1 has not ended after 1s: it runs on worker-a" in ran.err


def test_what_ends_in_time_is_told_as_ever(spl: Spl, time: Time, stands: Callable[[ChildOut], None]) -> None:
    stands(child(0, "say hi", state="accept", verdict="accept", summary="hi"))
    ran = spl("run", "say hi", "--wait-secs", "1")
    assert (ran.code, ran.err) == (0, "")


def test_waiting_and_not_waiting_are_a_mistake_of_words(spl: Spl) -> None:
    ran = spl("run", "say hi", "--detach", "--wait-secs", "5")
    assert ran.code == 2
    assert "--detach" in ran.err


def test_the_end_of_an_attempt_before_is_not_the_end_of_this_one(
    spl: Spl, time: Time, stands: Callable[[ChildOut], None]
) -> None:
    stands(child(0, "say hi", attempt=0, state="pending", verdict="accept", why=NEVER))
    ran = spl("run", "say hi", "--wait-secs", "1")
    assert ran.code == 1
    assert "✓" not in ran.out


@pytest.mark.parametrize("secs", ["0", "-1", "soon"])
def test_a_time_that_is_none_is_a_mistake_of_words(spl: Spl, secs: str) -> None:
    assert spl("run", "say hi", "--wait-secs", secs).code == 2


STALE = "worker-a is stale; its work goes on when it is back"


def runs(**changes: Any) -> ChildOut:
    return child(0, "say hi", instance_alias="worker-a", **changes)


def ended() -> ChildOut:
    return runs(state="accept", verdict="accept", summary="hi")


def silent(daemon: FakeDaemon, secs: float, status: str = "stale") -> None:
    """The fleet says so of the worker, which was heard last so long ago."""
    worker = instance(WORKER_A, "worker-a", 9201, status=status, last_heartbeat=500.0 - secs)
    daemon.answer("/v1/fleet/status", fleet(worker, at=500.0))


def test_that_the_instance_went_silent_is_said_with_its_age_and_what_to_type(
    spl: Spl, time: Time, daemon: FakeDaemon, stands: Callable[[ChildOut], None]
) -> None:
    stands(runs())
    time.after(20, lambda: stands(runs(why=STALE)))
    time.after(20, lambda: silent(daemon, 24))
    time.after(60, lambda: silent(daemon, 84))
    time.after(100, lambda: stands(runs()))
    time.after(110, lambda: stands(ended()))
    ran = spl("run", "say hi")
    assert ran.code == 0
    what = [
        "  do it elsewhere: spl task retry Z-1 --subtask 0 --target OTHER",
        "  end it: spl task cancel Z-1; Ctrl-C only stops the waiting",
    ]
    assert ran.err.splitlines() == [
        f"waiting: {STALE} (last heard 24s ago)",
        *what,
        f"waiting: {STALE} (last heard 1m24s ago)",
        *what,
        "it runs on worker-a now",
    ]


def test_what_was_taken_over_by_a_live_instance_needs_nothing_of_the_operator(
    spl: Spl, time: Time, daemon: FakeDaemon, stands: Callable[[ChildOut], None]
) -> None:
    silent(daemon, 1, "live")
    stands(runs(why="taken over from worker-b (archived)"))
    time.after(200, lambda: stands(ended()))
    ran = spl("run", "say hi", "-o", "json")
    assert (ran.code, ran.json["subtasks"][0]["verdict"]) == (0, "accept")
    told = json.loads(ran.err)
    assert (told["object"], told["message"]) == ("notice", "waiting: taken over from worker-b (archived)")


def test_when_the_fleet_may_not_be_asked_it_is_said_all_the_same(
    spl: Spl, time: Time, daemon: FakeDaemon, stands: Callable[[ChildOut], None]
) -> None:
    daemon.refuse("/v1/fleet/status", 403, "FORBIDDEN", "no scope fleet:read")
    stands(runs(why=STALE))
    time.after(1, lambda: stands(ended()))
    ran = spl("run", "say hi")
    assert (ran.code, ran.err) == (0, f"waiting: {STALE}\n")


def stops(daemon: FakeDaemon) -> None:
    daemon.refuse(f"/v1/tasks/{THREAD}/join", 503, "UNAVAILABLE", "the daemon is stopping", "wait")


def test_a_daemon_that_restarts_is_waited_for(
    spl: Spl, time: Time, daemon: FakeDaemon, stands: Callable[[ChildOut], None]
) -> None:
    stops(daemon)
    time.after(30, lambda: stands(ended()))
    ran = spl("run", "say hi")
    assert ran.code == 0
    assert ran.err.splitlines() == [
        "waiting: the daemon is stopping",
        "  for up to 60s; Ctrl-C stops the waiting, not the work",
        "the daemon is back",
    ]


@pytest.mark.parametrize(("patience", "over"), [([], 1060), (["--wait-secs", "9"], 1009)])
def test_a_daemon_that_does_not_come_back_ends_the_waiting(
    spl: Spl, time: Time, daemon: FakeDaemon, stands: Callable[[ChildOut], None],
    patience: list[str], over: float,
) -> None:  # fmt: skip
    stops(daemon)
    ran = spl("run", "say hi", *patience)
    assert ran.code == 1
    assert over <= time.now < over + 1
    assert ran.err.splitlines()[2:] == [
        "error: the daemon is stopping",
        "hint: wait",
        "      when it is back, see: spl task join-status Z-1",
    ]
