"""What a log must not have, in words for an operator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from syncropel.record.model import StoredRecord

Rule = Literal["gap", "term", "judgement", "freeze"]

MOST_KEPT: Final = 100
"""Violations that are named one by one; of the others only the number is kept."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with a record, and with `also` others directly behind it. `id`, `thread`: empty for a
    record that is missing.
    """

    rule: Rule
    sequence: int
    id: str
    thread: str
    told: str
    hint: str
    also: int = 0

    def words(self) -> str:
        """One line: which records, and what is wrong with them."""
        last = self.sequence + self.also
        if self.rule == "gap":
            one = f"record {self.sequence} is missing"
            return f"records {self.sequence} to {last} are missing" if self.also else one
        behind = f", and {self.also} behind it up to {last}," if self.also else ""
        return f"record {self.sequence} ({self.id[:12]}…, thread {self.thread}){behind} {self.told}"

    def fields(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "rule": self.rule,
            "sequence": self.sequence,
            "through": self.sequence + self.also,
            "id": self.id,
            "thread": self.thread,
            "problem": self.words(),
            "hint": self.hint,
        }


class Violations:
    """Those of a log, in its order. Records in a row with the same problem and the same hint are one."""

    def __init__(self) -> None:
        self.kept: list[Violation] = []
        self.beyond = 0
        """How many more there are."""

    def add(self, rule: Rule, stored: StoredRecord, told: str, hint: str) -> None:
        """Note what is wrong with a record."""
        found = Violation(rule, stored.sequence, stored.record.id, stored.record.thread, told, hint)
        for at in range(len(self.kept) - 1, -1, -1):
            last = self.kept[at]
            if last.rule == rule:
                if (last.told, last.hint) == (told, hint) and last.sequence + last.also + 1 == found.sequence:
                    self.kept[at] = replace(last, also=last.also + 1)
                    return
                break
        self._keep(found)

    def missing(self, first: int, last: int, hint: str) -> None:
        """Note that these records are missing."""
        self._keep(Violation("gap", first, "", "", "is missing", hint, last - first))

    def _keep(self, found: Violation) -> None:
        if len(self.kept) < MOST_KEPT:
            self.kept.append(found)
        else:
            self.beyond += 1
