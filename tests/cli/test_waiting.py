"""How long `spl run` and `spl task dispatch` wait, and what they say meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from syncropel.api.schema import ChildOut, Dispatched
from syncropel.cli import dispatching

from .conftest import FakeDaemon, Ran
from .wire import THREAD, child, join

Spl = Callable[..., Ran]
NEVER = "worker-z has never joined this fleet"


class Time:
    """Passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, secs: float) -> None:
        self.now += secs


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(dispatching, "time", time)
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
        f"spl: waiting: {NEVER}",
        f"spl: Z-1 has not ended after 30s: {NEVER}",
        "  it goes on without you, see: spl task join-status Z-1",
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
