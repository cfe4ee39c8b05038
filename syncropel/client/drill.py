"""The kill switch drill: a practice fan-out is frozen and released, and everything is measured.

It needs only clients of the instances, so the command line and the console both run it. The freeze is lifted
however the drill ends, even when it is cancelled.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from syncropel.client import calls
from syncropel.client.drill_escapes import ADAPTER, Escapes, surely
from syncropel.client.drill_records import THREAD, TOPIC
from syncropel.client.freeze_text import unverified
from syncropel.client.target import Target
from syncropel.errors import Conflict, DaemonUnreachable, RemoteError, SyncropelError
from syncropel.freeze_levels import unkill_command

if TYPE_CHECKING:
    from syncropel import wire as schema
    from syncropel.client.calls import Answer, Call

STOPPED_ACTS: Final = ("INTEND", "DO", "CALL", "PUT", "MAP")
PASSING_ACTS: Final = ("KNOW", "LEARN")
PROBES: Final = 3
"""How often each act is tried on each instance."""
_POLL_SECS: Final = 0.05
_NOT_FOUND: Final = 404

Step = Literal["set up", "freeze", "refuse", "drain", "lift", "recover", "escape", "record"]
STEPS: Final[tuple[Step, ...]] = (
    "set up",
    "freeze",
    "refuse",
    "drain",
    "lift",
    "recover",
    "escape",
    "record",
)


class Sender(Protocol):
    """The part of a client that a drill needs."""

    async def send(self, call: Call[Answer]) -> Answer: ...

    async def close(self) -> None: ...


@dataclass
class DrillReport:
    """The result of a drill. `leaked` must be 0; `confirmed_ms` is None when an instance never confirmed."""

    namespace: str
    instances: int
    probed: list[str]
    confirmed_ms: float | None = None
    refused: int = 0
    leaked: int = 0
    passed: int = 0
    blocked: int = 0
    drain_secs: float | None = None
    recovery_secs: float | None = None
    escapes: int = 0
    """Instances on which goals tried to escape the stop."""
    left: int | None = None
    """How many of their processes survived; None when it was not tried."""
    problems: list[str] = field(default_factory=list)
    record: str = ""

    @property
    def ok(self) -> bool:
        """Every instance confirmed, nothing leaked, KNOW and LEARN passed, and the work continued."""
        return not self.problems and self.leaked == 0

    @property
    def unprobed(self) -> int:
        """Instances that were not probed: their token is not in this home."""
        return max(0, self.instances - len(self.probed))


@asynccontextmanager
async def reach(
    coordinator: Sender, target: Target, client: Callable[[Target], Sender]
) -> AsyncIterator[Mapping[str, Sender]]:
    """A client, by alias, for every live instance that accepts the fleet's token, including the
    coordinator."""
    async with AsyncExitStack() as stack:
        clients: dict[str, Sender] = {}
        for one in (await coordinator.send(calls.fleet_status())).instances:
            if one.role == "coordinator":
                clients[one.alias] = coordinator
            elif one.link is not None:
                continue  # nobody connects to it
            elif one.status == "live" and (token := target.peer_token(one.did) or target.fleet_token):
                clients[one.alias] = client(Target(url=one.endpoint, token=token))
                stack.push_async_callback(clients[one.alias].close)
        yield clients


class KillDrill:
    """One drill. `clients` reaches instances by alias, including the coordinator.

    `say` is called when a step begins (without words) and when it ends: the result, and whether it is as
    expected. `now` counts seconds, `sleep` waits, `token` makes names unique.
    """

    def __init__(
        self,
        coordinator: Sender,
        clients: Mapping[str, Sender],
        *,
        actor: str,
        token: str,
        limit_secs: float,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        say: Callable[[Step, str, bool], None],
    ) -> None:
        self._coordinator = coordinator
        self._clients = dict(clients)
        self._actor = actor
        self._limit = limit_secs
        self._now = now
        self._sleep = sleep
        self._tell = say
        self._name = f"DRILL-{token}"
        self.namespace = f"drill/{token}"
        self._probe = 0
        self._silent: list[str] = []

    async def run(self) -> DrillReport:
        """Freeze, probe, drain, lift, recover; the freeze is lifted whatever happens.

        Raises Conflict when there is no live worker to practise on, SyncropelError when a request to the
        daemon fails.
        """
        self._begin("set up")
        status = await self._coordinator.send(calls.fleet_status())
        workers = sorted(
            (one for one in status.instances if one.role == "worker" and one.status == "live"),
            key=lambda one: one.alias,
        )
        if not workers:
            raise Conflict("there is no live worker to practise on", "start one: spl fleet start --workers 2")
        report = DrillReport(self.namespace, status.live, sorted(self._clients))
        await self._start(workers)
        asked = False
        try:
            self._begin("freeze")
            asked = True  # even without an answer: the freeze may have been set
            freeze = calls.freeze(
                {"namespace": self.namespace, "level": "soft", "reason": "drill", "actor": self._actor}
            )
            await self._confirm((await self._coordinator.send(freeze)).record, report)
            await self._throw(report)
            await self._drain(report)
        finally:
            if asked:
                await surely(self._lift())
        await self._recover(report)
        await self._escape([one.alias for one in workers if one.adapter == ADAPTER], report)
        self._begin("record")
        report.record = await self._keep(report, status)
        self._say("record", f"recorded as {report.record[:16]}")
        return report

    def _begin(self, step: Step) -> None:
        self._tell(step, "", True)

    def _say(self, step: Step, found: str, *, good: bool = True) -> None:
        self._tell(step, found, good)

    async def _start(self, workers: list[schema.InstanceOut]) -> None:
        goal = {"goal": "kill switch drill", "alias": self._name, "namespace": self.namespace}
        await self._coordinator.send(calls.create_task({**goal, "actor": self._actor}))
        subtasks: list[dict[str, Any]] = [{"goal": "sleep 1", "target": one.alias} for one in workers]
        waiting = {"goal": "true", "target": "least-loaded-worker", "depends_on": list(range(len(workers)))}
        spec = {"subtasks": [*subtasks, waiting], "join": "all", "actor": self._actor}
        await self._coordinator.send(calls.fan_out(self._name, spec))

        async def started() -> bool:
            return (await self._join()).spawned >= len(workers)

        if not await self._until(started):
            raise Conflict("the practice fan-out did not start", f"see: spl task join-status {self._name}")
        self._say("set up", f"practice fan-out runs on {', '.join(one.alias for one in workers)}")

    async def _confirm(self, record: str, report: DrillReport) -> None:
        waiting: list[str] = []
        unproven: list[str] = []

        async def confirmed() -> bool:
            freezes = (await self._coordinator.send(calls.fleet_status())).freezes
            mine = next((one for one in freezes if one.record == record), None)
            waiting[:] = ["somebody lifted it"] if mine is None else mine.waiting
            if mine is not None and not waiting:
                last = max((one.at for one in mine.confirmed), default=mine.at)
                report.confirmed_ms = round(max(0.0, last - mine.at) * 1000, 1)
                unproven[:] = unverified(mine)
            return not waiting

        if await self._until(confirmed):
            found = f"{report.instances} instances confirmed within {report.confirmed_ms:.0f} ms"
        else:
            found = f"not confirmed by {', '.join(waiting)}"
            report.problems.append(found)
        if unproven:
            report.problems.append(f"{', '.join(unproven)} confirmed without proof: no credential of its own")
        self._say("freeze", f"frozen: {found}", good=not (waiting or unproven))

    async def _throw(self, report: DrillReport) -> None:
        self._begin("refuse")
        for alias, client in self._clients.items():
            try:
                await self._probe_one(client, report)
            except DaemonUnreachable:
                if client is self._coordinator:
                    raise
                self._silent.append(alias)
        for alias in self._silent:  # its drain would not be heard of either
            del self._clients[alias]
            report.problems.append(f"{alias} did not answer: what it accepts and runs is unknown")
        if report.blocked:
            report.problems.append(f"{report.blocked} KNOW or LEARN were refused: running work cannot drain")
        found = f"{report.refused} writes refused, {report.leaked} leaked, {report.passed} passed as they may"
        found += f"; {', '.join(self._silent)} did not answer" if self._silent else ""
        self._say("refuse", found, good=not (report.leaked or report.blocked or self._silent))

    async def _probe_one(self, client: Sender, report: DrillReport) -> None:
        for act in (*STOPPED_ACTS, *PASSING_ACTS):
            for _ in range(PROBES):
                self._count(act, await self._accepts(client, act), report)

    def _count(self, act: str, accepted: bool, report: DrillReport) -> None:
        if act in STOPPED_ACTS:
            report.leaked += accepted
            report.refused += not accepted
        else:
            report.passed += accepted
            report.blocked += not accepted

    async def _accepts(self, client: Sender, act: str) -> bool:
        self._probe += 1
        record = {
            "thread": f"drill-{self.namespace}",
            "actor": self._actor,
            "act": act,
            "clock": self._probe,
            "body": {"namespace": self.namespace, "topic": "drill_probe", "n": self._probe},
        }
        try:
            await client.send(calls.post_record(record))
        except RemoteError as error:
            if error.code != "NAMESPACE_FROZEN":
                raise
            return False
        return True

    async def _drain(self, report: DrillReport) -> None:
        self._begin("drain")
        started = self._now()
        # Reports wait while the namespace is frozen, so the workers themselves are asked, and only about
        # these
        # subtasks, since they may have other work.
        given = [
            (self._clients[one.instance_alias or ""], one.child_thread)
            for one in (await self._join()).subtasks
            if one.child_thread is not None and one.instance_alias in self._clients
        ]

        async def idle() -> bool:
            for client, thread in given:
                if await _runs(client, thread):
                    return False
            return True

        if not await self._until(idle):
            report.problems.append("what ran did not drain in time")
            self._say("drain", report.problems[-1], good=False)
        elif self._silent:
            self._say("drain", f"not known of {', '.join(self._silent)}", good=False)
        else:
            report.drain_secs = round(self._now() - started, 3)
            self._say("drain", f"drained within {report.drain_secs:.1f}s")

    async def _lift(self) -> None:
        try:
            self._begin("lift")
        finally:  # an exception in the callback must not leave the freeze in force
            await self._unfreeze()
        self._say("lift", "lifted")

    async def _unfreeze(self) -> None:
        try:
            await self._coordinator.send(calls.unfreeze(self._actor, self.namespace))
        except SyncropelError as error:
            if isinstance(error, RemoteError) and error.status == _NOT_FOUND:
                return  # it was never set, or somebody lifted it
            lift = f"lift it: {unkill_command(self.namespace)}"
            raise SyncropelError(f"the practice freeze may still stand: {error.message}", lift) from error

    async def _recover(self, report: DrillReport) -> None:
        self._begin("recover")
        started = self._now()

        async def joined() -> bool:
            return (await self._join()).complete

        if await self._until(joined):
            report.recovery_secs = round(self._now() - started, 3)
            self._say("recover", f"joined {report.recovery_secs:.1f}s later, without anybody asking")
        else:
            report.problems.append(f"the fan-out did not go on: {(await self._join()).explanation}")
            self._say("recover", report.problems[-1], good=False)

    async def _escape(self, workers: list[str], report: DrillReport) -> None:
        self._begin("escape")
        if not workers:
            self._say("escape", "no goal tried to escape: no worker runs bash")
            return
        escapes = Escapes(
            self._coordinator.send,
            self._until,
            name=self._name,
            namespace=self.namespace,
            actor=self._actor,
        )
        await escapes.run(workers)
        report.escapes, report.left = len(workers), escapes.left
        report.problems += escapes.problems
        found = f"{escapes.left} processes left of goals that tried to escape on {', '.join(workers)}"
        self._say("escape", found, good=not (escapes.left or escapes.problems))

    async def _join(self) -> schema.JoinStatus:
        return await self._coordinator.send(calls.join(self._name))

    async def _until(self, look: Callable[[], Awaitable[bool]]) -> bool:
        deadline = self._now() + self._limit
        while not await look():
            if self._now() >= deadline:
                return False
            await self._sleep(_POLL_SECS)
        return True

    async def _keep(self, report: DrillReport, status: schema.FleetStatus) -> str:
        body = {"topic": TOPIC, "ok": report.ok, **asdict(report), "at": status.at}
        del body["record"]
        record = {"thread": THREAD, "actor": self._actor, "act": "LEARN", "body": body}
        return (await self._coordinator.send(calls.post_record(record))).id


async def _runs(worker: Sender, thread: str) -> bool:
    """Whether this worker is running a subtask, or does not answer. A subtask held by the freeze is not
    running.
    """
    try:
        return any(one.child_thread == thread for one in (await worker.send(calls.dispatches())).data)
    except DaemonUnreachable:
        return True
