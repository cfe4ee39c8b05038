"""The kill switch drill: a practice fan-out is frozen and lifted again, and everything is measured.

It needs nothing but clients of the instances, so the command line and the console can both run it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from syncropel.api.schema import FleetStatus, InstanceOut, JoinStatus
from syncropel.client import calls
from syncropel.client.transport import Client
from syncropel.errors import Conflict, RemoteError

TOPIC: Final = "kill_drill"
THREAD: Final = "th_fleet_control"
STOPPED_ACTS: Final = ("INTEND", "DO", "CALL")
PASSING_ACTS: Final = ("KNOW", "LEARN")
PROBES: Final = 3
"""How often each act is tried at each instance."""
_POLL_SECS: Final = 0.05


@dataclass
class DrillReport:
    """What a drill found. `leaked` must be 0; `confirmed_ms` is None when an instance never confirmed."""

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
    problems: list[str] = field(default_factory=list)
    record: str = ""

    @property
    def ok(self) -> bool:
        """Every instance confirmed, nothing leaked, KNOW and LEARN passed, and the work went on."""
        return not self.problems and self.leaked == 0


class KillDrill:
    """One drill. `clients` reaches instances by alias; the coordinator's must be among them.

    `say` is told each step; `now` counts seconds, `sleep` waits, `token` makes names unique.
    """

    def __init__(
        self,
        coordinator: Client,
        clients: Mapping[str, Client],
        *,
        actor: str,
        token: str,
        limit_secs: float,
        now: Callable[[], float],
        sleep: Callable[[float], None],
        say: Callable[[str], None],
    ) -> None:
        self._coordinator = coordinator
        self._clients = clients
        self._actor = actor
        self._limit = limit_secs
        self._now = now
        self._sleep = sleep
        self._say = say
        self._name = f"DRILL-{token}"
        self._namespace = f"drill/{token}"
        self._probe = 0

    def run(self) -> DrillReport:
        """Freeze, probe, drain, lift, recover; the freeze is lifted whatever happens.

        Raises Conflict when there is no live worker to practise on.
        """
        status = self._coordinator.send(calls.fleet_status())
        workers = sorted(
            (one for one in status.instances if one.role == "worker" and one.status == "live"),
            key=lambda one: one.alias,
        )
        if not workers:
            raise Conflict("there is no live worker to practise on", "start one: spl fleet start --workers 2")
        report = DrillReport(self._namespace, status.live, sorted(self._clients))
        self._start(workers)
        frozen = False
        try:
            freeze = calls.freeze(
                {"namespace": self._namespace, "level": "soft", "reason": "drill", "actor": self._actor}
            )
            record = self._coordinator.send(freeze).record
            frozen = True
            self._confirm(record, report)
            self._throw(report)
            self._drain(workers, report)
        finally:
            if frozen:
                self._coordinator.send(calls.unfreeze(self._actor, self._namespace))
        self._recover(report)
        report.record = self._keep(report, status)
        return report

    def _start(self, workers: list[InstanceOut]) -> None:
        goal = {"goal": "kill switch drill", "alias": self._name, "namespace": self._namespace}
        self._coordinator.send(calls.create_task({**goal, "actor": self._actor}))
        subtasks: list[dict[str, Any]] = [{"goal": "sleep 1", "target": one.alias} for one in workers]
        waiting = {"goal": "true", "target": "least-loaded-worker", "depends_on": list(range(len(workers)))}
        spec = {"subtasks": [*subtasks, waiting], "join": "all", "actor": self._actor}
        self._coordinator.send(calls.fan_out(self._name, spec))
        if not self._until(lambda: self._join().spawned >= len(workers)):
            raise Conflict("the practice fan-out did not start", f"see: spl task join-status {self._name}")
        self._say(f"practice fan-out runs on {', '.join(one.alias for one in workers)}")

    def _confirm(self, record: str, report: DrillReport) -> None:
        def waiting() -> list[str]:
            freezes = self._coordinator.send(calls.fleet_status()).freezes
            mine = next((one for one in freezes if one.record == record), None)
            if mine is None:
                return ["somebody lifted it"]
            if not mine.waiting:
                last = max((one.at for one in mine.confirmed), default=mine.at)
                report.confirmed_ms = round(max(0.0, last - mine.at) * 1000, 1)
            return mine.waiting

        if self._until(lambda: not waiting()):
            self._say(f"frozen: {report.instances} instances confirmed within {report.confirmed_ms:.0f} ms")
        else:
            report.problems.append(f"not confirmed by {', '.join(waiting())}")

    def _throw(self, report: DrillReport) -> None:
        for client in self._clients.values():
            for act in (*STOPPED_ACTS, *PASSING_ACTS):
                for _ in range(PROBES):
                    self._count(act, self._accepts(client, act), report)
        if report.blocked:
            report.problems.append(f"{report.blocked} KNOW or LEARN were refused: running work cannot drain")
        self._say(f"{report.refused} writes refused, {report.leaked} leaked, {report.passed} passed that may")

    def _count(self, act: str, accepted: bool, report: DrillReport) -> None:
        if act in STOPPED_ACTS:
            report.leaked += accepted
            report.refused += not accepted
        else:
            report.passed += accepted
            report.blocked += not accepted

    def _accepts(self, client: Client, act: str) -> bool:
        self._probe += 1
        record = {
            "thread": f"drill-{self._namespace}",
            "actor": self._actor,
            "act": act,
            "clock": self._probe,
            "body": {"namespace": self._namespace, "topic": "drill_probe", "n": self._probe},
        }
        try:
            client.send(calls.post_record(record))
        except RemoteError as error:
            if error.code != "NAMESPACE_FROZEN":
                raise
            return False
        return True

    def _drain(self, workers: list[InstanceOut], report: DrillReport) -> None:
        started = self._now()
        reachable = [self._clients[one.alias] for one in workers if one.alias in self._clients]

        def idle() -> bool:
            return all(client.send(calls.engine_health()).dispatch_running == 0 for client in reachable)

        if self._until(idle):
            report.drain_secs = round(self._now() - started, 3)
            self._say(f"drained within {report.drain_secs:.1f}s")
        else:
            report.problems.append("what ran did not drain in time")

    def _recover(self, report: DrillReport) -> None:
        started = self._now()
        if self._until(lambda: self._join().complete):
            report.recovery_secs = round(self._now() - started, 3)
            self._say(f"lifted: joined {report.recovery_secs:.1f}s later, without anybody asking")
        else:
            report.problems.append(f"the fan-out did not go on: {self._join().explanation}")

    def _join(self) -> JoinStatus:
        return self._coordinator.send(calls.join(self._name))

    def _until(self, look: Callable[[], bool]) -> bool:
        deadline = self._now() + self._limit
        while not look():
            if self._now() >= deadline:
                return False
            self._sleep(_POLL_SECS)
        return True

    def _keep(self, report: DrillReport, status: FleetStatus) -> str:
        body = {"topic": TOPIC, "ok": report.ok, **asdict(report), "at": status.at}
        del body["record"]
        record = {"thread": THREAD, "actor": self._actor, "act": "LEARN", "body": body}
        return self._coordinator.send(calls.post_record(record)).id
