"""The text above a fan-out's tree: its join, why it has its state and what proves it, its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.children import task_children
from tui.model.glyphs import Glyphs, tone_of, word
from tui.model.moment import Moment
from tui.model.text import duration, first_line, paid, plain, tail, wall
from tui.model.tree import Line, may_take_longer, said_last

if TYPE_CHECKING:
    from syncropel.wire import ChildOut, JoinStatus, TaskSummary
    from syncropel.wire.explain import TaskWhy

_PROOFS: Final = 2


def verdict_line(join: JoinStatus, glyphs: Glyphs, why: TaskWhy | None = None) -> Line:
    """The predicate with its current value, and a sentence on why it is joined, open, or stuck."""
    told = first_line(why.sentence if why and why.of_join else _sentence(join))
    head = f"{first_line(join.join)} = {'true' if join.complete else 'false'}"
    state = "accept" if join.complete else "in_progress"
    if not join.satisfiable or (join.complete and join.verdict not in (None, "accept")):
        state = "failed"
    return Line(f"{glyphs.sign(state)} {head} · {told}", tone_of(state))


def _sentence(join: JoinStatus) -> str:
    """What the join itself says, until the daemon's explanation arrives."""
    if join.complete:
        verb = "joined" if join.verdict in (None, "accept") else f"ended with verdict {join.verdict}"
        return f"{verb}: {join.explanation}"
    return f"{'not done yet' if join.satisfiable else 'it cannot join any more'}: {join.explanation}"


def status_line(why: TaskWhy, glyphs: Glyphs) -> Line:
    """Why a task has a status that somebody gave it."""
    return Line(f"{glyphs.sign(why.status)} {first_line(why.sentence)}", tone_of(why.status))


def proof_line(why: TaskWhy) -> Line:
    """The records that prove it, as many as fit on a line."""
    shown = [f"{one.record[:12]} {first_line(one.shows)}" for one in why.proofs[:_PROOFS]]
    more = len(why.proofs) - len(shown)
    return Line("  proved by " + " · ".join([*shown, *([f"+{more} more"] if more else [])]), "muted", most=1)


def summary_lines(
    join: JoinStatus, at: Moment, glyphs: Glyphs, why: TaskWhy | None = None, *, proofs: bool = False
) -> list[Line]:
    """The text above the tree: the parent, its join and why, a hint when stuck, and the figures."""
    verdict = verdict_line(join, glyphs, why)
    lines = [Line(f"{plain(join.alias) or tail(join.thread)}  {first_line(join.goal)}", "strong"), verdict]
    if why is not None and not why.of_join:
        lines.append(status_line(why, glyphs))
    if not join.complete and not join.satisfiable:
        last = [(one.index, _last_words(one)) for one in join.subtasks if one.index in join.blame[:3]]
        lines += [Line(f"  [{index}] {said}", "bad") for index, said in last if said not in verdict.text]
    if join.hint and not join.complete:
        lines.append(Line(f"  {glyphs.arrow} {first_line(join.hint)}", "warn"))
    if why is not None and why.proofs and proofs:
        lines.append(proof_line(why))
    lines.append(Line(figures(join, at)))
    return lines


def task_lines(task: TaskSummary, why: TaskWhy, glyphs: Glyphs) -> list[Line]:
    """The text for a task without a fan-out."""
    lines = [
        Line(f"{plain(task.alias) or tail(task.thread)}  {first_line(task.goal)}", "strong"),
        status_line(why, glyphs),
    ]
    lines += [Line(f"  {glyphs.arrow} {first_line(why.hint)}", "warn")] if why.hint else []
    lines += [proof_line(why)] if why.proofs else []
    return [
        *lines,
        *(Line(f"  {line.text}", line.tone, most=1) for _, line in task_children(why.children, glyphs)),
    ]


def _last_words(child: ChildOut) -> str:
    """The last words of a subtask that keeps the join from being satisfied."""
    return first_line(child.why) or said_last(child) or word(child.state)


def figures(join: JoinStatus, at: Moment) -> str:
    """Counts, time, cost, the measured speedup, and the critical path unless running work may change it."""
    total = len(join.subtasks)
    took = (
        duration(at.heard - join.started_at)
        if join.joined_at is None
        else wall(join.joined_at - join.started_at)
    )
    facts = [
        f"{join.accepted}/{total} accepted",
        *([f"{join.completed - join.accepted} not accepted"] if join.completed > join.accepted else []),
        f"{join.spawned} spawned",
        took,
        paid(join.cost_usd, join.budget_usd, unknown=join.cost_unknown),
    ]
    if may_take_longer(join):
        return " · ".join(facts)
    facts += [f"measured speedup ×{join.speedup:.1f}"] if join.speedup is not None else []
    if join.critical_path:
        facts.append("critical path █ " + "→".join(str(index) for index in join.critical_path[:8]))
    return " · ".join(facts)
