"""The guard over live folds: what a fan-out and its amendment must satisfy before the log takes them."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.cel.expression import SLOW_SOURCE_CHARS, InvalidExpression
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import Conflict, InvalidFanOut, InvalidNamespace, SyncropelError
from syncropel.folds.control.access import CORS_ORIGINS
from syncropel.folds.control.rules import PERMISSION
from syncropel.folds.fanout.reassignments import AMEND_BUDGET
from syncropel.folds.fanout.state import AMEND_JOIN
from syncropel.policy.guard import begins_fan_out, check, long_expression
from syncropel.record.model import ACTS, Record
from syncropel.record.threads import ENGINE_CONFIG
from tests.folds.build import COORDINATOR, parent, record, spawned, store, subtask

FAN_OUT = parent([subtask(), subtask()])


def after(*records: Record) -> LiveFolds:
    live = LiveFolds()
    for stored in store(records):
        live.apply(stored)
    return live


def refusal(candidate: Record, *before: Record) -> SyncropelError | None:
    return check(candidate, after(*before), 0.0, COORDINATOR)


def test_a_first_fan_out_passes_and_so_does_its_second_copy() -> None:
    assert refusal(FAN_OUT) is None
    assert refusal(FAN_OUT, record("INTEND", 0, {"task": True}, actor="did:x")) is None
    assert refusal(FAN_OUT, FAN_OUT) is None


def test_a_second_fan_out_of_one_task_is_refused() -> None:
    told = refusal(parent([subtask()], clock=7), FAN_OUT)
    assert isinstance(told, Conflict)
    assert FAN_OUT.id in told.message
    assert "T-1" in told.hint


def test_mistakes_are_told_at_the_door() -> None:
    spec = refusal(parent([subtask(), {"goal": "g", "target": "nowhere"}]))
    assert isinstance(spec, InvalidFanOut)
    assert spec.message == "subtask 1: unknown target 'nowhere'"
    join = refusal(parent([subtask()], join="size(kids) > 1"))
    assert isinstance(join, InvalidExpression)
    assert join.column == 6
    assert isinstance(refusal(parent([subtask()], join="k_of_n:2")), InvalidFanOut)
    assert isinstance(refusal(parent([subtask()], budget_usd=10**400)), InvalidFanOut)


@pytest.mark.parametrize("join", ["any", "k_of_n:2", "size(children) > 0"])
def test_an_amendment_that_can_be_read_passes(join: str) -> None:
    assert refusal(record("LEARN", 5, {"topic": AMEND_JOIN, "join": join}), FAN_OUT) is None


@pytest.mark.parametrize("join", ["k_of_n:3", "anny", "children", ""])
def test_an_amendment_that_could_never_join_is_refused(join: str) -> None:
    told = refusal(record("LEARN", 5, {"topic": AMEND_JOIN, "join": join}), FAN_OUT)
    assert isinstance(told, InvalidFanOut | InvalidExpression)


def test_everything_else_is_nobody_s_business() -> None:
    amend = record("LEARN", 5, {"topic": AMEND_JOIN, "join": "nonsense("})
    for candidate in (amend, spawned(0, 3), record("KNOW", 5, {"subtasks": []})):
        assert refusal(candidate) is None


@pytest.mark.parametrize("act", sorted(ACTS - {"INTEND"}))
def test_only_an_intend_fans_out(act: str) -> None:
    candidate = record(act, 5, {"subtasks": "no list"})
    assert not begins_fan_out(candidate)
    assert refusal(candidate) is None


@pytest.mark.parametrize("act", sorted(ACTS - {"LEARN", "INTEND"}))
def test_only_a_learn_amends(act: str) -> None:
    for body in ({"topic": AMEND_JOIN, "join": "nonsense("}, {"topic": AMEND_BUDGET, "budget_usd": -1}):
        assert refusal(record(act, 5, body), FAN_OUT) is None
        assert refusal(record("LEARN", 5, body), FAN_OUT) is not None


@pytest.mark.parametrize(
    ("budget", "passes"),
    [(0.5, True), (3, True), (0, False), (-1, False), (True, False), ("2", False), (None, False)],
)
def test_a_budget_is_a_number_above_nothing(budget: object, passes: bool) -> None:
    told = refusal(record("LEARN", 5, {"topic": AMEND_BUDGET, "budget_usd": budget}), FAN_OUT)
    assert (told is None) == passes
    assert told is None or repr(budget) in told.message


@pytest.mark.parametrize("named", ["Docs", "", "*", ["docs"], None])
def test_a_subtask_names_no_other_namespace_than_the_grammar_allows(named: object) -> None:
    told = refusal(parent([subtask(namespace="docs"), subtask(namespace=named)], namespace="docs"))
    assert isinstance(told, InvalidNamespace)
    assert told.message.startswith("subtask 1: namespace")


@pytest.mark.parametrize("first", [None, "default", "docs", "docs/v1", "docs/v1/x", "docs-old", "other"])
@pytest.mark.parametrize("own", [None, "default", "docs/v1"])
@pytest.mark.parametrize("subtasks", [None, "default", "docs/v1", "docs"])
def test_subtasks_run_where_a_freeze_of_their_task_reaches_them(
    first: str | None, own: str | None, subtasks: str | None
) -> None:
    task = {"task": True, "goal": "g"} | ({} if first is None else {"namespace": first})
    about: dict[str, Any] = {} if own is None else {"namespace": own}
    part = subtask() if subtasks is None else subtask(namespace=subtasks)
    told = refusal(parent([subtask(), part], **about), record("INTEND", 0, task))
    within = first in (None, "default") or (own == "docs/v1" and first in ("docs", "docs/v1"))
    assert (told is None) == (within and subtasks in (None, own or "default"))
    assert told is None or isinstance(told, InvalidNamespace)


def test_who_is_told_of_a_place_that_no_freeze_reaches_reads_both_names() -> None:
    told = refusal(parent([subtask()], namespace="other"), record("INTEND", 0, {"namespace": "docs"}))
    assert told is not None
    assert told.message.startswith("namespace 'other' is not within the task's, 'docs'")
    told = refusal(parent([subtask(namespace="cold")], namespace="warm"))
    assert told is not None
    assert told.message == "subtask 0: namespace 'cold' is not its fan-out's, 'warm'"


LONG = "true || " * SLOW_SOURCE_CHARS + "true"


@pytest.mark.parametrize(
    ("body", "waits"),
    [
        ({"join": LONG}, True),
        ({"join": "true"}, False),
        ({"join": ["x"] * 10_000}, False),
        ({"topic": PERMISSION, "expression": LONG}, True),
        ({"topic": PERMISSION, "expression": "x" * SLOW_SOURCE_CHARS}, False),
        ({"topic": PERMISSION, "join": LONG}, False),
        ({"expression": LONG}, False),
    ],
)
def test_what_takes_long_to_compile_is_compiled_elsewhere(body: dict[str, object], waits: bool) -> None:
    compiling = long_expression(record("LEARN", 5, body))
    assert (compiling is not None) == waits


@pytest.mark.parametrize(
    ("origins", "passes"),
    [
        ([], True),
        (["https://a.example"], True),
        ("https://a.example", False),
        (["nonsense"], False),
        (None, False),
    ],
)
def test_origins_are_read_before_the_log_takes_them(origins: object, passes: bool) -> None:
    body = {"topic": CORS_ORIGINS, "origins": origins}
    assert (refusal(record("LEARN", 0, body, thread=ENGINE_CONFIG)) is None) == passes
    for elsewhere in (record("LEARN", 0, body), record("KNOW", 0, body, thread=ENGINE_CONFIG)):
        assert refusal(elsewhere) is None


def test_a_rule_that_is_taken_away_needs_no_more_than_its_name() -> None:
    body = {"topic": PERMISSION, "name": "r"}
    assert refusal(record("LEARN", 0, {**body, "removed": True}, thread=ENGINE_CONFIG)) is None
    for removed in (False, "yes", 1, None):
        assert refusal(record("LEARN", 0, {**body, "removed": removed}, thread=ENGINE_CONFIG)) is not None
