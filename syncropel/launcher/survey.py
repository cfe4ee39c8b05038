"""What a promotion finds on this machine before it changes anything."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from syncropel.client import Client, Target, calls
from syncropel.errors import BadRequest, DaemonNotRunning, SetupError, SyncropelError
from syncropel.freeze_levels import EVERYWHERE, LEVELS
from syncropel.launcher.carried import Drained, Ruled, followed, missed_drains, missed_rules
from syncropel.launcher.local import COORDINATOR, Local, find_local, fleet_home, local_workers
from syncropel.launcher.process import find_daemon
from syncropel.launcher.promoted import leads
from syncropel.settings.config import Settings, load_settings, without_itself
from syncropel.settings.home import Home
from syncropel.settings.identity import read_identity, write_private
from syncropel.settings.keyring import Keyring
from syncropel.wire import FreezeOut

T = TypeVar("T")


@dataclass(frozen=True)
class Freeze:
    """A freeze that a worker enforces. `namespace` is `*` for an emergency stop."""

    level: str
    namespace: str
    reason: str
    grace_secs: float
    terminate: bool

    @classmethod
    def read(cls, told: FreezeOut) -> Freeze:
        """It, as an instance says that it enforces it; of a grace only what is left."""
        left = told.grace_secs if told.grace_left_secs is None else told.grace_left_secs
        return cls(told.level, told.namespace, told.reason, left, told.terminate)

    def fields(self, actor: str) -> dict[str, Any]:
        """The request that sets it."""
        where = {} if self.namespace == EVERYWHERE else {"namespace": self.namespace}
        how = {"grace_secs": self.grace_secs, "terminate": self.terminate} if self.level == "hard" else {}
        return {"level": self.level, **where, **how, "reason": self.reason, "actor": actor}

    def is_in(self, others: Iterable[Freeze]) -> bool:
        """Whether one of these stops as much."""
        return any(one.namespace == self.namespace and one._force >= self._force for one in others)

    @property
    def _force(self) -> tuple[int, bool]:
        return LEVELS.index(self.level), self.terminate


@dataclass(frozen=True)
class Former:
    """The coordinator that is replaced. `home` is None when it is not on this machine."""

    did: str
    url: str
    home: Home | None


@dataclass
class Survey:
    """`followers`: the other workers of the same coordinator. `running`: aliases of those that run, or ran
    when an earlier promotion was interrupted. `freezes`: what each that answers enforces, by alias.
    """

    worker: Local
    former: Former
    followers: list[Local]
    running: set[str] = field(default_factory=set)
    freezes: dict[str, list[Freeze]] = field(default_factory=dict)
    drains: dict[str, list[Drained]] = field(default_factory=dict)
    """What each follows that answers, by alias."""
    rules: dict[str, list[Ruled]] = field(default_factory=dict)
    goals: dict[str, int] = field(default_factory=dict)
    """How many goals each runs that answers."""
    terms: dict[str, int] = field(default_factory=dict)
    """The highest term that each knows that answers."""
    revoked: set[str] = field(default_factory=set)
    """Those that know that they were revoked, which the worker may not have heard of."""
    left_alone: list[str] = field(default_factory=list)
    """Why other workers of this machine are not touched, in words."""

    @property
    def everybody(self) -> list[Local]:
        """The worker, then those that will follow it."""
        return [self.worker, *self.followers]

    @property
    def unasked(self) -> list[str]:
        """Aliases of those of which nothing is known."""
        return [one.alias for one in self.everybody if one.alias not in self.freezes]

    @property
    def missed(self) -> list[tuple[str, Freeze]]:
        """Freezes that others enforce and the worker does not, each with the alias of one that does."""
        has, found = list(self.freezes.get(self.worker.alias, ())), list[tuple[str, Freeze]]()
        for one in self.followers:
            for freeze in self.freezes.get(one.alias, ()):
                if not freeze.is_in(has):
                    found.append((one.alias, freeze))
                    has.append(freeze)
        return found

    @property
    def missed_drains(self) -> list[tuple[str, Drained]]:
        """Drains that others follow and the worker does not, each with the alias of one that does."""
        return missed_drains(self.drains.get(self.worker.alias, ()), self._of_others(self.drains))

    @property
    def missed_rules(self) -> tuple[list[tuple[str, Ruled]], list[tuple[str, str]]]:
        """The fleet's rules that others follow and the worker does not, and the names of those that it has in
        other words.
        """
        return missed_rules(self.rules.get(self.worker.alias, ()), self._of_others(self.rules))

    def name_of(self, did: str) -> str:
        """What a person calls the instance with this DID, or `*`."""
        if did == EVERYWHERE:
            return "the whole fleet"
        homes = [(one.alias, read_identity(one.home)) for one in self.everybody]
        return next((alias for alias, known in homes if known is not None and known.did == did), did)

    def _of_others(self, found: dict[str, list[T]]) -> dict[str, list[T]]:
        return {one.alias: found.get(one.alias, []) for one in self.followers}

    def save(self) -> None:
        """Keep what a repetition could not find out any more. Raises OSError."""
        told = {alias: [asdict(one) for one in freezes] for alias, freezes in self.freezes.items()}
        drains = {alias: [asdict(one) for one in found] for alias, found in self.drains.items()}
        rules = {alias: [asdict(one) for one in found] for alias, found in self.rules.items()}
        kept = {"running": sorted(self.running), "freezes": told, "drains": drains, "rules": rules}
        write_private(self.worker.home.promotion, json.dumps(kept) + "\n")

    def take_up(self) -> bool:
        """Add what an interrupted promotion had found; return whether there was one."""
        try:
            kept = json.loads(self.worker.home.promotion.read_text(encoding="utf-8"))
            running = {str(alias) for alias in kept["running"]}
            freezes = {alias: [Freeze(**one) for one in told] for alias, told in kept["freezes"].items()}
            drains = {
                alias: [Drained(**one) for one in told] for alias, told in kept.get("drains", {}).items()
            }
            rules = {
                alias: [Ruled(**{**one, "ops": tuple(one["ops"])}) for one in told]
                for alias, told in kept.get("rules", {}).items()
            }
        except FileNotFoundError:
            return False
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SetupError(
                f"cannot read {self.worker.home.promotion}, which an interrupted promotion left: {error}",
                "remove it, then run the command again; a freeze that only a stopped worker knew is lost",
            ) from None
        self.running |= running
        # What it enforced before may have been lifted since at the new coordinator: what it says now counts.
        self.freezes = {**freezes, **self.freezes}
        self.drains, self.rules = {**drains, **self.drains}, {**rules, **self.rules}
        return True


def survey(coordinator: Home, name: str) -> Survey:
    """Look at the worker of this name (alias or DID), and at those that report to the same coordinator.

    Raises NotFound for an unknown worker, BadRequest for the coordinator, SetupError for a worker that never
    had one.
    """
    fleet, _ = fleet_home(coordinator)
    worker = find_local(fleet, name)
    if worker.alias == COORDINATOR:
        raise BadRequest(f"{name} is the coordinator, not a worker", "name a worker: spl fleet list")
    settings = without_itself(load_settings(worker.home, {}))
    keyring, url = Keyring(worker.home), settings.fleet.coordinator_url
    if not url and not leads(worker.home, settings):
        raise SetupError(f"{worker.alias} never reported to a coordinator", "name another: spl fleet list")
    former = _former(fleet, keyring.coordinator, keyring.coordinator_url or url)
    found = Survey(worker, former, [])
    identity = read_identity(worker.home)
    own = identity.did if identity is not None else ""
    for one in local_workers(fleet):
        if one.alias != worker.alias and one.home.config.exists():
            why = _not_a_follower(one, former, own)
            if why:
                found.left_alone.append(f"{one.alias} is left alone: {why}")
            else:
                found.followers.append(one)
    for one in found.everybody:
        _look(one, found)
    if worker.alias in found.revoked:
        raise SetupError(f"{worker.alias} was revoked: it leads no fleet", "name another: spl fleet list")
    found.left_alone += [
        f"{one.alias} is left alone: it was revoked; if it appears at {worker.alias}, revoke it there, too"
        for one in found.followers
        if one.alias in found.revoked
    ]
    found.followers = [one for one in found.followers if one.alias not in found.revoked]
    return found


def _former(fleet: Home, did: str, url: str) -> Former:
    for home in (fleet, *(one.home for one in local_workers(fleet))):
        if did and (identity := read_identity(home)) is not None and identity.did == did:
            return Former(did, url, home)
    return Former(did, url, None)


def _not_a_follower(one: Local, former: Former, new: str) -> str:
    """Why this worker does not go over to the new coordinator (a DID); empty when it does."""
    settings = load_settings(one.home, {})
    if without_itself(settings).role == "coordinator":
        return "it is a coordinator itself"
    keyring = Keyring(one.home)
    if keyring.coordinator in (former.did, new) or settings.fleet.coordinator_url == former.url:
        return ""
    return f"it reports to another coordinator, {settings.fleet.coordinator_url}"


def _look(one: Local, found: Survey) -> None:
    if find_daemon(one.home) is None:
        return
    found.running.add(one.alias)
    try:
        with Client(Target(socket=one.home.socket, home=one.home.display()), timeout=5.0) as client:
            health = client.send(calls.engine_health())
            rows = client.send(calls.dispatches()).data
            status = client.send(calls.fleet_status())
            drains, rules = followed(client)
    except SyncropelError:
        return  # it is named among those that nobody could ask
    found.goals[one.alias] = sum(row.instance == health.did for row in rows)
    if health.revoked:
        found.revoked.add(one.alias)
    found.drains[one.alias], found.rules[one.alias] = drains, rules
    if status.leader is not None:
        found.terms[one.alias] = status.leader.term
    found.freezes[one.alias] = [Freeze.read(freeze) for freeze in status.freezes]


def still_there(former: Former, settings: Settings) -> str:
    """Why the coordinator that is to be replaced counts as present, in words; empty when it is gone.

    `settings`: of the worker, which does not count as that coordinator itself.
    """
    if former.home is not None and (pid := find_daemon(former.home)) is not None:
        return f"the coordinator runs: PID {pid} (home={former.home.display()})"
    if not former.url or without_itself(_at(settings, former.url)).role == "coordinator":
        return ""
    try:
        with Client(Target(url=former.url), timeout=5.0) as client:
            client.send(calls.health())
    except DaemonNotRunning:
        return ""
    except SyncropelError as error:
        return f"it is not certain that the coordinator is gone: {error.message}"
    return f"the coordinator answers at {former.url}"


def _at(settings: Settings, url: str) -> Settings:
    return replace(settings, fleet=replace(settings.fleet, coordinator_url=url))
