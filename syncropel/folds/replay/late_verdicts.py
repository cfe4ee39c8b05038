"""Late verdicts, put in their place in a folded state without folding the thread again.

Of several verdicts the last in fold order decides the status, and the last of each actor is kept; a verdict
that belongs before others changes little. That holds behind the barrier: the last record that is neither a
verdict nor a remark. A verdict that belongs before the barrier is folded with the whole thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from syncropel.folds.base.order import NEVER, rank, word_key
from syncropel.folds.fanout.additions import TOPICS as ADDS
from syncropel.folds.fanout.approvals import TOPICS as ASKS
from syncropel.folds.fanout.child import END_CHILD
from syncropel.folds.fanout.reassignments import TOPICS as MOVES
from syncropel.folds.fanout.reviews import REVIEW
from syncropel.folds.fanout.state import AMEND_JOIN, COMMUTING, RETRY, Key, commutes
from syncropel.folds.fanout.talk import WORDS
from syncropel.folds.forks.state import FORK_CLOSED, FORK_JOINED
from syncropel.folds.replay.thread_state import ThreadState
from syncropel.folds.tasks.state import JUDGED_STATUSES, STATUS_TOPICS, TaskState
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import RESERVED

_SAYING: Final = frozenset({"fulfills", "cancels", "goal", "task", "subtasks"})
"""Members of a body, beside `verdict`, whose meaning can depend on other records."""
_DECIDING: Final = (
    frozenset({*STATUS_TOPICS, RETRY, REVIEW, AMEND_JOIN, END_CHILD}) | MOVES | ASKS | WORDS | ADDS
)
_OBSERVED: Final = "syncropel."
"""The prefix of observations' topics: the first one determines what its thread is."""
_AFTER_ALL: Final = "~"
"""Sorts after every record id."""


def adds_only(record: Record) -> bool:
    """Whether the record has the same effect whenever it is folded: a fan-out's fact, or a plain remark."""
    if commutes(record):
        return "fulfills" not in record.body
    return _is_plain(record) and not _judges(record)


def is_plain_verdict(record: Record) -> bool:
    """Whether the record is a verdict and nothing else."""
    return _is_plain(record) and _judges(record) and record.topic not in (FORK_CLOSED, FORK_JOINED)


def _is_plain(record: Record) -> bool:
    return (
        record.act in ("DO", "KNOW", "LEARN")
        and record.thread not in RESERVED
        and not _SAYING & record.body.keys()
        and record.topic not in _DECIDING
        and record.topic not in COMMUTING
        and not record.topic.startswith(_OBSERVED)
    )


def _judges(record: Record) -> bool:
    return record.act == "KNOW" and isinstance(record.body.get("verdict"), str)


@dataclass(slots=True)
class LateVerdicts:
    """What stands behind the barrier of one thread."""

    barrier: Key = NEVER
    judged: bool = False
    """Whether there was finished work to judge at the barrier."""
    first: Record | None = None
    last: Key = NEVER
    latest: dict[str, Key] = field(default_factory=dict)
    """The last verdict of each actor."""
    ranks: dict[str, int] = field(default_factory=dict)
    """Of each record behind the barrier, by its id."""

    @classmethod
    def of(cls, thread: str, ordered: Sequence[StoredRecord]) -> LateVerdicts:
        """Find the barrier of a thread. `ordered`: all its records, in fold order."""
        barrier, at, previous = NEVER, 0, NEVER
        for place, stored in enumerate(ordered, start=1):
            record = stored.record
            key = word_key(record)
            if key < previous:  # parents come first in its group, which is therefore not sorted by id
                key = (key[0], _AFTER_ALL)
            if key[1] == _AFTER_ALL or not (adds_only(record) or is_plain_verdict(record)):
                barrier, at = key, place
            previous = key
        before = TaskState(thread)
        for stored in ordered[:at]:
            before.apply(stored)
        found = cls(barrier, before.status in JUDGED_STATUSES)
        for stored in ordered[at:]:
            found._add(stored.record)
        return found

    def follow(self, record: Record, state: ThreadState) -> bool:
        """Note a record that `state` has just taken, in its turn or as a remark. False: it moves others."""
        if not (adds_only(record) or is_plain_verdict(record)):
            self.barrier, self.judged = word_key(record), state.folded.status in JUDGED_STATUSES
            self.first, self.last = None, NEVER
            self.latest.clear()
            self.ranks.clear()
            return True
        if self._moves(record):
            return False
        if word_key(record) > self.barrier:
            self._add(record)
        return True

    def take(self, state: ThreadState, stored: StoredRecord) -> bool:
        """Apply a late verdict where it belongs. False, and nothing is changed: it does not belong behind the
        barrier, or moves others."""
        record, folded = stored.record, state.folded
        key, first = word_key(record), self.first
        if not is_plain_verdict(record) or key < self.barrier or self._moves(record):
            return False
        decided = folded.status, folded.reason, folded.verdict, folded.verdict_by
        known = folded.verdicts.get(record.actor)
        state.apply(stored)
        if key < self.last:
            folded.status, folded.reason, folded.verdict, folded.verdict_by = decided
        begins = first is None or key < word_key(first)
        counts = self.judged or not begins
        if counts and key > self.latest.get(record.actor, NEVER):
            folded.verdicts[record.actor] = str(record.body["verdict"])
        elif known is not None:
            folded.verdicts[record.actor] = known
        else:
            folded.verdicts.pop(record.actor, None)
        self._add(record)
        if begins and first is not None and self.latest[first.actor] == word_key(first):
            # It was the first to judge, and is not any more: now there was something to judge before it.
            folded.verdicts[first.actor] = str(first.body["verdict"])
        return True

    def _moves(self, record: Record) -> bool:
        """Whether this record, by its parents, stands elsewhere among those of its clock than by its id."""
        own = rank(record)
        return any(self.ranks.get(parent) == own and parent > record.id for parent in record.parents)

    def _add(self, record: Record) -> None:
        key = word_key(record)
        self.ranks[record.id] = key[0]
        if is_plain_verdict(record):
            if self.first is None or key < word_key(self.first):
                self.first = record
            self.last = max(self.last, key)
            self.latest[record.actor] = max(key, self.latest.get(record.actor, NEVER))
