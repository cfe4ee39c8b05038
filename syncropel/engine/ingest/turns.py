"""Splits a call into turns, so that each record is judged against the state left by those before it.

Records of one turn are judged together and share a commit. So none of them may change what the guard says
about another; most never do, and an ordinary call is one turn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.control.rules import Rules
from syncropel.folds.fanout.additions import ASKED
from syncropel.folds.fanout.child import is_child_intend
from syncropel.folds.fanout.state import CHILD_DONE, SPAWNED
from syncropel.folds.fanout.told import FACTS, told_about
from syncropel.folds.fleet.leadership import LEADING, read_claim
from syncropel.folds.forks.state import SUB_THREAD, names_child
from syncropel.folds.tasks.state import is_task
from syncropel.policy.adding import is_decision
from syncropel.policy.forking import claims_parent
from syncropel.policy.guard import begins_fan_out
from syncropel.policy.reviewing import is_review
from syncropel.policy.talking import is_said
from syncropel.record.model import Record
from syncropel.record.threads import INSTANCE_REGISTRY, RULING

_DECISIVE: Final = frozenset({"INTEND", "KNOW"})
"""On any other thread, only these acts begin, relate, or judge work, apart from what operators say."""
_LOOKS: Final = re.compile(
    r"\b(?:task|thread|trust|fanout_status|fleet_instances_live)\b(?:\s|//[^\n]*\n)*\("
)
"""Expression functions whose result any record may change."""


def stands_alone(record: Record, live: LiveFolds) -> bool:
    """Whether this record is judged and written alone: it rules over others, says who leads, begins a
    fan-out, of which the guard allows a task only one, forks from an unknown thread, or judges a task, which
    depends on who worked on it, or is what an operator says to an attempt or of one, or decides about a
    subtask that an agent asks for, of which the first counts.
    """
    rules = record.thread in RULING or _fences(record)
    if rules or begins_fan_out(record) or _judges(record, live) or _counts_once(record):
        return True
    if not names_child(record):
        return False
    line = live.index.threads.get(record.thread)
    return line is None or line.opening is None


def needs_quiet(record: Record, live: LiveFolds) -> bool:
    """Whether nobody else may write while this record is judged and written. A turn may hold several records
    that make threads children of others; two turns at once could each hold half of a cycle.
    """
    if record.act not in _DECISIVE and record.thread not in RULING and not _counts_once(record):
        return False
    return stands_alone(record, live) or claims_parent(record)


def _fences(record: Record) -> bool:
    return record.topic == LEADING and record.thread == INSTANCE_REGISTRY


def _counts_once(record: Record) -> bool:
    return is_said(record) or is_review(record) or is_decision(record)


def _judges(record: Record, live: LiveFolds) -> bool:
    task = live.tasks.get(record.thread) if record.act == "KNOW" else None
    return task is not None and task.is_judged_by(record)


def turn_end(records: Sequence[Record], start: int, live: LiveFolds) -> int:
    """The index after the last record of the turn that begins at `start`."""
    if start + 1 == len(records) or stands_alone(records[start], live):
        return start + 1
    rules = live.rules
    ruled = rules.enforced or rules.freezes_changed
    if ruled and _look_at_state(rules):
        return start + 1
    spawned: set[str] = set()
    opened: set[str] = set()
    touched: set[str] = set()
    told: set[str] = set()
    kin = _Kin()
    for at in range(start, len(records)):
        record = records[at]
        if stands_alone(record, live):
            return at
        if _follows_from_work(record) and record.thread in touched:
            return at
        if kin.affect(record):
            return at
        kin.take(record)
        if record.thread in live.tasks or record.thread in live.children or _begins_work(record):
            touched.add(record.thread)
        topic = record.topic
        if topic == SPAWNED:
            spawned.add(record.thread)
        elif (topic == CHILD_DONE or topic in FACTS) and record.thread in spawned:
            return at
        elif topic in FACTS:
            # A decision is judged by its question, and a request by how many its attempt has made.
            about = str(record.body.get("child_intend")) if topic == ASKED else told_about(record.body)
            if about in told:
                return at
            told.add(about)
        if ruled:
            # Whatever the guard itself lets through in a new namespace it lets through again; a rule may not.
            if record.thread in opened:
                return at
            if record.act == "INTEND":
                opened.add(record.thread)
    return len(records)


def own_turn_end(records: Sequence[Record], start: int) -> int:
    """As `turn_end`, for records of the engine's own that do not depend on each other: it ends only before
    what follows a ruling record, and around one that begins a term.
    """
    if _fences(records[start]):
        return start + 1
    ruling = False
    for at in range(start, len(records)):
        if records[at].thread in RULING:
            ruling = True
        elif ruling or _fences(records[at]):
            return at
    return len(records)


def term_with(records: Sequence[Record], live: LiveFolds) -> int:
    """The term that is in force with these records: a `leading` record is of the term that it begins."""
    term = live.leadership.term
    for record in records:
        if record.topic == LEADING and _fences(record) and (claim := read_claim(record.body)) is not None:
            term = max(term, claim.term)
    return term


@dataclass(slots=True)
class _Kin:
    """Which threads the records of a turn make children of which."""

    parents: set[str] = field(default_factory=set)
    children: set[str] = field(default_factory=set)
    forked: set[str] = field(default_factory=set)
    """Children that inherit their parent's namespace."""
    written: set[str] = field(default_factory=set)
    opened: set[str] = field(default_factory=set)
    """Threads with an INTEND that says more than that it forks."""

    def affect(self, record: Record) -> bool:
        """Whether these affect the guard's decision about this record."""
        thread = record.thread
        if thread in self.forked:
            return True
        if not claims_parent(record):
            return False
        parent, child = _kinship(record)
        if child in self.parents or child in self.children or parent in self.children:
            return True
        return names_child(record) and (child in self.written or parent in self.opened)

    def take(self, record: Record) -> None:
        """Add a record to the turn."""
        self.written.add(record.thread)
        if claims_parent(record):
            parent, child = _kinship(record)
            self.parents.add(parent)
            self.children.add(child)
        if names_child(record):
            self.forked.add(str(record.body[SUB_THREAD]))
        elif record.act == "INTEND":
            self.opened.add(record.thread)


def _kinship(record: Record) -> tuple[str, str]:
    """The parent and the child in a record that relates two threads."""
    if names_child(record):
        return record.thread, str(record.body[SUB_THREAD])
    return str(record.body["parent_thread"]), record.thread


def _begins_work(record: Record) -> bool:
    return is_task(record) or is_child_intend(record)


def _follows_from_work(record: Record) -> bool:
    """Whether the guard's decision about this record depends on the task or subtask of its thread."""
    return record.act == "KNOW" and ("verdict" in record.body or "fulfills" in record.body)


def _look_at_state(rules: Rules) -> bool:
    return any(_looks(rule.expression) for rule in (*rules.freeze_rules, *rules.permission_rules))


@lru_cache(maxsize=1024)
def _looks(expression: str) -> bool:
    return _LOOKS.search(expression) is not None
