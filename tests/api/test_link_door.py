"""The routes of links: who gets one, what it is told, and who may answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from syncropel.api.http.linked import LinkedDoor
from syncropel.engine.control.accounts import FLEET_SCOPES
from syncropel.peer.link.protocol import challenge
from syncropel.settings.config import FleetSettings
from syncropel.settings.keyring import bearer_hash
from syncropel.wire.version import PROTOCOL

from .conftest import NOOP, Api, MakeApi, assert_error, beat
from .streams import watch
from .test_credentials import COORDINATOR, SECRETS, A, B, issue, joined, row, shows

NONCE = "n" * 32
LINKED = beat("a", endpoint="link:")


def url(incarnation: str = "one", protocol: int = PROTOCOL, **more: Any) -> str:
    query = {"protocol": protocol, "incarnation": incarnation, "nonce": NONCE, **more}
    return "/v1/fleet/link?" + "&".join(f"{key}={value}" for key, value in query.items())


def opened(api: Api, did: str = A, incarnation: str = "one") -> Any:
    return watch(api.app, url(incarnation), operator=False, authorization=f"Bearer {SECRETS[did]}")


async def test_only_a_worker_with_a_credential_of_its_own_is_linked(api: Api) -> None:
    await joined(api)
    fleet = await api.bearer(*FLEET_SCOPES, sa_id="sa-fleet")
    admin = await api.bearer("admin")
    for client, headers in ((api.tcp, fleet), (api.tcp, admin), (api.operator, {})):
        answer = await client.get(url(), headers=headers)
        assert_error(answer, 403, "WRONG_AUTHOR")
        for route in ("acks", "answers"):
            body = {"link": "l", "n": 1, "status": 200, "body": {}}
            body = body if route == "answers" else {"link": "l", "n": 1}
            answer = await client.post(f"/v1/fleet/link/{route}", json=body, headers=headers)
            assert_error(answer, 403, "WRONG_AUTHOR")
    assert_error(await api.tcp.get(url()), 401, "UNAUTHORIZED")


async def test_the_hello_proves_the_coordinator_and_gives_no_secret_away(api: Api) -> None:
    await joined(api)
    api.engine.keyring.make_towards(A, api.engine.instance.did)
    async with opened(api) as stream:
        hello = await stream.take()
        assert hello is not None
        assert (hello.name, hello.data["leader"]) == ("hello", api.engine.instance.did)
        assert hello.data["proof"] == api.engine.keyring.prove_to(A, challenge(NONCE, A, hello.data["link"]))
        assert api.engine.keyring.towards(A) not in str(hello.data)
        assert hello.data["proof"] != api.engine.keyring.prove_to(A, challenge(NONCE, A, "another"))


async def test_an_answer_is_taken_of_the_linked_worker_alone(api: Api) -> None:
    await joined(api)
    async with opened(api) as stream:
        hello = await stream.take()
        assert hello is not None
        asking = asyncio.ensure_future(api.engine.links.ask(A, "GET", "/v1/worktrees", "here=true", None, 60))
        asked = await stream.take()
        assert asked is not None
        assert asked.name == "ask"
        body = {"link": hello.data["link"], "n": asked.data["n"], "status": 200, "body": {"object": "list"}}
        answers = "/v1/fleet/link/answers"
        assert_error(await api.tcp.post(answers, json=body, headers=shows(B)), 409, "UNKNOWN_LINK")
        unsent = {**body, "n": 77}
        assert_error(await api.tcp.post(answers, json=unsent, headers=shows(A)), 409, "UNKNOWN_FRAME")
        ack = {"link": body["link"], "n": body["n"], "outcomes": []}
        answer = await api.tcp.post("/v1/fleet/link/acks", json=ack, headers=shows(A))
        assert_error(answer, 409, "UNKNOWN_FRAME")
        giant = {**body, "body": {"x": "y" * 3_000_000}}
        assert_error(await api.tcp.post(answers, json=giant, headers=shows(A)), 413, "TOO_LARGE")
        assert (await api.tcp.post(answers, json=body, headers=shows(A))).json() == {"n": body["n"]}
        assert await asking == (200, {"object": "list"})
        assert_error(await api.tcp.post(answers, json=body, headers=shows(A)), 409, "UNKNOWN_FRAME")


async def test_the_state_of_a_link_is_shown_and_ends_with_a_revocation(api: Api) -> None:
    await joined(api)
    answer = await api.tcp.post("/v1/fleet/heartbeat", json=LINKED, headers=shows(A))
    assert answer.status_code == 200
    assert (await row(api, A))["link"]["state"] == "down"
    assert (await row(api, B))["link"] is None
    async with opened(api) as stream:
        await stream.take()
        shown = (await row(api, A))["link"]
        assert (shown["state"], shown["transport"], shown["problem"]) == ("up", "stream", "")
        assert shown["heard_at"] >= shown["since"]
        await api.operator.post("/v1/fleet/instances/worker-a/revoke", json={})
        while (frame := await stream.take()) is not None and frame.name != "bye":
            assert frame.name == "ask", "what was already on its way"
        assert frame is not None
        assert "revoked" in frame.data["why"]
        assert await stream.take() is None
    assert_error(await api.tcp.get(url(), headers=shows(A)), 401, "CREDENTIAL_REVOKED")
    assert (await row(api, A))["link"]["state"] == "down"


async def test_a_second_process_takes_the_link_over_and_the_third_time_neither_gets_it(api: Api) -> None:
    await joined(api)
    await api.tcp.post("/v1/fleet/heartbeat", json=LINKED, headers=shows(A))
    async with opened(api) as first, opened(api, incarnation="two") as second:
        await first.take()
        await second.take()
        while (frame := await first.take()) is not None:
            assert frame.name in ("bye", "ask")
        assert "copied" in (await row(api, A))["link"]["problem"]
        async with opened(api, incarnation="one"):
            refused = await api.tcp.get(url("two"), headers=shows(A))
            assert_error(refused, 409, "SECOND_HOME", "spl fleet relink")
    assert (await row(api, A))["link"]["state"] == "refused"
    assert_error(await api.tcp.get(url("one"), headers=shows(A)), 409, "SECOND_HOME")
    relink = "/v1/fleet/instances/worker-a/relink"
    assert (await api.operator.post(relink, json={})).json() == {"did": A, "alias": "worker-a"}
    assert_error(await api.operator.post(relink, json={}), 409, "CONFLICT", "not refused")
    async with opened(api) as again:
        assert await again.take() is not None


async def test_a_new_credential_lifts_the_refusal(api: Api) -> None:
    await joined(api)
    for incarnation in ("one", "two", "one", "two"):
        await api.tcp.get(url(incarnation, wait=1), headers=shows(A))
    assert_error(await api.tcp.get(url("two", wait=1), headers=shows(A)), 409, "SECOND_HOME")
    fresh = f"spl_instance_{A[-16:]}_{'d4' * 24}"
    assert (await issue(api, A, sha256=bearer_hash(fresh))).is_success
    answer = await api.tcp.get(url("two", wait=1), headers={"authorization": f"Bearer {fresh}"})
    assert (answer.status_code, "event: hello" in answer.text) == (200, True)


@pytest.mark.parametrize(("protocol", "code"), [(PROTOCOL + 1, "TOO_NEW"), (PROTOCOL + 9, "TOO_NEW")])
async def test_a_version_that_does_not_fit_is_refused_by_name(api: Api, protocol: int, code: str) -> None:
    await joined(api)
    assert_error(await api.tcp.get(url(protocol=protocol), headers=shows(A)), 409, code, "upgrade")


async def test_polls_give_one_frame_each_and_know_their_link(api: Api) -> None:
    await joined(api)
    hello = await api.tcp.get(url(wait=5), headers=shows(A))
    assert hello.headers["content-type"].startswith("text/event-stream")
    link = hello.text.split('"link":"')[1].split('"')[0]
    ping = await api.tcp.get(url(wait=0.01, link=link), headers=shows(A))
    assert "event: ping" in ping.text or "event: ask" in ping.text
    assert_error(await api.tcp.get(url(wait=1, link="x"), headers=shows(A)), 409, "UNKNOWN_LINK")
    assert_error(await api.tcp.get(url(wait=1, link=link), headers=shows(B)), 409, "UNKNOWN_LINK")


async def test_too_many_at_once_are_told_when_to_come_back(api: Api) -> None:
    await joined(api)
    refused = None
    for number in range(200):
        answer = await api.tcp.get(url("one", wait=0.01), headers=shows(A))
        if answer.status_code == 503:
            refused = answer
            break
        assert answer.status_code == 200, number
    assert refused is not None
    assert_error(refused, 503, "MANY_LINKS")
    assert int(refused.headers["retry-after"]) >= 1


async def test_a_worker_gives_no_links(make_api: MakeApi) -> None:
    api = await make_api(replace(NOOP, fleet=FleetSettings("worker-a", "http://127.0.0.1:1")))
    answer = await api.operator.get(url())
    assert_error(answer, 409, "CONFLICT", "coordinator")


async def test_what_comes_over_a_link_is_judged_as_the_coordinators(make_api: MakeApi) -> None:
    api = await make_api(replace(NOOP, fleet=FleetSettings("worker-a", "http://127.0.0.1:1")))
    door = LinkedDoor(api.app)
    for method, path, status in (
        ("GET", "/v1/tokens", 403),
        ("POST", "/v1/tokens", 403),
        ("PUT", "/v1/config/rules/routing/x", 403),
        ("GET", "/v1/worktrees", 200),
    ):
        found, _ = await door(method, path, "here=true", b"{}", COORDINATOR, "")
        assert found == status, path
