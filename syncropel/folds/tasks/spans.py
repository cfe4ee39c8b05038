"""A fan-out that is over as a trace: a span for the whole, and one for each attempt.

Ids follow from those of the records, so a trace that is sent twice is one trace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from syncropel.folds.fanout.state import ACCEPT, FanOut, Spawn
from syncropel.folds.tasks.state import TaskState

_TEXT_CHARS: Final = 500

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Span:
    """`trace` (32 hex digits), `id` and `parent` (16, the latter empty for the whole); times in unix seconds.
    `problem`: why it did not succeed; empty when it did.
    """

    trace: str
    id: str
    parent: str
    name: str
    began_at: float
    ended_at: float
    attributes: Mapping[str, Value]
    problem: str = ""


def spans_of(
    state: TaskState, ended_at: float, names: Mapping[str, str], *, texts: bool = False
) -> list[Span]:
    """The trace of a task whose fan-out has joined or was cancelled: the whole first, then each attempt in
    the order in which they were assigned. Nothing for a task without a fan-out.

    `ended_at`: when it was (unix seconds), where the log does not say. `names` maps instance DIDs to aliases.
    `texts`: with goals and summaries.
    """
    fanout = state.fanout
    if fanout is None:
        return []
    if fanout.joined is not None:
        ended_at = fanout.joined.at or fanout.joined.taken_at or ended_at
    trace, whole = _digest("trace", fanout.intend)[:32], _digest("span", fanout.intend)[:16]
    spans = [_of_whole(state, fanout, trace, whole, ended_at, texts)]
    for slot, spawn in sorted(fanout.spawns.items(), key=lambda item: item[1].key):
        spans.append(_of_attempt(fanout, slot, spawn, trace, whole, ended_at, names, texts))
    return spans


def _of_whole(state: TaskState, fanout: FanOut, trace: str, id_: str, ended_at: float, texts: bool) -> Span:
    attributes: dict[str, Value] = {
        "syncropel.thread": fanout.thread,
        "syncropel.task": state.alias,
        "syncropel.namespace": fanout.spec.namespace,
        "syncropel.join": fanout.join,
        "syncropel.subtasks": len(fanout.spec.subtasks),
        "syncropel.attempts": len(fanout.spawns),
        "syncropel.cost_usd": fanout.cost_usd,
        "syncropel.cost_known": fanout.cost_known,
    }
    if texts:
        attributes["syncropel.goal"] = state.goal[:_TEXT_CHARS]
    problem = "" if fanout.joined is not None else "cancelled before it joined"
    return Span(trace, id_, "", "fan-out", fanout.at, max(fanout.at, ended_at), _told(attributes), problem)


def _of_attempt(
    fanout: FanOut,
    slot: tuple[int, int],
    spawn: Spawn,
    trace: str,
    whole: str,
    ended_at: float,
    names: Mapping[str, str],
    texts: bool,
) -> Span:
    index, attempt = slot
    report, subtask = fanout.reports.get(slot), fanout.spec.subtasks[index]
    attributes: dict[str, Value] = {
        "syncropel.subtask": index,
        "syncropel.attempt": attempt,
        "syncropel.thread": spawn.child_thread,
        "syncropel.instance": names.get(spawn.instance, "") or spawn.instance,
        "syncropel.adapter": subtask.adapter or "",
    }
    if report is None:
        problem = fanout.end_reason(index, attempt) or "it had no result when the fan-out ended"
    else:
        ended_at = report.ended_at
        problem = "" if report.verdict == ACCEPT else report.reason or report.verdict
        queued = ended_at - report.wall_time_secs - spawn.at
        attributes |= {
            "syncropel.verdict": report.verdict,
            "syncropel.reason": report.reason,
            "syncropel.cost_usd": report.cost_usd,
            "syncropel.cost_known": report.cost_known,
            "syncropel.wall_time_secs": report.wall_time_secs,
            "syncropel.queued_secs": round(max(0.0, queued), 3),
        }
        if report.agent is not None and isinstance(model := report.agent.get("model"), str):
            attributes["gen_ai.request.model"] = model
    if texts:
        attributes["syncropel.goal"] = subtask.goal[:_TEXT_CHARS]
        attributes["syncropel.summary"] = "" if report is None else report.summary[:_TEXT_CHARS]
    id_ = _digest("span", spawn.child_intend)[:16]
    ended_at = max(spawn.at, ended_at)
    return Span(trace, id_, whole, "attempt", spawn.at, ended_at, _told(attributes), problem)


def _told(attributes: Mapping[str, Value]) -> dict[str, Value]:
    """Without what is not known."""
    return {key: value for key, value in attributes.items() if value != ""}


def _digest(*words: str) -> str:
    return hashlib.sha256("\x1f".join(words).encode("utf-8", "surrogatepass")).hexdigest()
