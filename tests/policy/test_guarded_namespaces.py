"""The guard on namespaces: whose a record is, what a freeze and the registry refuse, what may be named."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import InvalidNamespace, NamespaceFrozen, NamespaceRejected, SyncropelError, WrongAuthor
from syncropel.folds.control.freezes import FREEZE
from syncropel.folds.control.grace import Moment
from syncropel.folds.control.namespaces import STRICT_TOPIC
from syncropel.folds.control.rules import FREEZE_RULES, PERMISSION
from syncropel.folds.fanout.child import END_CHILD
from syncropel.policy.authority import ANYONE, ENGINE, OPERATOR, Writer
from syncropel.policy.guard import check, check_restored, namespaces_of
from syncropel.record.authors import AUTHORS
from syncropel.record.model import ACTS, Record
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL, NAMESPACE_REGISTRY, RESERVED
from tests.folds.build import COORDINATOR, THREAD, WORKER_A, record, subtask
from tests.policy.test_guard import after

AT = 1_700_000_000.0
GRACE = 60.0
BEGINS = ("INTEND", "DO", "CALL", "PUT", "MAP")


def intend(thread: str = THREAD, clock: int = 0, **body: Any) -> Record:
    return record("INTEND", clock, body, thread=thread)


def child(namespace: Any, attempt: int = 1) -> Record:
    body = {
        "goal": "g",
        "parent_thread": "th_parent",
        "parent_intend": "ab" * 32,
        "index": 0,
        "attempt": attempt,
        "namespace": namespace,
    }
    return record("INTEND", attempt * 100, body, actor=COORDINATOR, thread=THREAD)


def freeze(namespace: str = "docs", level: str = "soft", clock: int = 0) -> Record:
    body = {"topic": FREEZE, "level": level, "namespace": namespace, "reason": "why", "at": AT}
    return record("LEARN", clock, {**body, "grace_secs": GRACE}, thread=FLEET_CONTROL)


def at(now: float, *before: Record) -> LiveFolds:
    """The folds of these records at this time; the clock that graces run on began at `AT`."""
    live = after(*before)
    for boot in (0.0, now - AT):
        live.control.pass_time(Moment(AT, boot, "boot"))
    return live


def closing(topic: str) -> Record:
    return record("LEARN", 0, {"topic": topic, "namespace": "docs"}, thread=NAMESPACE_REGISTRY)


TASK = intend(task=True, goal="g", namespace="docs")
THREADS: dict[str, tuple[tuple[Record, ...], set[str]]] = {
    "no record": ((), set()),
    "no INTEND": ((record("KNOW", 0, {"namespace": "docs"}),), set()),
    "a plain INTEND": ((intend(namespace="docs"),), {"docs"}),
    "a plain INTEND without a name": ((intend(),), {"default"}),
    "an INTEND whose name is a list": ((intend(namespace=["docs"]),), {"default"}),
    "an INTEND whose name is empty": ((intend(namespace=""),), {"default"}),
    "two INTENDs": ((intend(namespace="docs"), intend(clock=1, namespace="code")), {"docs"}),
    "the INTEND behind others": ((record("DO", 0), intend(clock=1, namespace="docs")), {"docs"}),
    "a task": ((TASK,), {"docs"}),
    "a task fanned out elsewhere": (
        (TASK, intend(clock=1, task=True, subtasks=[subtask()], join="all", namespace="code")),
        {"docs", "code"},
    ),
    "a subtask": ((child("docs"),), {"docs"}),
    "a subtask without a name": ((child(None),), {"default"}),
    "a subtask retried elsewhere": ((child("docs"), child("code", 2)), {"docs", "code"}),
}


@pytest.mark.parametrize("kind", THREADS)
@pytest.mark.parametrize("named", ["", "docs", "site", 7])
def test_the_namespaces_of_a_record(kind: str, named: Any) -> None:
    before, of_thread = THREADS[kind]
    expected = of_thread | ({named} if isinstance(named, str) and named else set())
    body = {"namespace": named} if named != "" else {}
    assert namespaces_of(record("DO", 9, body), after(*before)) == (expected or {"default"})


@pytest.mark.parametrize("kind", THREADS)
@pytest.mark.parametrize("level", ["soft", "hard", "emergency"])
@pytest.mark.parametrize("act", sorted(ACTS))
@pytest.mark.parametrize("now", [AT, AT + GRACE - 0.001, AT + GRACE])
def test_a_freeze_stops_what_begins_on_a_thread_of_its_namespace(
    kind: str, level: str, act: str, now: float
) -> None:
    before, of_thread = THREADS[kind]
    body = {} if of_thread else {"namespace": "docs/v1"}
    told = check_restored(record(act, 9, body), at(now, *before, freeze(level=level)), now, COORDINATOR)
    covered = level == "emergency" or not of_thread or "docs" in of_thread
    stopped = act in BEGINS or (level == "hard" and now >= AT + GRACE)
    assert (told is not None) == (covered and stopped)
    if told is not None:
        assert isinstance(told, NamespaceFrozen)
        where = "emergency stop" if level == "emergency" else f"{level} freeze of 'docs'"
        assert (
            told.message == f"{where}: {act} is refused {'everywhere ' if level == 'emergency' else ''}(why)"
        )


@pytest.mark.parametrize("frozen", ["docs", "code"])
def test_a_record_that_names_another_namespace_is_judged_under_both(frozen: str) -> None:
    live = after(intend(namespace="docs"), freeze(frozen))
    assert isinstance(check(record("DO", 9, {"namespace": "code"}), live, AT, COORDINATOR), NamespaceFrozen)
    assert (
        check(record("DO", 9, {"namespace": "code"}), after(intend(namespace="docs")), AT, COORDINATOR)
        is None
    )


@pytest.mark.parametrize("thread", sorted(RESERVED))
@pytest.mark.parametrize("act", sorted(ACTS))
def test_a_stop_does_not_need_what_it_stops(thread: str, act: str) -> None:
    live = at(AT + GRACE, freeze(level="hard"), freeze("*", "emergency", 1))
    told = check_restored(record(act, 9, {"namespace": "docs"}, thread=thread), live, AT + GRACE, COORDINATOR)
    assert (told is not None) == (act in BEGINS)


@pytest.mark.parametrize(
    ("act", "actor", "verdict", "passes"),
    [
        ("KNOW", COORDINATOR, "terminated", True),
        ("KNOW", COORDINATOR, "accept", False),
        ("KNOW", COORDINATOR, None, False),
        ("KNOW", WORKER_A, "terminated", False),
        ("LEARN", COORDINATOR, "terminated", False),
        ("DO", COORDINATOR, "terminated", False),
    ],
)
def test_that_a_run_was_ended_passes_a_hard_freeze(act: str, actor: str, verdict: Any, passes: bool) -> None:
    ended = record(act, 9, {"verdict": verdict, "namespace": "docs"}, actor=actor)
    closed = record(
        "LEARN", 0, {"topic": "namespace_deleted", "namespace": "docs"}, thread=NAMESPACE_REGISTRY
    )
    for state in (freeze(level="hard"), closed):
        assert (check_restored(ended, at(AT + GRACE, state), AT + GRACE, COORDINATOR) is None) == passes


def test_a_closed_namespace_refuses_every_act_and_says_what_opens_it() -> None:
    closed = record(
        "LEARN", 0, {"topic": "namespace_archived", "namespace": "docs"}, thread=NAMESPACE_REGISTRY
    )
    live = after(intend(namespace="docs/v1"), closed)
    for act in sorted(ACTS):
        told = check_restored(record(act, 9), live, AT, COORDINATOR)
        assert isinstance(told, NamespaceRejected)
        assert told.message == "namespace 'docs/v1': 'docs' is archived"
        assert told.hint == "spl namespace create docs"
    strict = record("LEARN", 0, {"topic": STRICT_TOPIC, "strict": True}, thread=NAMESPACE_REGISTRY)
    assert check_restored(record("DO", 9), after(intend(), strict), AT, COORDINATOR) is None
    told = check_restored(record("DO", 9), after(intend(namespace="docs"), strict), AT, COORDINATOR)
    assert isinstance(told, NamespaceRejected)


def test_freezes_are_left_to_rules_that_an_operator_changed_and_the_registry_is_not() -> None:
    rule = {"topic": PERMISSION, "name": next(iter(FREEZE_RULES)), "removed": True}
    changed = record("LEARN", 0, rule, thread=ENGINE_CONFIG)
    named = record("DO", 9, {"namespace": "docs"})
    assert check_restored(named, after(freeze(), changed), AT, COORDINATOR) is None
    closed = record(
        "LEARN", 0, {"topic": "namespace_archived", "namespace": "docs"}, thread=NAMESPACE_REGISTRY
    )
    assert check_restored(named, after(freeze(), changed, closed), AT, COORDINATOR) is not None


def test_the_command_that_lifts_a_freeze_can_be_typed() -> None:
    told = check_restored(record("DO", 9, {"namespace": " docs"}), after(freeze(" docs")), AT, COORDINATOR)
    assert told is not None
    assert told.hint.endswith("spl unkill --namespace ' docs'")


BAD: list[Any] = [
    "Docs", " docs", "/docs", "a//b", "ｄｏｃｓ", "a/b/c/d/e/f", "x" * 5000, "*", "", "default/x",
    ["docs"], {"a": 1}, None, 7, True,
]  # fmt: skip
POSTING = [Writer(author) for author in AUTHORS if author not in ("engine", "coordinator")]


def grammar(candidate: Record, live: LiveFolds, by: Writer) -> SyncropelError | None:
    told = check(candidate, live, AT, COORDINATOR, by)
    return None if isinstance(told, WrongAuthor) else told


@pytest.mark.parametrize("named", BAD, ids=[repr(one)[:20] for one in BAD])
@pytest.mark.parametrize("act", ["INTEND", "DO", "KNOW", "GET"])
def test_no_caller_brings_in_what_is_no_namespace(named: Any, act: str) -> None:
    for by in (ANYONE, OPERATOR, Writer("account")):
        told = check(record(act, 9, {"namespace": named}), LiveFolds(), AT, COORDINATOR, by)
        assert isinstance(told, InvalidNamespace)
        assert told.message.startswith("body.namespace")
        assert "docs/v1" in told.hint
        assert len(told.message) < 200


@pytest.mark.parametrize("named", ["docs", "docs/v1", "default"])
def test_what_is_a_namespace_may_be_named(named: str) -> None:
    for by in (*POSTING, ENGINE):
        assert grammar(record("DO", 9, {"namespace": named}), LiveFolds(), by) is None


@pytest.mark.parametrize("named", ["Docs", " docs", "a//b", "*", "x" * 5000])
def test_open_work_of_an_older_log_goes_on(named: str) -> None:
    task = intend(task=True, goal="g", namespace=named)
    plain = intend("th_plain", namespace=named)
    for by in (ENGINE, Writer("coordinator")):
        assert check(child(named), LiveFolds(), AT, COORDINATOR, by) is None
    live = after(task, plain)
    for by in POSTING:
        for thread in (THREAD, "th_plain"):
            assert grammar(record("DO", 9, {"namespace": named}, thread=thread), live, by) is None
        elsewhere = check(record("DO", 9, {"namespace": named}, thread="th_b"), live, AT, COORDINATOR, by)
        assert isinstance(elsewhere, InvalidNamespace | WrongAuthor)
    assert isinstance(check(record("DO", 9, {"namespace": "Code"}), live, AT, COORDINATOR), type(None))
    assert isinstance(
        check(record("DO", 9, {"namespace": "Code"}), live, AT, COORDINATOR, ANYONE), InvalidNamespace
    )


def test_the_kind_of_a_wrong_value_is_said() -> None:
    for value, said in ((["docs"], "a list"), ({"a": 1}, "an object"), (None, "null"), (7, "a number")):
        told = check(record("DO", 9, {"namespace": value}), LiveFolds(), AT, COORDINATOR, ANYONE)
        assert told is not None
        assert told.message == f"body.namespace must be a text, not {said}"


def test_a_thread_on_which_an_attempt_was_ended_that_never_came_has_its_own_namespace() -> None:
    ended = {"topic": END_CHILD, "child_intend": "ab" * 32, "reason": "stopped"}
    before = (intend(namespace="docs"), record("LEARN", 1, ended, thread=THREAD))
    told = check(record("DO", 2, {}, thread=THREAD), at(AT, freeze(), *before), AT, COORDINATOR)
    assert isinstance(told, NamespaceFrozen)
