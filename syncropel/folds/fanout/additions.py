"""Subtasks that running attempts ask for, and what the coordinator decides about each.

A request is a fact that an instance reports. It is kept by its id, and the first record counts. What is
decided is a LEARN of the coordinator, applied in fold order; the first decision about a request counts.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.errors import InvalidFanOut
from syncropel.folds.fanout.spec import MAX_SUBTASKS, Subtask, parse_subtask
from syncropel.folds.fanout.talk import number, slot_of
from syncropel.record.model import Record

ASKED: Final = "fanout_subtask_asked"
ADDED: Final = "fanout_subtask_added"
REFUSED: Final = "fanout_subtask_refused"
TOPICS: Final = frozenset({ADDED, REFUSED})
"""Topics of what the coordinator decides."""

MOST_ASKED: Final = 50
"""Subtasks that one attempt may ask for, whatever becomes of them."""
MOST_GOAL: Final = 4000
"""Characters of the goal of one."""
MOST_NAME: Final = 200
"""Characters of the name of its target, its repository, or its adapter."""
MOST_DEPENDENCIES: Final = 100
KEYS: Final = frozenset({"goal", "target", "repo", "depends_on"})
"""What an agent says of the subtask that it asks for."""

Key = tuple[int, str]
"""(clock, id) of a record."""


def addition_id(child_intend: str, request: str) -> str:
    """The id of a request, from its attempt and the agent's own id of it."""
    return "s_" + hashlib.sha256(f"{child_intend}\x1f{request}".encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. Empty: as the subtask that asks for it. `adapter`: the one that runs the attempt,
    which its instance names and not its agent.
    """

    goal: str
    adapter: str
    target: str = ""
    repo: str = ""
    depends_on: tuple[int, ...] = ()

    def as_body(self, request: str) -> dict[str, Any]:
        """The form used in records."""
        body: dict[str, Any] = {"request": request, "goal": self.goal, "adapter": self.adapter}
        more = {"target": self.target, "repo": self.repo, "depends_on": list(self.depends_on)}
        return body | {key: value for key, value in more.items() if value}


def read_wanted(value: Any) -> Wanted | None:
    """What a body asks for, if it is valid."""
    if not isinstance(value, Mapping):
        return None
    texts = [value.get(key, "") for key in ("goal", "adapter", "target", "repo")]
    goal, adapter, target, repo = (one if isinstance(one, str) else None for one in texts)
    if any(len(one) > MOST_NAME for one in (adapter, target, repo) if one):
        return None
    listed = value.get("depends_on", [])
    if not goal or not goal.strip() or len(goal) > MOST_GOAL or not adapter or target is None or repo is None:
        return None
    if not isinstance(listed, list) or len(listed) > MOST_DEPENDENCIES:
        return None
    if not all(type(one) is int and one >= 0 for one in listed):
        return None
    return Wanted(goal, adapter, target, repo, tuple(sorted(set(listed))))


@dataclass(frozen=True, slots=True)
class Request:
    """KNOW fanout_subtask_asked. `at`: when it was asked for (unix seconds)."""

    key: Key
    id: str
    index: int
    attempt: int
    child_intend: str
    child_thread: str
    wanted: Wanted
    at: float

    @property
    def slot(self) -> tuple[int, int]:
        return self.index, self.attempt


def asked_in(body: Mapping[str, Any]) -> str:
    """The id of the request in a report; empty when there is none."""
    subtask, intend = body.get("subtask"), body.get("child_intend")
    named = subtask.get("request") if isinstance(subtask, Mapping) else None
    return addition_id(intend, named) if isinstance(intend, str) and isinstance(named, str) else ""


def read_request(record: Record) -> Request | None:
    """The request in a report with a clock, if it is valid."""
    body, about, slot = record.body, asked_in(record.body), slot_of(record.body)
    wanted = read_wanted(body.get("subtask"))
    if wanted is None or slot is None or not about:
        return None
    key, thread = (record.clock or 0, record.id), body.get("child_thread")
    named = thread if isinstance(thread, str) else ""
    return Request(key, about, *slot, str(body["child_intend"]), named, wanted, number(body.get("at")))


@dataclass(frozen=True, slots=True)
class Added:
    """LEARN fanout_subtask_added: a subtask that another one asked for. `depth`: 1 for one that an operator's
    subtask asked for, 2 for one that such a subtask asked for, and so on. `at`: unix seconds.
    """

    key: Key
    asked: str
    by: tuple[int, int]
    """The subtask that asked for it, and its attempt."""
    depth: int
    at: float


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a request: `index` of the subtask, or the `reason` why there is none."""

    index: int | None
    reason: str = ""
    at: float = 0.0


@dataclass(slots=True)
class Additions:
    """What was asked for in one fan-out, and what was decided."""

    asked: dict[str, Request] = field(default_factory=dict)
    """By the request's id."""
    decided: dict[str, Decided] = field(default_factory=dict)
    added: dict[int, Added] = field(default_factory=dict)
    """By index: they follow the subtasks that the operator asked for."""
    clocks: list[int] = field(default_factory=list)
    """Of the records that added them, the lowest first."""
    undecided: set[str] = field(default_factory=set)
    by_intend: dict[str, set[str]] = field(default_factory=dict)
    """The requests of each attempt, by the id of its INTEND."""

    def ask(self, record: Record) -> None:
        """Apply a report that an attempt asks for a subtask."""
        request = read_request(record)
        if request is None:
            return
        if request.id not in self.asked or request.key < self.asked[request.id].key:
            self.asked[request.id] = request
        self.by_intend.setdefault(request.child_intend, set()).add(request.id)
        if request.id not in self.decided:
            self.undecided.add(request.id)

    def decide(self, topic: str, body: Mapping[str, Any], key: Key, count: int) -> Subtask | None:
        """Apply a decision; return the subtask that is new, which follows `count` others.

        One that was added before is named by its index alone. A whole subtask whose index is taken was added
        in another log: nothing is decided by it.
        """
        asked, index, at = body.get("asked"), body.get("index"), number(body.get("at"))
        if not isinstance(asked, str) or not asked or asked in self.decided:
            return None
        subtask = None
        if topic == REFUSED:
            self.decided[asked] = Decided(None, str(body.get("reason", "")), at)
        elif type(index) is int and index in self.added and "subtask" not in body:
            self.decided[asked] = Decided(index, at=at)
        elif type(index) is int and index == count and count < MAX_SUBTASKS:
            by, depth, subtask = _by(body.get("by")), body.get("depth"), _subtask(body.get("subtask"), index)
            if by is None or by[0] >= index or type(depth) is not int or depth < 1 or subtask is None:
                return None
            self.decided[asked] = Decided(index, at=at)
            self.added[index] = Added(key, asked, by, depth, at)
            insort(self.clocks, key[0])
        if asked in self.decided:
            self.undecided.discard(asked)
        return subtask

    def waiting(self) -> list[Request]:
        """The requests about which nothing is decided, the oldest first."""
        return sorted((self.asked[about] for about in self.undecided), key=_key)

    def of(self, child_intend: str) -> int:
        """How many subtasks this attempt has asked for."""
        return len(self.by_intend.get(child_intend, ()))

    def same(self, request: Request) -> int | None:
        """The subtask that was added because the same subtask had asked for the same."""
        for index, added in self.added.items():
            before = self.asked.get(added.asked)
            if before is not None and (before.index, before.wanted) == (request.index, request.wanted):
                return index
        return None

    def depth(self, index: int) -> int:
        """0 for a subtask that the operator asked for; else how many requests led to it."""
        return self.added[index].depth if index in self.added else 0

    def before(self, clock: int) -> int:
        """How many subtasks were added by records with lower clocks."""
        return bisect_left(self.clocks, clock)

    def was(self, index: int, key: Key) -> bool:
        """Whether this subtask was there before the record with this key."""
        return index not in self.added or self.added[index].key < key

    def clock_of(self, record: Record) -> int | None:
        """The clock of the report that says the same; None when none does."""
        known = self.asked.get(asked_in(record.body))
        return None if known is None else known.key[0]


def _key(request: Request) -> Key:
    return request.key


def _by(value: Any) -> tuple[int, int] | None:
    return slot_of(value) if isinstance(value, Mapping) else None


def _subtask(value: Any, index: int) -> Subtask | None:
    if not isinstance(value, dict):
        return None
    try:
        return parse_subtask(index, value, index, f"subtask {index}")
    except InvalidFanOut:
        return None
