"""Why a task has its status: one sentence, and the records that prove it. Pure, like every fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from syncropel.folds.control.freezes import Freeze
from syncropel.folds.explain.what_if import Tipping, accepts
from syncropel.folds.fanout.join import JoinDecision
from syncropel.folds.fanout.report import Report
from syncropel.folds.fanout.state import ACCEPT, FanOut
from syncropel.folds.fanout.subtasks import Child
from syncropel.folds.forks.join import ChildThread
from syncropel.folds.forks.state import FORK_JOINED
from syncropel.folds.tasks.state import REOPENED, STATUS_TOPICS, TaskState
from syncropel.freeze_levels import EVERYWHERE, unkill_command
from syncropel.record.model import Record, StoredRecord

MOST_PROOFS: Final = 12
_ADVICE: Final = {
    "open": "begin it: spl task start {name}; or split it: spl task fan-out {name} --subtask …",
    "in_progress": "finish it: spl task done {name}",
    "blocked": "when that is over: spl task start {name}",
    "deferred": "take it up: spl task start {name}",
    "failed": "try anew: spl task reopen {name}",
    "rejected": "try anew: spl task reopen {name}",
    "cancelled": "take it back: spl task reopen {name}",
    "done": "judge it: spl task approve {name}, or spl task reject {name}",
}
ENDED: Final = frozenset({"done", "approved", "rejected", "cancelled"})
"""Statuses in which nothing is waited for any more."""
_WORDS: Final = {"in_progress": "in progress"}
_SHOWS: Final = {"INTEND": "opens the task", "DO": "cancels it"}
"""What a record without a topic does, by its act; any other act judges."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A record, and what it shows."""

    record: str
    shows: str


@dataclass(frozen=True, slots=True)
class Why:
    """`hint` says what would change it; empty when nothing needs to. `of_join`: the sentence is about the
    fan-out's join, not about a status that somebody gave the task.
    """

    sentence: str
    proofs: tuple[Proof, ...]
    hint: str = ""
    of_join: bool = False


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a task's own thread does not contain: a fan-out's subtasks and its current join, what keeps each
    subtask waiting, the freeze that covers it, what tipped the join, the child threads and the join over
    them, and the names of actors.
    """

    children: Sequence[Child] = ()
    decision: JoinDecision | None = None
    waits: Mapping[int, str] | None = None
    freeze: Freeze | None = None
    tipped: Tipping | None = None
    child_threads: Sequence[ChildThread] = ()
    over_children: JoinDecision | None = None
    names: Mapping[str, str] | None = None

    def name(self, actor: str) -> str:
        return (self.names or {}).get(actor, actor)


def why(state: TaskState, records: Sequence[StoredRecord], now: Circumstances) -> Why:
    """Why the task has its status. `records` are those of its thread, in fold order."""
    fanout, name = state.fanout, state.alias or state.thread
    deciding = _deciding(state, records)
    if fanout is not None and fanout.active and _goes_on(state, fanout, deciding):
        return replace(_running(state, fanout, name, now), of_join=True)
    if fanout is not None and fanout.joined is not None and deciding and deciding.id == fanout.joined.record:
        return replace(_joined(fanout, deciding, records, now), of_join=True)
    if deciding is not None and deciding.topic == FORK_JOINED:
        told = f"joined: {deciding.body.get('explanation', '')}"
        return Why(told, (Proof(deciding.id, "records the join"), *came_to(now)), of_join=True)
    if now.over_children is not None and state.status not in ENDED:
        return replace(_waits_for_children(state, name, now.over_children, now), of_join=True)
    judged = _judged(state, deciding, name, now)
    return replace(judged, proofs=(*judged.proofs, *came_to(now))[:MOST_PROOFS])


def _waits_for_children(state: TaskState, name: str, decision: JoinDecision, now: Circumstances) -> Why:
    proofs = (Proof(state.intend, f"asks for the join {state.join}"), *came_to(now))
    if decision.satisfiable:
        return Why(f"not done yet: {decision.explanation}", proofs)
    hint = f"spl task amend {name} --join EXPRESSION, or fork another thread: spl thread fork {name}"
    return Why(f"it cannot join as things stand: {decision.explanation}", proofs, hint)


def came_to(now: Circumstances) -> list[Proof]:
    """The results of the child threads, the first closed first."""
    results = sorted((one.result for one in now.child_threads if one.result), key=lambda one: one.key)
    return [Proof(one.key[1], f"child {one.child} closed: {one.result}") for one in results][:MOST_PROOFS]


def _goes_on(state: TaskState, fanout: FanOut, deciding: Record | None) -> bool:
    """Whether the status is the fan-out's own: nobody gave another since, or it was reopened and retried."""
    if deciding is None or deciding.id == fanout.intend:
        return True
    return deciding.topic == REOPENED and state.status == "in_progress"


def _deciding(state: TaskState, records: Sequence[StoredRecord]) -> Record | None:
    """The latest record that gave the task its status."""
    fanout = state.fanout
    own = {state.intend, fanout.intend if fanout else state.intend}
    ignored = fanout.intend if fanout is not None and fanout.joined is None else None
    for stored in reversed(records):
        record = stored.record
        if state.is_cancelled_by(record) or (record.act in ("DO", "KNOW") and record.topic in STATUS_TOPICS):
            return record
        fulfills = record.body.get("fulfills")
        if record.act == "KNOW" and ignored is not None and fulfills == ignored:
            continue  # a join that did not know of a rejection
        if record.act == "KNOW" and (fulfills in own or isinstance(record.body.get("verdict"), str)):
            return record
        if record.act == "INTEND" and record.id in own:
            return record
    return None


# a fan-out under way


def _running(state: TaskState, fanout: FanOut, name: str, now: Circumstances) -> Why:
    asked = Proof(fanout.intend, f"asks for {fanout.requested} subtasks, join {fanout.join}")
    if now.freeze is not None:
        place = "everything" if now.freeze.namespace == EVERYWHERE else f"{now.freeze.namespace!r}"
        return Why(
            f"not done yet: held by the {now.freeze.level} freeze of {place}: {now.freeze.reason}",
            (Proof(now.freeze.record, f"freezes {place}"), asked, *_spawned(now)),
            f"lift it: {unkill_command(now.freeze.namespace)}",
        )
    decision = now.decision
    if decision is None:
        return Why("not done yet: its join was not decided", (asked,))
    if not decision.satisfiable:
        guilty = [child for child in now.children if child.index in decision.blame]
        retry = "; ".join(f"spl task retry {name} --subtask {child.index}" for child in guilty[:3])
        shown = [*_reported(guilty, now), asked]
        hint = retry or f"spl task amend {name} --join EXPRESSION"
        hint = f"spl task amend {name} --budget USD" if fanout.moves.exceeded else hint
        return Why(f"it cannot join any more: {decision.explanation}", tuple(shown[:MOST_PROOFS]), hint)
    held = [
        f"[{child.index}] {now.waits[child.index]}"
        for child in now.children
        if not child.finished and now.waits and now.waits.get(child.index)
    ]
    more = f"; {'; '.join(held[:2])}" if held else ""
    proofs = [asked, *_spawned(now), *_reported([child for child in now.children if child.finished], now)]
    return Why(f"not done yet: {decision.explanation}{more}", tuple(proofs[:MOST_PROOFS]))


def _spawned(now: Circumstances) -> list[Proof]:
    return [
        Proof(child.spawn.key[1], f"[{child.index}] was given to {now.name(child.spawn.instance)}")
        for child in now.children
        if child.spawn is not None and not child.finished
    ][: MOST_PROOFS // 2]


def _reported(children: Sequence[Child], now: Circumstances) -> list[Proof]:
    return [
        Proof(
            child.report.key[1],
            f"[{child.index}] ended with {child.report.verdict} on {now.name(child.report.worker)}",
        )
        for child in children
        if child.report is not None
    ]


# a fan-out that is over


def _joined(fanout: FanOut, record: Record, records: Sequence[StoredRecord], now: Circumstances) -> Why:
    joined, tipped = fanout.joined, now.tipped
    assert joined is not None
    took = max(0.0, joined.at - fanout.at)
    words = f"; [{tipped.index}] tipped it" if tipped is not None and tipped.index is not None else ""
    verb = "joined" if joined.verdict == ACCEPT else f"ended with verdict {joined.verdict}"
    before = _reported_before(fanout, record, records)
    told = joined.explanation or f"{accepts(fanout)}/{len(fanout.spec.subtasks)} accepted"
    first = tipped.record if tipped is not None else ""
    proofs = [
        Proof(record.id, f"records the join with verdict {joined.verdict}"),
        *(
            Proof(one, f"[{index}] ended with {report.verdict} on {now.name(report.worker)}")
            for one, index, report in sorted(before, key=lambda found: found[0] != first)
        ),
        Proof(fanout.intend, f"asks for {fanout.requested} subtasks, join {fanout.join}"),
    ]
    words += _without_result(now)
    return Why(f"{verb} {took:.1f} s after the fan-out: {told}{words}", tuple(proofs[:MOST_PROOFS]))


def _without_result(now: Circumstances) -> str:
    """What became of the subtasks whose results the join did not need."""
    waits = now.waits or {}
    told = [
        f"[{child.index}] not spawned" if child.spawn is None else f"[{child.index}] {waits[child.index]}"
        for child in now.children
        if not child.finished and (child.spawn is None or waits.get(child.index))
    ]
    if not told:
        return ""
    more = f", and {len(told) - 3} more" if len(told) > 3 else ""
    return f"; without a result: {', '.join(told[:3])}{more}"


def _reported_before(
    fanout: FanOut, record: Record, records: Sequence[StoredRecord]
) -> list[tuple[str, int, Report]]:
    """The results in the log when the join was appended, the last first: record, subtask, and result."""
    taken = {stored.record.id: stored.sequence for stored in records}
    held = [
        (report.key[1], index, report)
        for (index, attempt), report in fanout.reports.items()
        if attempt == fanout.attempt(index) and taken.get(report.key[1], 0) < taken[record.id]
    ]
    return sorted(held, key=lambda found: -taken.get(found[0], 0))


# a status that somebody gave it


def _judged(state: TaskState, record: Record | None, name: str, now: Circumstances) -> Why:
    status = _WORDS.get(state.status, state.status)
    hint = _ADVICE.get(state.status, "").format(name=name)
    if record is None:
        return Why(f"{status}: no record of its thread gives it a status", (), hint)
    who = now.name(record.actor)
    shows = record.topic or _SHOWS.get(record.act, "judges it")
    proofs = (Proof(record.id, f"{shows}, by {who}"),)
    if record.act == "INTEND":
        return Why(f"{status}: {who} asked for it, and nobody has begun", proofs, hint)
    said = state.reason or (state.summary if record.body.get("fulfills") else "")
    because = f": {' '.join(said.split())[:200]}" if said.strip() else ", without a reason given"
    return Why(f"{status} by {who}{because}", proofs, hint)
