"""What a goal may do over the Unix socket, and a caller of whom nothing is known: every route is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from syncropel.api.app import create_app
from syncropel.api.http.caller import NOT_OPERATOR, NotOperator
from syncropel.api.http.tally import GOALS_REFUSED, TOLD_EACH, TOLD_EVERY_SECS, UNKNOWN_CALLERS, Tally

from .conftest import ACTOR, Api, MakeApi, assert_error, record, without_auth
from .test_auth import NEEDS, WATCHES, filled

GOAL = NotOperator(4711, "th_child")
UNKNOWN = NotOperator(0, problem="nobody knows")
READ = {route for route, needed in NEEDS.items() if needed in (None, "", "records:read", "metrics:read")}


@asynccontextmanager
async def calling(api: Api, who: NotOperator, tally: Tally | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A client on the Unix socket that is not the operator."""
    app = create_app(api.engine, tally=tally)

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        scope[NOT_OPERATOR] = who
        await app(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://spl") as client:
        yield client


OPEN = {("GET", "/v1/fleet/join"): 409, ("POST", "/v1/fleet/join"): 422}
"""What is open to all and has no answer for nothing: here nobody can join, and nobody was invited."""


async def ask(client: httpx.AsyncClient, method: str, path: str, **headers: str) -> Any:
    return await client.request("HEAD" if path in WATCHES else method, filled(path), headers=headers)


@pytest.mark.parametrize(("method", "path"), sorted(NEEDS))
async def test_a_goal_may_read_and_nothing_else(api: Api, method: str, path: str) -> None:
    async with calling(api, GOAL) as goal:
        answer = await ask(goal, method, path)
        if (method, path) in READ:
            assert answer.status_code not in (401, 403)
            return
        assert answer.status_code == 403
        if path not in WATCHES:  # those were asked by HEAD, whose answer has no body
            assert_error(answer, 403, "GOAL_MAY_NOT", "4711", "'th_child'")
        # A token that it found changes nothing: over this socket it is what it is.
        again = await ask(goal, method, path, **await api.bearer("admin"))
        assert again.status_code == 403


@pytest.mark.parametrize(("method", "path"), sorted(NEEDS))
async def test_one_of_whom_nothing_is_known_gets_what_is_open_to_all(
    api: Api, method: str, path: str
) -> None:
    async with calling(api, UNKNOWN) as client:
        answer = await ask(client, method, path)
        assert answer.status_code == (OPEN.get((method, path), 200) if NEEDS[method, path] is None else 403)
        if answer.status_code == 403 and path not in WATCHES:
            assert_error(answer, 403, "UNKNOWN_CALLER", "nobody knows", "--url")


async def test_without_auth_a_goal_may_no_more(make_api: MakeApi) -> None:
    api = await make_api(without_auth())
    async with calling(api, GOAL) as goal:
        assert_error(await goal.post("/v1/records", json=record()), 403, "GOAL_MAY_NOT")
        assert (await goal.get("/v1/records")).status_code == 200
    async with calling(api, UNKNOWN) as client:
        assert_error(await client.get("/v1/records"), 403, "UNKNOWN_CALLER")


async def test_a_goal_does_not_see_the_config_thread(api: Api) -> None:
    await api.token("admin")
    async with calling(api, GOAL) as goal:
        assert_error(await goal.get("/v1/threads/th_engine_config/records"), 403, "FORBIDDEN")
        found = (await goal.get("/v1/records", params={"topic": "api_token"})).json()["data"]
        assert found == []
        document = {"filter": {"thread": {"$eq": "th_engine_config"}}}
        assert (await goal.post("/v1/records/query", json=document)).json().get("data", []) == []


async def test_a_goal_is_told_what_it_is(api: Api) -> None:
    async with calling(api, GOAL) as goal:
        told = (await goal.get("/v1/whoami")).json()
    assert told == {"kind": "goal", "name": "th_child", "scopes": ["records:read"]}
    async with calling(api, NotOperator(4711)) as goal:
        assert (await goal.get("/v1/whoami")).json()["name"] == "PID 4711"
        refused = await goal.post("/v1/records", json=record(actor=ACTOR))
        assert_error(refused, 403, "GOAL_MAY_NOT", "PID 4711", "does not name")


async def test_refusals_are_counted_and_logged_until_there_are_too_many(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    tally = Tally()
    async with calling(api, GOAL, tally) as goal, calling(api, UNKNOWN, tally) as unknown:
        for _ in range(TOLD_EACH + 5):
            await goal.post("/v1/fleet/unfreeze", json={})
        assert (await unknown.get("/v1/records")).status_code == 403
    assert tally.counts()[GOALS_REFUSED] == TOLD_EACH + 5
    assert tally.counts()[UNKNOWN_CALLERS] == 1
    lines = [line.getMessage() for line in caplog.records if line.name == "syncropel.door"]
    assert lines == ["refused POST /v1/fleet/unfreeze to a goal: PID 4711, attempt 'th_child'"] * TOLD_EACH
    caplog.clear()
    tally.tell(0.0)
    [first, second] = [line.getMessage() for line in caplog.records]
    assert first.startswith("refused 5 more requests of goals")
    assert second.startswith("refused 1 more requests of unknown callers")
    tally.note(GOALS_REFUSED)
    tally.tell(TOLD_EVERY_SECS - 1)
    assert len(caplog.records) == 2
    tally.tell(TOLD_EVERY_SECS)
    assert len(caplog.records) == 3
