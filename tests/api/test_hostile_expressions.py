"""Expressions written to do harm: refused or stopped, counted as deny, and nobody else waits for them.

Where one is judged beside the event loop, the thread that does it is held, so that whatever is answered
meanwhile was answered while it was being judged.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from syncropel.cel import expression as cel
from syncropel.cel.cache import ExpressionCache
from syncropel.policy.lanes import LANES

from .conftest import DID, Api, assert_error, record

STRANGER = "did:sync:user:stranger"
TEN = "[1,2,3,4,5,6,7,8,9,0]"
REFUSED = {
    "lists in lists": ("[" * 4900 + "]" * 4900 + " == []", "deep"),
    "a thousand nots": ("!" * 9000 + "true", "deep"),
    "members of members": ("record.body" + ".a" * 4900 + " == 1", "deep"),
    "positions of positions": ("record.body" + "['a']" * 1900 + " == 1", "deep"),
    "calls in calls": ("size(" * 1400 + "''" + ")" * 1400 + " == 0", "deep"),
    "a long sum": ("+".join(["1"] * 4900) + " > 0", "deep"),
    "a giant text": (f"'{'x' * 20_000}' == ''", "10000"),
    "an unknown name": ("recrod.act == 'DO'", "recrod"),
    "an unknown field": ("record.body.size() > 0 && record.sekret == ''", "sekret"),
    "an unknown function": ("open('/etc/passwd').read() == ''", "open"),
    "a way out of the language": ("record.__class__ == ''", "__class__"),
    "no expression": ("\x00\ud7ff)(", "not a CEL"),
}
"""What does not compile, and a word of why."""
RUNAWAY = {
    "lists over lists": f"{TEN}.all(a,{TEN}.all(b,{TEN}.all(c,{TEN}.all(d,{TEN}.all(e,{TEN}.all(f,a<99))))))",
    "every pair of a long list": "record.body.list.all(a, record.body.list.all(b, a < 2))",
    "copies of a long list": "record.body.list.map(a, record.body.list).size() > 0",
    "a list that grows": " + ".join(["record.body.list"] * 40) + " != []",
    "a text that grows": "(" + " + ".join(["record.body.text"] * 40) + ").size() > 0",
}
"""What is stopped."""
FAILING = {
    "a list as a text": "string(record.body.list) != ''",
    "a huge pattern": f"record.body.text.matches('{'a' * 1500}')",
    "a pattern that is huge when spelled out": "'a'.matches('((a{100}){100}){100}')",
    "a broken pattern": "'a'.matches('(')",
    "a number beyond 64 bits": "9223372036854775807 + 1 > 0",
    "no true or false": "dyn(record.body.text)",
}
"""What has no answer, or none that a rule may give."""
PATTERNS = ["(a+)+b", "(a|aa)+b", "(a|a?)+b", "(.*a){20}b"]
"""Exponential for who tries every way; here they take as long as the text is."""


@pytest.fixture(scope="module")
def hostile_body() -> dict[str, Any]:
    """A record's body with as much in it as one may have."""
    return {"list": [1] * 200_000, "text": "a" * 300_000}


@contextmanager
def held() -> Iterator[None]:
    """Keep the threads for long expressions busy, as long as the block lasts."""
    gate = threading.Event()
    for lane in LANES:
        lane.quick.submit(gate.wait)
        lane.slow.submit(gate.wait)
    try:
        yield
    finally:
        gate.set()


async def answered_beside(api: Api, asked: Any) -> httpx.Response:
    """What is answered in the end; until then the daemon has to answer others."""
    with held():
        judging = asyncio.ensure_future(asked)
        for _ in range(3):
            assert (await api.tcp.get("/health")).status_code == 200
        assert (await api.operator.post("/v1/records", json=record(thread="th_other", actor=DID))).is_success
        assert not judging.done()
    return await judging


async def evaluate(api: Api, expression: str, body: dict[str, Any] | None = None) -> httpx.Response:
    asked: dict[str, Any] = {"context": "permission", "expression": expression}
    if body is not None:
        asked["record"] = record(actor=STRANGER, act="DO", body=body)
    return await api.operator.post("/v1/expr/eval", json=asked)


async def put(api: Api, expression: str, name: str = "hostile", priority: int = 5) -> httpx.Response:
    rule = {"expression": expression, "effect": "allow", "priority": priority, "ops": ["record_write"]}
    return await api.operator.put(f"/v1/config/rules/permission/{name}", json=rule)


async def enforced(api: Api, expression: str) -> None:
    """Enforce rules: the daemon and the operator may do all, and of others this expression is asked."""
    mine = f"current_actor() == '{DID}' || current_actor() == 'did:sync:user:operator'"
    body = {"expression": mine, "effect": "allow", "priority": 1}
    assert (await api.operator.put("/v1/config/rules/permission/admins", json=body)).status_code == 201
    assert (await put(api, expression)).status_code == 201
    assert (await api.operator.post("/v1/config/permissions/enable", json={})).status_code == 201


@pytest.mark.parametrize("what", REFUSED)
async def test_what_does_not_compile_is_refused_wherever_it_is_given(api: Api, what: str) -> None:
    expression, word = REFUSED[what]
    for path in ("/v1/expr/check", "/v1/expr/eval"):
        asked = api.operator.post(path, json={"context": "permission", "expression": expression})
        assert_error(await answered_beside(api, asked), 422, "INVALID_EXPRESSION", word)
    assert_error(await put(api, expression), 422, "INVALID_EXPRESSION", word)
    raw = {"topic": "permission_rule", "name": "hostile", "expression": expression, "effect": "allow"}
    posted = await api.operator.post(
        "/v1/records", json=record(thread="th_engine_config", act="LEARN", body=raw)
    )
    assert_error(posted, 422, "INVALID_EXPRESSION", word)
    assert "hostile" not in [one["name"] for one in (await api.get("/v1/config/rules/permission"))["data"]]


async def test_a_long_rule_is_compiled_beside_everything_else(api: Api) -> None:
    long = " && ".join(["record.act == 'DO'"] * 300)
    assert (await answered_beside(api, put(api, long))).status_code == 201


@pytest.mark.parametrize("what", RUNAWAY)
async def test_what_runs_away_is_stopped_when_it_is_tried(
    api: Api, what: str, hostile_body: dict[str, Any]
) -> None:
    stopped = await answered_beside(api, evaluate(api, RUNAWAY[what], hostile_body))
    assert_error(stopped, 422, "EXPRESSION_RUNAWAY", "stopped")
    assert (await evaluate(api, "1 + 1 == 2")).json()["value"] is True


@pytest.mark.parametrize("what", RUNAWAY)
async def test_a_rule_that_runs_away_denies_and_lets_others_through(
    api: Api, what: str, hostile_body: dict[str, Any]
) -> None:
    await enforced(api, RUNAWAY[what])
    write = record(actor=STRANGER, act="DO", body=hostile_body)
    denied = await answered_beside(api, api.operator.post("/v1/records", json=write))
    assert_error(denied, 403, "PERMISSION_DENIED", "stopped", "rule 'hostile'")
    assert (await api.operator.post("/v1/records", json=record(actor=DID, act="DO"))).status_code == 201


@pytest.mark.parametrize("what", FAILING)
async def test_a_rule_without_an_answer_denies(api: Api, what: str, hostile_body: dict[str, Any]) -> None:
    await enforced(api, FAILING[what])
    write = record(actor=STRANGER, act="DO", body=hostile_body)
    denied = await api.operator.post("/v1/records", json=write)
    assert_error(denied, 403, "PERMISSION_DENIED", "hostile")
    assert (await api.operator.post("/v1/records", json=record(actor=DID, act="DO"))).status_code == 201


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_a_costly_pattern_has_its_answer(api: Api, pattern: str, hostile_body: dict[str, Any]) -> None:
    expression = f"!record.body.text.matches('{pattern}')"
    assert (await evaluate(api, expression, hostile_body)).json()["value"] is True
    await enforced(api, expression)
    write = record(actor=STRANGER, act="DO", body=hostile_body)
    assert (await api.operator.post("/v1/records", json=write)).status_code == 201


async def test_rules_of_before_a_restart_are_compiled_beside_everything_else(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache of a new process is empty: who writes first must not hold up all others."""
    long = " && ".join(["record.act == 'DO'"] * 300)
    await enforced(api, long)
    monkeypatch.setattr(cel, "_cache", ExpressionCache())
    write = record(actor=STRANGER, act="DO")
    with held():
        judging = asyncio.ensure_future(api.operator.post("/v1/records", json=write))
        for _ in range(3):
            assert (await api.tcp.get("/health")).status_code == 200
        assert not judging.done()
    assert (await judging).status_code == 201
