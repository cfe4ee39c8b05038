"""Makes a worker the coordinator of its local fleet, in place of one that is gone.

Each step looks first whether it is done, so that a promotion that was interrupted anywhere can be run again.
Running goals go on: a daemon that is restarted leaves them to the next one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from syncropel.client import Client, Target, calls, config_calls, leader_calls
from syncropel.errors import WARNING, RemoteError, SetupError, SyncropelError
from syncropel.launcher import convergence, process
from syncropel.launcher.convergence import Expected
from syncropel.launcher.converging import Converging
from syncropel.launcher.environments import coordinator_environ, worker_environ
from syncropel.launcher.introducing import introduce
from syncropel.launcher.local import Local
from syncropel.launcher.plan import write_settings
from syncropel.launcher.starting import StartUps, wait_answer, wait_ready
from syncropel.launcher.survey import Freeze, Survey
from syncropel.settings.config import Settings, load_settings, without_itself
from syncropel.settings.home import actor_from
from syncropel.settings.identity import load_or_create_identity
from syncropel.wire import FleetStatus


@dataclass
class Promotion:
    """One `spl fleet promote`. `say` receives a line for each step that was done, `warn` warnings, `progress`
    a line that replaces the previous one, `reading` how far a daemon is that reads its log.
    """

    survey: Survey
    say: Callable[[str], None]
    warn: Callable[[str, str], None]
    progress: Callable[[str], None]
    reading: Callable[[str], None] = lambda _: None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    _started: dict[str, process.Started] = field(default_factory=dict)

    def run(self) -> FleetStatus:
        """Promote the worker, have the others report to it, and wait until all are live there.

        Raises SetupError that names the instance with which it could not go on; what was done stays.
        """
        found = self.survey
        try:
            found.save()
        except OSError as error:
            raise SetupError(
                f"cannot write {found.worker.home.promotion}: {error.strerror}", "check its owner"
            ) from None
        url, expected = self._lead()
        self._begin_term()
        self._set_freezes()
        self._set_drains()
        self._set_rules()
        expected += [one for follower in found.followers if (one := self._follow(follower, url))]
        status = self._converge(expected)
        found.worker.home.promotion.unlink(missing_ok=True)
        self.progress("")
        self.say(f"✓ {found.worker.alias} leads the fleet at {url}")
        for line in convergence.summary_lines(status, expected):
            self.say(line)
        return status

    def _lead(self) -> tuple[str, list[Expected]]:
        """Make the worker a coordinator; return its address, and itself as what must be live."""
        worker = self.survey.worker
        settings = load_settings(worker.home, {})
        pid = process.find_daemon(worker.home)
        if pid is not None and wait_answer(worker.home, pid, told=self.reading) and self._leads():
            self.say(f"[{worker.alias}] is the coordinator already (PID {pid})")
        else:
            # With a port of 0 each start would take another, and no worker would find it again.
            port = settings.server.port or (process.listening_port(pid) if pid is not None else None) or 0
            self._stop(worker, pid)
            fleet = replace(settings.fleet, coordinator_url="")
            self._write(
                worker, settings, replace(settings, fleet=fleet, server=replace(settings.server, port=port))
            )
            pid = self._start(worker, coordinator_environ(self.environ))
            self.say(f"[{worker.alias}] started as the coordinator (PID {pid})")
        with self._client() as client:
            url = client.send(calls.fleet_status()).coordinator_url
        return url, [Expected(worker.alias, pid, worker.home)]

    def _leads(self) -> bool:
        with self._client() as client:
            return client.send(calls.engine_health()).role == "coordinator"

    def _begin_term(self) -> None:
        """Have it begin a term, above every one that a worker knows of; nothing when it has begun it before.

        From here on the old coordinator is told, as soon as it answers.
        """
        known = max(self.survey.terms.values(), default=1)
        with self._client() as client:
            before = client.send(leader_calls.leader())
            leader = client.send(leader_calls.take(actor_from(self.environ), at_least=known + 1))
        if (before.did, before.term) != (leader.did, leader.term):
            self.say(f"[{self.survey.worker.alias}] leads in term {leader.term}")

    def _set_freezes(self) -> None:
        """Set the freezes that only others enforce: when they report here, they would lift them."""
        actor, worker = actor_from(self.environ), self.survey.worker.alias
        with self._client() as client:
            there = [Freeze.read(one) for one in client.send(calls.fleet_status()).freezes]
            for alias, freeze in self.survey.missed:
                if not freeze.is_in(there):
                    client.send(calls.freeze(freeze.fields(actor)))
                    self.say(
                        f"[{worker}] set the {freeze.level} freeze of {freeze.namespace!r}, as on {alias}"
                    )

    def _set_drains(self) -> None:
        """Start the drains that only others follow, before they report here and would end them."""
        actor, worker = actor_from(self.environ), self.survey.worker.alias
        with self._client() as client:
            there = {one.instance for one in client.send(calls.fleet_status()).drains}
            for alias, drain in self.survey.missed_drains:
                if drain.instance in there:
                    continue
                name = self.survey.name_of(drain.instance)
                try:
                    client.send(calls.drain(drain.fields(actor)))
                except RemoteError as error:
                    self.warn(f"{WARNING}the drain of {name}, as on {alias}: {error.message}", error.hint)
                else:
                    self.say(f"[{worker}] drains {name}, as on {alias}")

    def _set_rules(self) -> None:
        """Add the fleet's rules that only others follow; name those that they have in other words."""
        actor, worker = actor_from(self.environ), self.survey.worker.alias
        missed, other = self.survey.missed_rules
        with self._client() as client:
            there = {one.name for one in client.send(config_calls.rules("permission")).data}
            for alias, rule in missed:
                if rule.name in there:
                    continue
                try:
                    client.send(config_calls.put_rule("permission", rule.name, rule.fields(actor)))
                except RemoteError as error:
                    self.warn(f"{WARNING}rule {rule.name!r}, as on {alias}: {error.message}", error.hint)
                else:
                    self.say(f"[{worker}] has rule {rule.name!r}, as on {alias}")
        for alias, name in other:
            self.warn(
                f"{WARNING}rule {name!r} is another one on {alias}: that of {worker} counts now",
                "compare it with the one in that log: spl config list-permission-rules",
            )

    def _follow(self, one: Local, url: str) -> Expected | None:
        """Have this worker report to the new coordinator; return it if it is to be live."""
        settings = load_settings(one.home, {})
        did = load_or_create_identity(one.home).did
        pid = process.find_daemon(one.home)
        wanted = replace(settings, fleet=replace(settings.fleet, coordinator_url=url))
        if pid is not None and settings == wanted and self._reports_to(one, url):
            if self._introduce(one, did, url):
                self.say(f"[{one.alias}] reports there already (PID {pid})")
                return Expected(one.alias, pid, one.home)
            return None
        self._stop(one, pid)
        if not self._introduce(one, did, url):
            return None
        self._write(one, settings, wanted)
        if one.alias not in self.survey.running:
            self.say(f"[{one.alias}] not running: will report to {url} when it is started")
            return None
        pid = self._start(one, worker_environ(self.environ, url))
        self.say(f"[{one.alias}] restarted (PID {pid}): reports to {url}")
        return Expected(one.alias, pid, one.home)

    def _reports_to(self, one: Local, url: str) -> bool:
        try:
            with Client(Target(socket=one.home.socket, home=one.home.display()), timeout=5.0) as client:
                return client.send(calls.fleet_status()).coordinator_url == url
        except SyncropelError:
            return False

    def _introduce(self, one: Local, did: str, url: str) -> bool:
        """Let the two identify each other; return False for a revoked worker, which stays out."""
        try:
            introduce(self.survey.worker.home, one.home, did, url, self._client)
        except RemoteError as error:
            if error.code != "CREDENTIAL_REVOKED":
                raise
            self.say(f"[{one.alias}] left out and not started: {error.message}")
            return False
        except OSError as error:
            raise SetupError(
                f"cannot write a secret of {one.alias}: {error.strerror or error}",
                "check the permissions of secrets/ in both homes, then run the command again",
            ) from None
        return True

    def _stop(self, one: Local, pid: int | None) -> None:
        if pid is None:
            process.clear_stale_pid(one.home)
            return
        process.signal_stop(pid, keep_work=True)
        if process.wait_gone([pid]):
            raise SetupError(
                f"[{one.alias}] PID {pid} still runs after {process.STOP_LIMIT_SECS:g}s",
                f"see {one.home.log}; when it has ended, run the command again",
            )
        self.say(f"[{one.alias}] stopped (PID {pid}); its goals go on")

    def _write(self, one: Local, present: Settings, wanted: Settings) -> None:
        if present != wanted and without_itself(present) != wanted:
            write_settings(one.home.config, present, wanted)
            said = wanted.fleet.coordinator_url or "none: it is the coordinator"
            self.say(f"[{one.alias}] config.toml: coordinator_url is {said}")

    def _start(self, one: Local, environ: dict[str, str]) -> int:
        started = process.spawn(one.home, [], environ)
        self._started[one.alias] = started
        try:
            wait_ready(started, told=self.reading)
        except SetupError as error:
            raise SetupError(
                f"[{one.alias}] did not start: {error.message}",
                f"{error.hint}\nits log: {one.home.log}\nthen run the command again",
            ) from None
        return started.pid

    def _converge(self, expected: list[Expected]) -> FleetStatus:
        with self._client() as client:
            return Converging(self._report_the_dead, self.progress, self.reading).wait(
                lambda: client.send(calls.fleet_status()), expected, StartUps(list(self._started.values()))
            )

    def _report_the_dead(self) -> None:
        for alias, started in self._started.items():
            if (death := started.died()) is not None:
                self.progress("")
                raise SetupError(f"[{alias}] ended: {death.message}", death.hint)

    def _client(self) -> Client:
        home = self.survey.worker.home
        return Client(Target(socket=home.socket, home=home.display()))
