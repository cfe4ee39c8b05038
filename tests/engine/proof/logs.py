"""Logs made by hand, and what their proof says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from syncropel.engine.proof.proof import Proof
from syncropel.folds.control.freezes import FREEZE, UNFREEZE
from syncropel.folds.fleet.leadership import LEADING
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL, INSTANCE_REGISTRY, RULING
from syncropel.store.base import Entry
from tests.folds.build import COORDINATOR, OPERATOR

NOW = 1_700_000_000.0


def write(act: str, thread: str = "th_a", actor: str = OPERATOR, **body: Any) -> Record:
    return Record(thread, actor, act, body)


def freeze(namespace: str = "docs", level: str = "soft", **more: Any) -> Record:
    body = {"topic": FREEZE, "level": level, "namespace": namespace, "reason": "x", "at": NOW, **more}
    return Record(FLEET_CONTROL, OPERATOR, "LEARN", body)


def unfreeze(namespace: str = "docs", **more: Any) -> Record:
    return Record(FLEET_CONTROL, OPERATOR, "LEARN", {"topic": UNFREEZE, "namespace": namespace, **more})


def leading(term: int, did: str = COORDINATOR) -> Record:
    return Record(INSTANCE_REGISTRY, did, "KNOW", {"topic": LEADING, "did": did, "term": term})


@dataclass
class Log:
    """Entries that agree with each other, until a test changes one."""

    entries: list[Entry] = field(default_factory=list)
    unsound: set[int] = field(default_factory=set)
    """Sequences of records that are not what their ids say."""
    unreadable: set[int] = field(default_factory=set)

    def add(self, *records: Record, at: float = NOW, judged: bool = True) -> Log:
        """Append records one second apart, as a store and a judge would."""
        for record in records:
            sequence = len(self.entries) + 1
            stored = StoredRecord(record.with_clock(sequence), sequence, at)
            term = int(record.body["term"]) if record.topic == LEADING else self.term
            self.entries.append(Entry(stored, term, self.ruled if judged else None))
            at += 1.0
        return self

    @property
    def ruled(self) -> int:
        ruling = (one.stored.sequence for one in self.entries if one.stored.record.thread in RULING)
        return max(ruling, default=0)

    @property
    def term(self) -> int:
        return max((one.term for one in self.entries), default=0) or 1

    def change(self, sequence: int, **fields: Any) -> Log:
        """Change what was noted of a record."""
        self.entries = [
            replace(one, **fields) if one.stored.sequence == sequence else one for one in self.entries
        ]
        return self

    def swap(self, one: int, other: int) -> Log:
        """Exchange the places of two records, with all that was noted of them."""
        first, second = self.entries[one - 1], self.entries[other - 1]
        self.entries[one - 1] = replace(second, stored=replace(second.stored, sequence=one))
        self.entries[other - 1] = replace(first, stored=replace(first.stored, sequence=other))
        return self

    def without(self, *sequences: int) -> Log:
        """Remove records."""
        self.entries = [one for one in self.entries if one.stored.sequence not in sequences]
        return self

    def _intends(self, thread: str, through: int) -> Iterable[StoredRecord]:
        for one in self.entries:
            record = one.stored.record
            if record.thread == thread and record.act == "INTEND" and one.stored.sequence <= through:
                yield one.stored

    def proof(self, own_did: str = COORDINATOR) -> Proof:
        """What the whole log proves."""
        with closing(Proof(self._intends, own_did)) as proof:
            for one in self.entries:
                sequence = one.stored.sequence
                if sequence in self.unreadable:
                    proof.unreadable(sequence)
                else:
                    proof.take(one, sound=sequence not in self.unsound)
            return proof

    def found(self, own_did: str = COORDINATOR) -> list[tuple[str, int, int]]:
        """The violations: which rule, from which record on, to which."""
        return [(one.rule, one.sequence, one.sequence + one.also) for one in self.proof(own_did).violations]


def log(*records: Record, **how: Any) -> Log:
    return Log().add(*records, **how)


def words(proof: Proof) -> Sequence[str]:
    return [one.words() for one in proof.violations]
