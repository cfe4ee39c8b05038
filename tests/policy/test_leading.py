"""Which claims to lead the guard lets into a log."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.fleet.leadership import FIRST_TERM, leads_over
from syncropel.policy.authority import ENGINE
from syncropel.policy.guard import check
from syncropel.policy.standing import Standing
from syncropel.record.model import Record, StoredRecord
from syncropel.settings.keyring import bearer_hash
from tests.folds.build import COORDINATOR, OPERATOR, WORKER_A, WORKER_B

DIDS = (WORKER_A, WORKER_B)
PROOFS = {did: f"spl_succession_{did[-16:]}_{at:048x}" for at, did in enumerate(DIDS)}
TOKENS = {did: f"spl_instance_{did[-16:]}_{at:048x}" for at, did in enumerate(DIDS, start=7)}


class Log:
    """The folds of one instance, and what it takes in."""

    def __init__(self, own: str = COORDINATOR, *, worker_of: str = "") -> None:
        self.live, self.own, self._next = LiveFolds(), own, 0
        if worker_of:
            self.live.standing = Standing(own, self.live.credentials, heard=True, coordinator=worker_of)
        else:
            self.live.standing.leads_as, self.live.standing.leadership = own, self.live.leadership

    def add(self, record: Record) -> Any:
        """Append it, if the guard lets it in; return what the guard says."""
        self._next += 1
        record = record.with_clock(self._next).identified()
        refused = check(record, self.live, 1.0, self.own, ENGINE)
        if refused is None:
            self.live.apply(StoredRecord(record, self._next, 1.0))
        return refused

    def credential(self, did: str, *, succession: bool = True, revoked: bool = False) -> Log:
        body: dict[str, Any] = {
            "topic": "instance_credential",
            "did": did,
            "sha256": bearer_hash(TOKENS[did]),
        }
        if succession:
            body["succession"] = bearer_hash(PROOFS[did])
        if revoked:
            body["topic"] = "instance_credential_revoked"
        assert self.add(Record("th_fleet_control", OPERATOR, "LEARN", body)) is None
        return self


def claim(did: str = WORKER_A, term: Any = 2, actor: str = "", act: str = "KNOW", **more: Any) -> Record:
    body = {"topic": "leading", "did": did, "term": term, "proof": PROOFS.get(did, ""), **more}
    return Record("th_instance_registry", actor or did, act, body)


def code(refused: Any) -> str:
    return "" if refused is None else str(refused.code)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (claim(), ""),
        (claim(term=7), ""),
        (claim(COORDINATOR), ""),  # its own operator has it lead again
        (claim(proof=""), "WRONG_AUTHOR"),
        (claim(proof=PROOFS[WORKER_B]), "WRONG_AUTHOR"),
        (claim(proof=TOKENS[WORKER_A]), "WRONG_AUTHOR"),
        (claim(actor=WORKER_B), "INVALID_RECORD"),
        (claim(term=1), "INVALID_RECORD"),
        (claim(term="2"), "INVALID_RECORD"),
        (claim(act="LEARN"), "INVALID_RECORD"),
        (claim("did:sync:instance:00000000000000ff"), "WRONG_AUTHOR"),
    ],
)
def test_a_coordinator_gives_way_to_a_proof_and_to_nothing_else(record: Record, said: str) -> None:
    log = Log().credential(WORKER_A).credential(WORKER_B)
    assert code(log.add(record)) == said


@pytest.mark.parametrize(
    ("how", "said"),
    [({"succession": False}, "WRONG_AUTHOR"), ({"revoked": True}, "WRONG_AUTHOR"), ({}, "")],
)
def test_only_an_instance_that_may_succeed_does(how: dict[str, Any], said: str) -> None:
    assert code(Log().credential(WORKER_A, **how).add(claim())) == said


def test_a_revoked_one_leads_no_more_than_before() -> None:
    log = Log().credential(WORKER_A).credential(WORKER_A, revoked=True)
    assert code(log.add(claim())) == "WRONG_AUTHOR"


def test_a_worker_takes_the_word_of_its_own_coordinator() -> None:
    log = Log(WORKER_B, worker_of=COORDINATOR)
    assert code(log.add(claim(COORDINATOR, proof=""))) == ""
    assert code(log.add(claim(WORKER_A, 3))) == "WRONG_AUTHOR"


def test_an_older_term_and_a_used_proof_count_no_more() -> None:
    log = Log().credential(WORKER_A).credential(WORKER_B)
    assert code(log.add(claim(WORKER_A, 3))) == ""
    for record in (claim(WORKER_A, 2), claim(WORKER_B, 2), claim(WORKER_B, 3)):
        assert code(log.add(record)) == "STALE_TERM"
    assert code(log.add(claim(WORKER_A, 4))) == "WRONG_AUTHOR"
    assert code(log.add(claim(WORKER_A, 3, address="http://new"))) == ""


@pytest.mark.parametrize(
    ("act", "thread", "body", "said"),
    [
        ("INTEND", "th_t", {"goal": "g", "task": True}, "NOT_LEADER"),
        ("DO", "th_t", {"topic": "fanout_spawned"}, "NOT_LEADER"),
        ("KNOW", "th_t", {}, ""),  # what a run still observes
        ("KNOW", "th_instance_registry", {"topic": "instance_state"}, ""),
    ],
)
def test_a_fenced_coordinator_begins_nothing(act: str, thread: str, body: Any, said: str) -> None:
    log = Log().credential(WORKER_A)
    assert log.add(claim()) is None
    assert log.live.standing.fenced is not None
    assert not log.live.standing.may_begin
    assert code(log.add(Record(thread, COORDINATOR, act, body))) == said


def test_it_joins_nothing_either() -> None:
    log = Log().credential(WORKER_A)
    assert log.add(Record("th_t", OPERATOR, "INTEND", {"goal": "g", "task": True})) is None
    assert log.add(claim()) is None
    joins = Record("th_t", COORDINATOR, "KNOW", {"fulfills": "ab" * 32, "verdict": "accept"})
    assert code(log.add(joins)) == "NOT_LEADER"
    assert log.add(claim(COORDINATOR, 3)) is None
    assert log.live.standing.fenced is None


@given(st.lists(st.tuples(st.sampled_from((*DIDS, COORDINATOR)), st.integers(0, 6)), max_size=12))
def test_whatever_is_claimed_nobody_falls_behind(claims: list[tuple[str, int]]) -> None:
    log = Log().credential(WORKER_A).credential(WORKER_B)
    highest = (FIRST_TERM, COORDINATOR)
    for did, term in claims:
        taken = log.add(claim(did, term)) is None
        leader = log.live.leadership.leader
        now = highest if leader is None else leader.rank
        assert now == highest or leads_over(now, highest) or highest[0] == FIRST_TERM
        assert not taken or now == (term, did)
        highest = now
