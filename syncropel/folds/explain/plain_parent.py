"""Why a plain thread that has child threads stands as it does."""

from __future__ import annotations

from collections.abc import Sequence

from syncropel.folds.explain.why import Circumstances, Proof, Why, came_to
from syncropel.folds.fanout.join import JoinDecision
from syncropel.folds.forks.state import FORK_JOINED
from syncropel.folds.replay.thread_state import ThreadState
from syncropel.record.model import Record, StoredRecord


def why_plain(state: ThreadState, records: Sequence[StoredRecord], now: Circumstances) -> Why:
    """Why the thread has its status. `state`: of all `records`, which are those of the thread."""
    by_id = {stored.record.id: stored.record for stored in records}
    closing = state.closing
    if closing is not None:
        return _closed(by_id[closing.record], closing.way, now)
    opening = by_id.get(state.life.arc.opening)
    proofs = came_to(now)
    if opening is None:
        return Why(f"{state.line.status}: no INTEND opened it", tuple(proofs))
    proofs = [Proof(opening.id, f"opens the thread, by {now.name(opening.actor)}"), *proofs]
    if now.over_children is not None:
        return _waits(state.line.id, now.over_children, proofs)
    count = len(now.child_threads)
    told = f"{state.line.status}: its opening INTEND is not fulfilled, and it has no join over its "
    told += f"{count} child thread{'s' if count != 1 else ''}"
    return Why(told, tuple(proofs), "close it by a KNOW whose fulfills names its opening INTEND")


def _closed(closing: Record, way: str, now: Circumstances) -> Why:
    if closing.topic == FORK_JOINED:
        told = f"joined: {closing.body.get('explanation', '')}"
        return Why(told, (Proof(closing.id, "records the join"), *came_to(now)), of_join=True)
    said = next((text for key in ("reason", "summary") if (text := _text(closing, key))), "")
    told = f"closed ({way}) by {now.name(closing.actor)}{f': {said}' if said else ''}"
    return Why(told, (Proof(closing.id, f"{way} it"), *came_to(now)))


def _waits(thread: str, decision: JoinDecision, proofs: Sequence[Proof]) -> Why:
    if decision.satisfiable:
        return Why(f"not closed yet: {decision.explanation}", tuple(proofs), of_join=True)
    told = f"it cannot join as things stand: {decision.explanation}"
    return Why(told, tuple(proofs), f"fork another thread: spl thread fork {thread}", of_join=True)


def _text(record: Record, key: str) -> str:
    value = record.body.get(key)
    return " ".join(value.split())[:200] if isinstance(value, str) else ""
