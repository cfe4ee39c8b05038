"""What a supervisor does about its goal: how it watches, ends and collects it, and what it writes down."""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncropel.supervisor import decide, main, tree

from .around import GOAL, OWN, Run, heard


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    made = Run(tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def deserted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A run on a system where nobody adopts orphans."""
    made = Run(tmp_path, monkeypatch, adopting=False)
    yield made
    made.close()


class Poll:
    """Descriptors that are watched, and for what."""

    def __init__(self) -> None:
        self.watched: dict[int, int] = {}
        self.waited: list[float] = []

    def register(self, descriptor: Any, mask: int) -> None:
        self.watched[descriptor if isinstance(descriptor, int) else descriptor.fileno()] = mask

    def poll(self, milliseconds: float) -> list[tuple[int, int]]:
        self.waited.append(milliseconds)
        return []


def watched(run: Run, monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    monkeypatch.setattr("select.poll", Poll)
    found: dict[int, int] = run.supervisor._watched().watched
    return found


def test_who_is_watched(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    always = {run.supervisor._listener.fileno(): select.POLLIN, run.supervisor._woken: select.POLLIN}
    assert watched(run, monkeypatch) == always | {run.goal.started: select.POLLIN}
    run.supervisor._awaits_start = False
    run.call()
    descriptor, caller = run.last
    assert watched(run, monkeypatch) == always | {descriptor: select.POLLIN}
    feed = run.supervisor._feed
    feed._kept, feed.descriptor = b"x", 99
    assert watched(run, monkeypatch) == always | {descriptor: select.POLLIN, 99: select.POLLOUT}
    caller.feeds = True
    assert watched(run, monkeypatch) == always | {99: select.POLLOUT}, "until the goal takes it"
    feed._kept = b""
    assert watched(run, monkeypatch) == always | {descriptor: select.POLLIN}
    feed.descriptor = -1


def test_each_descriptor_has_its_own_business(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Any] = []
    supervisor = run.supervisor
    run.call()
    descriptor, caller = run.last
    supervisor._feed.descriptor = 99
    monkeypatch.setattr(supervisor, "_accept", lambda: done.append("accept"))
    monkeypatch.setattr(supervisor, "_begun", lambda: done.append("begun"))
    monkeypatch.setattr(supervisor._feed, "take", lambda: done.append("feed"))
    monkeypatch.setattr(supervisor, "_listen", lambda number, one: done.append((number, one)))
    os.write(run.signals.wakes, b"xx")
    for number in (supervisor._woken, supervisor._woken, supervisor._listener.fileno(), run.goal.started, 99):
        supervisor._attend(number)
    supervisor._attend(descriptor)
    supervisor._attend(12345)
    assert done == ["accept", "begun", "feed", (descriptor, caller)]
    with pytest.raises(BlockingIOError):
        os.read(supervisor._woken, 1)
    supervisor._feed.descriptor = -1


@pytest.mark.parametrize(
    ("why", "started_at", "started"), [("", 3.0, True), ("", 0.0, False), ("no such file", 3.0, False)]
)
def test_a_goal_has_begun_when_its_gate_was_open_and_nothing_was_in_the_way(
    run: Run, why: str, started_at: float, started: bool
) -> None:
    call = run.call()
    run.goal.why, run.decider.started_at = why, started_at
    run.supervisor._begun()
    assert run.supervisor._awaits_start is False
    assert run.supervisor._started is started
    assert heard(call) == [{"said": "started"}] * started
    assert run.supervisor._error == why


def test_it_collects_whoever_has_ended(run: Run) -> None:
    run.system.ends = [(701, 0), (GOAL, 7 << 8), (702, 0), (0, 0)]
    run.goal.why, run.decider.started_at = "cannot", 3.0
    run.supervisor._reap()
    assert run.system.ends == []
    assert (run.supervisor._code, run.supervisor._ended_at) == (7, 5.0)
    assert run.supervisor._error == "cannot", "it is read at the latest now"
    assert run.decider.told == [("root_exited", 5.0)]
    assert run.supervisor._empty is False
    run.goal.why = "another"
    run.system.ends = [(GOAL, signal.SIGKILL), None]
    run.supervisor._reap()
    assert (run.supervisor._code, run.supervisor._error) == (-signal.SIGKILL, "cannot")
    assert run.supervisor._empty is True


def test_without_adoption_only_the_table_proves_that_nobody_is_left(deserted: Run) -> None:
    run = deserted
    run.system.add(701, parent=1)
    run.system.add(702, parent=1, group=9)
    run.system.ends = [None]
    run.supervisor._reap()
    assert run.supervisor._empty is False
    del run.system.rows[701]
    run.system.ends = [None]
    run.supervisor._reap()
    assert run.supervisor._empty is True


@pytest.mark.parametrize(("adopting", "found"), [(True, [701, 702]), (False, [701, 702, 703])])
def test_who_is_below(run: Run, adopting: bool, found: list[int]) -> None:
    """Where orphans are not adopted, what is left of the goal's group is found by its number."""
    run.supervisor._adopting = adopting
    run.system.add(701)
    run.system.add(702, parent=701, group=702)
    run.system.add(703, parent=1)
    run.system.add(704, parent=1, group=704)
    run.system.add(705, parent=1)
    run.system.rows[705].zombie = True
    assert sorted(one.pid for one in run.supervisor._below()) == found


@pytest.mark.parametrize(
    ("action", "sent", "struck", "gate", "group"),
    [
        (decide.WAIT, [], 0, [], []),
        (decide.INT, [(701, signal.SIGINT), (703, signal.SIGSTOP)], 0, [], []),
        (
            decide.TERM,
            [(pid, number) for number in (signal.SIGTERM, signal.SIGCONT) for pid in (701, 702, 703, 704)],
            0,
            [],
            [],
        ),
        (decide.KILL, [], 4, ["shut"], ["kill"]),
    ],
)
def test_what_an_action_does(
    run: Run, action: str, sent: list[Any], struck: int, gate: list[str], group: list[str]
) -> None:
    run.system.add(701, catches=1 << signal.SIGINT - 1)
    run.system.add(702, catches=1 << signal.SIGTERM - 1)
    run.system.add(703, name="bash", catches=1 << signal.SIGINT - 1)
    run.system.add(704, group=704, name="sh", catches=1 << signal.SIGINT - 1)
    run.cgroup.done.clear()
    assert run.supervisor._do(action) is False
    assert (run.system.sent, run.supervisor._struck) == (sent, struck)
    assert (run.goal.gate, run.cgroup.done) == (gate, group)


def test_without_a_group_all_are_killed_one_by_one(run: Run) -> None:
    run.supervisor._cgroup = None
    run.system.add(701)
    for _ in range(2):
        run.supervisor._do(decide.KILL)
    assert run.supervisor._struck == 2


def test_it_counts_who_of_the_interrupted_goes_on(run: Run) -> None:
    for pid in (701, 702):
        run.system.add(pid, catches=1 << signal.SIGINT - 1)
    run.supervisor._interrupt()
    for gone, left in ((None, 2), (702, 1), (701, 0)):
        if gone is not None:
            run.system.rows.pop(gone, None)
        run.supervisor._look_at_the_interrupted()
        assert run.decider.told.pop() == ("interrupted", left, 5.0)


STATUS = {
    "why": "stopped", "started": False, "error": "", "exit_code": None, "signal": None, "runtime_ms": 0,
    "left": [], "proven": False, "struck": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ({}, {}),
        ({"_code": 0, "_started": True}, {"exit_code": 0, "started": True}),
        ({"_code": 7, "_struck": 3}, {"exit_code": 7, "struck": 3}),
        ({"_code": -9}, {"signal": 9}),
        ({"_error": "no such file"}, {"error": "no such file", "why": "start_failed"}),
        ({"_empty": True}, {"proven": True}),
        ({"_empty": True, "_adopting": False}, {}),
    ],
)
def test_how_it_ended_is_written_and_told(run: Run, state: dict[str, Any], status: dict[str, Any]) -> None:
    call = run.call()
    for name, value in state.items():
        setattr(run.supervisor, name, value)
    assert run.supervisor._do(decide.FINISH) is True
    written = json.loads((run.folder / "status.json").read_text())
    assert heard(call) == [{"said": "ended", "status": written}]
    assert written.pop("at") > 1_700_000_000
    assert written == {**STATUS, **status}
    assert run.cgroup.done[-1] == "remove"


def test_without_a_control_group_it_runs_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path, monkeypatch, in_group=False)
    run.supervisor._finish()
    assert (tmp_path / "status.json").exists()
    run.close()


def test_what_is_left_is_named_and_then_nothing_is_proven(run: Run) -> None:
    run.supervisor._empty, run.supervisor._cgroup = True, None
    run.system.add(701)
    run.supervisor._finish()
    written = json.loads((run.folder / "status.json").read_text())
    assert (written["left"], written["proven"]) == ([701], False)


def test_a_full_disk_keeps_nobody_from_hearing(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: str, text: str) -> None:
        raise OSError(28, "No space left on device")

    call = run.call()
    monkeypatch.setattr(main, "write_durably", full)
    run.supervisor._finish()
    assert [one["said"] for one in heard(call)] == ["ended"]
    assert "cannot write the status" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("started", "ended", "milliseconds"), [(0.0, 0.0, 0), (0.0, 4.0, 0), (1.0, 3.5, 2500), (1.0, 0.0, 4000)]
)
def test_how_long_it_ran(run: Run, started: float, ended: float, milliseconds: int) -> None:
    run.decider.started_at = started
    if ended:
        run.supervisor._ended_at = ended
    assert run.supervisor._runtime_ms() == milliseconds


def test_it_goes_on_until_it_has_finished(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    poll = Poll()
    monkeypatch.setattr("select.poll", lambda: poll)
    run.system.ends = [(0, 0), (GOAL, 0), (0, 0), None]
    run.decider.actions = [decide.WAIT, decide.WAIT, decide.FINISH]
    run.decider.rests = 0.25
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGCHLD):
        run.signals.handlers[number](number, None)
    run.supervisor.run()
    told = [one for one in run.decider.told if one[0] in ("stop", "step")]
    stop = ("stop", "stopped", 5.0, True)
    assert told == [stop, ("step", 5.0, False), ("step", 5.0, False), ("step", 5.0, True)]
    assert poll.waited == [250.0] * 3
    run.system.ends, run.decider.actions, run.decider.rests = [None], [decide.FINISH], 60.0
    run.supervisor.run()
    assert poll.waited[-1] == 1000.0, "a machine that slept wakes it late"


def test_what_is_ready_is_attended_to(run: Run) -> None:
    os.write(run.goal.begins, b"x")
    run.supervisor.run()
    assert run.supervisor._awaits_start is False


def test_a_supervisor_that_fails_leaves_nobody_behind(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []
    monkeypatch.setattr(main, "name_process", named.append)
    run.system.add(701)
    run.system.add(702, parent=1)
    found: list[int] = []
    monkeypatch.setattr(tree, "strike", lambda below: found.extend(one.pid for one in below()))
    with pytest.raises(ValueError, match="not in list"):
        main.serve(str(run.folder), ["no", "words"])
    assert (named, found) == (["spl-supervisor"], [701])
    found.clear()
    monkeypatch.setattr(main, "Supervisor", lambda folder, spec: run.supervisor)
    main.serve(str(run.folder), run.words)
    assert found == []
    assert (run.folder / "status.json").exists()
    assert os.getpid() == OWN
