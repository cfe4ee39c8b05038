"""The write guard: what a well-formed record must also satisfy before it is appended."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from syncropel.cel.expression import SLOW_SOURCE_CHARS
from syncropel.errors import (
    Conflict,
    InvalidNamespace,
    InvalidRecord,
    NamespaceFrozen,
    NamespaceRejected,
    RecordAltered,
    SyncropelError,
)
from syncropel.folds.consents import TOPICS as CONSENT_TOPICS
from syncropel.folds.consents import problem_of
from syncropel.folds.control.access import CORS_ORIGINS
from syncropel.folds.control.freezes import STOPPED_ACTS, Control, Freeze
from syncropel.folds.control.namespaces import DEFAULT, EXAMPLE, Namespaces, covers, name_in, parse_namespace
from syncropel.folds.control.rules import KINDS, PERMISSION, Rules, parse_rule
from syncropel.folds.fanout.child import ChildState
from syncropel.folds.fanout.reassignments import AMEND_BUDGET
from syncropel.folds.fanout.spec import FanOutSpec, is_fan_out, parse_fan_out, positive_number
from syncropel.folds.fanout.state import AMEND_JOIN, SPAWNED
from syncropel.folds.fleet.credentials import Credentials
from syncropel.folds.fleet.leadership import Leadership
from syncropel.folds.forks.state import Forks
from syncropel.folds.tasks.parents import Parents
from syncropel.folds.tasks.state import TaskState
from syncropel.folds.threads.index import ThreadIndex
from syncropel.folds.working_set import WorkingSet
from syncropel.freeze_levels import EVERYWHERE, unkill_command
from syncropel.policy.adding import check_decision, is_decision
from syncropel.policy.authority import ENGINE, OPERATOR, Writer, refusal
from syncropel.policy.clocks import check_clock
from syncropel.policy.expression_contexts import compile_in
from syncropel.policy.forking import KnownThreads, check_fork, join_of, namespace_of
from syncropel.policy.joining import check_fork_join, check_join, prepare_join
from syncropel.policy.leading import NotLeader, check_leading
from syncropel.policy.permissions import CONTEXT_OF, check_rule
from syncropel.policy.reviewing import (
    check_join_knows,
    check_merge,
    check_review,
    check_spawn,
    is_merge_request,
    is_review,
)
from syncropel.policy.standing import Standing
from syncropel.policy.talking import check_talk, is_talk
from syncropel.policy.verdicts import check_verdict
from syncropel.record.model import Record, kind_of
from syncropel.record.threads import CONSENT, ENGINE_CONFIG, FLEET_CONTROL, RESERVED
from syncropel.wire.origins import parse_origins

_RULES: Final = {ENGINE_CONFIG: KINDS, FLEET_CONTROL: (PERMISSION,)}
"""Threads that hold rules, and the kinds of rules on each."""
_DEFAULT_ALONE: Final = (DEFAULT,)


class GuardedState(Protocol):
    """The live folds that the guard reads."""

    @property
    def tasks(self) -> WorkingSet[TaskState]: ...
    @property
    def children(self) -> WorkingSet[ChildState]: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def leadership(self) -> Leadership: ...
    @property
    def control(self) -> Control: ...
    @property
    def namespaces(self) -> Namespaces: ...
    @property
    def rules(self) -> Rules: ...
    @property
    def standing(self) -> Standing: ...
    @property
    def altered(self) -> dict[str, str]: ...
    @property
    def heads(self) -> dict[str, int]: ...
    @property
    def index(self) -> ThreadIndex: ...
    @property
    def parents(self) -> Parents: ...
    @property
    def forks(self) -> WorkingSet[Forks]: ...


def check(
    record: Record, state: GuardedState, now: float, own_did: str, writer: Writer = ENGINE
) -> SyncropelError | None:
    """Why this record is refused, or None. Reads memory only; writes nothing.

    `own_did`: this instance's, whose report that a run was ended passes any freeze. `writer`: how the record
    got here.
    """
    refused = (
        _check_altered(record, state)
        or refusal(record, state, writer)
        or check_clock(record, state, writer, now)
        or _check_grammar(record, state, writer)
        or check_restored(record, state, now, own_did, writer)
        or _check_consent(record)
        or check_leading(record, state, own_did, state.standing.coordinator)
    )
    if refused is not None:
        return refused
    if is_talk(record):
        return check_talk(record, state.tasks.get(record.thread), state.children.get(record.thread))
    if is_decision(record):
        task = state.tasks.get(record.thread)
        fanout = task.fanout if task is not None else None
        covering = state.control.covering(fanout.spec.namespace) if fanout is not None else ()
        return check_decision(record, fanout, covering)
    if record.act == "KNOW":
        task = state.tasks.get(record.thread)
        if task is not None and (leader := state.standing.fenced) is not None:
            return NotLeader(leader, "a join")
        return None if task is None else check_verdict(record, task) or check_join_knows(record, task)
    if is_review(record):
        return check_review(record, state.tasks.get(record.thread))
    if record.act == "DO" and record.topic == SPAWNED:
        return check_spawn(record, state.tasks.get(record.thread))
    if is_merge_request(record):
        return check_merge(record, state.tasks.get(record.thread))
    if record.act == "INTEND" and (refused := check_fork(record, state)) is not None:
        return refused
    if begins_fan_out(record):
        return _check_fan_out(record, state)
    if record.act == "LEARN" and record.topic == AMEND_JOIN:
        return _check_amendment(record, state)
    if record.act == "LEARN" and record.topic == AMEND_BUDGET:
        return _check_budget(record)
    return None


def check_restored(
    record: Record, state: GuardedState, now: float, own_did: str, writer: Writer = OPERATOR
) -> SyncropelError | None:
    """Like `check`, for a record of another log: tasks begun or amended there are history, and stand."""
    stopped = not state.standing.may_begin
    ruled = bool(state.control.freezes or state.namespaces.known) or state.namespaces.strict
    if (stopped or ruled) and not says_that_a_run_ended(record, own_did):
        refused = state.standing.refusal(record, writer) if stopped else None
        if refused is None and ruled:
            refused = _check_namespaces(record, state)
        if refused is not None:
            return refused
    rules = _RULES.get(record.thread)
    if rules is not None and record.act == "LEARN" and record.topic in rules:
        return _check_rule(record)
    if record.thread == ENGINE_CONFIG and record.act == "LEARN" and record.topic == CORS_ORIGINS:
        return _check_origins(record)
    return None


def _check_altered(record: Record, state: GuardedState) -> SyncropelError | None:
    """Why nothing begins or joins on a thread of which a record was altered."""
    if not state.altered or (altered := state.altered.get(record.thread)) is None:
        return None
    if record.act in STOPPED_ACTS or "fulfills" in record.body:
        return record_altered(altered, record.thread)
    return None


def record_altered(record: str, thread: str) -> RecordAltered:
    """The refusal of what would rest on this record, which is not what its id says."""
    return RecordAltered(
        f"record {record} on {thread} was altered: it does not hash to its id",
        f"restore a backup: spl backup list; or take it as it is: spl store accept-altered {record}",
    )


def _check_origins(record: Record) -> SyncropelError | None:
    origins = record.body.get("origins")
    if not isinstance(origins, list):
        return InvalidRecord("origins must be a list", "see: spl config auth-set-cors-origins --help")
    try:
        parse_origins(origins)
    except SyncropelError as error:
        return error
    return None


def long_expression(record: Record) -> Callable[[], object] | None:
    """A function that compiles this record's expression, when that would block the event loop for
    too long."""
    body, key = record.body, "expression" if record.topic in KINDS else "join"
    source = body.get(key)
    if not isinstance(source, str) or len(source) <= SLOW_SOURCE_CHARS:
        return None
    if key == "join":
        return partial(prepare_join, source)
    return partial(compile_in, CONTEXT_OF[record.topic], source)


def _check_consent(record: Record) -> SyncropelError | None:
    """Why this grant or revocation would not take effect, or None. A restored one is history."""
    if record.thread != CONSENT or record.topic not in CONSENT_TOPICS:
        return None
    for name in ("source_namespace", "target_namespace"):
        if (refused := _no_namespace(record.body.get(name), f"body.{name}")) is not None:
            return refused
    source, target = record.body["source_namespace"], record.body["target_namespace"]
    if covers(target, source):
        return InvalidRecord(
            f"records of {source!r} need no consent for {target!r}: they are in it",
            "name the namespace that is to receive them",
        )
    if problem := problem_of(record.body):
        return InvalidRecord(f"{record.topic}: {problem}", "see: spl consent grant --help")
    return None


def _check_rule(record: Record) -> SyncropelError | None:
    if record.body.get("removed") is True:
        return None
    try:
        rule = parse_rule(record.topic, record.body)
    except ValueError as error:
        return InvalidRecord(f"{record.topic}: {error}", "see: spl config --help")
    return check_rule(record.topic, rule)


def namespaces_of(record: Record, state: KnownThreads) -> frozenset[str]:
    """The namespaces that a record is written to: its own, and those of its thread."""
    return frozenset(_names(record, state))


def _names(record: Record, state: KnownThreads) -> tuple[str, ...]:
    """As `namespaces_of`, sorted. Called for each write while anything is frozen or registered."""
    names = thread_namespaces(record.thread, state)
    named = record.body.get("namespace")
    if named is not None and named not in names and name_in(record.body):
        return tuple(sorted((*names, named))) if names else (named,)
    return names or _DEFAULT_ALONE


def thread_namespaces(thread: str, state: KnownThreads) -> tuple[str, ...]:
    """The namespaces of a thread, sorted: of its first INTEND, or of the thread it was forked from, and of
    its task or child. None without an INTEND.
    """
    line = state.index.threads.get(thread)
    if thread in state.parents.forks:
        first = namespace_of(thread, state)
    else:
        first = line.namespace if line is not None else ""
    if not first:
        return ()
    if (task := state.tasks.get(thread)) is not None:
        also = task.namespace
    elif (child := state.children.get(thread)) is not None and child.latest is not None:
        also = name_in(child.latest.body) or DEFAULT
    else:
        return (first,)
    return (first,) if also == first else tuple(sorted((first, also)))


def _check_grammar(record: Record, state: GuardedState, writer: Writer) -> SyncropelError | None:
    """Why the record's namespace is invalid, or None. Exempt are the engine's and the coordinator's records
    about work of an older log, and records that only repeat their thread's namespace.
    """
    if "namespace" not in record.body or writer.author in ("engine", "coordinator"):
        return None
    named = record.body["namespace"]
    refused = _no_namespace(named, "body.namespace")
    repeats = refused is not None and name_in(record.body) in thread_namespaces(record.thread, state)
    return None if repeats else refused


def _no_namespace(named: Any, place: str) -> InvalidNamespace | None:
    """Why this value is not a namespace, or None."""
    if not isinstance(named, str):
        return InvalidNamespace(f"{place} must be a text, not {kind_of(named)}", EXAMPLE)
    try:
        parse_namespace(named, place)
    except InvalidNamespace as error:
        return error
    return None


def says_that_a_run_ended(record: Record, own_did: str) -> bool:
    """Whether this instance reports that a run was ended here, and that nothing is left of it: no stop keeps
    that out of the log. A result without that proof waits like any other; meanwhile heartbeats report its
    pids.
    """
    return record.act == "KNOW" and record.body.get("verdict") == "terminated" and record.actor == own_did


def carries_control(record: Record) -> bool:
    """Whether no freeze keeps this record out: a stop must never need what it stops."""
    return record.thread in RESERVED and record.act not in STOPPED_ACTS


def _check_namespaces(record: Record, state: GuardedState) -> SyncropelError | None:
    if carries_control(record):
        return None
    control = None if state.rules.freezes_changed else state.control
    registry = state.namespaces
    for namespace in _names(record, state):
        if control is not None and (freeze := control.refusal(record.act, namespace)) is not None:
            return frozen(freeze, record.act)
        if registry.known or registry.strict:
            rejection = registry.rejection(namespace)
            if rejection is not None:
                return NamespaceRejected(
                    f"namespace {namespace!r}: {rejection.ancestor!r} {rejection.problem}", rejection.mend
                )
    return None


def frozen(freeze: Freeze, act: str) -> NamespaceFrozen:
    """The refusal: which freeze, why, and how to lift it."""
    if freeze.namespace == EVERYWHERE:
        return NamespaceFrozen(
            f"emergency stop: {act} is refused everywhere ({freeze.reason})",
            f"lift it when it is over: {unkill_command(EVERYWHERE)}",
        )
    return NamespaceFrozen(
        f"{freeze.level} freeze of {freeze.namespace!r}: {act} is refused ({freeze.reason})",
        f"lift it when it is over: {unkill_command(freeze.namespace)}",
    )


def begins_fan_out(record: Record) -> bool:
    """Whether this record fans a task out."""
    return record.act == "INTEND" and is_fan_out(record.body)


def _fanned_out(intend: str, name: str) -> Conflict:
    return Conflict(
        f"this task is fanned out already (record {intend})",
        f"see it: spl task join-status {name}; for other work add another task",
    )


def _check_fan_out(record: Record, state: GuardedState) -> SyncropelError | None:
    task = state.tasks.get(record.thread)
    if task is not None and task.fanout is not None and task.fanout.intend != record.id:
        return _fanned_out(task.fanout.intend, task.alias or task.thread)
    try:
        check_join(parse_fan_out(record.body))
    except SyncropelError as error:
        return error
    return _check_place(record, state)


def _check_place(record: Record, state: GuardedState) -> SyncropelError | None:
    """Whether the subtasks would run out of reach of a freeze of their task, or of a namespace they name."""
    own = name_in(record.body) or DEFAULT
    above = namespace_of(record.thread, state) or DEFAULT
    if above != DEFAULT and not covers(above, own):
        return InvalidNamespace(
            f"namespace {own!r} is not within the task's, {above!r}: a freeze of the task would not reach it",
            f"leave it out of the command, or name {above} or one below it",
        )
    for index, subtask in enumerate(record.body["subtasks"]):
        if "namespace" not in subtask:
            continue
        named, place = subtask["namespace"], f"subtask {index}: namespace"
        if (refused := _no_namespace(named, place)) is not None:
            return refused
        if named != own:
            return InvalidNamespace(
                f"{place} {named!r} is not its fan-out's, {own!r}",
                "subtasks run in the namespace of their fan-out: leave it out, or add another task",
            )
    return None


def _check_amendment(record: Record, state: GuardedState) -> SyncropelError | None:
    task, join = state.tasks.get(record.thread), record.body.get("join")
    if not isinstance(join, str):
        return None
    try:
        if task is not None and task.fanout is not None:
            spec = task.fanout.spec
            check_join(FanOutSpec(spec.subtasks, join, spec.namespace))
        elif record.thread in state.forks or join_of(record.thread, state):
            check_fork_join(join)
    except SyncropelError as error:
        return error
    return None


def _check_budget(record: Record) -> SyncropelError | None:
    value = record.body.get("budget_usd")
    if positive_number(value) is not None:
        return None
    return InvalidRecord(
        f"{AMEND_BUDGET}: budget_usd must be a number above 0, not {value!r}", "such as 2.50"
    )
