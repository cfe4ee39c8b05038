"""The subtasks of one fan-out as the rows of a tree."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from syncropel import wire as schema
from syncropel.client.gate_text import gate_words
from syncropel.client.merge_text import SHORT
from syncropel.client.standing import standing
from tui.model import branches, folding, timeline
from tui.model.altered import ALTERED
from tui.model.branches import Branch
from tui.model.glyphs import Glyphs, Tone, tone_of, word
from tui.model.moment import Moment
from tui.model.rows import MEASURED, Cell, Column, Row, Rows, state_cell, widest
from tui.model.said import message_line
from tui.model.text import (
    NOTHING,
    count,
    duration,
    first_line,
    full_time,
    long_duration,
    paid,
    plain,
    tail,
    wall,
)

TIMELINE: Final = "timeline"
ASKS: Final = "asks"
_WARNED_SHARE: Final = 0.8
SUBTASKS: Final = (
    Column("index", "#", 7, whole=True),
    Column("state", "STATE", 13),
    Column("goal", "GOAL", 18, grow=4, most=60, wish=32, over=4),
    Column("worker", "WORKER", 11, grow=1, most=20),
    Column("wall", "WALL", 7, drop=1, right=True),
    Column("cost", "COST", 5, drop=2, right=True, whole=True),
    Column(TIMELINE, "TIMELINE", 16, grow=3, drop=3),
    Column("why", "WHY", 18, grow=3, most=80, drop=4, wish=36, over=4),
    Column("depends", "AFTER", 5, drop=6),
    Column("attempt", "TRY", 3, drop=5, right=True),
    Column("verdict", "VERDICT", 8, drop=8),
)


@dataclass(frozen=True)
class Line:
    """Text with a tone; it may wrap to this many lines where the width does not suffice for one."""

    text: str
    tone: Tone = "plain"
    most: int = 2


def subtask_rows(
    join: schema.JoinStatus,
    at: Moment,
    glyphs: Glyphs,
    width: int,
    unfolded: Collection[str] | None = None,
    nested: Mapping[str, schema.JoinStatus] = MappingProxyType({}),
    altered: frozenset[str] = frozenset(),
) -> Rows:
    """A row per line of the tree, as `branches.lay` returns them.

    `width` is that of the timeline, 0 without one: all bars are on the axis of the outermost fan-out.
    `altered`: the threads with altered records.
    """
    axis = timeline.Axis.shared(join, at.heard, width)
    shown = branches.lay(join, unfolded, nested, altered)
    fanouts = (join, *nested.values())
    paths = {one.thread: frozenset(() if may_take_longer(one) else one.critical_path) for one in fanouts}

    def make(place: int) -> Row:
        one = shown[place]
        if isinstance(one.what, folding.Group):
            return _group(one, one.what, glyphs)
        if isinstance(one.what, schema.TaskSummary):
            return _part(one, one.what, glyphs, altered=one.what.thread in altered)
        critical = one.what.index in paths.get(one.of.thread, ())
        bar = axis.bar(one.what, glyphs, critical=critical)
        return _subtask(one, one.what, at, glyphs, bar, altered=one.what.child_thread in altered)

    return Rows(join, [one.key for one in shown], make)


def scale(join: schema.JoinStatus, at: Moment, glyphs: Glyphs, width: int) -> str:
    """The header of the bars: the times of their axis."""
    return timeline.Axis.shared(join, at.heard, width).scale(join, glyphs)


def longest(join: schema.JoinStatus, shown: Sequence[Branch], glyphs: Glyphs) -> dict[str, int]:
    """How much room the columns of foreign text could use, folded or not."""
    first = shown[:MEASURED]
    children = [one.what for one in first if isinstance(one.what, schema.ChildOut)] + join.subtasks[:MEASURED]
    parts = [one.what for one in first if isinstance(one.what, schema.TaskSummary)]
    return {
        "index": widest(_index(one, glyphs) for one in shown),
        "goal": widest([*(first_line(one.goal) for one in children), *map(_part_goal, parts)]),
        "worker": widest(map(worker, children)),
        "cost": widest(paid(one.cost_usd, one.budget_usd, unknown=one.cost_unknown) for one in children),
        "why": widest(map(_why, children)),
        "depends": widest(map(_after, children)),
    }


def _index(one: Branch, glyphs: Glyphs) -> str:
    """Its place in the tree, and its number, or a sign that it can be unfolded."""
    what = one.what
    if isinstance(what, schema.ChildOut):
        name = f"[{what.index}]"
    elif one.unfolded:
        name = "-"
    elif isinstance(what, folding.Group):
        name = f"+{len(what.children)}"
    else:
        name = "+" if what.subtasks else ""
    return f"{'  ' * one.indent}{glyphs.last_branch if one.last else glyphs.branch}{name}"


def _why(child: schema.ChildOut) -> str:
    if child.asks is not None:
        return first_line(child.asks.text)
    if child.said is not None and child.state == "in_progress" and child.said.state != "answered":
        return f"{child.said.state}: {first_line(child.said.text)}"
    if child.state == "accept":
        return first_line(child.why)
    return first_line(child.why) or said_last(child) or first_line(child.progress)


def said_last(child: schema.ChildOut) -> str:
    """A subtask's final message."""
    return first_line(child.last_words) or first_line(child.summary)


def _after(child: schema.ChildOut) -> str:
    return ",".join(map(str, child.depends_on)) or NOTHING


def _part(branch: Branch, task: schema.TaskSummary, glyphs: Glyphs, *, altered: bool) -> Row:
    """A nested task; unfolded, its own subtasks are shown beneath it."""
    stuck = not task.satisfiable and not task.joined
    cells = {
        "index": Cell(_index(branch, glyphs), "muted", math.inf),
        "state": state_cell(ALTERED if altered else task.status, glyphs),
        "goal": Cell(_part_goal(task), "bad" if stuck else "plain"),
        "cost": Cell(paid(task.cost_usd, None, unknown=task.cost_unknown), "plain", task.cost_usd),
    }
    fields = {key: cell.text for key, cell in cells.items()}
    fields["state"] = _sought(task.status, cells["state"].text)
    return Row(branch.key, cells, fields)


def _part_goal(task: schema.TaskSummary) -> str:
    done = f"{task.accepted}/{task.subtasks} " if task.subtasks else ""
    return f"{plain(task.alias) or tail(task.thread)}  {done}{first_line(task.goal)}"


def _group(branch: Branch, group: folding.Group, glyphs: Glyphs) -> Row:
    cost = sum(one.cost_usd for one in group.children)
    unknown = any(one.cost_unknown for one in group.children)
    state = state_cell(group.state, glyphs)
    told = "enter shows them" if group.folded else "enter folds them away"
    cells = {
        "index": Cell(_index(branch, glyphs), "muted", math.inf),
        "state": state,
        "goal": Cell(told, "muted"),
        "cost": Cell(paid(cost, None, unknown=unknown), "muted", cost),
    }
    return Row(branch.key, cells, {"state": _sought(group.state, state.text)})


def _subtask(
    branch: Branch, child: schema.ChildOut, at: Moment, glyphs: Glyphs, drawn: str, *, altered: bool
) -> Row:
    took, told = elapsed(child, at), standing(child)
    blamed = child.index in branch.of.blame and not branch.of.complete
    cells = {
        "index": Cell(_index(branch, glyphs), "bad" if blamed else "plain", float(child.index)),
        "state": _state(child, told, at, glyphs, altered=altered),
        "goal": Cell(first_line(child.goal)),
        "worker": Cell(worker(child), "muted" if child.predicted else "plain"),
        "wall": Cell(wall(took) if child.finished_at else duration(took), "plain", took or 0.0),
        "cost": Cell(_paid(child), _spent_tone(child), child.cost_usd),
        TIMELINE: Cell(drawn, tone_of(told) if child.spawned_at is not None else "muted"),
        "why": Cell(_why(child), "warn" if blamed or child.hangs or child.asks else "muted"),
        "depends": Cell(_after(child), "warn" if child.waits_for else "plain"),
        "attempt": Cell(str(child.attempt or NOTHING), "warn" if child.attempt > 1 else "plain"),
        "verdict": Cell(child.verdict or NOTHING),
    }
    fields = {key: cell.text for key, cell in cells.items() if key != TIMELINE}
    fields |= {"goal": plain(child.goal), "target": child.target}
    fields["state"] = f"{_sought(child.state, cells['state'].text)} {word(told)}"
    return Row(branch.key, cells, fields)


def _state(child: schema.ChildOut, told: str, at: Moment, glyphs: Glyphs, *, altered: bool) -> Cell:
    """A state with its sign; of one that waits for an answer, since when."""
    if altered or told != ASKS or child.asks is None:
        return state_cell(ALTERED if altered else told, glyphs)
    since = long_duration(at.heard - child.asks.since)
    return Cell(f"{glyphs.sign(ASKS)} {ASKS} {since}", tone_of(ASKS), ASKS)


def _sought(state: str, shown: str) -> str:
    """What a filter finds a state by: its name, and what stands in the cell."""
    return f"{state} {state.replace('_', ' ')} {shown}"


def _paid(child: schema.ChildOut) -> str:
    return paid(child.cost_usd, child.budget_usd, unknown=child.cost_unknown)


def _added_lines(child: schema.ChildOut) -> list[tuple[str, Line]]:
    by = child.added_by
    told = f"the agent of [{by.index}], attempt {by.attempt}" if by is not None else ""
    return [("added by", Line(told))] if told else []


def _agent_lines(child: schema.ChildOut) -> list[tuple[str, Line]]:
    """What a coding agent reported about its run."""
    if (agent := child.agent) is None:
        return []
    denied = plain("; ".join(agent.denied)) or ("none" if agent.denials == "known" else "unknown")
    differs = plain(agent.gateway.disagrees) if agent.gateway is not None else ""
    return [
        ("model", Line(plain(agent.model) or NOTHING)),
        ("tokens", Line("unknown" if agent.tokens is None else count(agent.tokens))),
        *([("gateway", Line(differs, "warn"))] if differs else []),
        ("denied", Line(denied, "warn" if agent.denied else "plain")),
        ("session", Line(plain(agent.session) or NOTHING)),
    ]


def _asks_lines(asks: schema.AskOut, at: Moment) -> list[tuple[str, Line]]:
    more = f" ({asks.waiting - 1} more wait)" if asks.waiting > 1 else ""
    left = duration(asks.until - at.heard)
    return [
        ("asks", Line(plain(asks.text) + more, "warn")),
        ("since", Line(f"{duration(at.heard - asks.since)}; denied in {left} unless you answer", "warn")),
    ]


def _gate_lines(child: schema.ChildOut) -> list[tuple[str, Line]]:
    if (gate := child.gate) is None:
        return []
    return [("gate", Line(plain(gate_words(gate)), "plain" if gate.passed else "bad"))]


def _spent_tone(child: schema.ChildOut) -> Tone:
    """The daemon warns about a budget at the same share."""
    if not child.budget_usd or child.cost_usd < _WARNED_SHARE * child.budget_usd:
        return "plain"
    return "bad" if child.cost_usd >= child.budget_usd else "warn"


def may_take_longer(join: schema.JoinStatus) -> bool:
    """Whether anything runs outside the critical path, which only counts finished work."""
    running = {one.index for one in join.subtasks if one.state == "in_progress" and not one.standing}
    return bool(running - set(join.critical_path))


def elapsed(child: schema.ChildOut, at: Moment) -> float | None:
    """How long it took, or has taken so far."""
    if child.wall_time_secs is not None:
        return child.wall_time_secs
    if child.state != "in_progress" or child.queued:
        return None
    began = child.spawned_at if child.began_at is None and not child.standing else child.began_at
    end = at.heard if child.lost_at is None else child.lost_at
    return None if began is None else max(0.0, end - began)


def worker(child: schema.ChildOut) -> str:
    """Where it ran or runs; with a question mark, where it would go if it were spawned now."""
    name = plain(child.instance_alias or (tail(child.instance) if child.instance else ""))
    if not name:
        return NOTHING
    return f"{name}?" if child.predicted else name


def detail_lines(
    child: schema.ChildOut, at: Moment, glyphs: Glyphs, *, altered: bool = False
) -> list[tuple[str, Line]]:
    """Everything known about one subtask, as names and values; its state rests on `altered` records."""
    state = state_cell(ALTERED if altered else standing(child), glyphs)
    lines = [("state", Line(state.text, state.tone))]
    lines += [("lost", Line(full_time(child.lost_at), "warn"))] if child.lost_at is not None else []
    lines += [("why", Line(plain(child.why), "warn"))] if child.why else []
    lines += _asks_lines(child.asks, at) if child.asks is not None else []
    lines += [("progress", Line(plain(child.progress)))] if child.progress else []
    if (merged := child.merged) is not None:
        at_commit = f" at {merged.commit[:SHORT]}" if merged.commit else ""
        lines.append(("merged", Line(plain(f"into {merged.into}{at_commit}"), "good")))
    if child.said is not None:
        told, tone = message_line(child.said, glyphs)
        lines.append(("said", Line(told, tone)))
    lines += [
        ("worker", Line(worker(child))),
        ("target", Line(plain(child.target))),
        ("after", Line(", ".join(f"[{one}]" for one in child.depends_on) or NOTHING)),
        ("waits for", Line(", ".join(f"[{one}]" for one in child.waits_for) or NOTHING)),
        *_added_lines(child),
        ("attempt", Line(str(child.attempt or NOTHING))),
        ("wall", Line(wall(elapsed(child, at)))),
        ("timeout", Line(duration(child.timeout_secs))),
        ("cost", Line(_paid(child))),
        *_agent_lines(child),
        *_gate_lines(child),
        ("adapter", Line(child.adapter or NOTHING)),
        ("verdict", Line(child.verdict or NOTHING)),
        ("thread", Line(child.child_thread or NOTHING)),
        ("output", Line(plain(child.output or NOTHING))),
        ("goal", Line(plain(child.goal))),
        ("summary", Line(plain(child.summary).strip() or NOTHING)),
    ]
    return lines
