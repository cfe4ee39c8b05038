"""Starts a local fleet: a coordinator and its workers, each a process with its own home.

Whatever is running already is used as it is. Nothing here touches a store: it starts processes and asks them
over HTTP.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from syncropel import __version__
from syncropel.client import Client, Target, calls
from syncropel.errors import RemoteError, SetupError
from syncropel.launcher import convergence, process
from syncropel.launcher.convergence import Expected
from syncropel.launcher.converging import Converging
from syncropel.launcher.environments import coordinator_environ, worker_environ
from syncropel.launcher.introducing import introduce
from syncropel.launcher.local import COORDINATOR
from syncropel.launcher.plan import FleetPlan, WorkerPlan, plan_workers, prepare_worker
from syncropel.launcher.promoted import refuse_beside_another, refuse_fenced
from syncropel.launcher.starting import StartUps, wait_answer, wait_ready
from syncropel.settings.config import load_settings
from syncropel.settings.home import Home
from syncropel.settings.identity import load_or_create_identity, make_home, write_private
from syncropel.wire import EngineHealth, FleetStatus

FLEET_ACCOUNT: Final = "sa-fleet"
FLEET_SCOPES: Final = ("records:read", "records:write", "threads:write", "fleet:write", "config:read")


@dataclass
class Launcher:
    """One `spl fleet start`. `say` receives lines for the user, `warn` warnings, `progress` a line that
    replaces the previous one, `reading` how far a daemon is that reads its log.
    """

    home: Home
    plan: FleetPlan
    say: Callable[[str], None]
    warn: Callable[[str, str], None]
    progress: Callable[[str], None]
    reading: Callable[[str], None] = lambda _: None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    started: list[tuple[str, process.Started]] = field(default_factory=list)
    _reused: dict[str, int] = field(default_factory=dict)

    def run(self) -> FleetStatus:
        """Start what is missing and wait until all are live; return the resulting fleet.

        Raises SetupError naming the instance that did not come up. Whatever was started stays, except after
        Ctrl-C, which stops it again.
        """
        workers = plan_workers(self.home, self.plan)
        refuse_beside_another(self.home)
        count = len(workers)
        self.say(f"Starting local fleet: 1 coordinator + {count} worker{'' if count == 1 else 's'}")
        try:
            me, url = self._start_coordinator()
            token = self._fleet_token()
            expected = [Expected(me.alias, me.pid, self.home)]
            started = [worker for worker in workers if self._start_worker(worker, url, token)]
            expected += [self._tell_worker(worker) for worker in started]
            self.say(f"Waiting for fleet convergence ({len(expected)} live)...")
            status = self._converge(expected)
        except KeyboardInterrupt:
            self._take_back()
            raise
        self.progress("")
        self.say("✓ fleet converged")
        for line in convergence.summary_lines(status, expected):
            self.say(line)
        return status

    def _start_coordinator(self) -> tuple[EngineHealth, str]:
        pid = process.find_daemon(self.home)
        if pid is not None and not wait_answer(self.home, pid, told=self.reading):
            pid = None  # it has just ended
        if pid is None:
            make_home(self.home)
            load_or_create_identity(self.home)
            process.clear_stale_pid(self.home)
            flags = [] if self.plan.port is None else ["--port", str(self.plan.port)]
            started = process.spawn(self.home, flags, coordinator_environ(self.environ))
            self.started.append((COORDINATOR, started))
            self._ready(COORDINATOR, started, f" on :{self.plan.port}" if self.plan.port else "")
        with self._client() as client:
            me = client.send(calls.engine_health())
            if me.role != COORDINATOR:
                raise SetupError(
                    f"{self.home.display()} is the home of a worker ({me.alias})",
                    "point SYNCROPEL_HOME at the coordinator's home",
                )
            status = client.send(calls.fleet_status())
        refuse_fenced(status)
        url = status.coordinator_url
        how = "already running" if pid is not None else "spawned"
        self._told(COORDINATOR, f"{how} PID {me.pid} on :{convergence.port_of(url)}", self.home)
        return me, url

    def _fleet_token(self) -> str:
        """The token that the fleet's instances share; minted once, stored with mode 0600."""
        path = self.home.fleet_token
        try:
            return path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise SetupError(f"cannot read {path}: {error.strerror}", "check its permissions") from None
        with self._client() as client:
            try:
                token = client.send(calls.mint_service_account(FLEET_ACCOUNT, FLEET_SCOPES)).token
            except RemoteError as error:
                if error.status != 409:
                    raise
                # The account exists but its token was lost; a secret cannot be read back, only replaced.
                name = f"{FLEET_ACCOUNT}-{secrets.token_hex(3)}"
                token = client.send(calls.mint_service_account(name, FLEET_SCOPES)).token
        self._keep_token(self.home, token)
        return token

    def _keep_token(self, home: Home, token: str) -> None:
        try:
            write_private(home.fleet_token, token + "\n")
        except OSError as error:
            raise SetupError(
                f"cannot write {home.fleet_token}: {error.strerror}", "check the folder's permissions"
            ) from None

    def _start_worker(self, worker: WorkerPlan, url: str, token: str) -> bool:
        """Start this worker, unless it runs; return False for a revoked one, which stays out."""
        _, changed = prepare_worker(worker, self.plan, url)
        did = load_or_create_identity(worker.home).did
        self._keep_token(worker.home, token)
        pid = process.find_daemon(worker.home)
        if not self._introduce(worker, did, url, running=pid is not None):
            return False
        if pid is not None:
            self._reused[worker.alias] = pid
            if changed:
                self.warn(
                    f"warning: {worker.alias} runs already, with other settings",
                    "they change at its next start: spl fleet stop --workers, then start again",
                )
            return True
        process.clear_stale_pid(worker.home)
        environ = worker_environ(self.environ, url)
        self.started.append((worker.alias, process.spawn(worker.home, ["--port", str(worker.port)], environ)))
        return True

    def _introduce(self, worker: WorkerPlan, did: str, url: str, *, running: bool) -> bool:
        """Create the secrets that this worker and the coordinator do not share yet."""
        if running and not self._understands(did):
            return True  # an older process knows only the shared token, and must not be locked out
        try:
            anew = worker.alias in self.plan.reissue
            introduce(self.home, worker.home, did, url, self._client, anew=anew)
        except RemoteError as error:
            if error.code != "CREDENTIAL_REVOKED":
                raise
            self.say(f"[{worker.alias}] left out: {error.message}")
            again = f"spl fleet start --workers {self.plan.workers} --reissue {worker.alias}"
            self.warn(
                f"warning: {worker.alias} was revoked and is not started",
                f"to readmit it with a new credential: {again}",
            )
            return False
        except OSError as error:
            raise SetupError(
                f"cannot write a secret of {worker.alias}: {error.strerror or error}",
                "check the permissions of secrets/ in both homes",
            ) from None
        return True

    def _understands(self, did: str) -> bool:
        with self._client() as client:
            known = client.send(calls.fleet_status()).instances
        return any(one.did == did and one.version == __version__ for one in known)

    def _tell_worker(self, worker: WorkerPlan) -> Expected:
        pid = self._reused.get(worker.alias)
        if pid is not None:
            self._told(worker.alias, f"already running PID {pid}{_place(pid)}", worker.home)
            return Expected(worker.alias, pid, worker.home)
        started = next(one for alias, one in self.started if alias == worker.alias)
        place = f" on :{worker.port}"
        if worker.port == 0:
            self._ready(worker.alias, started, "")
            place = _place(started.pid)
        self._told(worker.alias, f"spawned PID {started.pid}{place}", worker.home)
        return Expected(worker.alias, started.pid, worker.home)

    def _ready(self, alias: str, started: process.Started, place: str) -> None:
        try:
            wait_ready(started, told=self.reading)
        except SetupError as error:
            raise SetupError(f"[{alias}] did not start{place}: {error.message}", error.hint) from None

    def _told(self, alias: str, what: str, home: Home) -> None:
        adapter = load_settings(home, {}).dispatch.adapter
        extra = f", adapter={adapter}" if adapter != "echo" and alias != COORDINATOR else ""
        self.say(f"[{alias}] {what} (home={home.display()}{extra})")

    def _converge(self, expected: list[Expected]) -> FleetStatus:
        start_ups = StartUps([one for _, one in self.started])
        converging = Converging(self._report_the_dead, self.progress, self.reading)
        with self._client() as client:
            return converging.wait(lambda: client.send(calls.fleet_status()), expected, start_ups)

    def _report_the_dead(self) -> None:
        for alias, started in self.started:
            if (death := started.died()) is not None:
                self.progress("")
                raise self._not_started(alias, started, death)

    def _not_started(self, alias: str, started: process.Started, death: SetupError) -> SetupError:
        hint = death.hint
        place = ""
        for worker in plan_workers(self.home, self.plan):
            if worker.alias == alias and worker.port:
                place = f" on :{worker.port}"
                if str(worker.port) in death.message:
                    hint = f"see who listens there: ss -tlnp | grep {worker.port}; or choose --worker-port"
        return SetupError(
            f"[{alias}] did not start{place}: {death.message}",
            f"{hint}\nits log: {started.home.log}\nstop the others: spl fleet stop --all",
        )

    def _take_back(self) -> None:
        self.progress("")
        pids = [started.pid for _, started in self.started]
        for pid in reversed(pids):
            process.signal_stop(pid)
        process.wait_gone(pids)

    def _client(self) -> Client:
        return Client(Target(socket=self.home.socket, home=self.home.display()))


def _place(pid: int) -> str:
    port = process.listening_port(pid)
    return "" if port is None else f" on :{port}"
