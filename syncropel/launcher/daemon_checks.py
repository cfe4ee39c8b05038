"""The checks of `spl doctor` that ask a running daemon: its connections, its fleet, and their clocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from syncropel.client import Client, Target, calls
from syncropel.client.clock_text import clock_words, is_off
from syncropel.client.leader_text import leader_problems
from syncropel.client.link_text import link_problem
from syncropel.errors import SetupError, SyncropelError
from syncropel.launcher.finding import Finding, Patient
from syncropel.launcher.process import answering_pid, find_daemon
from syncropel.launcher.promoted import leader_beside
from syncropel.settings.home import Home
from syncropel.wire.version import PROTOCOL

if TYPE_CHECKING:
    from syncropel.wire import EngineHealth, FleetStatus, MemoryOut

_TROUBLE: Final = {
    "refused": "{} were refused",
    "closed_for_room": "{} were closed to make room",
    "too_many_at_once": "{} were refused: too many at once from one address",
    "accept_errors": "accepting one failed {} times",
}
"""Counters in the health report that an operator must know about, and their wording."""
_NOT_OPERATOR: Final = {
    "goals_refused": "{} requests of goals that may only read",
    "unknown_callers": "{} requests of unknown callers",
}
_MB: Final = 1_000_000
_OLD_CREDENTIAL_SECS: Final = 30 * 86_400.0
_GROWTH_BYTES: Final = 500 * _MB
"""Less growth than this is within what a busy day needs."""
_HEARD: Final = frozenset({"live", "draining"})


def door(patient: Patient) -> Iterator[Finding]:
    home = patient.home
    if answering_pid(home) is None:
        return
    try:
        with Client(Target(socket=home.socket, home=home.display()), timeout=2.0) as client:
            details = client.send(calls.engine_health(details=True)).details
    except SyncropelError:
        return
    if details is None or not details.connections:
        return  # an older daemon
    counts = details.connections
    told = f"{counts.get('tcp', 0)} of at most {counts.get('tcp_limit', 0)} TCP connections"
    trouble = [words.format(counts[kind]) for kind, words in _TROUBLE.items() if counts.get(kind)]
    if trouble:
        hint = f"who connects? ss -tnp; more room: a higher ulimit -n; see {home.log}"
        yield Finding("connections", "warn", f"{told}; since the start {', '.join(trouble)}", hint)
    else:
        yield Finding("connections", "ok", told)
    refused = [words.format(counts[kind]) for kind, words in _NOT_OPERATOR.items() if counts.get(kind)]
    if refused:
        told = f"refused on the Unix socket since the start: {', '.join(refused)}"
        yield Finding("goals", "warn", told, "which ones: spl logs --level WARN")
    yield from _reports(details.reports)
    yield from _writers(details.writers)
    yield from _traces(details.traces)
    yield from _webhooks(details.webhooks)
    if details.memory is not None:
        yield _memory(details.memory)


def _memory(memory: MemoryOut) -> Finding:
    """Memory that the daemon holds. Growth counts once it is large both as a number and as a share."""
    now, grown = memory.resident_bytes, memory.growth_bytes
    told = f"{now / _MB:.0f} MB held by the daemon"
    since = f"{told}, {abs(grown) / _MB:.0f} MB {'more' if grown >= 0 else 'less'} than at its start"
    if grown < _GROWTH_BYTES or grown < memory.at_start_bytes:
        return Finding("daemon memory", "ok", since)
    hint = "report it with what this prints: spl status -o json; a restart frees the memory"
    return Finding("daemon memory", "warn", since, hint)


def _reports(told: Mapping[str, Any]) -> Iterator[Finding]:
    """Results that are finished but not reported yet."""
    waiting, problems, refused = told.get("waiting"), told.get("problems"), told.get("refused")
    if waiting and isinstance(problems, list) and problems:
        yield Finding(
            "reports",
            "warn",
            f"{waiting} results wait to be reported: {problems[0]}",
            "they are sent until they are taken; see at the coordinator: spl task diagnose NAME",
        )
    if refused:
        yield Finding(
            "reports",
            "warn",
            f"{refused} reports of attempts were refused",
            "which and why: spl logs --level WARN; spl task diagnose NAME",
        )


def _webhooks(told: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Webhooks that do not take what they are told."""
    for one in told:
        name = one.get("name")
        counts = f"{one.get('sent')} sent, {one.get('waiting')} wait, {one.get('dropped')} were dropped"
        if problem := one.get("problem"):
            hint = f"try it: spl webhook test {name}; see [webhooks.{name}] in config.toml"
            yield Finding(f"webhook {name}", "warn", f"{problem} ({counts})", hint)
        else:
            yield Finding(f"webhook {name}", "ok", counts)


def _traces(told: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Traces of fan-outs that their endpoint does not take."""
    if told is None:
        return
    counts = f"{told.get('sent')} sent, {told.get('waiting')} wait, {told.get('dropped')} were dropped"
    if problem := told.get("problem"):
        hint = "what they say is in the log all the same; [traces] in config.toml says where they go"
        yield Finding("traces", "warn", f"{problem} ({counts})", hint)
    else:
        yield Finding("traces", "ok", counts)


def _writers(told: Mapping[str, Any]) -> Iterator[Finding]:
    """Callers that may write under a name that is not proven to be theirs."""
    if free := told.get("any_actor"):
        yield Finding(
            "accounts",
            "warn",
            f"{free} older service accounts may write as any actor but an instance",
            "which ones: spl token list; restrict one: spl token grant ACCOUNT --actor PATTERN",
        )
    if isinstance(shared := told.get("unverified"), list) and shared:
        yield Finding(
            "credentials",
            "warn",
            f"unverified, with only the fleet's shared token: {', '.join(map(str, shared))}",
            "stop them, then: spl fleet start, which gives each a credential of its own",
        )


def fleet(patient: Patient) -> Iterator[Finding]:
    home = patient.home
    yield from _split(home)
    if answering_pid(home) is None:
        return
    try:
        with Client(Target(socket=home.socket, home=home.display()), timeout=2.0) as client:
            health = client.send(calls.engine_health())
            status = client.send(calls.fleet_status())
    except SyncropelError:
        return
    yield from _heartbeats(health, status)
    yield from _links(health, status)
    yield from _clocks(health, status)
    yield from _credentials(health, status)
    for one in status.instances:
        if one.status in _HEARD and one.backed_up:
            hint = "walk through that thread's records: spl debug replay THREAD"
            yield Finding("loops", "warn", f"{one.alias or one.did}: {one.backed_up}", hint)


def _split(home: Home) -> Iterator[Finding]:
    """A worker of this coordinator's fleet that leads it."""
    try:
        leader = leader_beside(home)
    except SetupError as error:
        yield Finding("fleet", "warn", error.message, error.hint)
        return
    if leader is not None:
        split = "; the fleet is split while this one runs" if find_daemon(home) is not None else ""
        yield Finding("fleet", "warn", f"{leader.told}{split}", f"see it there: {leader.command}")


def _heartbeats(health: EngineHealth, status: FleetStatus) -> Iterator[Finding]:
    """Heartbeats that a coordinator refuses, seen from either side, and what a worker lacks because of it."""
    if status.leader is not None:
        for problem in leader_problems(status.leader):
            yield Finding("leader", "warn", problem.words, problem.helps)
    if health.takes_no_work and (status.leader is None or status.leader.place != "fenced"):
        yield Finding(
            "work",
            "warn",
            f"takes none: {health.takes_no_work}",
            "readmit it, at its coordinator: spl fleet start; after a revocation with --reissue NAME",
        )
    hint = "it hears of no freeze: stop it: spl stop; or give it its credential back: spl fleet start"
    if health.coordinator_refuses:
        told = f"the coordinator refuses this worker's: {health.coordinator_refuses}"
        yield Finding("heartbeats", "warn", told, hint)
    for one in status.instances:
        if one.refused:
            yield Finding("heartbeats", "warn", f"refused of {one.alias or one.did}: {one.refused}", hint)


def _links(health: EngineHealth, status: FleetStatus) -> Iterator[Finding]:
    """A worker's link, or those of a coordinator's workers."""
    if health.link is not None:
        if health.link.state == "up":
            yield Finding("link", "ok", f"up ({health.link.transport})")
        else:
            told = f"{health.link.state}: {health.link.problem}"
            yield Finding("link", "warn", told, "it tries again by itself; see: spl logs --level WARN")
        return
    linked = [one for one in status.instances if one.link is not None and one.status in _HEARD]
    wrong = [f"{one.alias or one.did}: {told}" for one in linked if (told := link_problem(one))]
    for told in wrong:
        yield Finding("links", "warn", told, "see docs/concepts/link.md")
    if linked and not wrong:
        yield Finding("links", "ok", f"{len(linked)} up")


def _credentials(health: EngineHealth, status: FleetStatus) -> Iterator[Finding]:
    """Credentials that should have been renewed by now, and instances that speak an older protocol."""
    if health.role == "worker":
        return
    heard = [one for one in status.instances if one.status in _HEARD and one.credential_at is not None]
    old = [one for one in heard if status.at - (one.credential_at or 0.0) > _OLD_CREDENTIAL_SECS]
    if old:
        names = ", ".join(one.alias or one.did for one in old)
        hint = "see the log there; or: spl fleet nodes rotate NAME; an older version cannot renew: upgrade it"
        yield Finding("credentials", "warn", f"not renewed for more than 30 days: {names}", hint)
    behind = [one for one in heard if 0 < one.protocol < PROTOCOL]
    if behind:
        names = ", ".join(f"{one.alias or one.did} ({one.protocol})" for one in behind)
        told = f"older than this coordinator's {PROTOCOL}: {names}"
        yield Finding("protocol", "warn", told, "upgrade them: the next version of it refuses them")


def _clocks(health: EngineHealth, status: FleetStatus) -> Iterator[Finding]:
    ahead = {one.alias: one.clock_ahead_secs for one in status.instances if one.status in _HEARD}
    if health.role == "worker":
        ahead = {health.alias: health.clock_ahead_secs}
    elif len(ahead) < 2:
        return  # a coordinator's clock is the fleet's
    off = [f"{name} is {clock_words(secs)}" for name, secs in ahead.items() if is_off(secs)]
    unknown = sorted(name for name, secs in ahead.items() if secs is None)
    if off:
        yield Finding("clocks", "warn", ", ".join(off), "set them by a time server: timedatectl set-ntp true")
    elif unknown:
        yield Finding(
            "clocks", "warn", f"not measured yet: {', '.join(unknown)}", "the next heartbeat measures it"
        )
    else:
        largest = max((abs(secs) for secs in ahead.values() if secs is not None), default=0.0)
        yield Finding("clocks", "ok", f"within {largest:.2f} s of the coordinator's")
