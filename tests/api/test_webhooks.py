"""Webhooks over the real application and a real HTTP server: what is told of a fleet, and signed how."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncropel.api.webhooks import notices, webhooks_of
from syncropel.engine.control.accounts import FLEET_SCOPES
from syncropel.engine.webhooks import posting
from syncropel.settings.webhooks import Webhook, WebhookSettings
from tests.receiver import Receiver, receiving

from .conftest import ACTOR, NOOP, Api, MakeApi, assert_error, beat, until

HOOK = "/hook?key=s3cr3t"


def told(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for body in receiver.bodies]


@asynccontextmanager
async def hooked(make_api: MakeApi, url: str, **more: Any) -> AsyncIterator[Api]:
    """A daemon whose webhooks run, after their first look."""
    hook = Webhook("chat", url=url, **more)
    api = await make_api(replace(NOOP, webhooks=WebhookSettings({"chat": hook})))
    webhooks = api.engine.webhooks = webhooks_of(api.engine)
    webhooks.look()
    running = asyncio.ensure_future(webhooks.run())
    try:
        yield api
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def listed(api: Api) -> dict[str, Any]:
    (found,) = (await api.get("/v1/webhooks"))["data"]
    return dict(found)


async def test_a_join_and_a_freeze_are_told_and_signed(make_api: MakeApi, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    secret.chmod(0o600)
    async with receiving(HOOK) as receiver, hooked(make_api, receiver.url, secret_file=str(secret)) as api:
        await api.task(alias="T")
        await api.fan_out("T", {})
        freeze = {"level": "soft", "namespace": "docs", "reason": "a leak", "actor": ACTOR}
        assert (await api.operator.post("/v1/fleet/freeze", json=freeze)).is_success

        async def both() -> bool:
            return len(receiver.heads) == 2

        await until(both)
        join, freezes = sorted(told(receiver), key=lambda one: one["event"], reverse=True)
        assert (join["event"], join["task"]) == ("join", "T")
        assert "T joined after" in join["text"]
        assert (freezes["event"], freezes["namespace"]) == ("freeze", "docs")
        assert freezes["text"].endswith(f"soft freeze of docs by {ACTOR}: a leak")
        for headers, body in zip(receiver.heads, receiver.bodies, strict=True):
            at, _, signed = headers["x-syncropel-signature"].removeprefix("t=").partition(",v1=")
            wanted = hmac.new(b"hush", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
            assert signed == wanted
            assert headers["x-syncropel-delivery"] == json.loads(body)["id"]
            assert headers["x-syncropel-event"] == json.loads(body)["event"]


async def test_what_waits_for_somebody_is_there_to_be_told(make_api: MakeApi) -> None:
    async with hooked(make_api, "http://127.0.0.1:1/") as api:
        await api.task(alias="T")
        await api.fan_out("T", {"goal": "x", "target": "worker-a", "adapter": "noop"})
        fleet = await api.bearer(*FLEET_SCOPES, sa_id="sa-fleet")
        await api.tcp.post("/v1/fleet/heartbeat", json=beat("a"), headers=fleet)
        await api.engine.fan_outs.reconciler.drain()
        live = api.engine.ingest.live
        fanout = live.tasks[live.aliases["T"]].fanout
        assert fanout is not None
        spawn = fanout.spawns[0, 1]
        body = {
            "topic": "fanout_child_done", "index": 0, "attempt": 1, "worker": beat("a")["did"],
            "child_thread": spawn.child_thread, "verdict": "failed", "summary": "no such file",
        }  # fmt: skip
        report = {"thread": live.aliases["T"], "actor": beat("a")["did"], "act": "DO", "body": body}
        answer = await api.tcp.post("/v1/records", json={**report, "clock": spawn.key[0] + 1}, headers=fleet)
        assert answer.status_code == 201, answer.text
        (failed,) = [one for one in notices(api.engine).values() if one.event == "failure"]
        assert (failed.text, failed.facts["task"], failed.facts["subtask"]) == ("T[0] failed", "T", 0)
        assert "no such file" in failed.private
        assert str(failed.facts["command"]).startswith("spl task")


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("500 Oops", {"waiting": 1, "dropped": 0, "problem": "it answered 500 Oops"}),
        ("404 Not Found", {"waiting": 0, "dropped": 1, "problem": "it answered 404 Not Found"}),
        ("302 Found\r\nlocation: http://127.0.0.1:1/", {"waiting": 0, "dropped": 1}),
    ],
)
async def test_what_is_refused_is_listed_and_the_fleet_goes_on(
    make_api: MakeApi, answer: str, state: dict[str, Any]
) -> None:
    async with receiving(HOOK) as receiver, hooked(make_api, receiver.url) as api:
        receiver.answers = [answer] * 50
        await api.task(alias="T")
        await api.fan_out("T", {})

        async def so() -> bool:
            return state.items() <= (await listed(api)).items()

        await until(so)
        assert (await api.get("/v1/tasks/T/join"))["complete"]
        shown = str(await listed(api)) + str(await api.get("/v1/engine/health", details="true"))
        assert "s3cr3t" not in shown


async def test_a_receiver_that_stalls_holds_up_nothing(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "TIMEOUT_SECS", 0.2)
    async with receiving(HOOK) as receiver, hooked(make_api, receiver.url) as api:
        receiver.stalls = True
        await api.task(alias="T")
        await api.fan_out("T", {})

        async def failed() -> bool:
            return bool((await listed(api))["problem"])

        await until(failed)
        assert (await listed(api))["problem"].startswith("it cannot be reached: ")
        assert (await listed(api))["waiting"] == 1


async def test_a_test_says_whether_it_was_taken(make_api: MakeApi) -> None:
    async with receiving(HOOK) as receiver, hooked(make_api, receiver.url) as api:
        answer = await api.operator.post("/v1/webhooks/chat/test", json={})
        assert (answer.status_code, answer.json()["name"]) == (200, "chat")
        assert told(receiver)[0]["event"] == "test"
        receiver.answers = ["403 Forbidden"]
        answer = await api.operator.post("/v1/webhooks/chat/test", json={})
        assert_error(answer, 502, "NOT_TAKEN", "it answered 403 Forbidden")
        assert_error(await api.operator.post("/v1/webhooks/pager/test", json={}), 404, "NOT_FOUND", "pager")


async def test_a_url_and_a_secret_can_change_without_a_restart(make_api: MakeApi, tmp_path: Path) -> None:
    url = tmp_path / "url"
    async with receiving(HOOK) as receiver, hooked(make_api, "", url_file=str(url)) as api:
        assert "No such file" in (await listed(api))["problem"]
        answer = await api.operator.post("/v1/webhooks/chat/test", json={})
        assert_error(answer, 500, "SETUP", "No such file")
        url.write_text(receiver.url)
        url.chmod(0o600)
        assert (await api.operator.post("/v1/webhooks/chat/test", json={})).is_success
        url.write_text("ftp://nowhere")
        answer = await api.operator.post("/v1/webhooks/chat/test", json={})
        assert_error(answer, 500, "SETUP", "is not the URL of a web server")
        assert "nowhere" not in answer.text


async def test_without_webhooks_there_is_nothing_to_list(api: Api) -> None:
    assert (await api.get("/v1/webhooks"))["data"] == []
    assert_error(await api.operator.post("/v1/webhooks/chat/test", json={}), 404, "NOT_FOUND")
