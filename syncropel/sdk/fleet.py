"""Work on a fleet: tasks, fan-outs, and the kill switch.

Answers are the models that the HTTP API describes (`syncropel.wire`). Unlike the rest of a client, each
call raises RemoteError when the daemon refuses and DaemonUnreachable when it does not answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from syncropel.client import calls
from syncropel.client.confirming import holds, problems
from syncropel.client.polling import rest_secs
from syncropel.client.unended import by_instance, settled
from syncropel.errors import FreezeUnconfirmed
from syncropel.freeze_levels import EMERGENCY, HARD, NamespaceLevel
from syncropel.sdk.connection import Connection

if TYPE_CHECKING:
    from syncropel.wire import ControlWritten, FleetStatus, FreezeOut, JoinStatus, TaskDetail


class ClientFleet:
    """The fleet of a coordinator, as `client.fleet`. A task is given by its alias or its thread."""

    def __init__(self, connection: Connection, actor: str) -> None:
        self._ask, self._actor = connection.ask, actor

    async def status(self) -> FleetStatus:
        """Instances, their running work, and the freezes in force."""
        return await self._ask(calls.fleet_status())

    async def add_task(
        self,
        goal: str,
        *,
        alias: str | None = None,
        namespace: str | None = None,
        priority: str = "medium",
        domain: str = "",
        criteria: Sequence[str] = (),
    ) -> TaskDetail:
        """Create a task. Without `alias` the daemon chooses one; without `namespace` it is `default`."""
        asked = {"alias": alias, "namespace": namespace}
        fields = {"goal": goal, "priority": priority, "domain": domain, "criteria": [*criteria]}
        given = {key: value for key, value in asked.items() if value is not None}
        return await self._ask(calls.create_task({**fields, **given, "actor": self._actor}))

    async def task(self, task: str) -> TaskDetail:
        """One task."""
        return await self._ask(calls.task(task))

    async def fan_out(
        self,
        task: str,
        subtasks: Sequence[Mapping[str, Any]],
        *,
        join: str = "all",
        budget_usd: float | None = None,
        may_add: int = 0,
    ) -> JoinStatus:
        """Distribute the parts of a task to instances, and return the resulting join status.

        A subtask has a `goal`, a `target` (an instance's alias, or `least-loaded-worker`), and optionally
        `depends_on` (indices), `timeout_secs`, `budget_usd`, `adapter`. `join`: `all`, `any`, `k_of_n:K`, or
        an expression in CEL. `may_add`: how many more subtasks its agents may add.
        """
        budget: dict[str, Any] = {} if budget_usd is None else {"budget_usd": budget_usd}
        budget |= {"may_add": may_add} if may_add else {}
        spec = {"subtasks": [dict(one) for one in subtasks], "join": join, "actor": self._actor, **budget}
        await self._ask(calls.fan_out(task, spec))
        return await self.progress(task)

    async def progress(self, task: str) -> JoinStatus:
        """The state of a fan-out: `complete`, `satisfiable`, `verdict`, and each of its `subtasks`."""
        return await self._ask(calls.join(task))

    async def wait(self, task: str, *, timeout: float | None = None) -> JoinStatus:
        """Wait until a fan-out has joined, or can no longer join: check `complete`.

        `timeout`: seconds, None for ever. Raises TimeoutError when it expires.
        """
        began = time.monotonic()
        async with asyncio.timeout(timeout):
            while True:
                status = await self.progress(task)
                if status.complete or not status.satisfiable:
                    return status
                await asyncio.sleep(rest_secs(time.monotonic() - began))

    async def freeze(
        self,
        namespace: str | None,
        reason: str,
        *,
        level: NamespaceLevel = "soft",
        grace_secs: float = 60.0,
        terminate: bool = False,
        wait_secs: float = 5.0,
    ) -> FreezeOut:
        """The kill switch: freeze a namespace and everything below it, or with None the whole fleet.

        Returns once every instance has proven that it enforces the freeze, and nothing runs that should have
        ended. Otherwise, after `wait_secs` seconds, it raises FreezeUnconfirmed; the freeze then stands, and
        will still reach the instances it names.
        """
        fields: dict[str, Any] = {
            "level": EMERGENCY if namespace is None else level,
            "reason": reason,
            "grace_secs": grace_secs,
            "terminate": terminate,
            "actor": self._actor,
            **({} if namespace is None else {"namespace": namespace}),
        }
        written = await self._ask(calls.freeze(fields))
        ends = terminate or (level == HARD and namespace is not None and grace_secs == 0)
        began = time.monotonic()
        while True:
            status = await self.status()
            freeze = next((one for one in status.freezes if one.record == written.record), None)
            if freeze is None:
                raise FreezeUnconfirmed("somebody lifted this freeze again", "see: spl fleet status")
            waited = time.monotonic() - began
            if waited >= wait_secs or (holds(freeze) and (not ends or settled(status, freeze))):
                break
            await asyncio.sleep(min(rest_secs(waited), wait_secs - waited))
        found = list(problems(status, freeze, wait_secs))
        if ends and (left := by_instance(status, freeze)):
            found.append((f"not everything that ran there has ended: {'; '.join(left)}", "spl fleet status"))
        if found:
            raise FreezeUnconfirmed("; ".join(what for what, _ in found), found[0][1])
        return freeze

    async def unfreeze(self, namespace: str | None, reason: str = "") -> ControlWritten:
        """Lift the freeze of a namespace, or with None the emergency stop of the fleet."""
        return await self._ask(calls.unfreeze(self._actor, namespace, reason))
