"""Every request on the page of the HTTP API is one that a daemon takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from docs_tools.http_examples import EXAMPLES, Example
from tests.api.asked import attempt_of
from tests.api.conftest import DID, NOOP, Api, assert_error, each_route_is_analysed_once, open_api, until

__all__ = ["each_route_is_analysed_once"]

OF_A_WORKER = "POST /v1/fleet/control"
EXCLUDED = (
    "GET /v1/fleet/join",
    "POST /v1/fleet/join",
    "POST /v1/fleet/invites",
    "POST /v1/store/accept-loss",
    "POST /v1/backups",
    "POST /v1/tasks/{name}/merge",
    "POST /v1/tasks/{name}/subtasks/{index}/reviews",
    "POST /v1/leader/take",
    "POST /v1/leader/forget-former",
    "POST /v1/fleet/instances/{name}/relink",
)
"""Here nothing is lost, the log is on no disk, no subtask has a result, nobody was promoted, no link was
refused, and no other host is served.
"""
OF_A_LINK = ("POST /v1/fleet/link/acks", "POST /v1/fleet/link/answers")
"""They are for a worker with a credential of its own."""
STREAMS = [one for one in EXAMPLES.items() if one[1].stream]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("SYNCROPEL_HOME", "SYNCROPEL_DATA", "SPL_BOOTSTRAP_TOKEN", "SPL_FLEET_COORDINATOR_URL"):
        monkeypatch.delenv(name, raising=False)


async def prepared(api: Api) -> dict[str, str]:
    """What an example needs that an earlier one does not make; gives the values of its placeholders."""
    posted = await api.post(thread="docs.review", body={"text": "page 0 is read"})
    await api.token("records:read", sa_id="sa-old")
    listed = await api.get("/v1/tokens")
    rule = {"expression": '"worker-a"'}
    await api.operator.put("/v1/config/rules/routing/to-worker-a", json=rule)
    rule = {"expression": 'record.body.goal == "read page 1"'}
    await api.operator.put("/v1/config/rules/aitl/page-1", json=rule)
    asked = await attempt_of(api)
    assert (await asked.tell(asked.question())).status_code == 201
    of_question = {"QUESTION": asked.id, "DIGEST": asked.question()["question"]["digest"]}
    of_attempt = {"PARENT": asked.thread, "INTEND": asked.intend}
    listed_token = listed["data"][0]["id"]
    return {"RECORD": posted["id"], "TOKEN": listed_token, "INSTANCE": DID, **of_question, **of_attempt}


async def sent(api: Api, method: str, example: Example, values: dict[str, str]) -> httpx.Response:
    path = example.path
    for name, value in values.items():
        path = path.replace(name, value)
    if example.lines:
        bundle = await api.operator.get("/v1/threads/snapshot?threads=docs.review")
        return await api.operator.request(method, path, content=bundle.content)
    body = example.body
    if isinstance(body, dict):
        body = {
            key: values.get(value, value) if isinstance(value, str) else value for key, value in body.items()
        }
    return await api.operator.request(method, path, json=body)


async def asked(api: Api) -> bool:
    """Whether a subtask waits for an operator's decision."""
    return bool((await api.get("/v1/engine/health"))["aitl_pending"])


async def test_every_example_is_taken(tmp_path: Path) -> None:
    async with open_api(tmp_path, NOOP) as api:
        values = await prepared(api)
        for route, example in EXAMPLES.items():
            if example.stream or route == OF_A_WORKER:
                continue
            if route == "POST /v1/tasks/{name}/answer":
                await until(lambda: asked(api))
            answer = await sent(api, route.split()[0], example, values)
            if route == "GET /v1/dispatches/{thread}/output":  # no attempt has run on this very instance
                assert_error(answer, 404, "ATTEMPT_UNKNOWN")
                continue
            if route in EXCLUDED:
                assert_error(answer, 409, "CONFLICT")
                continue
            if route in OF_A_LINK:
                assert_error(answer, 403, "WRONG_AUTHOR")
                continue
            # Nobody is invited, and nobody hears what happens.
            if route in ("POST /v1/fleet/invites/{name}/withdraw", "POST /v1/webhooks/{name}/test"):
                assert_error(answer, 404, "NOT_FOUND")
                continue
            if route == "POST /v1/merges":  # it is for a coordinator alone
                assert_error(answer, 403, "FORBIDDEN")
                continue
            if route == "POST /v1/leader/announce":  # it is for the instance that leads
                assert_error(answer, 403, "WRONG_AUTHOR")
                continue
            if route == "GET /v1/fleet/instances/{name}/log":  # nobody is at the worker's address
                assert_error(answer, 503, "UNAVAILABLE", "worker-b does not give its log")
                continue
            if route == "GET /v1/fleet/log":  # it is for a worker, and for its coordinator alone
                assert_error(answer, 409, "CONFLICT", "nobody coordinates this instance")
                continue
            if route == "POST /v1/store/accept-altered":  # nothing was altered
                assert_error(answer, 404, "NOT_FOUND")
                continue
            assert answer.is_success, f"{route}: {answer.status_code} {answer.text}"


async def test_a_worker_understands_the_example_of_its_coordinator_and_takes_it_of_nobody_else(
    tmp_path: Path,
) -> None:
    fleet = replace(NOOP.fleet, coordinator_url="http://127.0.0.1:1")
    async with open_api(tmp_path, replace(NOOP, fleet=fleet)) as api:
        answer = await sent(api, "POST", EXAMPLES[OF_A_WORKER], {"INSTANCE": DID})
        assert_error(answer, 403, "WRONG_AUTHOR", "only from its coordinator")


def test_the_streams_are_read_as_such() -> None:
    watches = {route for route in EXAMPLES if route.endswith("/watch")}
    assert {route for route, _ in STREAMS} == watches | {"GET /v1/fleet/link"}
