"""Takes a bundle into the log: all of it or nothing, under the same rules as any other write."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from syncropel.engine.engine import Engine
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import Conflict, SyncropelError, WrongAuthor
from syncropel.folds.fanout.child import ChildState
from syncropel.folds.forks.state import Forks, names_child
from syncropel.folds.tasks.state import TaskState, fold_task, is_task
from syncropel.policy.authority import Writer, refusal
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import RESERVED
from syncropel.store.base import Appended, Outcome
from syncropel.store.bundle.format import Bundled


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to restore. `skip_conflicts`: skip records whose clocks are taken; `reserved`: include the engine's
    own threads; `take_up_work`: continue what was unfinished when the bundle was made.
    """

    dry_run: bool = False
    skip_conflicts: bool = False
    reserved: bool = False
    take_up_work: bool = False


@dataclass(slots=True)
class Restored:
    """The result of restoring a bundle of this many `records` and `threads`.

    `skipped`: line and reason; `left_out`: records by reserved thread; `work`: threads that are not finished.
    """

    records: int = 0
    threads: int = 0
    created: int = 0
    present: int = 0
    skipped: list[tuple[int, str]] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    work: list[str] = field(default_factory=list)


def refuse_as_writes(live: LiveFolds, bundled: Sequence[Bundled], wanted: Wanted, writer: Writer) -> None:
    """Judge a bundle as ordinary writes where nobody vouches for it as history: without auth anybody may
    bring one.

    Raises WrongAuthor for reserved threads, and, on an existing thread, for what this writer may not write;
    ActorNotAllowed.
    """
    for one in bundled:
        record = one.record
        reserved = record.thread in RESERVED
        if not (wanted.reserved if reserved else record.thread in live.index.threads):
            continue
        if reserved:
            raise WrongAuthor(
                f"line {one.line}: {record.thread} is restored only by the operator",
                "over the Unix socket: spl thread restore --in FILE --reserved",
            )
        if (refused := refusal(record, live, writer)) is not None:
            raise refused


async def restore(engine: Engine, bundled: Sequence[Bundled], wanted: Wanted) -> Restored:
    """Take the records in, each with the time when its first log received it.

    Raises Conflict for a record whose clock is taken here, and for unfinished work that nobody asked to
    continue; the objection of the guard or the rules to the first record they refuse; StoreError when the
    disk refuses. Then nothing of the bundle is in the log. Cancelling the caller does not stop it half-way.
    """
    result, taken = await asyncio.to_thread(_sort_out, engine.ingest.live, bundled, wanted)
    if result.work and not (wanted.take_up_work or wanted.dry_run):
        more = f" and {len(result.work) - 1} more" if len(result.work) > 1 else ""
        raise Conflict(
            f"{result.work[0]}{more} is not finished: restored here, its work would go on here",
            "if that is what you want: --take-up-work; to look at it: spl console --bundle FILE",
            code="UNFINISHED_WORK",
        )

    def keep(outcomes: list[Outcome]) -> bool:
        return not wanted.dry_run and (wanted.skip_conflicts or not _refused(outcomes))

    outcomes = await engine.ingest.restore(taken, keep, tell=wanted.take_up_work)
    await asyncio.to_thread(_count, result, outcomes, taken)
    if result.skipped and not wanted.skip_conflicts:
        line, problem = result.skipped[0]
        raise Conflict(
            f"line {line}: {problem}",
            "nothing was restored; to pass over what collides: --on-conflict skip",
            code="RESTORE_CONFLICT",
        )
    engine.changed.beat()
    return result


def _sort_out(live: LiveFolds, bundled: Sequence[Bundled], wanted: Wanted) -> tuple[Restored, list[Bundled]]:
    """What to restore, and what is known about it beforehand."""
    counts = Counter(one.record.thread for one in bundled)
    taken = [one for one in bundled if wanted.reserved or one.record.thread not in RESERVED]
    result = Restored(records=len(bundled), threads=len(counts))
    if not wanted.reserved:
        result.left_out = {thread: count for thread, count in counts.items() if thread in RESERVED}
    result.work = _unfinished(live, [one.record for one in taken])
    return result, taken


def _refused(outcomes: Sequence[Outcome]) -> bool:
    return any(isinstance(outcome, SyncropelError) for outcome in outcomes)


def _count(result: Restored, outcomes: Sequence[Outcome], taken: Sequence[Bundled]) -> None:
    for one, outcome in zip(taken, outcomes, strict=True):
        if not isinstance(outcome, Appended):
            result.skipped.append((one.line, outcome.message))
        elif outcome.created:
            result.created += 1
        else:
            result.present += 1


def _unfinished(live: LiveFolds, records: Sequence[Record]) -> list[str]:
    """Threads on which this instance would begin or continue something if these records were in its log."""
    threads: dict[str, list[StoredRecord]] = {}
    for sequence, record in enumerate(records):
        threads.setdefault(record.thread, []).append(StoredRecord(record, sequence, 0.0))
    found = []
    for thread, stored in threads.items():
        known = live.index.threads.get(thread)
        # What this log already has is not begun by a second copy.
        if (known is None or known.records < len(stored)) and _is_open(thread, stored):
            found.append(thread)
    forked = (thread for thread, stored in threads.items() if _forks_work(live, thread, stored, threads))
    return sorted({*found, *forked})


def _forks_work(
    live: LiveFolds,
    thread: str,
    stored: Sequence[StoredRecord],
    threads: Mapping[str, Sequence[StoredRecord]],
) -> bool:
    """Whether a new fork requests work on a child on which none was begun, here or there."""
    forks, known = Forks(thread), live.forks.get(thread)
    for one in stored:
        if names_child(one.record):
            forks.apply(one)
    asked = (child for child, fork in forks.forks.items() if fork.work is not None)
    fresh = (child for child in asked if known is None or child not in known.forks)
    return any(
        not _fanned_out(live.tasks.get(child)) and not _fanned_out(fold_task(child, threads.get(child, ())))
        for child in fresh
    )


def _fanned_out(task: TaskState | None) -> bool:
    return task is not None and task.fanout is not None


def _is_open(thread: str, stored: Sequence[StoredRecord]) -> bool:
    if any(is_task(one.record) for one in stored):
        fanout = fold_task(thread, stored).fanout
        return fanout is not None and fanout.active
    child = ChildState(thread)
    for one in stored:
        child.apply(one)
    return child.open is not None
