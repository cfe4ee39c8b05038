"""The drill's escapes, against a coordinator that answers as one would: what is left is told of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from syncropel.client.drill_escapes import ESCAPES, Escapes
from syncropel.errors import DaemonUnreachable, RemoteError, SyncropelError
from syncropel.wire import (
    ChildOut,
    Confirmation,
    ControlWritten,
    FleetStatus,
    FreezeOut,
    InstanceOut,
    JoinStatus,
    Page,
    PostedRecord,
    RunningDispatch,
    TaskDetail,
    Unended,
)

AT = 10.0


class Coordinator:
    """`unended`: what worker-a says of its runs, a look at a time; `verdict`: what they come to."""

    def __init__(self, *unended: list[Unended], verdict: str | None = "terminated") -> None:
        self.unended = list(unended) or [[]]
        self.verdict = verdict
        self.sent: list[Any] = []
        self.spent = 0.000001
        self.waiting: list[str] = []
        self.frozen = False
        self.broken = ""
        self.task = ""
        self.fanned_out = True
        self.state = "done"
        self.before: Callable[[str], object] = lambda path: None

    async def send(self, call: Any) -> Any:
        await asyncio.sleep(0)
        self.before(call.path)
        self.sent.append(call)
        if self.broken and call.path.endswith(self.broken):
            raise RemoteError(503, "t", "UNAVAILABLE", "broken", "")
        if call.path == "/v1/tasks":
            self.task = "open"
            return TaskDetail.model_construct(thread="th_esc")
        if call.path == "/v1/tasks/D-ESC":
            if not self.task:
                raise RemoteError(404, "t", "NOT_FOUND", "no task", "")
            subtasks = 1 if self.fanned_out else 0
            return TaskDetail.model_construct(thread="th_esc", status=self.task, subtasks=subtasks)
        if call.path == "/v1/records":
            return self._record(call.body)
        if call.path == "/v1/dispatches":
            row = RunningDispatch.model_construct(alias="D-ESC", cost_usd=self.spent)
            return Page[RunningDispatch].model_construct(data=[row])
        if call.path == "/v1/fleet/freeze":
            self.frozen = True
            return ControlWritten(record="f", namespace=call.body["namespace"])
        if call.path == "/v1/fleet/unfreeze":
            self.frozen = False
            return ControlWritten(record="u", namespace=call.body["namespace"])
        if call.path == "/v1/fleet/status":
            return self._status()
        child = ChildOut.model_construct(
            index=0, attempt=1, state=self.state, instance_alias="worker-a", instance="did:a",
            verdict=self.verdict, summary="said",
        )  # fmt: skip
        return JoinStatus.model_construct(
            thread="th_esc", alias="D-ESC", namespace="drill/1/escape", parent_intend="i", subtasks=[child]
        )

    def _record(self, record: dict[str, Any]) -> PostedRecord:
        if record["body"]["topic"] == "task_cancelled":
            self.task = "cancelled"
        else:
            assert self.task == "cancelled", "nothing new may begin while the rest is ended"
            assert record["body"]["topic"] == "fanout_end_subtask"
            self.state = "terminated"
        return PostedRecord.model_construct(id="ab" * 32)

    def _status(self) -> FleetStatus:
        unended = self.unended.pop(0) if len(self.unended) > 1 else self.unended[0]
        one = InstanceOut(
            did="did:a", alias="worker-a", role="worker", endpoint="http://a", status="live",
            health="healthy", version="1", since=0.0, last_heartbeat=AT + 1, unended=unended,
        )  # fmt: skip
        freeze = FreezeOut(
            level="hard", namespace="drill/1/escape", reason="drill", grace_secs=0, at=AT, record="f",
            confirmed=[Confirmation(instance="did:a", alias="worker-a", at=AT)], waiting=self.waiting,
        )  # fmt: skip
        return FleetStatus.model_construct(instances=[one], freezes=[freeze])


async def practise(coordinator: Coordinator) -> Escapes:
    async def until(look: Callable[[], Awaitable[bool]]) -> bool:
        for _ in range(5):
            if await look():
                return True
        return False

    escapes = Escapes(coordinator.send, until, name="D", namespace="drill/1", actor="did:sync:user:x")
    await escapes.run(["worker-a"])
    return escapes


def run(ended: bool, *left: int) -> Unended:
    return Unended(child_thread="th", namespace="drill/1/escape", ended=ended, left=list(left))


async def test_nothing_is_left() -> None:
    coordinator = Coordinator([run(False)], [])
    found = await practise(coordinator)
    assert (found.left, found.problems) == (0, [])
    assert not coordinator.frozen
    assert coordinator.task == "cancelled"
    spec = next(call.body for call in coordinator.sent if call.path.endswith("/fan-out"))
    text = str(spec)
    assert all(escape in text.replace("\\\\'", "'").replace("\\'", "'") for escape in ESCAPES)
    asked = next(call.body for call in coordinator.sent if call.path == "/v1/fleet/freeze")
    assert (asked["level"], asked["terminate"], asked["grace_secs"]) == ("hard", True, 0)


@pytest.mark.parametrize(
    ("coordinator", "left", "problem"),
    [
        (Coordinator([run(True, 7, 8)], verdict="failed"), 2, "worker-a: pid 7, 8"),
        (Coordinator([run(True)], verdict="failed"), 0, "worker-a: 1 not proven empty"),
        (Coordinator([run(False)]), 0, "not every instance reported in time that its goals ended"),
        (Coordinator(verdict="failed"), 0, "worker-a: failed: said"),
        (Coordinator(verdict="accept"), 0, "worker-a: accept: said"),
        (Coordinator(verdict=None), 0, "it is unknown whether the goals that tried to escape have ended"),
    ],
)
async def test_what_is_left_or_not_known_is_told(coordinator: Coordinator, left: int, problem: str) -> None:
    found = await practise(coordinator)
    assert found.left == left
    assert problem in found.problems
    assert not coordinator.frozen
    assert coordinator.task == "cancelled"


async def test_goals_that_did_not_start_prove_nothing() -> None:
    coordinator = Coordinator()
    coordinator.spent = 0.0
    assert (await practise(coordinator)).problems == ["the goals that try to escape did not start in time"]


async def test_an_instance_that_does_not_confirm_is_told() -> None:
    coordinator = Coordinator()
    coordinator.waiting = ["worker-a"]
    assert (await practise(coordinator)).problems


async def test_the_freeze_is_lifted_when_the_coordinator_fails() -> None:
    coordinator = Coordinator()
    coordinator.broken = "/v1/fleet/status"
    with pytest.raises(RemoteError):
        await practise(coordinator)
    assert not coordinator.frozen
    assert coordinator.task == "cancelled"


@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/dispatches", "/v1/fleet/freeze", "/v1/tasks/D-ESC/join"])
async def test_a_practice_that_is_cancelled_leaves_no_task_and_no_goal(path: str) -> None:
    coordinator = Coordinator()
    coordinator.state = "in_progress"
    practice = asyncio.ensure_future(practise(coordinator))
    cut = iter([True])
    coordinator.before = lambda asked: practice.cancel() if asked == path and next(cut, False) else None
    with pytest.raises(asyncio.CancelledError):
        await practice
    assert (coordinator.task, coordinator.state) == ("cancelled", "terminated")
    assert not coordinator.frozen


async def test_what_still_runs_is_ended() -> None:
    coordinator = Coordinator(verdict=None)
    coordinator.state = "in_progress"
    await practise(coordinator)
    assert (coordinator.task, coordinator.state) == ("cancelled", "terminated")


async def test_a_task_that_was_never_made_needs_no_closing() -> None:
    coordinator = Coordinator()
    coordinator.broken = "/v1/tasks"
    with pytest.raises(RemoteError, match="broken"):
        await practise(coordinator)
    assert not coordinator.task


async def test_a_task_that_was_not_fanned_out_is_closed() -> None:
    coordinator = Coordinator()
    coordinator.broken, coordinator.fanned_out = "/fan-out", False
    with pytest.raises(RemoteError, match="broken"):
        await practise(coordinator)
    assert coordinator.task == "cancelled"


async def test_a_task_that_cannot_be_closed_is_told_with_the_command() -> None:
    coordinator = Coordinator()

    def gone(path: str) -> None:
        if path == "/v1/records":
            raise DaemonUnreachable("gone")

    coordinator.before = gone
    with pytest.raises(SyncropelError, match="D-ESC may still be open: gone") as raised:
        await practise(coordinator)
    assert raised.value.hint == "close it: spl task cancel D-ESC --end"
