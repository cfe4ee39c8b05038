"""Everything known about one item, as names and values, for the detail screens."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from syncropel.client.attention import altered
from syncropel.client.clock_text import clock_problem, clock_words
from syncropel.client.link_text import link_lines, link_problem, round_trip_words
from tui.model.altered import state_of
from tui.model.collisions import collision_facts
from tui.model.fleet import DISPATCHES, FANOUTS, INSTANCES, dispatch_rows, fanout_rows, instance_rows
from tui.model.glyphs import Glyphs, Tone
from tui.model.log_state import SOUND, helping, thread_lines
from tui.model.merging import merged_facts
from tui.model.moment import Moment
from tui.model.rows import Column, Rows
from tui.model.subject import Subject
from tui.model.text import NOTHING, age, count, paid, plain
from tui.model.tree import Line, detail_lines
from tui.model.world import World

if TYPE_CHECKING:
    from syncropel.wire import FleetStatus, InstanceOut, TaskSummary

Fact = tuple[str, Line]
NAME_WIDTH = 12


def instance_facts(world: World, did: str, at: Moment, glyphs: Glyphs) -> list[Fact]:
    """An instance and what runs there; empty when it is unknown."""
    status = world.status
    found = next((one for one in status.instances if one.did == did), None) if status else None
    if status is None or found is None:
        return []
    facts = _cells(INSTANCES, instance_rows(status, at, glyphs), did, without=("did", "endpoint"))
    facts += [("did", Line(found.did)), ("endpoint", Line(plain(found.endpoint) or NOTHING))]
    facts += [("link", Line(plain(line), _tone(found))) for line in link_lines(found, at.now)]
    if trip := round_trip_words(found.round_trip_secs):
        facts.append(("round trip", Line(trip)))
    facts.append(("since", Line(f"{age(at.now - found.since)} ago")))
    if told := _identified(found, at):
        facts.append(("credential", Line(told, "bad" if found.credential == "revoked" else "plain")))
        tone: Tone = "warn" if clock_problem(found) else "plain"
        facts.append(("clock", Line(clock_words(found.clock_ahead_secs), tone)))
    if found.memory_bytes is not None:
        facts.append(("memory", Line(_memory(found.memory_bytes, found.memory_growth_bytes or 0))))
    if found.log is not None and found.log.state != SOUND:
        facts.append(("log", Line(f"{found.log.state}: {plain(found.log.problem)}", "bad")))
        alias = "" if found.did == status.coordinator_did else found.alias or found.did
        facts.append(("", Line(helping(plain(found.log.hint), alias), "warn")))
    if found.backed_up:
        facts.append(("loops", Line(plain(found.backed_up), "warn")))
    return facts + _running(world, found)


def _tone(one: InstanceOut) -> Tone:
    return "warn" if link_problem(one) else "plain"


def _identified(one: InstanceOut, at: Moment) -> str:
    """How it identifies itself, since when, and by which protocol; empty when that is not known."""
    told = {"own": "its own", "shared": "shared, unverified", "revoked": "revoked"}.get(one.credential, "")
    if one.credential == "own" and one.credential_at is not None:
        told += f", {age(max(0.0, at.now - one.credential_at))} old"
    return f"{told}; protocol {one.protocol}" if told and one.protocol else told


def _memory(held: int, grown: int) -> str:
    way = "more" if grown >= 0 else "less"
    return f"{count(held)}B, {count(abs(grown))}B {way} than at its start"


def _running(world: World, instance: InstanceOut) -> list[Fact]:
    dispatches = world.status.dispatches if world.status else []
    mine = [one for one in dispatches if one.instance == instance.did]
    return [("running", Line(f"{plain(one.alias)}[{one.index}] {plain(one.goal)}")) for one in mine]


def _cells(columns: Sequence[Column], rows: Rows, key: str, without: Collection[str] = ()) -> list[Fact]:
    """The contents of all columns for one row, whether or not they fit; empty when the row is gone."""
    if key not in rows.keys:
        return []
    cells = rows[rows.keys.index(key)].cells
    shown = [(one.title.lower(), cells[one.key]) for one in columns if one.key not in without]
    return [(title, Line(cell.text, cell.tone)) for title, cell in shown]


def dispatch_facts(status: FleetStatus, key: str, at: Moment, glyphs: Glyphs) -> list[Fact]:
    """What is running, by the identity of its row."""
    rows = dispatch_rows(status, at, glyphs)
    found = next((one for one in status.dispatches if f"{one.thread}/{one.index}" == key), None)
    if found is None:
        return []
    return [
        *thread_lines([found.thread, found.child_thread], status, glyphs),
        *_cells(DISPATCHES, rows, key, without=("goal",)),
        *([("why", Line(plain(found.why), "warn" if found.hangs else "plain"))] if found.why else []),
        *([("progress", Line(plain(found.progress)))] if found.progress else []),
        ("thread", Line(found.child_thread or NOTHING)),
        ("goal", Line(plain(found.goal))),
    ]


def fanout_facts(status: FleetStatus, thread: str, at: Moment, glyphs: Glyphs) -> list[Fact]:
    """A fan-out that has not joined."""
    found = next((one for one in status.fanouts if one.thread == thread), None)
    if found is None:
        return []
    return [
        *thread_lines([thread], status, glyphs),
        *_cells(FANOUTS, fanout_rows(status, at, glyphs), thread, without=("goal", "explanation")),
        ("thread", Line(thread)),
        ("waits", Line(plain(found.explanation), "plain" if found.satisfiable else "bad")),
        ("goal", Line(plain(found.goal))),
    ]


def task_facts(world: World, task: TaskSummary, at: Moment, glyphs: Glyphs) -> list[Fact]:
    """A task, without what its join says."""
    state = state_of(task.status, task.thread, altered(world.status), glyphs)
    return [
        *thread_lines([task.thread], world.status, glyphs),
        ("status", Line(state.text, state.tone)),
        ("priority", Line(task.priority)),
        ("domain", Line(plain(task.domain) or NOTHING)),
        ("namespace", Line(plain(task.namespace))),
        ("labels", Line(plain(", ".join(task.labels)) or NOTHING)),
        ("created", Line(f"{age(at.now - task.created_at)} ago")),
        ("changed", Line(f"{age(at.now - task.updated_at)} ago")),
        *merged_facts(world.join_of(task.thread)),
        ("cost", Line(paid(task.cost_usd, None, unknown=task.cost_unknown))),
        ("records", Line(str(task.records))),
        ("thread", Line(task.thread)),
        ("goal", Line(plain(task.goal))),
    ]


def subtask_facts(world: World, thread: str, index: int, at: Moment, glyphs: Glyphs) -> list[Fact]:
    """One subtask; empty until its join has been read."""
    join = world.join_of(thread)
    child = next((one for one in join.subtasks if one.index == index), None) if join else None
    if child is None:
        return []
    # What a subtask reported is a record of the task's thread.
    marked = thread_lines([thread, child.child_thread or ""], world.status, glyphs)
    met = collision_facts(world.status, thread, index)
    return [*marked, *met, *detail_lines(child, at, glyphs, altered=bool(marked))]


def facts_of(world: World, subject: Subject, at: Moment, glyphs: Glyphs) -> list[Fact]:
    """The item under the cursor: an instance, a task, or a subtask. Empty when it is not known."""
    if subject.did:
        return instance_facts(world, subject.did, at, glyphs)
    if subject.index is not None:
        return subtask_facts(world, subject.thread, subject.index, at, glyphs)
    task = world.task(subject.thread)
    return task_facts(world, task, at, glyphs) if task is not None else []


def wrapped(facts: Sequence[Fact], width: int) -> list[tuple[str, Line]]:
    """Facts as lines of at most `width` cells; the name precedes the first line of its value.

    A value that is limited to one line is cut at its end.
    """
    lines: list[tuple[str, Line]] = []
    for name, value in facts:
        name_ = f"{name:<{NAME_WIDTH}}"
        most = 1 if value.most == 1 else None
        for line in value.text.splitlines()[:most] or [""]:
            for part in textwrap.wrap(
                line, max(10, width - NAME_WIDTH), drop_whitespace=False, max_lines=most, placeholder="…"
            ) or [""]:
                lines.append((name_, Line(part, value.tone)))
                name_ = " " * NAME_WIDTH
    return lines
