"""Nobody asks, answers, or decides in another's name, or what does not fit what the log knows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from syncropel.folds.control.access import SCOPES
from syncropel.folds.fanout.talk import digest_of, question_id

from .asked import SHOWN, Asked, attempt_of
from .conftest import ACTOR, DID, Api, assert_error, record
from .test_credentials import A, B, shows


@pytest.fixture
async def asked(api: Api) -> Asked:
    return await attempt_of(api)


async def test_the_worker_that_has_the_attempt_asks_and_decides(asked: Asked) -> None:
    first = await asked.tell(asked.question())
    assert first.status_code == 201, first.text
    again = await asked.tell(asked.question())  # its acknowledgement was lost
    assert (again.status_code, again.json()["duplicate"]) == (200, True)
    assert again.json()["id"] == first.json()["id"]
    assert (await asked.tell(asked.decision())).status_code == 201
    assert (await asked.tell(asked.decision())).json()["duplicate"] is True
    [one] = (await asked.api.get("/v1/questions", task="T"))["data"]
    assert (one["state"], one["decision"]["how"]) == ("decided", "time_limit")


async def test_a_worker_asks_for_no_attempt_of_another(asked: Asked) -> None:
    assert_error(await asked.tell(asked.question(), did=B), 403, "WRONG_AUTHOR", "was not given to")
    assert_error(await asked.tell(asked.question(), actor=B), 403, "ACTOR_NOT_ALLOWED")
    for changes in ({"index": 1}, {"attempt": 2}, {"worker": B}, {"child_thread": "th_other"}):
        assert_error(await asked.tell({**asked.question(), **changes}), 403, "WRONG_AUTHOR")
    assert_error(await asked.tell({**asked.question(), "child_intend": "ab" * 32}), 422, "INVALID_RECORD")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": "q_" + "0" * 24}, "id"),
        ({"request": "r2"}, "id"),
        ({"shown": {"command": "rm -rf /"}}, "digest"),
        ({"digest": "0" * 64}, "digest"),
        ({"size": 10**9}, "too large"),
        ({"shown": None}, "must show"),
        ({"shown": "rm -rf build"}, "digest"),
        ({"shown": {"a": "x" * 300_000}, "digest": digest_of({"a": "x" * 300_000})}, "too large"),
        ({"kind": "order"}, "no question"),
        ({"size": "30"}, "no question"),
    ],
)
async def test_a_question_that_is_not_what_it_says_is_refused(
    asked: Asked, changes: dict[str, Any], words: str
) -> None:
    assert_error(await asked.tell(asked.question(**changes)), 422, "INVALID_RECORD", words)


async def test_a_report_of_a_question_chooses_no_clock(asked: Asked) -> None:
    assert_error(await asked.tell(asked.question(), clock=2**62), 422, "INVALID_RECORD", "clock")
    assert_error(await asked.tell(asked.question(), act="DO"), 403, "WRONG_AUTHOR")


async def test_a_worker_says_of_no_operator_what_none_has_said(asked: Asked) -> None:
    claimed = {"how": "operator", "by": ACTOR, "chosen": "allow_once", "answer": "ab" * 32}
    assert_error(await asked.tell(asked.decision()), 409, "CONFLICT", "asked no such question")
    early = {**asked.question(), "decision": {**claimed, "at": 1.0}}
    assert_error(await asked.tell(early), 422, "INVALID_RECORD", "before it is asked")
    assert (await asked.tell(asked.question())).status_code == 201
    assert_error(await asked.tell(asked.decision(**claimed)), 409, "CONFLICT", "no operator")

    denied = await asked.answer(verdict="deny")
    said = {**claimed, "answer": denied.json()["id"]}
    assert_error(await asked.tell(asked.decision(**said)), 409, "CONFLICT", "no operator")
    other = {**said, "chosen": "reject_once", "by": "did:sync:user:eve"}
    assert_error(await asked.tell(asked.decision(**other)), 409, "CONFLICT", "no operator")
    assert (await asked.tell(asked.decision(**{**said, "chosen": "reject_once"}))).status_code == 201


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"chosen": "allow_once"}, "only an operator or a rule"),
        ({"how": "engine", "chosen": "allow_once"}, "only an operator or a rule"),
        ({"how": "rule", "by": ACTOR, "rule": "r"}, "is not"),
        ({"how": "time_limit", "by": B}, "is not"),
    ],
)
async def test_a_worker_decides_in_its_own_name_alone(
    asked: Asked, changes: dict[str, Any], words: str
) -> None:
    decision = asked.decision(**changes)
    at_once = {**asked.question(), "decision": decision["decision"]}
    assert_error(await asked.tell(at_once), 409, "CONFLICT", words)
    assert (await asked.tell(asked.question())).status_code == 201
    assert_error(await asked.tell(decision), 409, "CONFLICT", words)


async def test_an_answer_is_written_by_its_route_alone(asked: Asked) -> None:
    assert (await asked.tell(asked.question())).status_code == 201
    body = {"topic": "fanout_answer", "index": 0, "attempt": 1, "question": asked.id}
    body |= {"digest": digest_of(SHOWN), "chosen": "allow_once"}
    for act in ("LEARN", "KNOW", "DO"):
        forged = record(thread=asked.thread, act=act, body=body)
        refused = await asked.api.operator.post("/v1/records", json=forged)
        assert_error(refused, 403, "WRONG_AUTHOR", "spl task answer")
        by_token = await asked.api.bearer("admin")
        assert_error(
            await asked.api.tcp.post("/v1/records", json=forged, headers=by_token), 403, "WRONG_AUTHOR"
        )
        assert_error(await asked.tell(body, act=act), 403, "WRONG_AUTHOR")
    passed_on = {"topic": "fanout_answer_child", "child_intend": asked.intend, "question": asked.id}
    for thread in (asked.where["child_thread"], asked.thread):
        forged = record(thread=thread, act="LEARN", body=passed_on)
        assert_error(await asked.api.operator.post("/v1/records", json=forged), 403, "WRONG_AUTHOR")
    observed = record(body={"kind": "syncropel.dispatch.answer.v1", "question": asked.id})
    assert_error(await asked.api.operator.post("/v1/records", json=observed), 403, "WRONG_AUTHOR")


async def test_who_may_answer(asked: Asked) -> None:
    assert (await asked.tell(asked.question())).status_code == 201
    api = asked.api
    others = [one for one in SCOPES if one not in ("agents:answer", "federation:read", "admin")]
    every = await api.bearer(*others)
    assert_error(await asked.answer(every), 403, "FORBIDDEN", "agents:answer")
    assert_error(await asked.answer(shows(A)), 403, "FORBIDDEN", "agents:answer")
    assert (await asked.answer({"authorization": "Bearer spl_test_nobody"})).status_code == 401
    assert (await asked.answer(await api.bearer("agents:answer"), actor=DID)).status_code == 403
    [one] = (await api.get("/v1/questions"))["data"]
    assert one["state"] == "open"
    assert (await asked.answer(await api.bearer("agents:answer"))).status_code == 201


async def test_of_answers_at_once_one_is_taken(asked: Asked) -> None:
    assert (await asked.tell(asked.question())).status_code == 201
    verdicts = ["allow", "deny"] * 4
    answers = await asyncio.gather(*(asked.answer(verdict=one) for one in verdicts))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 7
    [one] = (await asked.api.get("/v1/questions"))["data"]
    [taken] = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert one["answer"]["record"] == taken


async def test_an_agent_that_offers_nothing_for_once_is_not_allowed(asked: Asked) -> None:
    always = [{"kind": "allow_always", "name": "yes"}, {"kind": "reject_once", "name": "no"}]
    assert (await asked.tell(asked.question(options=always))).status_code == 201
    assert_error(await asked.answer(), 409, "CONFLICT", "for ever")
    assert (await asked.answer(verdict="deny")).status_code == 201


async def test_a_question_of_a_frozen_namespace_is_closed_and_takes_no_answer(asked: Asked) -> None:
    assert (await asked.tell(asked.question())).status_code == 201
    freeze = {"namespace": "default", "reason": "stop", "actor": ACTOR}
    await asked.api.operator.post("/v1/fleet/freeze", json={**freeze, "level": "soft"})
    [one] = (await asked.api.get("/v1/questions", open=True))["data"]
    assert one["state"] == "open", "what runs goes on under a soft freeze"
    hard = {**freeze, "level": "hard", "grace_secs": 0}
    await asked.api.operator.post("/v1/fleet/freeze", json=hard)
    [one] = (await asked.api.get("/v1/questions"))["data"]
    assert (one["state"], "hard freeze" in one["closed"]) == ("closed", True)
    assert_error(await asked.answer(), 403, "NAMESPACE_FROZEN")


async def test_many_facts_in_one_batch_get_clocks_of_their_own(asked: Asked) -> None:
    api, bodies = asked.api, []
    for number in range(5):
        identity = question_id(asked.intend, f"r{number}")
        bodies.append(asked.question(id=identity, request=f"r{number}"))
        bodies.append({**asked.decision(), "question": identity})
    records = [record(thread=asked.thread, actor=A, act="KNOW", body=body) for body in bodies]

    async def post() -> list[Any]:
        answer = await api.tcp.post("/v1/records/batch", json=records, headers=shows(A))
        return answer.json()["data"]

    first = await post()
    assert [one["status"] for one in first] == ["created"] * 10
    again = await post()
    assert [one["status"] for one in again] == ["duplicate"] * 10
    assert [one["id"] for one in again] == [one["id"] for one in first]
    # Told in other words it is the same fact, and the worker hears that it is known.
    bodies[0]["question"]["text"] = "may I, please?"
    records[0]["body"] = bodies[0]
    [said, *_] = await post()
    assert said["error"]["message"].startswith("DuplicateClock")
    assert said["known"] == {"told": question_id(asked.intend, "r0")}
    taken = await api.tcp.post("/v1/records", json=done(asked), headers=shows(A))
    assert taken.status_code == 201, "the clock of the attempt's report was left free"


def done(asked: Asked) -> dict[str, Any]:
    task = asked.api.engine.ingest.live.tasks[asked.thread]
    assert task.fanout is not None
    body = {"topic": "fanout_child_done", **asked.where, "verdict": "accept"}
    clock = task.fanout.spawns[0, 1].key[0] + 1
    return record(thread=asked.thread, actor=A, act="DO", body=body, clock=clock)
