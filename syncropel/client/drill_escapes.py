"""The part of a drill in which goals try to survive a hard freeze, and nothing of them may be left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final

from syncropel.client import calls, task_records
from syncropel.client.unended import by_instance, settled
from syncropel.errors import RemoteError, SyncropelError

if TYPE_CHECKING:
    from syncropel import wire as schema
    from syncropel.client.calls import Call

ADAPTER: Final = "bash"
_READY: Final = 'echo 0.000001 >> "$SPL_COST_FILE"; sleep 701'
"""What a goal reports as its spend, which is the only thing a coordinator hears from a running goal."""
ESCAPES: Final = (
    "timeout 600 sleep 701 &",
    "setsid sleep 701 &",
    "(setsid bash -c 'sleep 701 &' &)",
    "nohup sleep 701 >/dev/null 2>&1 &",
    "(trap '' INT TERM HUP; while :; do sleep 701; done) &",
    "set -m; sleep 701 &",
)
_NOT_FOUND: Final = 404


class Escapes:
    """One practice run. `send` sends a call to the coordinator; `until` polls until a condition holds, or
    time is up.

    `left`: processes that did not end; `problems`: anything else that was not as expected.
    """

    def __init__(
        self,
        send: Callable[[Call[Any]], Awaitable[Any]],
        until: Callable[[Callable[[], Awaitable[bool]]], Awaitable[bool]],
        *,
        name: str,
        namespace: str,
        actor: str,
    ) -> None:
        self._send = send
        self._until = until
        self._name = f"{name}-ESC"
        self._namespace = f"{namespace}/escape"
        self._actor = actor
        self.left = 0
        self.problems: list[str] = []

    async def run(self, workers: Sequence[str]) -> None:
        """Practise on these workers, by alias. Whatever happens, the freeze is lifted and the task closed.

        Raises SyncropelError when a request to the coordinator fails, or the task may still be open.
        """
        try:
            await self._practise(workers)
        finally:
            await surely(self._close())

    async def _practise(self, workers: Sequence[str]) -> None:
        await surely(self._begin(workers))  # a half-sent request could take effect after the close
        if not await self._until(self._escaped):
            self.problems.append("the goals that try to escape did not start in time")
        try:
            await self._freeze()
        finally:
            await surely(self._lift())
        if not await self._until(self._told):
            self.problems.append("it is unknown whether the goals that tried to escape have ended")
            return
        for child in (await self._send(calls.join(self._name))).subtasks:
            if child.verdict != "terminated":
                where = child.instance_alias or child.instance
                self.problems.append(f"{where}: {child.verdict}: {child.summary}")

    async def _begin(self, workers: Sequence[str]) -> None:
        task = {"goal": "goals that try to escape", "alias": self._name, "namespace": self._namespace}
        await self._send(calls.create_task({**task, "actor": self._actor}))
        goal = "\n".join([*ESCAPES, _READY])
        subtasks = [{"goal": goal, "target": alias, "adapter": ADAPTER} for alias in workers]
        spec = {"subtasks": subtasks, "join": "all", "actor": self._actor}
        await self._send(calls.fan_out(self._name, spec))
        self._count = len(subtasks)

    async def _escaped(self) -> bool:
        rows: list[schema.RunningDispatch] = (await self._send(calls.dispatches())).data
        return sum(one.alias == self._name and one.cost_usd > 0 for one in rows) == self._count

    async def _freeze(self) -> None:
        asked = {"namespace": self._namespace, "level": "hard", "grace_secs": 0, "terminate": True}
        call = calls.freeze({**asked, "reason": "drill", "actor": self._actor})
        record = (await self._send(call)).record
        left: list[str] = []

        async def ended() -> bool:
            status: schema.FleetStatus = await self._send(calls.fleet_status())
            freeze = next((one for one in status.freezes if one.record == record), None)
            if freeze is None:
                return False
            left[:] = by_instance(status, freeze)
            pids = [pid for one in status.instances for run in one.unended for pid in run.left]
            self.left = len(pids) if left else 0
            return not freeze.waiting and settled(status, freeze)

        if not await self._until(ended):
            self.problems.append("not every instance reported in time that its goals ended")
        self.problems += left

    async def _lift(self) -> None:
        try:
            await self._send(calls.unfreeze(self._actor, self._namespace))
        except RemoteError as error:
            if error.status != _NOT_FOUND:
                raise

    async def _close(self) -> None:
        try:
            await self._cancel()
        except SyncropelError as error:
            if isinstance(error, RemoteError) and error.status == _NOT_FOUND:
                return  # it was never created
            close = f"close it: spl task cancel {self._name} --end"
            raise SyncropelError(f"{self._name} may still be open: {error.message}", close) from error

    async def _cancel(self) -> None:
        """Cancel the task, and end what is still running: a fan-out that cannot join would need attention."""
        task: schema.TaskDetail = await self._send(calls.task(self._name))
        await self._send(task_records.step(task.thread, "cancel", "the drill is over", actor=self._actor))
        if not task.subtasks:
            return
        join: schema.JoinStatus = await self._send(calls.join(self._name))
        for child in join.subtasks:
            if child.state == "in_progress":
                attempt = task_records.running_attempt(join, child.index)
                await self._send(task_records.stop(attempt, "the drill is over", actor=self._actor))

    async def _told(self) -> bool:
        join: schema.JoinStatus = await self._send(calls.join(self._name))
        return all(child.verdict is not None for child in join.subtasks)


async def surely(work: Coroutine[Any, Any, None]) -> None:
    """Run it to completion, even if we are cancelled meanwhile."""
    doing = asyncio.ensure_future(work)
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        await doing
        raise
