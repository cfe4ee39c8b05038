"""Who may write what: every author against every row of the table, and what each row is asked of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import ActorNotAllowed, SyncropelError, WrongAuthor
from syncropel.policy import authority
from syncropel.policy.authority import ANYONE, AUTHORS, ENGINE, MEANING, TABLE, Author, Row, Writer
from syncropel.policy.guard import check
from syncropel.record.model import Record
from syncropel.record.threads import RESERVED
from tests.folds.build import COORDINATOR, THREAD, parent, spawned, store, subtask
from tests.folds.build import record as built

WORKER = "did:sync:instance:000000000000000a"
OTHER_WORKER = "did:sync:instance:000000000000000b"
PERSON = "did:sync:user:ann"
CHILD_THREAD = "th_child"
OPERATOR = Writer("operator", COORDINATOR)
FAN_OUT = parent([subtask(), subtask()])
WRITERS: dict[Author, Writer] = {
    "engine": ENGINE,
    "coordinator": Writer("coordinator", COORDINATOR),
    "instance": Writer("instance", WORKER),
    "fleet": Writer("fleet"),
    "operator": OPERATOR,
    "account": Writer("account", "did:sync:service:sa-x"),
    "anyone": ANYONE,
}
SHAPES = (authority.JOIN, authority.CHILD_INTEND, authority.CHILD_RESULT)
PEOPLE = {"operator", "account", "anyone"}
TRUTH = {
    "fanout_spawned": set(),
    "fanout_child_done": {"instance", "fleet"},
    "(the join of a fan-out)": set(),
    "fanout_reassign_subtask": set(),
    "fanout_budget_warning": set(),
    "fanout_budget_exceeded": set(),
    "aitl_asked": set(),
    "fanout_end_subtask": PEOPLE,
    "fanout_retry_subtask": PEOPLE,
    "fanout_amend_join": PEOPLE,
    "fanout_amend_budget": PEOPLE,
    "aitl_answered": PEOPLE,
    "(the INTEND of a subtask)": {"coordinator"},
    "fanout_end_child": {"coordinator"},
    "(the result of a subtask)": set(),
    "syncropel.dispatch.session.v1": set(),
    "syncropel.dispatch.not_started.v1": set(),
    "syncropel.dispatch.reattached.v1": set(),
    "syncropel.dispatch.interrupted.v1": set(),
    "syncropel.dispatch.stream_event.v1": set(),
    "syncropel.dispatch.subprocess_exit.v1": set(),
    "syncropel.dispatch.complete.v1": set(),
    "(any other)": {"coordinator", *PEOPLE},
    "th_fleet_control freeze": {"coordinator"},
    "th_fleet_control unfreeze": {"coordinator"},
    "th_fleet_control drain": {"coordinator"},
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
    "th_engine_config permission_denied": set(),
    "th_engine_config (any other)": {"operator", "account"},
    "th_instance_registry instance_state": set(),
    "th_instance_registry (any other)": {"operator", "account"},
    "th_actor_registry (any other)": {"operator", "account"},
    "th_consent consent_granted": {"operator", "account"},
    "th_consent consent_revoked": {"operator", "account"},
    "th_consent (any other)": {"operator", "account"},
}
"""Who may write it beside the engine."""


def key(row: Row) -> str:
    return f"{row.thread} {row.topic}" if row.thread in RESERVED else row.topic


def known() -> LiveFolds:
    """A fan-out whose subtask 0 was given to a worker, and a subtask that this instance itself runs."""
    live = LiveFolds()
    child = Record(CHILD_THREAD, COORDINATOR, "INTEND", child_body(), 0).identified()
    records = [FAN_OUT, spawned(0, 5, instance=WORKER), child]
    for stored in store(records):
        live.apply(stored)
    return live


def child_body() -> dict[str, Any]:
    return {"goal": "g", "parent_thread": "th_p", "parent_intend": "ab" * 32, "index": 0, "attempt": 1}


def report(**changes: Any) -> dict[str, Any]:
    whole = {"topic": "fanout_child_done", "index": 0, "attempt": 1, "worker": WORKER, "verdict": "accept"}
    return {**whole, "child_thread": "th_child_0", **changes}


def example(row: Row, author: Author, **changes: Any) -> Record:
    """A record of this row, as the author would write it."""
    actor = WORKER if author in ("instance", "fleet") else PERSON
    act = "KNOW" if row.act == "any" else row.act
    thread, body = THREAD, {"topic": row.topic}
    if row.thread in RESERVED:
        thread = row.thread
    if row.topic == authority.CHILD_DONE:
        body = report()
    elif row.topic == authority.JOIN:
        body = {"fulfills": FAN_OUT.id, "verdict": "accept"}
    elif row.topic == authority.CHILD_INTEND:
        thread, body = "th_new", child_body()
    elif row.topic == authority.CHILD_RESULT:
        thread, body = CHILD_THREAD, {"fulfills": "cd" * 32, "verdict": "accept"}
    elif row.topic == authority.OTHER:
        body = {"topic": "note"}
    return Record(**{"thread": thread, "actor": actor, "act": act, "body": body, "clock": 900, **changes})


def refusal(record: Record, writer: Writer) -> SyncropelError | None:
    return authority.refusal(record, known(), writer)


def test_the_truth_names_every_row_once() -> None:
    assert [key(row) for row in TABLE] == list(TRUTH)


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


@pytest.mark.parametrize("shape", [*SHAPES, authority.OTHER])
def test_a_shape_is_not_named_by_a_topic(shape: str) -> None:
    forged = Record("th_new", PERSON, "INTEND", {**child_body(), "topic": shape}, 0)
    assert isinstance(refusal(forged, OPERATOR), WrongAuthor)
    freeze = Record("th_fleet_control", PERSON, "LEARN", {"topic": shape}, 0)
    assert refusal(freeze, OPERATOR) is None


def test_the_kind_of_an_observation_is_its_topic() -> None:
    event = Record("th_x", PERSON, "KNOW", {"kind": "syncropel.dispatch.stream_event.v1", "cost_usd": 1e9}, 0)
    assert isinstance(refusal(event, OPERATOR), WrongAuthor)


@pytest.mark.parametrize("author", ["instance", "fleet"])
@pytest.mark.parametrize(
    "changes",
    [
        {"index": 1},
        {"attempt": 2},
        {"index": "0"},
        {"index": True},
        {"attempt": None},
        {"worker": OTHER_WORKER},
        {"worker": None},
        {"child_thread": "th_else"},
    ],
)
def test_an_instance_reports_only_what_it_was_given(author: Author, changes: dict[str, Any]) -> None:
    row = next(one for one in TABLE if one.topic == authority.CHILD_DONE)
    assert refusal(example(row, author), WRITERS[author]) is None
    refused = refusal(example(row, author, body=report(**changes)), WRITERS[author])
    assert isinstance(refused, WrongAuthor)
    assert "was not given to" in refused.message
    elsewhere = refusal(example(row, author, thread="th_no_task"), WRITERS[author])
    assert isinstance(elsewhere, WrongAuthor)


def test_a_report_in_the_name_of_another_is_refused() -> None:
    row = next(one for one in TABLE if one.topic == authority.CHILD_DONE)
    stolen = Writer("instance", OTHER_WORKER)
    for body in (report(), report(worker=OTHER_WORKER)):
        assert isinstance(refusal(example(row, "instance", body=body), stolen), ActorNotAllowed)
        own = example(row, "instance", body=body, actor=OTHER_WORKER)
        assert isinstance(refusal(own, stolen), WrongAuthor)


@pytest.mark.parametrize(
    ("author", "actor", "allowed"),
    [
        ("engine", WORKER, True),
        ("coordinator", WORKER, True),
        ("operator", PERSON, True),
        ("operator", COORDINATOR, True),
        ("operator", WORKER, False),
        ("anyone", PERSON, True),
        ("anyone", COORDINATOR, False),
        ("account", PERSON, True),
        ("account", COORDINATOR, False),
        ("instance", WORKER, True),
        ("instance", OTHER_WORKER, False),
        ("instance", PERSON, False),
        ("fleet", WORKER, True),
        ("fleet", PERSON, False),
    ],
)
def test_whose_name_a_writer_may_use(author: Author, actor: str, allowed: bool) -> None:
    refused = authority.actor_refusal(actor, WRITERS[author])
    assert (refused is None) == allowed
    if refused is not None:
        assert actor in refused.message


@pytest.mark.parametrize(
    ("patterns", "actor", "allowed"),
    [
        (("did:sync:service:sa-x",), "did:sync:service:sa-x", True),
        (("did:sync:service:sa-x",), "did:sync:service:sa-xy", False),
        (("did:sync:service:sa-x",), "did:sync:service:sa-", False),
        (("did:sync:agent:*",), "did:sync:agent:", True),
        (("did:sync:agent:*",), "did:sync:agent:a:b\nc", True),
        (("did:sync:agent:*",), "x did:sync:agent:a", False),
        (("*:dev", "*:ops"), "did:sync:agent:ops", True),
        (("*:dev", "*:ops"), "did:sync:agent:ops2", False),
        (("did.sync:*",), "did:sync:a", False),
        (("[a-z]*",), "abc", False),
        (("a?",), "ab", False),
        (("*",), "anything", True),
        (("*",), WORKER, False),
        ((WORKER,), WORKER, False),
        ((), PERSON, False),
    ],
)
def test_the_actors_of_an_account(patterns: tuple[str, ...], actor: str, allowed: bool) -> None:
    writer = Writer("account", "did:sync:service:sa-x", patterns)
    assert (authority.actor_refusal(actor, writer) is None) == allowed


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


def test_the_page_has_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
    for author, meaning in MEANING.items():
        assert f"| `{author}` | {meaning} |" in page
    written = [line for line in page.splitlines() if line.startswith("| ") and line.count("|") == 5]
    expected = [
        f"| {row.topic if row.topic[0] == '(' else f'`{row.topic}`'} | {row.act} | "
        f"{f'`{row.thread}`' if row.thread in RESERVED else row.thread} | "
        f"{', '.join(one for one in AUTHORS if one in row.authors)} |"
        for row in TABLE
    ]
    assert [line for line in written if line in expected] == expected


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


def test_that_a_run_was_ended_is_the_engines_in_an_instances_name_alone() -> None:
    for actor, allowed in ((PERSON, True), (COORDINATOR, False)):
        refused = refusal(Record("th_new", actor, "KNOW", {"verdict": "terminated"}, 0), OPERATOR)
        assert (refused is None) == allowed
    assert refusal(Record("th_new", COORDINATOR, "KNOW", {"verdict": "accept"}, 0), OPERATOR) is None


@pytest.mark.parametrize(
    ("topic", "author", "allowed"),
    [
        ("instance_credential", "instance", True),
        ("instance_credential", "fleet", False),
        ("instance_credential_revoked", "instance", False),
        ("instance_credential_revoked", "fleet", False),
    ],
)
def test_a_report_is_asked_for_its_credential_at_the_logs_door(
    topic: str, author: Author, allowed: bool
) -> None:
    live = known()
    word = Record("th_fleet_control", PERSON, "LEARN", {"topic": topic, "did": WORKER, "sha256": "a" * 64}, 0)
    for stored in store([word.identified()]):
        live.apply(stored)
    row = next(one for one in TABLE if one.topic == authority.CHILD_DONE)
    refused = authority.refusal(example(row, author), live, WRITERS[author])
    assert (refused is None) == allowed
    if refused is not None:
        assert WORKER in refused.message
        assert ("revoked" in refused.message) == topic.endswith("revoked")


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


def test_an_account_is_not_itself_unless_it_may_be() -> None:
    own = "did:sync:service:sa-x"
    assert authority.actor_refusal(own, Writer("account", own, ("did:sync:agent:*",))) is not None
    assert authority.actor_refusal(own, Writer("account", own, (own,))) is None
    assert authority.actor_refusal(WORKER, Writer("account", WORKER, None)) is not None


def test_a_plain_task_is_done_by_whoever_says_so() -> None:
    live = LiveFolds()
    task = built("INTEND", 0, {"task": True, "goal": "g", "alias": "P"})
    for stored in store([task]):
        live.apply(stored)
    done = Record(THREAD, PERSON, "KNOW", {"fulfills": task.id}, None)
    assert authority.refusal(done, live, OPERATOR) is None
