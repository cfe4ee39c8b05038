"""The join of one task: its subtasks as a tree, and in words why it is joined or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from syncropel.api.schema import ChildOut, JoinStatus
from tui.model import timeline
from tui.model.glyphs import Glyphs, Tone, word
from tui.model.moment import Moment
from tui.model.rows import Cell, Column, Row, Rows, state_cell
from tui.model.text import NOTHING, duration, first_line, plain, spend, tail, wall

TIMELINE: Final = "timeline"
SUBTASKS: Final = (
    Column("index", "#", 7),
    Column("state", "STATE", 13),
    Column("goal", "GOAL", 14, grow=3, most=60),
    Column("worker", "WORKER", 11, grow=1, most=20),
    Column("wall", "WALL", 7, right=True),
    Column("cost", "COST", 7, drop=2, right=True),
    Column(TIMELINE, "TIMELINE", 16, grow=3, drop=3),
    Column("why", "WHY", 18, grow=3, most=80, drop=4),
    Column("depends", "AFTER", 5, drop=5),
    Column("attempt", "TRY", 3, drop=6, right=True),
    Column("verdict", "VERDICT", 8, drop=7),
)


@dataclass(frozen=True)
class Line:
    """A line of words with a tone."""

    text: str
    tone: Tone = "plain"


def subtask_rows(join: JoinStatus, at: Moment, glyphs: Glyphs, width: int) -> Rows:
    """A row for each subtask, in order; `width` is that of the timeline, 0 without one."""
    axis, children = timeline.Axis.of(join, at.heard, width), join.subtasks
    keys = [str(one.index) for one in children]
    return Rows(join, keys, lambda place: _subtask(children[place], join, at, glyphs, axis))


def _subtask(child: ChildOut, join: JoinStatus, at: Moment, glyphs: Glyphs, axis: timeline.Axis) -> Row:
    last = child is join.subtasks[-1]
    drawn = axis.bar(child)
    branch = glyphs.last_branch if last else glyphs.branch
    took = elapsed(child, at)
    blamed = child.index in join.blame and not join.complete
    why = first_line(child.why) or (first_line(child.summary) if child.state != "accept" else "")
    cells = {
        "index": Cell(f"{branch}[{child.index}]", "bad" if blamed else "plain", float(child.index)),
        "state": state_cell(child.state, glyphs),
        "goal": Cell(first_line(child.goal)),
        "worker": Cell(worker(child), "muted" if child.predicted else "plain"),
        "wall": Cell(wall(took) if child.finished_at else duration(took), "plain", took or 0.0),
        "cost": Cell(spend(child.cost_usd, None), "plain", child.cost_usd),
        TIMELINE: Cell(timeline.draw(drawn, axis.width, glyphs), drawn.tone if drawn else "muted"),
        "why": Cell(why, "warn" if blamed else "muted"),
        "depends": Cell(
            ",".join(map(str, child.depends_on)) or NOTHING, "warn" if child.waits_for else "plain"
        ),
        "attempt": Cell(str(child.attempt or NOTHING), "warn" if child.attempt > 1 else "plain"),
        "verdict": Cell(child.verdict or NOTHING),
    }
    fields = {key: cell.text for key, cell in cells.items() if key != TIMELINE}
    fields |= {"goal": plain(child.goal), "target": child.target}
    fields["state"] = f"{child.state} {child.state.replace('_', ' ')}"
    return Row(str(child.index), cells, fields)


def elapsed(child: ChildOut, at: Moment) -> float | None:
    """How long it took, or has taken so far."""
    if child.wall_time_secs is not None:
        return child.wall_time_secs
    if child.spawned_at is not None and child.state == "in_progress":
        return max(0.0, at.heard - child.spawned_at)
    return None


def worker(child: ChildOut) -> str:
    """Where it ran or runs; with a question mark where it would go if it were spawned now."""
    name = plain(child.instance_alias or (tail(child.instance) if child.instance else ""))
    if not name:
        return NOTHING
    return f"{name}?" if child.predicted else name


def verdict_line(join: JoinStatus, glyphs: Glyphs) -> Line:
    """Joined, open, or stuck: the predicate, its present value, and the reason."""
    why, predicate = first_line(join.explanation), first_line(join.join)
    if join.complete:
        good = join.verdict in (None, "accept")
        sign = glyphs.sign("accept" if good else "failed")
        head = "joined" if good else f"joined with verdict {join.verdict}"
        return Line(f"{sign} {head}: {predicate} = true · {why}", "good" if good else "bad")
    if not join.satisfiable:
        return Line(f"{glyphs.sign('failed')} cannot join any more: {predicate} = false · {why}", "bad")
    return Line(f"{glyphs.sign('in_progress')} not joined yet: {predicate} = false · {why}", "busy")


def summary_lines(join: JoinStatus, at: Moment, glyphs: Glyphs) -> list[Line]:
    """What stands above the tree: the parent, its join and why, a hint when stuck, and the figures."""
    lines = [
        Line(f"{plain(join.alias) or tail(join.thread)}  {first_line(join.goal)}", "strong"),
        verdict_line(join, glyphs),
    ]
    if not join.complete and not join.satisfiable:
        lines += [_last_words(one) for one in join.subtasks if one.index in join.blame[:3]]
    if join.hint and not join.complete:
        lines.append(Line(f"  {glyphs.arrow} {first_line(join.hint)}", "warn"))
    lines.append(Line(figures(join, at)))
    return lines


def _last_words(child: ChildOut) -> Line:
    """What a subtask that keeps the join from being satisfied said at the end."""
    said = first_line(child.why) or first_line(child.summary) or word(child.state)
    return Line(f"  [{child.index}] {said}", "bad")


def figures(join: JoinStatus, at: Moment) -> str:
    """Counts, elapsed time, cost, and the speedup along the critical path."""
    total = len(join.subtasks)
    end = join.joined_at if join.joined_at is not None else at.heard
    facts = [
        f"{join.accepted}/{total} accepted",
        f"{join.completed} done",
        f"{join.spawned} spawned",
        duration(end - join.started_at),
        spend(join.cost_usd, join.budget_usd),
    ]
    gain = timeline.speedup(join.subtasks, join.critical_path)
    facts += [f"speedup ×{gain:.1f}"] if gain is not None else []
    if join.critical_path:
        facts.append("critical path ━ " + "→".join(str(index) for index in join.critical_path[:8]))
    return " · ".join(facts)


def detail_lines(child: ChildOut, at: Moment, glyphs: Glyphs) -> list[tuple[str, Line]]:
    """Everything known of one subtask, as name and value."""
    state = state_cell(child.state, glyphs)
    lines = [("state", Line(state.text, state.tone))]
    lines += [("why", Line(plain(child.why), "warn"))] if child.why else []
    lines += [
        ("worker", Line(worker(child))),
        ("target", Line(plain(child.target))),
        ("after", Line(", ".join(f"[{one}]" for one in child.depends_on) or NOTHING)),
        ("waits for", Line(", ".join(f"[{one}]" for one in child.waits_for) or NOTHING)),
        ("attempt", Line(str(child.attempt or NOTHING))),
        ("wall", Line(wall(elapsed(child, at)))),
        ("timeout", Line(duration(child.timeout_secs))),
        ("cost", Line(spend(child.cost_usd, child.budget_usd))),
        ("adapter", Line(child.adapter or NOTHING)),
        ("verdict", Line(child.verdict or NOTHING)),
        ("thread", Line(child.child_thread or NOTHING)),
        ("output", Line(plain(child.output or NOTHING))),
        ("goal", Line(plain(child.goal))),
        ("summary", Line(plain(child.summary).strip() or NOTHING)),
    ]
    return lines
