"""The fleet as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.numbers import duration, seconds, size
from syncropel.cli.support.terminal import clean, table
from syncropel.cli.text.spend import spend_lines
from syncropel.client.clock_text import clock_words
from syncropel.client.link_text import endpoint_words, link_lines, round_trip_words

if TYPE_CHECKING:
    from syncropel.client.attention import Attention
    from syncropel.wire import FleetRule, FleetStatus, InstanceOut, RunningDispatch

NO_INSTANCES: Final = "0 live · 0 stale · 0 archived"
_STATES: Final = {"set": "set by an operator", "removed": "removed", "default": "put back"}
_CREDENTIALS: Final = {
    "own": "its own",
    "shared": "the fleet's shared token (unverified)",
    "revoked": "revoked",
}
_GONE: Final = frozenset({"left", "archived"})
_GOAL_CHARS: Final = 60
_MOST_GOALS: Final = 5
_HEADER: Final = ["DID", "ENDPOINT", "STATUS", "VERSION", "UPTIME", "HEALTH"]


def shown(instances: Sequence[InstanceOut], every: bool) -> list[InstanceOut]:
    """The instances of a list, by DID; those that are gone only when all are requested, or when they were
    revoked or are refused: an operator must see who is locked out.
    """
    wanted = (
        one
        for one in instances
        if every or one.status not in _GONE or one.credential == "revoked" or one.refused
    )
    return sorted(wanted, key=lambda one: one.did)


def list_lines(status: FleetStatus, every: bool) -> list[str]:
    """The output of `spl fleet list`."""
    rows = [
        [one.did, endpoint_words(one), one.status, one.version, _uptime(one), one.health]
        for one in shown(status.instances, every)
    ]
    return [*table(_HEADER, rows), counts(status)]


def counts(status: FleetStatus) -> str:
    """`3 live · 0 stale · 0 archived`, and the number draining, if any."""
    draining = sum(one.status == "draining" for one in status.instances)
    line = f"{status.live} live · {status.stale} stale · {status.archived} archived"
    return f"{line} · {draining} draining" if draining else line


def status_lines(status: FleetStatus) -> list[str]:
    """The output of `spl fleet status`."""
    lines = [
        "Fleet status",
        f"  Coordinator URL: {status.coordinator_url}",
        *_leader_lines(status),
        f"  Heartbeat: every {seconds(status.heartbeat_interval_secs)}",
        f"  Instances: {counts(status)}",
    ]
    if status.freezes:
        from syncropel.client.freeze_text import confirmations, place

        lines.append("  Active freezes:")
        for one in status.freezes:
            lines += [
                f"    [{one.level}] {place(one.namespace)} — {one.reason}",
                f"      {confirmations(one)}",
            ]
    else:
        lines.append("  Active freezes: (none)")
    lines.append(f"  Emergency stop: {'ACTIVE' if status.emergency else 'inactive'}")
    lines += [f"  Paused: {clean(one.told)}" for one in status.paused]
    return [*lines, *_rule_lines(status.rules), *spend_lines(status), *_needs_look(status)]


def _leader_lines(status: FleetStatus) -> list[str]:
    """Who leads; nothing in a fleet in which nobody was promoted."""
    if status.leader is None or (status.leader.term == 1 and status.leader.place != "unclaimed"):
        return []
    from syncropel.client.leader_text import leader_problems, led_words

    problems = [f"    hint: {clean(one.helps)}" for one in leader_problems(status.leader)]
    return [f"  Leader: {clean(led_words(status.leader))}", *problems]


def _needs_look(status: FleetStatus) -> list[str]:
    from syncropel.client.attention import attention

    found = attention(status)
    return ["  Needs a look:", *(f"    {line}" for line in _attention(found))] if found else []


def attention_lines(found: Sequence[Attention], status: FleetStatus) -> list[str]:
    """The output of `spl fleet status --check`."""
    return _attention(found) or [f"nothing needs attention: {counts(status)}"]


def _attention(found: Sequence[Attention]) -> list[str]:
    return [f"{clean(one.name)} {clean(one.words)}" for one in found]


def _rule_lines(rules: Sequence[FleetRule]) -> list[str]:
    """The fleet's rules in one line; those that some instance lacks, or that are not enforced as before, by
    name.
    """
    if not rules:
        return []
    from syncropel.client.freeze_text import confirmations

    told = [one for one in rules if one.waiting or one.name.startswith("freeze-")]
    reached = "confirmed by all" if not any(one.waiting for one in rules) else "not confirmed by all"
    lines = [f"  Rules of the fleet: {sum(one.state == 'set' for one in rules)}, {reached}"]
    return lines + [
        f"    {one.name} ({_STATES.get(one.state, one.state)}) — {confirmations(one)}" for one in told
    ]


def running_lines(alias: str, rows: Sequence[RunningDispatch]) -> list[str]:
    """What `spl fleet stop` prints about an instance's running work, which runs again at the next start."""
    if not rows:
        return []
    goals = "goal" if len(rows) == 1 else "goals"
    shown = [
        f"  {clean(row.goal)[:_GOAL_CHARS]} ({duration(row.elapsed_secs)})" for row in rows[:_MOST_GOALS]
    ]
    more = [f"  and {len(rows) - _MOST_GOALS} more"] if len(rows) > _MOST_GOALS else []
    return [f"[{alias}] runs {len(rows)} {goals}, which run again at the next start:", *shown, *more]


def instance_lines(one: InstanceOut, at: float) -> list[str]:
    """The output of `spl fleet show`. `at`: now, unix seconds."""
    beat = "never" if one.last_heartbeat is None else f"{int(one.last_heartbeat)} (unix)"
    records = "unknown" if one.store_records is None else str(one.store_records)
    return [
        f"Instance: {one.did}",
        f"  Alias: {one.alias} ({one.role})",
        f"  Endpoint: {one.endpoint}",
        f"  Status: {one.status}",
        f"  Version: {one.version}",
        f"  Uptime: {_uptime(one)}",
        f"  Health: {one.health}",
        f"  Active dispatches: {one.active_dispatches}",
        f"  Store records: {records}",
        *([f"  Memory: {size(one.memory_bytes)}"] if one.memory_bytes is not None else []),
        *([f"  Log: {one.log.state}: {clean(one.log.problem)}"] if one.log and one.log.problem else []),
        *([f"  Loops: {clean(one.backed_up)}"] if one.backed_up else []),
        f"  Last heartbeat: {beat}",
        f"  Clock: {clock_words(one.clock_ahead_secs)}",
        *([f"  Round trip: {trip}"] if (trip := round_trip_words(one.round_trip_secs)) else []),
        *(f"  Link: {clean(line)}" for line in link_lines(one, at)),
        *(["  Permissions: enforced"] if one.permissions else []),
        *([f"  Credential: {_credential(one)}"] if one.credential in _CREDENTIALS else []),
        *([f"  Protocol: {one.protocol}"] if one.protocol else []),
        *([f"  Heartbeats: refused: {clean(one.refused)}"] if one.refused else []),
    ]


def change_line(status: FleetStatus) -> str:
    """The fleet in one line, for a stream of changes; equal lines mean that nothing visible has changed."""
    waiting = sum(one.queued for one in status.dispatches)
    lost = sum(one.lost_at is not None for one in status.dispatches)
    parts = [counts(status), f"{len(status.dispatches) - waiting - lost} running"]
    parts += [f"{waiting} queued"] if waiting else []
    parts += [f"{lost} lost"] if lost else []
    parts += [f"{one.alias or one.thread[:11]} {one.completed}/{one.subtasks}" for one in status.fanouts]
    away = [f"{one.alias} {one.status}" for one in status.instances if one.status in ("stale", "draining")]
    frozen = [f"frozen {one.namespace}" for one in status.freezes]
    frozen += [f"paused {one.provider}" for one in status.paused]
    return " · ".join([*parts, *away, *frozen, *(["EMERGENCY"] if status.emergency else [])])


def _credential(one: InstanceOut) -> str:
    told = _CREDENTIALS[one.credential]
    if one.credential != "own" or one.credential_at is None or one.last_heartbeat is None:
        return told
    return f"{told}, since {duration(max(0.0, one.last_heartbeat - one.credential_at))}"


def _uptime(one: InstanceOut) -> str:
    return "-" if one.uptime_secs is None else duration(one.uptime_secs)
