"""The rows of the fleet screen: instances, dispatches, and fan-outs."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from syncropel.client import attention
from syncropel.client.clock_text import UNKNOWN, clock_problem
from syncropel.client.link_text import endpoint_words, link_problem
from syncropel.wire.work_words import is_late, is_over_budget, of_fan_out
from tui.model.altered import ALTERED
from tui.model.charts import bar
from tui.model.glyphs import Glyphs, marked
from tui.model.moment import Moment
from tui.model.rows import MEASURED, Cell, Column, Row, Rows, state_cell, widest
from tui.model.text import NOTHING, age, count, duration, first_line, long_duration, paid, plain, tail

if TYPE_CHECKING:
    from syncropel.wire import DispatchOut, FanOutProgress, FleetStatus, InstanceOut

BAR_WIDTH: Final = 8
QUEUED: Final = "queued"
LOST: Final = "lost"
"""Shown instead of a subtask's running time: its instance has not begun it, or was lost with it."""
_WORKING: Final = frozenset({"live", "draining"})
_GONE: Final = frozenset({"archived", "left"})

INSTANCES: Final = (
    Column("alias", "ALIAS", 11, grow=2, most=24),
    Column("status", "STATUS", 11, whole=True),
    Column("beat", "BEAT", 7, right=True),
    Column("load", "LOAD", 7, grow=1, most=12, right=True),
    Column("health", "HEALTH", 8, drop=2, whole=True),
    Column("role", "ROLE", 11, drop=3),
    Column("uptime", "UPTIME", 7, drop=4, right=True),
    Column("records", "RECORDS", 7, drop=5, right=True),
    Column("endpoint", "ENDPOINT", 22, grow=1, most=34, drop=6),
    Column("did", "DID", 9, drop=7),
    Column("adapter", "ADAPTER", 7, drop=8),
    Column("version", "VERSION", 8, drop=9),
    Column("bytes", "STORE", 8, drop=10, right=True),
    Column("pid", "PID", 7, drop=11, right=True),
)
DISPATCHES: Final = (
    Column("task", "TASK", 14, grow=1, most=24),
    Column("goal", "GOAL", 14, grow=4),
    Column("instance", "INSTANCE", 11, grow=1, most=24),
    Column("elapsed", "ELAPSED", 7, right=True),
    Column("spend", "SPEND", 12, drop=2, right=True, whole=True),
    Column("timeout", "TIMEOUT", 7, drop=3, right=True),
    Column("attempt", "TRY", 3, drop=4, right=True),
    Column("says", "SAYS", 20, grow=3, most=60, drop=5),
)
FANOUTS: Final = (
    Column("task", "TASK", 12, grow=1, most=24),
    Column("goal", "GOAL", 16, grow=3, most=60, drop=4),
    Column("progress", "ACCEPTED", BAR_WIDTH + 8),
    Column("explanation", "WHY NOT JOINED YET", 30, grow=5, wish=60, over=2),
    Column("age", "AGE", 7, right=True),
    Column("spend", "SPEND", 12, drop=2, right=True, whole=True),
    Column("join", "JOIN", 10, grow=1, most=22, drop=3),
    Column("namespace", "NAMESPACE", 10, grow=1, most=20, drop=5),
)


def instance_name(did: str, status: FleetStatus) -> str:
    """The alias of an instance, or the end of its DID."""
    return next((plain(one.alias) for one in status.instances if one.did == did), tail(did))


def instance_rows(status: FleetStatus, at: Moment, glyphs: Glyphs) -> Rows:
    ranked = sorted(status.instances, key=lambda one: (one.role != "coordinator", one.alias))
    return Rows(status, [one.did for one in ranked], lambda place: _instance(ranked[place], at, glyphs))


def _instance(one: InstanceOut, at: Moment, glyphs: Glyphs) -> Row:
    gone = one.status in _GONE
    beat = None if one.last_heartbeat is None else max(0.0, at.now - one.last_heartbeat)
    if not at.live and not gone:
        status = Cell(_was(one.status, glyphs), "warn", one.status)
    else:
        status = state_cell(one.status, glyphs)
    uptime = None if one.uptime_secs is None or gone else one.uptime_secs + _since(one.last_heartbeat, at)
    cells = {
        "alias": Cell(plain(one.alias), "muted" if gone else "strong"),
        "status": status,
        "health": _health(one),
        "beat": Cell(_beat(one, beat, at), "plain", -1.0 if beat is None else beat),
        "load": _load(one),
        "role": Cell(marked(one.role)),
        "uptime": Cell(long_duration(uptime), "plain", -1.0 if uptime is None else uptime),
        "records": Cell(count(one.store_records), "plain", float(one.store_records or 0)),
        "endpoint": Cell(plain(endpoint_words(one)) or NOTHING, "warn" if link_problem(one) else "plain"),
        "did": Cell(tail(one.did)),
        "adapter": Cell(one.adapter or NOTHING),
        "version": Cell(one.version),
        "bytes": Cell(f"{count(one.store_bytes)}B" if one.store_bytes else NOTHING, "plain", one.store_bytes),
        "pid": Cell(str(one.pid or NOTHING), "plain", float(one.pid or 0)),
    }
    return Row(one.did, cells, _fields(cells, did=one.did, status=one.status))


def _health(one: InstanceOut) -> Cell:
    """Health, or the problem of a healthy instance: its log, its clock, or a loop that is backed up."""
    if one.status in _GONE:
        return Cell(one.health)
    if one.health != "healthy":
        return Cell(one.health, "warn")
    if one.log is not None and one.log.state != "sound":
        return Cell(f"log {one.log.state}", "bad")
    if one.clock_ahead_secs is None:
        return Cell(f"clock {UNKNOWN}")
    if one.link is not None and one.link.state != "up":
        return Cell(f"link {one.link.state}", "bad")
    problem = clock_problem(one) or ("backed up" if one.backed_up else "")
    return Cell(problem, "warn") if problem else Cell(one.health)


def _was(status: str, glyphs: Glyphs) -> str:
    return f"{glyphs.sign('unknown')} was {status}"


def instance_longest(status: FleetStatus, glyphs: Glyphs) -> dict[str, int]:
    """The room that the statuses need, also while disconnected, and what is wrong with an instance: neither
    is ever cut.
    """
    shown = {one.status for one in status.instances} - _GONE
    return {
        "status": widest(_was(one, glyphs) for one in shown),
        "health": widest(_health(one).text for one in status.instances),
    }


def _beat(one: InstanceOut, beat: float | None, at: Moment) -> str:
    """To the second only when something is wrong; for a live instance it only confirms that all is well."""
    return age(beat) if at.live and one.status == "live" else duration(beat)


def _since(at: float | None, moment: Moment) -> float:
    return 0.0 if at is None else max(0.0, moment.heard - at)


def _load(one: InstanceOut) -> Cell:
    if not one.max_concurrent:
        return Cell(NOTHING, "muted", -1.0)
    waiting = f" +{one.queued_dispatches}" if one.queued_dispatches else ""
    full = one.active_dispatches >= one.max_concurrent
    order = one.active_dispatches + one.queued_dispatches / 1e6
    return Cell(f"{one.active_dispatches}/{one.max_concurrent}{waiting}", "warn" if full else "plain", order)


def dispatch_rows(status: FleetStatus, at: Moment, glyphs: Glyphs) -> Rows:
    running, found = status.dispatches, attention.altered(status)
    keys = [f"{one.thread}/{one.index}" for one in running]

    @cache
    def names() -> dict[str, str]:
        away = {one.did: f" ({one.status})" for one in status.instances if one.status not in _WORKING}
        return {one.did: plain(one.alias) + away.get(one.did, "") for one in status.instances}

    def make(place: int) -> Row:
        one = running[place]
        wrong = not found.isdisjoint((one.thread, one.child_thread))
        name = names().get(one.instance) or tail(one.instance)
        return _dispatch(keys[place], one, name, at, glyphs.sign(ALTERED) if wrong else "")

    return Rows(status, keys, make)


def _dispatch(key: str, one: DispatchOut, instance: str, at: Moment, mark: str) -> Row:
    """`mark`: the sign of an altered record on its thread or its task's; empty when there is none."""
    began = one.started_at if one.began_at is None else one.began_at
    word = LOST if one.lost_at is not None else QUEUED if one.queued else ""
    elapsed = -1.0 if word else max(0.0, at.heard - began)
    goal = first_line(one.goal)
    late, over = is_late(one, at.heard), is_over_budget(one)
    cells = {
        "task": Cell(f"{plain(one.alias) or tail(one.thread)}[{one.index}]", "strong"),
        "goal": Cell(f"{mark} {ALTERED}: {goal}" if mark else goal, "bad" if mark else "plain"),
        "instance": Cell(instance, "warn" if one.hangs else "plain"),
        "elapsed": Cell(word or long_duration(elapsed), "warn" if late or word == LOST else "plain", elapsed),
        "spend": Cell(_spend(one), "warn" if over else "plain", one.cost_usd),
        "timeout": Cell(duration(one.timeout_secs), "plain", one.timeout_secs or 0.0),
        "attempt": Cell(str(one.attempt), "plain", float(one.attempt)),
        "says": Cell(first_line(one.why or one.progress) or NOTHING, "warn" if one.hangs else "plain"),
    }
    fields = _fields(cells, thread=one.thread, child=one.child_thread, goal=plain(one.goal), why=one.why)
    return Row(key, cells, fields)


def fanout_rows(status: FleetStatus, at: Moment, glyphs: Glyphs) -> Rows:
    waiting, found = status.fanouts, attention.altered(status)

    def make(place: int) -> Row:
        one = waiting[place]
        return _fanout(one, at, glyphs, rests_on_altered=one.thread in found)

    return Rows(status, [one.thread for one in waiting], make)


def _cause(one: FanOutProgress) -> str:
    """Why it has not joined; the number accepted and the predicate have columns of their own."""
    return first_line(one.cause or one.explanation)


def fanout_longest(status: FleetStatus) -> dict[str, int]:
    """How much room the columns of foreign text could use."""
    some = status.fanouts[:MEASURED]
    return {
        "task": widest(plain(one.alias) or tail(one.thread) for one in some),
        "explanation": widest(_cause(one) for one in some) + 2,
        "join": widest(first_line(one.join) for one in some),
        "namespace": widest(plain(one.namespace) for one in some),
        "goal": widest(first_line(one.goal) for one in some),
        "spend": widest(map(_spend, some)),
    }


def dispatch_longest(status: FleetStatus) -> dict[str, int]:
    """The room that foreign text could use, and that costs need: a cut number reads as another one."""
    some = status.dispatches[:MEASURED]
    return {
        "spend": widest(map(_spend, some)),
        "goal": widest(first_line(one.goal) for one in some),
        "says": widest(first_line(one.why or one.progress) for one in some),
    }


def _spend(one: DispatchOut | FanOutProgress) -> str:
    return paid(one.cost_usd, one.budget_usd, unknown=one.cost_unknown)


def _fanout(one: FanOutProgress, at: Moment, glyphs: Glyphs, *, rests_on_altered: bool) -> Row:
    share = one.accepted / one.subtasks if one.subtasks else 0.0
    why, sound = _cause(one), one.satisfiable and not rests_on_altered
    if rests_on_altered:
        why = f"{ALTERED}: a record of it is not what it was"
    old = max(0.0, at.heard - one.started_at)
    cells = {
        "task": Cell(plain(one.alias) or tail(one.thread), "strong"),
        "progress": Cell(
            f"{bar(one.accepted, one.subtasks, BAR_WIDTH, glyphs)} {one.accepted}/{one.subtasks}",
            "good" if sound else "bad",
            share,
        ),
        "explanation": Cell(
            why if sound else f"{glyphs.sign('failed')} {why}",
            "bad" if not sound else "warn" if of_fan_out(one) else "plain",
        ),
        "age": Cell(long_duration(old), "plain", old),
        "spend": Cell(_spend(one), "plain", one.cost_usd),
        "join": Cell(first_line(one.join)),
        "namespace": Cell(plain(one.namespace)),
        "goal": Cell(first_line(one.goal)),
    }
    return Row(one.thread, cells, _fields(cells, thread=one.thread, goal=plain(one.goal)))


def _fields(cells: dict[str, Cell], **more: str) -> dict[str, str]:
    return {key: cell.text for key, cell in cells.items()} | more


def counts(status: FleetStatus) -> str:
    """The fleet in one line, for the header."""
    parts = [f"{status.live} live"]
    parts += [f"{status.stale} stale"] if status.stale else []
    waiting = sum(one.queued for one in status.dispatches)
    lost = sum(one.lost_at is not None for one in status.dispatches)
    running = len(status.dispatches) - waiting - lost
    parts += [f"{running} running"] if running else []
    parts += [f"{waiting} queued"] if waiting else []
    parts += [f"{lost} lost"] if lost else []
    parts += [f"{len(status.fanouts)} fan-outs"] if len(status.fanouts) > 1 else []
    parts += ["1 fan-out"] if len(status.fanouts) == 1 else []
    return " · ".join(parts)
