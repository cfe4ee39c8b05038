"""Who may write what: one table of topics and authors, checked for every new write.

It decides by how a record came to this log, never by the actor that the record names. The table binds new
writes only: folds read whatever the log holds, and a restored bundle is history.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, Protocol

from syncropel.errors import ActorNotAllowed, SyncropelError, WrongAuthor
from syncropel.folds.consents import TOPICS as CONSENT_TOPICS
from syncropel.folds.control.access import API_TOKEN, SERVICE_ACCOUNT, TOKEN_REVOKED
from syncropel.folds.control.drains import DRAIN
from syncropel.folds.control.freezes import FREEZE, UNFREEZE
from syncropel.folds.control.namespaces import STATE_OF_TOPIC, STRICT_TOPIC, WITHDRAWN_TOPIC
from syncropel.folds.control.rules import DENIED_TOPIC, PERMISSION
from syncropel.folds.fanout import approvals, reassignments
from syncropel.folds.fanout.child import CALL, END_CHILD, OBSERVATIONS, RUN, ChildState, is_child_intend
from syncropel.folds.fanout.state import AMEND_JOIN, CHILD_DONE, RETRY, SPAWNED
from syncropel.folds.fleet.credentials import CREDENTIAL, REVOKED, Credentials
from syncropel.folds.fleet.registry import INSTANCE_REFUSED, INSTANCE_STATE
from syncropel.folds.forks.state import FORK_CLOSED, FORK_JOINED
from syncropel.folds.tasks.state import TaskState
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

Author = Literal["engine", "coordinator", "instance", "fleet", "operator", "account", "anyone"]
AUTHORS: Final[tuple[Author, ...]] = (
    "engine",
    "coordinator",
    "instance",
    "fleet",
    "operator",
    "account",
    "anyone",
)
MEANING: Final[dict[Author, str]] = {
    "engine": "this instance's own engine, also on behalf of a route",
    "coordinator": "the coordinator that a worker's configuration names, by its credential there",
    "instance": "an instance of the fleet, by its own credential",
    "fleet": "an older instance, by the shared fleet token",
    "operator": "a connection over the Unix socket",
    "account": "a token of a service account",
    "anyone": "a caller of an instance without auth (`--insecure-localhost`)",
}


@dataclass(frozen=True, slots=True)
class Writer:
    """How a record came here. `did`: of the instance or the account; of the operator, this instance's.

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
    """One line of the table. `act` and `thread`: how the authors write it; `way`: what others do instead."""

    topic: str
    act: str
    thread: str
    authors: frozenset[Author]
    way: str

    def allows(self, author: Author, act: str) -> bool:
        """Whether this author may write it as this act; the engine is not asked."""
        return author == "engine" or (author in self.authors and self.act in ("any", act))


class Known(Protocol):
    """The live folds that tell whose a report or a result is."""

    @property
    def tasks(self) -> dict[str, TaskState]: ...
    @property
    def children(self) -> dict[str, ChildState]: ...
    @property
    def credentials(self) -> Credentials: ...


def _authors(*names: Author) -> frozenset[Author]:
    return frozenset(("engine", *names))


_ENGINE_ALONE: Final = _authors()
_FROM_ABOVE: Final = _authors("coordinator")
_REPORTERS: Final = _authors("instance", "fleet")
_PEOPLE: Final = _authors("operator", "account", "anyone")
_TRUSTED: Final = _authors("operator", "account")

TASK: Final = "a task's"
PARENT: Final = "a parent's"
CHILD: Final = "a subtask's"
DISPATCH: Final = "a dispatch's"
ANY: Final = "any other"

_SEE_JOIN: Final = "the engine writes it; see what it wrote: spl task join-status NAME"
_AMEND_JOIN: Final = "change when it joins: spl task amend NAME --join EXPRESSION"
_RUN: Final = "give an instance work: spl task dispatch, or spl task fan-out"
_TOKENS: Final = "make and revoke tokens: spl token mint, spl token revoke"
_NAMESPACES: Final = "change namespaces: spl namespace create, archive, delete, strict"
_RULES: Final = "change rules: spl config add-permission-rule, remove-rule"
_CONSENTS: Final = "grant and revoke: spl consent grant, spl consent revoke"
_OTHER: Final = "reserved threads take records of the operator and of accounts with the scope"

JOIN: Final = "(the join of a fan-out)"
CHILD_INTEND: Final = "(the INTEND of a subtask)"
CHILD_RESULT: Final = "(the result of a subtask)"
OTHER: Final = "(any other)"

TABLE: Final = (
    Row(SPAWNED, "DO", TASK, _ENGINE_ALONE, _SEE_JOIN),
    Row(CHILD_DONE, "DO", TASK, _REPORTERS, "the instance that ran the attempt reports it itself"),
    Row(JOIN, "KNOW", TASK, _ENGINE_ALONE, _AMEND_JOIN),
    Row(
        reassignments.REASSIGN,
        "LEARN",
        TASK,
        _ENGINE_ALONE,
        "move work: spl drain start, or spl task retry NAME",
    ),
    Row(reassignments.BUDGET_WARNING, "LEARN", TASK, _ENGINE_ALONE, _SEE_JOIN),
    Row(reassignments.BUDGET_EXCEEDED, "LEARN", TASK, _ENGINE_ALONE, "end it: spl task cancel NAME"),
    Row(approvals.ASKED, "LEARN", TASK, _ENGINE_ALONE, "ask by a rule: spl config add-aitl"),
    Row(FORK_CLOSED, "KNOW", PARENT, _ENGINE_ALONE, "the engine tells a parent what its children came to"),
    Row(FORK_JOINED, "KNOW", PARENT, _ENGINE_ALONE, _AMEND_JOIN),
    Row(
        reassignments.END,
        "LEARN",
        TASK,
        _PEOPLE,
        "the operator ends an attempt: spl task stop NAME --subtask N",
    ),
    Row(RETRY, "LEARN", TASK, _PEOPLE, "the operator retries: spl task retry NAME --subtask N"),
    Row(AMEND_JOIN, "LEARN", TASK, _PEOPLE, "the operator amends: spl task amend NAME --join EXPRESSION"),
    Row(
        reassignments.AMEND_BUDGET,
        "LEARN",
        TASK,
        _PEOPLE,
        "the operator amends: spl task amend NAME --budget USD",
    ),
    Row(
        approvals.ANSWERED, "LEARN", TASK, _PEOPLE, "the operator answers: spl task approve NAME --subtask N"
    ),
    Row(CHILD_INTEND, "INTEND", CHILD, _FROM_ABOVE, _RUN),
    Row(END_CHILD, "LEARN", CHILD, _FROM_ABOVE, "end an attempt: spl task stop NAME --subtask N"),
    Row(CHILD_RESULT, "KNOW", CHILD, _ENGINE_ALONE, "the instance that ran the attempt writes it itself"),
    *(
        Row(kind, act, DISPATCH, _ENGINE_ALONE, "the instance that runs the goal writes it itself")
        for kind, act in ((RUN, "INTEND"), (CALL, "CALL"), *((kind, "KNOW") for kind in OBSERVATIONS))
    ),
    Row(OTHER, "any", ANY, _authors("coordinator", "operator", "account", "anyone"), "report attempts only"),
    Row(FREEZE, "LEARN", FLEET_CONTROL, _FROM_ABOVE, "freeze by: spl kill --namespace NAMESPACE"),
    Row(UNFREEZE, "LEARN", FLEET_CONTROL, _FROM_ABOVE, "lift by: spl unkill --namespace NAMESPACE"),
    Row(DRAIN, "LEARN", FLEET_CONTROL, _FROM_ABOVE, "drain by: spl drain start --instance NAME"),
    Row(PERMISSION, "LEARN", FLEET_CONTROL, _FROM_ABOVE, _RULES),
    Row(CREDENTIAL, "LEARN", FLEET_CONTROL, _FROM_ABOVE, "give instances credentials: spl fleet start"),
    Row(REVOKED, "LEARN", FLEET_CONTROL, _FROM_ABOVE, "revoke an instance: spl fleet revoke NAME"),
    Row("kill_drill", "LEARN", FLEET_CONTROL, _PEOPLE, "hold a drill: spl drill kill"),
    Row(OTHER, "any", FLEET_CONTROL, _authors("coordinator", "operator", "account"), _OTHER),
    *(
        Row(topic, "LEARN", NAMESPACE_REGISTRY, _FROM_ABOVE, _NAMESPACES)
        for topic in (*STATE_OF_TOPIC, STRICT_TOPIC, WITHDRAWN_TOPIC)
    ),
    Row(OTHER, "any", NAMESPACE_REGISTRY, _authors("coordinator", "operator", "account"), _OTHER),
    *(
        Row(topic, "LEARN", ENGINE_CONFIG, _ENGINE_ALONE, _TOKENS)
        for topic in (SERVICE_ACCOUNT, API_TOKEN, TOKEN_REVOKED)
    ),
    Row(DENIED_TOPIC, "LEARN", ENGINE_CONFIG, _ENGINE_ALONE, "the engine keeps what rules denied"),
    Row(OTHER, "any", ENGINE_CONFIG, _TRUSTED, _OTHER),
    Row(INSTANCE_STATE, "KNOW", INSTANCE_REGISTRY, _ENGINE_ALONE, "an instance joins by its heartbeat"),
    Row(INSTANCE_REFUSED, "KNOW", INSTANCE_REGISTRY, _ENGINE_ALONE, "the coordinator notes it itself"),
    Row(OTHER, "any", INSTANCE_REGISTRY, _TRUSTED, _OTHER),
    Row(OTHER, "any", ACTOR_REGISTRY, _TRUSTED, _OTHER),
    *(Row(topic, "LEARN", CONSENT, _TRUSTED, _CONSENTS) for topic in CONSENT_TOPICS),
    Row(OTHER, "any", CONSENT, _TRUSTED, _OTHER),
)
"""Every topic that the engine acts on. On a reserved thread a row holds for that thread; elsewhere for every
thread, whatever it is."""

_ORDINARY: Final = frozenset({TASK, PARENT, CHILD, DISPATCH, ANY})
_SHAPES: Final = frozenset({JOIN, CHILD_INTEND, CHILD_RESULT, OTHER})
_RESERVED_PLACES: Final = frozenset(row.thread for row in TABLE) - _ORDINARY


def _place(row: Row) -> str:
    return "" if row.thread in _ORDINARY else row.thread


# Apart, so that no record falls under a shape by naming it as its topic.
_BY_TOPIC: Final = {(_place(row), row.topic): row for row in TABLE if row.topic not in _SHAPES}
_BY_SHAPE: Final = {(_place(row), row.topic): row for row in TABLE if row.topic in _SHAPES}


def row_of(record: Record, known: Known) -> Row:
    """The line of the table that this record falls under."""
    place = record.thread if record.thread in _RESERVED_PLACES else ""
    found = _BY_TOPIC.get((place, record.topic))
    return found or _BY_SHAPE[place, OTHER if place else _shape(record, known)]


def _shape(record: Record, known: Known) -> str:
    """What a record without a topic of its own is to the engine."""
    if is_child_intend(record):
        return CHILD_INTEND
    if record.act != "KNOW":
        return OTHER
    # That a run was ended passes every freeze, on whatever thread an instance says it.
    if record.body.get("verdict") == "terminated" and record.actor.startswith(INSTANCE_DID_PREFIX):
        return CHILD_RESULT
    if (task := known.tasks.get(record.thread)) is not None:
        return JOIN if _joins(record, task) else OTHER
    answers = record.thread in known.children and isinstance(record.body.get("fulfills"), str)
    return CHILD_RESULT if answers else OTHER


def _joins(record: Record, task: TaskState) -> bool:
    """Whether this KNOW would be, or come before, the one that joins the task's fan-out."""
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
    if row.topic != CHILD_DONE:
        return None
    return _unproven(record, known, writer) or _foreign_report(record, known)


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
    """Why this writer may not write in this name, or None."""
    if writer.author in ("engine", "coordinator") or (writer.author == "operator" and actor == writer.did):
        return None
    if writer.author == "instance":
        if actor == writer.did:
            return None
        return ActorNotAllowed(f"{writer.did} may not write as {actor!r}", "it writes in its own name")
    of_instance = actor.startswith(INSTANCE_DID_PREFIX)
    if of_instance != (writer.author == "fleet"):
        hint = "only its own credential writes in an instance's name"
        return ActorNotAllowed(f"{_named(writer)} may not write as {actor!r}", hint)
    if writer.actors is None or matches(writer.actors, actor):
        return None
    may = ", ".join(writer.actors) or "nobody"
    account = writer.did.rpartition(":")[2]
    hint = f"it may write as: {may}; to change that: spl token grant {account} --actor PATTERN"
    return ActorNotAllowed(f"{_named(writer)} may not write as {actor!r}", hint)


def matches(patterns: Iterable[str], actor: str) -> bool:
    """Whether one of these patterns covers the actor; `*` stands for any text."""
    return any(_compiled(pattern).fullmatch(actor) for pattern in patterns)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def _unproven(record: Record, known: Known, writer: Writer) -> WrongAuthor | None:
    """Why the instance in whose name this comes does not speak by what was shown, or None. Asked anew at the
    log's door: it may have been revoked since the request began."""
    credential = known.credentials.known.get(record.actor)
    if credential is not None and credential.revoked:
        told = f"{CHILD_DONE} is refused: {record.actor} was revoked"
        return WrongAuthor(told, "see: spl fleet list --all")
    if credential is not None and writer.author == "fleet":
        return WrongAuthor(
            f"{record.actor} must report with its own credential, not with the shared fleet token",
            "it is in its own home; give it another: spl fleet start",
        )
    return None


def _foreign_report(record: Record, known: Known) -> WrongAuthor | None:
    """Why this report is not of an attempt that its instance was given, or None."""
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
        f"{CHILD_DONE} on {record.thread}: attempt {attempt!r} of subtask {index!r} was not given to "
        f"{record.actor}",
        "see who has it: spl task join-status NAME",
    )
