"""Whose name a writer may use, and what an instance may report in its own."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.errors import ActorNotAllowed, WrongAuthor
from syncropel.folds.fanout.state import CHILD_DONE
from syncropel.policy import authority
from syncropel.policy.authority import TABLE, Writer
from syncropel.record.authors import Author
from syncropel.record.model import Record
from tests.folds.build import COORDINATOR, store
from tests.policy.writers import (
    OTHER_WORKER,
    PERSON,
    WORKER,
    WRITERS,
    example,
    known,
    refusal,
    report,
)


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
    row = next(one for one in TABLE if one.topic == CHILD_DONE)
    assert refusal(example(row, author), WRITERS[author]) is None
    refused = refusal(example(row, author, body=report(**changes)), WRITERS[author])
    assert isinstance(refused, WrongAuthor)
    assert "was not given to" in refused.message
    elsewhere = refusal(example(row, author, thread="th_no_task"), WRITERS[author])
    assert isinstance(elsewhere, WrongAuthor)


def test_a_report_in_the_name_of_another_is_refused() -> None:
    row = next(one for one in TABLE if one.topic == CHILD_DONE)
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
    row = next(one for one in TABLE if one.topic == CHILD_DONE)
    refused = authority.refusal(example(row, author), live, WRITERS[author])
    assert (refused is None) == allowed
    if refused is not None:
        assert WORKER in refused.message
        assert ("revoked" in refused.message) == topic.endswith("revoked")


def test_an_account_is_not_itself_unless_it_may_be() -> None:
    own = "did:sync:service:sa-x"
    assert authority.actor_refusal(own, Writer("account", own, ("did:sync:agent:*",))) is not None
    assert authority.actor_refusal(own, Writer("account", own, (own,))) is None
    assert authority.actor_refusal(WORKER, Writer("account", WORKER, None)) is not None
