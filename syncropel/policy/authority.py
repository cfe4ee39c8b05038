"""Who may write what: one table of topics and authors, checked for every new write.

It judges by how a record reached this log, never by the actor that the record names. The table applies to new
writes only: folds read whatever the log holds, and a restored bundle is history.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from syncropel.errors import ActorNotAllowed, SyncropelError, WrongAuthor
from syncropel.folds.base.lifecycle import opens_or_closes
from syncropel.folds.fanout.child import DISPATCH as OBSERVED
from syncropel.folds.fanout.child import ChildState, is_child_intend
from syncropel.folds.fanout.state import CHILD_DONE
from syncropel.folds.fanout.told import FACTS
from syncropel.folds.fleet.credentials import Credentials
from syncropel.folds.tasks.merges import STEP as MERGE_STEP
from syncropel.folds.tasks.state import TaskState
from syncropel.folds.threads.index import ThreadIndex
from syncropel.folds.working_set import WorkingSet
from syncropel.record.authors import ANYONE_ELSE, ENGINE_ALONE, FROM_ABOVE, TRUSTED, Author, authors
from syncropel.record.model import Record
from syncropel.record.threads import (
    ACTOR_REGISTRY,
    CONSENT,
    ENGINE_CONFIG,
    FLEET_CONTROL,
    INSTANCE_DID_PREFIX,
    INSTANCE_REGISTRY,
    NAMESPACE_REGISTRY,
)
from syncropel.record.topic import ANY, CHILD, DISPATCH, MERGE, PARENT, TASK
from syncropel.record.topics import AMEND_JOIN, TOPICS


@dataclass(frozen=True, slots=True)
class Writer:
    """How a record got here. `did`: of the instance or the account; for the operator, this instance's.

    `actors`: the actors that an account may name, patterns with `*`; None: any but an instance.
    """

    author: Author
    did: str = ""
    actors: tuple[str, ...] | None = None


ENGINE: Final = Writer("engine")
OPERATOR: Final = Writer("operator")
ANYONE: Final = Writer("anyone")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `act` and `thread`: how the authors write it; `way`: what other callers do
    instead.
    """

    topic: str
    act: str
    thread: str
    authors: frozenset[Author]
    way: str

    def allows(self, author: Author, act: str) -> bool:
        """Whether this author may write it with this act; not asked for the engine."""
        return author == "engine" or (author in self.authors and self.act in ("any", act))


class Known(Protocol):
    """The live folds that know whose report or result a record is."""

    @property
    def tasks(self) -> WorkingSet[TaskState]: ...
    @property
    def children(self) -> WorkingSet[ChildState]: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def index(self) -> ThreadIndex: ...


_RUN: Final = "give an instance work: spl task dispatch, or spl task fan-out"
_OBSERVES: Final = (
    "the instance that runs the goal writes it itself; end a run: spl task stop NAME --subtask N"
)
_OTHER: Final = "reserved threads take records of the operator and of accounts with the scope"

JOIN: Final = "(the join of a fan-out)"
CHILD_INTEND: Final = "(the INTEND of a subtask)"
CHILD_RESULT: Final = "(the result of a subtask)"
RUN_PHASE: Final = "(what opens or closes a run)"
OBSERVATION: Final = "(any other observation of a run)"
OTHER: Final = "(any other)"

_SHAPED: Final = (
    Row(JOIN, "KNOW", TASK, ENGINE_ALONE, AMEND_JOIN),
    Row(CHILD_INTEND, "INTEND", CHILD, FROM_ABOVE, _RUN),
    Row(CHILD_RESULT, "KNOW", CHILD, ENGINE_ALONE, "the instance that ran the attempt writes it itself"),
    Row(RUN_PHASE, "any", DISPATCH, ENGINE_ALONE, _OBSERVES),
    Row(OBSERVATION, "any", DISPATCH, ENGINE_ALONE, _OBSERVES),
    Row(OTHER, "any", ANY, ANYONE_ELSE, "report attempts only"),
    Row(OTHER, "any", FLEET_CONTROL, authors("coordinator", "operator", "account"), _OTHER),
    Row(OTHER, "any", NAMESPACE_REGISTRY, authors("coordinator", "operator", "account"), _OTHER),
    *(
        Row(OTHER, "any", thread, TRUSTED, _OTHER)
        for thread in (ENGINE_CONFIG, INSTANCE_REGISTRY, ACTOR_REGISTRY, CONSENT)
    ),
)
_RULED: Final = tuple(one for one in TOPICS if one.way)
TABLE: Final = (*(Row(one.name, one.act, one.thread, one.authors, one.way) for one in _RULED), *_SHAPED)
"""Every topic with authors of its own, and the rest. On a reserved thread a row applies to that thread;
elsewhere to every thread.
"""

_ORDINARY: Final = frozenset({TASK, PARENT, CHILD, DISPATCH, MERGE, ANY})
_SHAPES: Final = frozenset({JOIN, CHILD_INTEND, CHILD_RESULT, RUN_PHASE, OBSERVATION, OTHER})
_RESERVED_PLACES: Final = frozenset(row.thread for row in TABLE) - _ORDINARY


def _place(row: Row) -> str:
    return "" if row.thread in _ORDINARY else row.thread


# Kept apart, so that no record can claim one of these shapes by naming it as its topic.
_BY_TOPIC: Final = {(_place(row), row.topic): row for row in TABLE if row.topic not in _SHAPES}
_BY_SHAPE: Final = {(_place(row), row.topic): row for row in TABLE if row.topic in _SHAPES}


def row_of(record: Record, known: Known) -> Row:
    """The line of the table that applies to this record."""
    place = record.thread if record.thread in _RESERVED_PLACES else ""
    found = _BY_TOPIC.get((place, record.topic))
    return found or _BY_SHAPE[place, OTHER if place else _shape(record, known)]


def _shape(record: Record, known: Known) -> str:
    """The row for a record without a topic of its own."""
    if record.topic.startswith(OBSERVED):
        return OBSERVATION  # of another version; and by its kind a thread is taken for a run's
    line = known.index.threads.get(record.thread)
    if line is not None and line.kind == "dispatch" and opens_or_closes(record):
        return RUN_PHASE
    if is_child_intend(record):
        return CHILD_INTEND
    if record.act != "KNOW":
        return OTHER
    # A report that a run was ended passes every freeze, on whichever thread an instance writes it.
    if record.body.get("verdict") == "terminated" and record.actor.startswith(INSTANCE_DID_PREFIX):
        return CHILD_RESULT
    if (task := known.tasks.get(record.thread)) is not None:
        return JOIN if _joins(record, task) else OTHER
    answers = record.thread in known.children and isinstance(record.body.get("fulfills"), str)
    return CHILD_RESULT if answers else OTHER


def _joins(record: Record, task: TaskState) -> bool:
    """Whether this KNOW would be, or precede, the one that joins the task's fan-out."""
    fanout = task.fanout
    if fanout is None or record.body.get("fulfills") != fanout.intend:
        return False
    behind = record.clock is None or record.clock > task.clock
    return fanout.joined is None or not behind


def refusal(record: Record, known: Known, writer: Writer) -> SyncropelError | None:
    """Why this writer may not write this record, or None."""
    if writer.author == "engine":
        return None
    row = row_of(record, known)
    if not row.allows(writer.author, record.act):
        return _wrong_author(row, record, writer)
    if (error := actor_refusal(record.actor, writer)) is not None:
        return error
    if row.topic == CHILD_DONE or row.topic in FACTS:
        return _unproven(record, known, writer) or _foreign_report(record, known)
    if row.topic == MERGE_STEP:
        return _unproven(record, known, writer) or _foreign_step(record, known)
    return None


def _wrong_author(row: Row, record: Record, writer: Writer) -> WrongAuthor:
    what = f"{record.topic or record.act} {row.topic}" if row.topic in _SHAPES else row.topic
    if writer.author in row.authors:
        return WrongAuthor(f"{what} on {record.thread} is written as {row.act}, not {record.act}", row.way)
    return WrongAuthor(f"{what} on {record.thread} may not be written by {_named(writer)}", row.way)


def _named(writer: Writer) -> str:
    return {
        "coordinator": "the coordinator",
        "instance": f"the instance {writer.did}",
        "fleet": "an instance with the shared fleet token",
        "operator": "the operator",
        "account": f"the account {writer.did}",
    }.get(writer.author, "a caller without a token")


def actor_refusal(actor: str, writer: Writer) -> ActorNotAllowed | None:
    """Why this writer may not write under this name, or None."""
    if writer.author in ("engine", "coordinator") or (writer.author == "operator" and actor == writer.did):
        return None
    if writer.author == "instance":
        if actor == writer.did:
            return None
        return ActorNotAllowed(f"{writer.did} may not write as {actor!r}", "it writes under its own name")
    of_instance = actor.startswith(INSTANCE_DID_PREFIX)
    if of_instance != (writer.author == "fleet"):
        hint = "only an instance's own credential may write under its name"
        return ActorNotAllowed(f"{_named(writer)} may not write as {actor!r}", hint)
    if writer.actors is None or _matches(writer.actors, actor):
        return None
    may = ", ".join(writer.actors) or "nobody"
    account = writer.did.rpartition(":")[2]
    hint = f"it may write as: {may}; to change that: spl token grant {account} --actor PATTERN"
    return ActorNotAllowed(f"{_named(writer)} may not write as {actor!r}", hint)


def matches(patterns: Iterable[str], actor: str) -> bool:
    """Whether one of these patterns matches the actor; `*` stands for any text."""
    return any(_compiled(pattern).fullmatch(actor) for pattern in patterns)


@lru_cache(maxsize=1024)
def _matches(patterns: tuple[str, ...], actor: str) -> bool:
    return matches(patterns, actor)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def _unproven(record: Record, known: Known, writer: Writer) -> WrongAuthor | None:
    """Why the credential does not prove the instance under whose name this comes, or None. Checked again when
    the record is appended: the instance may have been revoked since the request began.
    """
    credential = known.credentials.known.get(record.actor)
    if credential is not None and credential.revoked:
        told = f"{record.topic} is refused: {record.actor} was revoked"
        return WrongAuthor(told, "see: spl fleet list --all")
    if credential is not None and writer.author == "fleet":
        return WrongAuthor(
            f"{record.actor} must report with its own credential, not with the shared fleet token",
            "it is in its own home; give it another: spl fleet start",
        )
    return None


def _foreign_report(record: Record, known: Known) -> WrongAuthor | None:
    """Why this report is not about an attempt that its instance was given, or None."""
    body, task = record.body, known.tasks.get(record.thread)
    fanout = task.fanout if task is not None else None
    index, attempt = body.get("index"), body.get("attempt", 1)
    if fanout is not None and type(index) is int and type(attempt) is int:
        spawn = fanout.spawns.get((index, attempt))
        about = (body.get("worker"), body.get("child_thread"))
        if (
            spawn is not None
            and record.actor == spawn.instance
            and about == (spawn.instance, spawn.child_thread)
        ):
            return None
    return WrongAuthor(
        f"{record.topic} on {record.thread}: attempt {attempt!r} of subtask {index!r} was not given to "
        f"{record.actor}",
        "see who has it: spl task join-status NAME",
    )


def _foreign_step(record: Record, known: Known) -> WrongAuthor | None:
    """Why this step is not about a merge that its instance was given, or None."""
    task = known.tasks.get(record.thread)
    merge = task.merges.by_id.get(str(record.body.get("merge"))) if task is not None else None
    if merge is not None and merge.instance == record.actor:
        return None
    return WrongAuthor(
        f"{MERGE_STEP} on {record.thread}: the merge was not given to {record.actor}",
        "see the merges: spl task merge NAME --status",
    )
