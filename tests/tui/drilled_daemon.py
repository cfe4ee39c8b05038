"""A fleet to hold drills on: it answers as one would, and waits or leaks where it is told to."""

from __future__ import annotations

import asyncio
from typing import Any

from syncropel.client import Call
from syncropel.client.drill_records import TOPIC
from syncropel.errors import RemoteError
from syncropel.wire import (
    ChildOut,
    Confirmation,
    FleetStatus,
    FreezeOut,
    JoinStatus,
    Page,
    PostedRecord,
    RecordOut,
    RunningDispatch,
    TaskDetail,
)
from tests.tui import console_sample as sample
from tests.tui import sample_control as control
from tests.tui.console_fakes import FakeClient

DAY = 86_400.0


def past(days: float, **changes: Any) -> RecordOut:
    """A drill that was held so many days ago."""
    body = {
        "topic": TOPIC, "ok": True, "at": sample.AT - days * DAY, "instances": 3, "confirmed_ms": 10.0 * days,
        "refused": 45, "leaked": 0, "drain_secs": 0.8, "recovery_secs": 0.2, "problems": [],
    }  # fmt: skip
    return RecordOut.model_construct(body=body | changes)


PAST = [
    past(30), past(14), past(9), past(7, ok=False, leaked=2), past(2), past(1, confirmed_ms=34.0),
]  # fmt: skip


class DrilledDaemon(FakeClient):
    """`hold` names the path at which it waits until `go_on`."""

    def __init__(self, drills: list[RecordOut] | None = None, leaks: bool = False) -> None:
        super().__init__()
        self.answers |= control.daemon().answers
        self.drills, self.leaks, self.frozen, self.hold = list(drills or []), leaks, "", ""
        self.held = asyncio.Event()
        self.kept: list[dict[str, Any]] = []

    async def send(self, call: Call[Any]) -> Any:
        if self.hold and call.path.startswith(self.hold):
            self.hold = ""
            await self.held.wait()
        answer = self._answer(call)
        if answer is None:
            return await super().send(call)
        self.sent.append(call)
        self.asked[call.path] += 1
        return answer

    def go_on(self) -> None:
        self.held.set()

    def _answer(self, call: Call[Any]) -> Any:
        path = call.path
        if isinstance(self.answers.get(path), BaseException):
            return None
        if path == "/v1/fleet/status":
            return self.status()
        if path == control.FREEZE:
            self.frozen = call.body["namespace"]
        elif path == control.UNFREEZE:
            self.frozen = ""
        elif path == "/v1/records":
            return Page[RecordOut](data=self.drills) if call.method == "GET" else self._record(call.body)
        elif path == "/v1/tasks" and call.method == "POST":
            return TaskDetail.model_construct(thread="th_drill")
        elif path.endswith("/fan-out"):
            return PostedRecord.model_construct(id="ab" * 32)
        elif path.startswith("/v1/tasks/DRILL"):
            child = ChildOut.model_construct(instance_alias="worker-a", child_thread="th_child")
            return JoinStatus.model_construct(spawned=2, complete=True, explanation="", subtasks=[child])
        elif path == "/v1/dispatches":
            return Page[RunningDispatch].model_construct(data=[])
        return None

    def _record(self, record: dict[str, Any]) -> PostedRecord:
        act, body = record["act"], record["body"]
        if body["topic"] == TOPIC:
            self.kept.append(record)
            self.drills.append(RecordOut.model_construct(body=body))
        elif act in ("INTEND", "CALL", "PUT", "MAP") or (act == "DO" and not self.leaks):
            raise RemoteError(403, "frozen", "NAMESPACE_FROZEN", "frozen", "")
        return PostedRecord.model_construct(id="914d" * 16)

    def status(self) -> FleetStatus:
        freezes: list[FreezeOut] = []
        if self.frozen:
            seen = [Confirmation(instance="x", alias="worker-a", at=sample.AT + 0.034)]
            freezes = [
                sample.freeze(
                    level="soft", namespace=self.frozen, reason="drill", at=sample.AT, confirmed=seen,
                    record=control.RECORD,
                )
            ]  # fmt: skip
        status = sample.status(freezes=freezes)
        # What goals that try to escape come to is tested where it is measured: tests/killswitch.
        instances = [one.model_copy(update={"adapter": "echo"}) for one in status.instances]
        return status.model_copy(update={"instances": instances})
