"""Who may write what: every author against every row of the table, and what each row is asked of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import WrongAuthor
from syncropel.folds.tasks.merges import STEP
from syncropel.policy import authority
from syncropel.policy.authority import ENGINE, TABLE, Row, Writer
from syncropel.policy.guard import check
from syncropel.record.authors import AUTHORS, Author
from syncropel.record.model import Record
from syncropel.record.threads import RESERVED
from tests.folds.build import COORDINATOR, THREAD, store
from tests.folds.build import record as built
from tests.policy.writers import (
    CHILD_THREAD,
    FAN_OUT,
    OPERATOR,
    OTHER_WORKER,
    PERSON,
    RUN_THREAD,
    WORKER,
    WRITERS,
    child_body,
    example,
    known,
    refusal,
)

SHAPES = (
    authority.JOIN,
    authority.CHILD_INTEND,
    authority.CHILD_RESULT,
    authority.RUN_PHASE,
    authority.OBSERVATION,
)
PEOPLE = {"operator", "account", "anyone"}
TRUTH = {
    "fanout_spawned": set(),
    "fanout_child_done": {"instance", "fleet"},
    "(the join of a fan-out)": set(),
    "fanout_reassign_subtask": set(),
    "fanout_budget_warning": set(),
    "fanout_budget_exceeded": set(),
    "aitl_asked": set(),
    "fanout_review": set(),
    "fork_closed": set(),
    "fork_joined": set(),
    "fanout_end_subtask": PEOPLE,
    "fanout_retry_subtask": PEOPLE,
    "fanout_amend_join": PEOPLE,
    "fanout_amend_budget": PEOPLE,
    "aitl_answered": PEOPLE,
    "fanout_question": {"instance", "fleet"},
    "fanout_question_decided": {"instance", "fleet"},
    "fanout_message_state": {"instance", "fleet"},
    "fanout_answer": set(),
    "fanout_say": set(),
    "fanout_subtask_asked": {"instance", "fleet"},
    "fanout_subtask_added": set(),
    "fanout_subtask_refused": set(),
    "fanout_subtask_child": {"coordinator"},
    "fanout_answer_child": {"coordinator"},
    "fanout_say_child": {"coordinator"},
    "merge_asked": set(),
    "merge_untaken": set(),
    "merge_step": {"instance", "fleet"},
    "merge_work": set(),
    "(the INTEND of a subtask)": {"coordinator"},
    "fanout_end_child": {"coordinator"},
    "(the result of a subtask)": set(),
    "syncropel.dispatch.run.v1": set(),
    "syncropel.dispatch.call.v1": set(),
    "syncropel.dispatch.session.v1": set(),
    "syncropel.dispatch.not_started.v1": set(),
    "syncropel.dispatch.reattached.v1": set(),
    "syncropel.dispatch.interrupted.v1": set(),
    "syncropel.dispatch.lost.v1": set(),
    "syncropel.dispatch.stream_event.v1": set(),
    "syncropel.dispatch.agent_session.v1": set(),
    "syncropel.dispatch.question.v1": set(),
    "syncropel.dispatch.answer.v1": set(),
    "syncropel.dispatch.message.v1": set(),
    "syncropel.dispatch.subtask.v1": set(),
    "syncropel.dispatch.progress.v1": set(),
    "syncropel.dispatch.gate.v1": set(),
    "syncropel.dispatch.subprocess_exit.v1": set(),
    "syncropel.dispatch.complete.v1": set(),
    "(what opens or closes a run)": set(),
    "(any other observation of a run)": set(),
    "(any other)": {"coordinator", *PEOPLE},
    "th_fleet_control freeze": {"coordinator"},
    "th_fleet_control unfreeze": {"coordinator"},
    "th_fleet_control drain": {"coordinator"},
    "th_fleet_control provider_pause": {"coordinator"},
    "th_fleet_control permission_rule": {"coordinator"},
    "th_fleet_control instance_credential": {"coordinator"},
    "th_fleet_control instance_credential_revoked": {"coordinator"},
    "th_fleet_control kill_drill": PEOPLE,
    "th_fleet_control (any other)": {"coordinator", "operator", "account"},
    "th_namespace_registry namespace_created": {"coordinator"},
    "th_namespace_registry namespace_archived": {"coordinator"},
    "th_namespace_registry namespace_deleted": {"coordinator"},
    "th_namespace_registry namespace_strict": {"coordinator"},
    "th_namespace_registry namespace_withdrawn": {"coordinator"},
    "th_namespace_registry (any other)": {"coordinator", "operator", "account"},
    "th_engine_config service_account": set(),
    "th_engine_config api_token": set(),
    "th_engine_config api_token_revoked": set(),
    "th_engine_config join_invite": set(),
    "th_engine_config join_used": set(),
    "th_engine_config join_withdrawn": set(),
    "th_engine_config files_allowed": set(),
    "th_engine_config permission_denied": set(),
    "th_engine_config (any other)": {"operator", "account"},
    "th_instance_registry instance_state": set(),
    "th_instance_registry instance_refused": set(),
    "th_instance_registry leading": set(),
    "th_instance_registry leading_told": set(),
    "th_instance_registry (any other)": {"operator", "account"},
    "th_actor_registry (any other)": {"operator", "account"},
    "th_consent consent_granted": {"operator", "account"},
    "th_consent consent_revoked": {"operator", "account"},
    "th_consent (any other)": {"operator", "account"},
}
"""Who may write it beside the engine."""


def key(row: Row) -> str:
    return f"{row.thread} {row.topic}" if row.thread in RESERVED else row.topic


def test_the_truth_names_every_row_once() -> None:
    assert sorted(key(row) for row in TABLE) == sorted(TRUTH)


@pytest.mark.parametrize("author", AUTHORS)
@pytest.mark.parametrize("row", TABLE, ids=key)
def test_every_author_against_every_row(row: Row, author: Author) -> None:
    record = example(row, author)
    assert authority.row_of(record, known()) is row
    refused = refusal(record, WRITERS[author])
    if author == "engine" or author in TRUTH[key(row)]:
        assert refused is None
    else:
        assert isinstance(refused, WrongAuthor)
        assert refused.hint == row.way


@pytest.mark.parametrize("row", [one for one in TABLE if one.act != "any"], ids=key)
def test_a_topic_is_its_authors_under_every_act(row: Row) -> None:
    if row.topic in SHAPES:
        return  # another act is another thing
    for author, writer in WRITERS.items():
        for act in {"INTEND", "DO", "KNOW", "LEARN", "GET", "PUT", "CALL", "MAP"} - {row.act}:
            refused = refusal(example(row, author, act=act), writer)
            assert (refused is None) == (author == "engine"), (author, act)


@pytest.mark.parametrize(
    ("change", "writer"),
    [
        ({"actor": OTHER_WORKER}, Writer("instance", OTHER_WORKER)),
        ({"body": {"topic": STEP, "merge": "cd" * 32, "step": 0, "what": "ended"}}, WRITERS["instance"]),
        ({"thread": "th_another"}, WRITERS["instance"]),
    ],
)
def test_only_the_instance_that_merges_reports_the_steps(change: dict[str, Any], writer: Writer) -> None:
    row = next(one for one in TABLE if one.topic == STEP)
    assert refusal(example(row, "instance"), WRITERS["instance"]) is None
    refused = refusal(example(row, "instance", **change), writer)
    assert isinstance(refused, WrongAuthor)
    assert "the merge was not given to" in refused.message


@pytest.mark.parametrize("shape", [*SHAPES, authority.OTHER])
def test_a_shape_is_not_named_by_a_topic(shape: str) -> None:
    forged = Record("th_new", PERSON, "INTEND", {**child_body(), "topic": shape}, 0)
    assert isinstance(refusal(forged, OPERATOR), WrongAuthor)
    freeze = Record("th_fleet_control", PERSON, "LEARN", {"topic": shape}, 0)
    assert refusal(freeze, OPERATOR) is None


def test_the_kind_of_an_observation_is_its_topic() -> None:
    event = Record("th_x", PERSON, "KNOW", {"kind": "syncropel.dispatch.stream_event.v1", "cost_usd": 1e9}, 0)
    assert isinstance(refusal(event, OPERATOR), WrongAuthor)


@pytest.mark.parametrize(
    ("joined", "clock", "allowed"),
    [
        (False, None, False),
        (False, 900, False),
        (True, None, True),
        (True, 51, True),
        (True, 50, False),
        (True, 7, False),
    ],
)
def test_a_joined_fan_out_may_be_called_done_but_not_joined_before(
    joined: bool, clock: int | None, allowed: bool
) -> None:
    live = LiveFolds()
    join = built("KNOW", 50, {"fulfills": FAN_OUT.id, "verdict": "accept"}, actor=COORDINATOR)
    for stored in store([FAN_OUT, *([join] if joined else [])]):
        live.apply(stored)
    done = Record(THREAD, PERSON, "KNOW", {"fulfills": FAN_OUT.id}, clock)
    assert (authority.refusal(done, live, OPERATOR) is None) == allowed
    other = Record(THREAD, PERSON, "KNOW", {"fulfills": "ef" * 32}, clock)
    assert authority.refusal(other, live, OPERATOR) is None


def test_only_the_engine_says_past_a_hard_freeze_that_a_run_was_ended() -> None:
    live = LiveFolds()
    body = {"topic": "freeze", "level": "hard", "namespace": "docs", "grace_secs": 0, "at": 0.0}
    for stored in store([Record("th_fleet_control", PERSON, "LEARN", body, 0).identified()]):
        live.apply(stored)
    said = {"verdict": "terminated", "namespace": "docs"}
    record = Record("th_x", COORDINATOR, "KNOW", said, 0)
    assert check(record, live, 1.0, COORDINATOR, ENGINE) is None
    for writer in WRITERS.values():
        if writer is not ENGINE:
            assert check(record, live, 1.0, COORDINATOR, writer) is not None


@pytest.mark.parametrize("act", ["INTEND", "DO", "KNOW", "LEARN", "GET", "PUT", "CALL", "MAP"])
@pytest.mark.parametrize("thread", ["th_new", THREAD, CHILD_THREAD])
def test_what_is_of_no_row_is_any_others_under_every_act(act: str, thread: str) -> None:
    for body in ({}, {"topic": "note"}, {"verdict": "terminated"}, {"fulfills": 7}):
        record = Record(thread, PERSON, act, body, 900)
        assert authority.row_of(record, known()).topic == authority.OTHER
        assert refusal(record, OPERATOR) is None
        assert isinstance(refusal(record, WRITERS["fleet"]), WrongAuthor)


def test_an_answer_is_a_result_only_on_a_subtask_that_is_known() -> None:
    answer = {"fulfills": "cd" * 32, "verdict": "accept"}
    for thread, allowed in ((CHILD_THREAD, False), ("th_new", True)):
        refused = refusal(Record(thread, PERSON, "KNOW", answer, 900), OPERATOR)
        assert (refused is None) == allowed


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("DO", {"cancels": True}),
        ("DO", {"cancels": "cd" * 32}),
        ("KNOW", {"verdict": "reject"}),
        ("KNOW", {"fulfills": "cd" * 32}),
        ("KNOW", {"fulfills": "cd" * 32, "verdict": "reject"}),
        ("INTEND", {}),
        ("INTEND", {"goal": "another"}),
        ("INTEND", {"task": "t", "alias": "t"}),
        ("INTEND", child_body()),
    ],
)
def test_only_the_engine_opens_or_closes_the_thread_of_a_run(act: str, body: dict[str, Any]) -> None:
    """Whoever else could close it would say that a goal is over while it runs; whoever could open it, that
    one runs which is over."""
    record = Record(RUN_THREAD, PERSON, act, body, 900)
    for author, writer in WRITERS.items():
        actor = WORKER if author in ("instance", "fleet") else PERSON
        refused = refusal(replace(record, actor=actor), writer)
        assert (refused is None) == (author == "engine"), author
        if author == "operator":
            assert refused is not None
            assert RUN_THREAD in refused.message
            assert "spl task stop" in refused.hint


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("DO", {}),
        ("DO", {"cancels": False}),
        ("KNOW", {}),
        ("KNOW", {"verdict": "accept"}),
        ("LEARN", {"n": 1}),
    ],
)
def test_others_may_remark_on_a_run(act: str, body: dict[str, Any]) -> None:
    assert refusal(Record(RUN_THREAD, PERSON, act, body, 900), OPERATOR) is None


def test_nobody_makes_a_thread_of_their_own_pass_for_a_runs() -> None:
    """By its kind a thread is taken for a run's, and then nobody else could close it."""
    live = known()
    claim = Record("th_x", PERSON, "KNOW", {"kind": "syncropel.dispatch.anything"}, 0).identified()
    assert isinstance(authority.refusal(claim, live, OPERATOR), WrongAuthor)


def test_that_a_run_was_ended_is_the_engines_in_an_instances_name_alone() -> None:
    for actor, allowed in ((PERSON, True), (COORDINATOR, False)):
        refused = refusal(Record("th_new", actor, "KNOW", {"verdict": "terminated"}, 0), OPERATOR)
        assert (refused is None) == allowed
    assert refusal(Record("th_new", COORDINATOR, "KNOW", {"verdict": "accept"}, 0), OPERATOR) is None


@pytest.mark.parametrize("author", [one for one in AUTHORS if one != "engine"])
def test_a_refusal_names_who_wrote(author: Author) -> None:
    freeze = Record("t", PERSON, "DO", {"topic": "fanout_spawned"}, 0)
    told = refusal(freeze, WRITERS[author])
    assert told is not None
    name = {
        "coordinator": "the coordinator",
        "instance": WORKER,
        "fleet": "shared fleet token",
        "operator": "the operator",
        "account": "did:sync:service:sa-x",
        "anyone": "without a token",
    }[author]
    assert name in told.message
    assert told.hint.startswith("the engine writes it")


def test_a_refusal_says_what_was_written_and_whom_the_account_may_name() -> None:
    told = refusal(Record("t", PERSON, "DO", {"topic": "note"}, 0), WRITERS["fleet"])
    assert told is not None
    assert told.message.startswith("note (any other) on t may not be written by")
    told = refusal(Record("t", PERSON, "DO", {}, 0), WRITERS["fleet"])
    assert told is not None
    assert told.message.startswith("DO (any other) on t may not be written by")
    for actors, may in (((), "nobody"), (("did:sync:agent:*", "did:b"), "did:sync:agent:*, did:b")):
        refused = authority.actor_refusal(PERSON, Writer("account", "did:sync:service:sa-x", actors))
        assert refused is not None
        assert f"it may write as: {may};" in refused.hint


def test_a_plain_task_is_done_by_whoever_says_so() -> None:
    live = LiveFolds()
    task = built("INTEND", 0, {"task": True, "goal": "g", "alias": "P"})
    for stored in store([task]):
        live.apply(stored)
    done = Record(THREAD, PERSON, "KNOW", {"fulfills": task.id}, None)
    assert authority.refusal(done, live, OPERATOR) is None
