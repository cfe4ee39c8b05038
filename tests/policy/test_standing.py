"""What a worker refuses because of where it stands with its coordinator: a table over all that is written."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.fleet.credentials import CREDENTIAL, REVOKED
from syncropel.policy.authority import ANYONE, ENGINE, OPERATOR, Writer
from syncropel.policy.guard import check, check_restored
from syncropel.policy.standing import Standing
from syncropel.record.model import ACTS, Record
from syncropel.record.threads import FLEET_CONTROL, RESERVED
from tests.folds.build import COORDINATOR, THREAD, WORKER_A, WORKER_B, record, store

BEGINS = {"INTEND", "DO", "CALL", "PUT", "MAP"}
WRITERS = [ENGINE, OPERATOR, ANYONE, Writer("account", "did:a"), Writer("coordinator", COORDINATOR)]
NOT_HEARD, GONE = "COORDINATOR_NOT_HEARD", "INSTANCE_REVOKED"


def word(did: str, at: int, *, revoked: bool = False, **more: Any) -> Record:
    body = {"topic": REVOKED if revoked else CREDENTIAL, "did": did, "sha256": f"{at:064x}", "at": at, **more}
    return record("LEARN", at, body, thread=FLEET_CONTROL)


OWN = [word(WORKER_A, 1), word(WORKER_A, 2, revoked=True, reason="laptop lost")]
STANDINGS = {
    "a coordinator": (False, False, OWN),
    "heard": (True, True, []),
    "heard, with a credential": (True, True, OWN[:1]),
    "heard, another was revoked": (True, True, [word(WORKER_B, 2, revoked=True)]),
    "not heard": (True, False, []),
    "not heard, with a credential": (True, False, OWN[:1]),
    "revoked": (True, True, OWN),
    "revoked, in whatever order it came": (True, True, OWN[::-1]),
    "revoked and not heard": (True, False, OWN),
    "revoked, and let in again": (True, True, [*OWN, word(WORKER_A, 3)]),
    "revoked, and let in again, but not heard": (True, False, [*OWN, word(WORKER_A, 3)]),
    "revoked, which was taken back": (True, True, [*OWN, word(WORKER_A, 3, revoked=True, withdrawn=True)]),
}


def folds(name: str) -> LiveFolds:
    worker, heard, words = STANDINGS[name]
    live = LiveFolds()
    live.standing = Standing(WORKER_A if worker else "", live.credentials, heard)
    for stored in store(words):
        live.apply(stored)
    return live


def expected(name: str, act: str, thread: str, author: str) -> str:
    begins = act in BEGINS
    if name.startswith("revoked") and "let in" not in name and "taken back" not in name:
        return GONE if begins or thread not in RESERVED else ""
    if name.startswith("not heard") or name.endswith("not heard"):
        return NOT_HEARD if begins and author != "coordinator" else ""
    return ""


@pytest.mark.parametrize("name", STANDINGS)
@pytest.mark.parametrize("thread", [THREAD, *sorted(RESERVED)])
def test_what_is_refused_and_why(name: str, thread: str) -> None:
    live = folds(name)
    for act in sorted(ACTS):
        for writer in WRITERS:
            one = record(act, 9, {"note": 1}, thread=thread)
            told = live.standing.refusal(one, writer)
            assert (told.code if told else "") == expected(name, act, thread, writer.author), (act, writer)
        told = check_restored(record(act, 9, thread=thread), live, 0.0, WORKER_A)
        assert (told.code if told else "") == expected(name, act, thread, "operator"), act


@pytest.mark.parametrize("name", STANDINGS)
@pytest.mark.parametrize("writer", WRITERS)
def test_the_guard_asks_it_whatever_is_frozen(name: str, writer: Writer) -> None:
    live = folds(name)
    live.rules.freezes_changed = True  # the freezes are judged elsewhere; this is not one of them
    told = check(record("DO", 9), live, 0.0, WORKER_A, writer)
    assert (told.code if told else "") == expected(name, "DO", THREAD, writer.author)


@pytest.mark.parametrize("name", STANDINGS)
def test_whether_goals_may_begin_and_what_is_said(name: str) -> None:
    live = folds(name)
    stopped = bool(expected(name, "DO", THREAD, "engine"))
    assert live.standing.may_begin is not stopped
    assert live.holds("docs") is stopped
    assert bool(live.standing.why) is stopped
    gone = expected(name, "KNOW", THREAD, "engine") == GONE
    assert (live.standing.revoked is not None) is gone
    assert ("laptop lost" in live.standing.why) is gone
    told = live.standing.refusal(record("DO", 9), OPERATOR)
    assert told is None or (live.standing.why in told.message and "spl " in told.hint)


@pytest.mark.parametrize(
    ("act", "actor", "verdict", "passes"),
    [
        ("KNOW", WORKER_A, "terminated", True),
        ("KNOW", WORKER_A, "failed", False),
        ("KNOW", WORKER_A, "accept", False),
        ("KNOW", WORKER_B, "terminated", False),
        ("LEARN", WORKER_A, "terminated", False),
        ("DO", WORKER_A, "terminated", False),
    ],
)
def test_that_its_runs_were_ended_a_revoked_worker_can_still_say(
    act: str, actor: str, verdict: str, passes: bool
) -> None:
    told = check(record(act, 9, {"verdict": verdict}, actor=actor), folds("revoked"), 0.0, WORKER_A)
    assert (told is None) is passes
