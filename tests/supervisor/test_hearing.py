"""What a supervisor hears from those who connect to it, and whom of them it believes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncropel.supervisor import tree
from syncropel.supervisor.system import SUPERVISOR_NAME

from .around import GOAL, OWN, Run, heard


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    made = Run(tmp_path, monkeypatch)
    yield made
    made.close()


def test_its_goal_is_in_a_group_of_its_own_and_signals_wake_it(run: Run) -> None:
    assert run.cgroup.done == [("take", GOAL)]
    ignored = {number for number, handler in run.signals.handlers.items() if handler == signal.SIG_IGN}
    assert ignored == {signal.SIGINT, signal.SIGHUP}
    assert {*run.signals.handlers} - ignored == {signal.SIGCHLD, signal.SIGTERM}


@pytest.mark.parametrize(
    ("line", "told", "gate"),
    [
        (b"attach", [("attach", 5.0)], []),
        (b"here", [], []),
        (b"go", [("go", 5.0)], ["open"]),
        (b"stop gently", [("stop", "stopped", 5.0, True)], []),
        (b"stop now", [("stop", "stopped", 5.0, False)], []),
        (b"stop", [], []),
        (b"close", [], []),
        (b"stdin", [], []),
    ],
)
def test_what_a_line_means(run: Run, line: bytes, told: list[Any], gate: list[str]) -> None:
    run.say(run.call(), line + b"\n")
    assert (run.decider.told, run.goal.gate) == (told, gate)
    assert run.supervisor._feed._closing is (line == b"close")


def test_who_takes_care_of_a_run_is_told_of_it(run: Run) -> None:
    call = run.call()
    run.say(call, b"attach\nhere\n")
    assert run.decider.told == [("attach", 5.0)] * 2
    assert heard(call) == [
        {"said": "attached", "pid": GOAL, "supervisor": OWN, "started": False, "why": "stopped"}
    ]


def test_a_gate_that_is_over_is_not_opened(run: Run) -> None:
    run.decider.goes = False
    run.say(run.call(), b"go\n")
    assert run.goal.gate == []


def test_a_run_is_alone_when_the_last_who_took_care_of_it_is_gone(run: Run) -> None:
    first, second, third = run.call(), run.call(), run.call()
    callers = list(run.supervisor._callers.items())
    for call, (descriptor, caller) in zip((first, second), callers, strict=False):
        call.sendall(b"attach\n")
        run.supervisor._listen(descriptor, caller)
    run.decider.told.clear()
    for call, left, told in ((third, 2, []), (first, 1, []), (second, 0, [("detach", 5.0)])):
        call.close()
        for descriptor, caller in list(run.supervisor._callers.items()):
            run.supervisor._listen(descriptor, caller)
        assert (len(run.supervisor._callers), run.decider.told) == (left, told)


def test_what_is_for_the_goal_goes_there(run: Run) -> None:
    taken: list[bytes] = []
    run.supervisor._feed.take = taken.append
    call = run.call()
    run.say(call, b"stdin\nhello")
    run.say(call, b" stop now\n")
    assert b"".join(taken) == b"hello stop now\n"
    assert run.decider.told == []


SUPERVISOR = f"Name:\t{SUPERVISOR_NAME}\n"


@pytest.mark.parametrize(
    ("caller", "daemon", "supervisors", "goal"),
    [
        ([90, 80, 1], [80, 1], (), False),
        ([90, 80, 1], [80, 1], (90,), True),
        ([90, 80, 1], [1], (80,), True),
        ([90, 80, 1], [80, 1], (80,), False),
        ([90, 80, 1], [80, 70, 1], (70,), False),
        ([], [80, 1], (), True),
    ],
    ids=[
        "a daemon",
        "a goal",
        "of another run",
        "our daemon is a goal's, too",
        "it is above",
        "nobody can tell",
    ],
)
def test_a_goal_has_no_say(
    run: Run, caller: list[int], daemon: list[int], supervisors: tuple[int, ...], goal: bool
) -> None:
    run.system.above = {90: caller, os.getppid(): daemon}
    run.system.statuses = dict.fromkeys(supervisors, SUPERVISOR)
    assert run.supervisor._is_goal(90) is goal


def test_without_a_table_of_ancestors_what_is_below_has_no_say(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "LINUX", False)
    run.system.add(701)
    assert run.supervisor._is_goal(701)
    assert not run.supervisor._is_goal(702)


def test_a_goal_that_calls_is_hung_up_on_and_a_call_that_was_given_up_is_none(run: Run) -> None:
    run.supervisor._is_goal = lambda pid: pid == OWN
    assert run.call().recv(1) == b""
    run.supervisor._listener.setblocking(False)
    run.supervisor._accept()
    assert run.supervisor._callers == {}
