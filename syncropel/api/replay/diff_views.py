"""A comparison of two threads, as the API returns it."""

from __future__ import annotations

from dataclasses import dataclass

from syncropel.api.replay.replays import JoinJudge
from syncropel.folds.replay.compare import Row, compare
from syncropel.folds.replay.facts import Facts, facts_of
from syncropel.folds.replay.thread_state import ThreadState
from syncropel.folds.replay.walk import Replay
from syncropel.record.model import StoredRecord
from syncropel.wire.replay import ComparedFact, ComparedRecord, ComparedRow, ComparedSide, ThreadDiff
from syncropel.wire.threads import ThreadSummary


@dataclass(frozen=True, slots=True)
class Side:
    """One thread as known so far, copied from its replay so that the replay may move on."""

    summary: ThreadSummary
    records: list[StoredRecord]
    statuses: list[str]
    facts: Facts
    wall_secs: float | None
    cost_usd: float | None


def side_of(replay: Replay, summary: ThreadSummary, names: dict[str, str]) -> Side:
    """Everything that a comparison needs of a thread. Not for the event loop: it may wait for CEL."""
    state = replay.state(replay.total)
    wall_secs, cost_usd = _wall_and_cost(state)
    statuses = [replay.status(position) for position in range(replay.total + 1)]
    facts = facts_of(state, JoinJudge(names), names)
    return Side(summary, list(replay.records), statuses, facts, wall_secs, cost_usd)


def diff_of(left: Side, right: Side, since: int, limit: int) -> ThreadDiff:
    """The comparison, with the rows after the first `since`, at most `limit`."""
    rows = compare(left.records, right.records)
    kinds = [row.kind for row in rows]
    shown = rows[since : since + limit]
    return ThreadDiff(
        left=_side_out(left),
        right=_side_out(right),
        rows=[_row_out(row, left, right) for row in shown],
        total_rows=len(rows),
        next_cursor=since + limit if since + limit < len(rows) else None,
        first_divergence=next((at for at, kind in enumerate(kinds) if kind != "same"), None),
        facts=_facts(left.facts, right.facts),
        same=kinds.count("same"),
        differs=kinds.count("differs"),
        left_only=kinds.count("left"),
        right_only=kinds.count("right"),
    )


def _wall_and_cost(state: ThreadState) -> tuple[float | None, float | None]:
    task, child = state.task, state.child
    if task is not None and task.fanout is not None:
        joined = task.fanout.joined
        return (joined.at - task.fanout.at if joined else None), task.fanout.cost_usd
    if task is not None:
        return (task.updated_at - task.created_at if task.completed_by else None), None
    latest = child.latest
    result = child.results.get(latest.record) if latest else None
    if result is None:
        return None, None
    return _number(result.body.get("wall_time_secs")), _number(result.body.get("cost_usd"))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _side_out(side: Side) -> ComparedSide:
    return ComparedSide(
        thread=side.summary,
        records=len(side.records),
        status=side.statuses[-1],
        wall_secs=side.wall_secs,
        cost_usd=side.cost_usd,
    )


def _row_out(row: Row, left: Side, right: Side) -> ComparedRow:
    return ComparedRow(
        kind=row.kind,
        step=row.step,
        left=_record_out(left, row.left),
        right=_record_out(right, row.right),
        differences=list(row.differences),
    )


def _record_out(side: Side, position: int | None) -> ComparedRecord | None:
    if position is None:
        return None
    record = side.records[position - 1].record
    return ComparedRecord(
        position=position,
        id=record.id,
        act=record.act,
        topic=record.topic,
        actor=record.actor,
        clock=record.clock or 0,
        status_after=side.statuses[position],
    )


def _facts(left: Facts, right: Facts) -> list[ComparedFact]:
    names = [*left, *(name for name in right if name not in left)]
    return [
        ComparedFact(
            name=name,
            left=left.get(name),
            right=right.get(name),
            same=name in left and name in right and left[name] == right[name],
        )
        for name in names
    ]
