"""Forks: a thread's child threads, according to its own records.

An INTEND with `body.sub_thread` makes that thread a child of the one it is on. When the child closes, the
engine records its result on the parent. Records may be applied in any order: of two that fork the same child
the first in fold order counts, of two results the last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.errors import InvalidFanOut
from syncropel.folds.base.lifecycle import cancelled
from syncropel.folds.base.order import word_key
from syncropel.folds.fanout.spec import Subtask, is_fan_out, parse_subtask
from syncropel.folds.fanout.state import ACCEPT, AMEND_JOIN, Key, number
from syncropel.record.model import Record, StoredRecord, is_name, kind_of
from syncropel.record.threads import RESERVED

SUB_THREAD: Final = "sub_thread"
FORK_CLOSED: Final = "fork_closed"
"""Topic of the engine's KNOW on a parent: a child has closed, with this result."""
FORK_JOINED: Final = "fork_joined"
"""Topic of the engine's KNOW that fulfills a parent whose join over its children is satisfied."""
RESULTS: Final = frozenset({ACCEPT, "reject", "failed", "cancelled"})
"""The possible results of a child thread."""
WORK_KEYS: Final = ("goal", "target", "adapter", "content", "budget_usd", "timeout_secs")
"""Members of a fork's body that describe work for the child; with goal and target it runs."""
_THREAD_ID: Final = re.compile(r"th_[^\s]+")


def names_child(record: Record) -> bool:
    """Whether this record would fork a child thread."""
    return record.act == "INTEND" and SUB_THREAD in record.body


def child_problem(child: Any, parent: str) -> str:
    """What is wrong with this value as a child of `parent`, looking at nothing else; empty when nothing."""
    if not isinstance(child, str) or not is_name(child) or not _THREAD_ID.fullmatch(child):
        return "is not a thread id"
    if child in RESERVED:
        return "is a reserved thread"
    return "is the thread itself" if child == parent else ""


def runs(body: dict[str, Any]) -> bool:
    """Whether a fork with this body requests work, rather than only watching its child."""
    return all(isinstance(body.get(key), str) and body[key].strip() for key in ("goal", "target"))


def parse_work(body: dict[str, Any]) -> Subtask | None:
    """The work that a fork requests; None when it only watches. Raises InvalidFanOut."""
    return parse_subtask(0, body, 1, "body") if runs(body) else None


@dataclass(frozen=True, slots=True)
class Fork:
    """A child thread as its parent forked it. `record`: the INTEND; `work`: what is to run, if anything."""

    key: Key
    child: str
    goal: str
    actor: str
    work: Subtask | None
    alias: str = ""

    @property
    def record(self) -> str:
        return self.key[1]


@dataclass(frozen=True, slots=True)
class ForkResult:
    """A child's result, as the engine recorded it on the parent."""

    key: Key
    child: str
    result: str
    status: str
    summary: str
    cost_usd: float
    at: float
    taken_at: float = field(default=0.0, compare=False)
    """When the result was appended, in unix seconds."""


@dataclass(frozen=True, slots=True)
class MarkedFork:
    """An invalid fork, and why."""

    key: Key
    child: str
    problem: str


@dataclass(slots=True)
class Forks:
    """The child threads of one parent, according to its own records."""

    thread: str
    forks: dict[str, Fork] = field(default_factory=dict)
    results: dict[str, ForkResult] = field(default_factory=dict)
    marked: dict[str, MarkedFork] = field(default_factory=dict)
    taken_back: set[str] = field(default_factory=set)
    """The INTENDs that a DO cancels: forks among them no longer count."""
    amended: tuple[Key, str] | None = None
    """The latest amendment of the join, if there is one."""
    joined: Key | None = None
    """The engine's record that its join was satisfied."""

    def apply(self, stored: StoredRecord) -> None:
        """Apply a record of this thread."""
        record = stored.record
        if names_child(record):
            self._fork(record)
        elif record.act == "KNOW" and record.topic == FORK_CLOSED:
            self._close(stored)
        elif record.act == "KNOW" and record.topic == FORK_JOINED:
            key = word_key(record)
            self.joined = key if self.joined is None else min(self.joined, key)
        elif record.act == "LEARN" and record.topic == AMEND_JOIN:
            self._amend(record)
        elif named := cancelled(record):
            self.taken_back.add(named)

    def closed(self) -> set[str]:
        """The INTENDs of forks whose child has a result."""
        return {fork.record for child, fork in self.forks.items() if child in self.results}

    def _fork(self, record: Record) -> None:
        child, key = record.body[SUB_THREAD], word_key(record)
        if problem := child_problem(child, self.thread):
            shown = child if isinstance(child, str) else kind_of(child)
            self.marked[record.id] = MarkedFork(key, shown, problem)
            return
        known = self.forks.get(child)
        if known is not None and known.key <= key:
            return
        self.forks[child] = Fork(
            key, child, _text(record.body, "goal"), record.actor, _work(record), _text(record.body, "alias")
        )

    def _close(self, stored: StoredRecord) -> None:
        body, key = stored.record.body, word_key(stored.record)
        child, result = body.get("child_thread"), body.get("result")
        if not (isinstance(child, str) and isinstance(result, str) and result in RESULTS):
            return
        known = self.results.get(child)
        if known is None or known.key < key:
            self.results[child] = ForkResult(
                key,
                child,
                result,
                _text(body, "status"),
                _text(body, "summary"),
                number(body.get("cost_usd")),
                number(body.get("at"), stored.received_at),
                stored.received_at,
            )

    def _amend(self, record: Record) -> None:
        join, key = record.body.get("join"), word_key(record)
        if isinstance(join, str) and join.strip() and (self.amended is None or self.amended[0] < key):
            self.amended = key, join.strip()


def join_in(body: dict[str, Any]) -> str:
    """The join over child threads in the body of an opening INTEND; a fan-out's is over its subtasks."""
    join = body.get("join")
    return join.strip() if isinstance(join, str) and not is_fan_out(body) else ""


def _work(record: Record) -> Subtask | None:
    try:
        return parse_work(record.body)
    except InvalidFanOut:
        return None  # new ones are refused; from a foreign log, the child is only watched


def _text(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""
