"""Emitting: what goes into the log, and what a result says when it does not."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from syncropel import Client, EmitResult, Ref, SyncropelKindError
from tests.api.conftest import Api

from .conftest import THREAD, TRACK, WHO, make_client, put


async def test_a_record_is_in_the_log_as_it_was_emitted(client: Client, api: Api) -> None:
    parent = await put(client, 0)
    assert parent.record_id is not None
    body = {"title": "Glow", "kind": "not.this.one", "_refs": [Ref.doc_text(doi="d")]}
    result = await client.emit(
        act="KNOW",
        kind=TRACK,
        body=body,
        thread=THREAD,
        refs=[Ref.music_track(isrc="I")],
        parents=[parent.record_id],
        data_type="REFERENCE",
        clock=7,
    )
    assert result == EmitResult(True, result.record_id, 7, retried=0, kind=TRACK, act="KNOW", thread=THREAD)
    stored = await api.get(f"/v1/records/{result.record_id}")
    assert stored["body"] == {
        "title": "Glow",
        "kind": TRACK,
        "_v": 1,
        "_refs": [{"kind": "@doc.text", "id": "doi:d"}, {"kind": "@music.track", "id": "isrc:I"}],
    }
    shown = {key: stored[key] for key in ("actor", "clock", "parents", "data_type")}
    assert shown == {
        "actor": WHO.actor_did,
        "clock": 7,
        "parents": [parent.record_id],
        "data_type": "REFERENCE",
    }
    assert body == {"title": "Glow", "kind": "not.this.one", "_refs": [Ref.doc_text(doi="d")]}


@pytest.mark.parametrize(
    ("kind", "body", "version"), [(TRACK, {}, 1), (TRACK, {"_v": 3}, 3), (f"{TRACK}.v2", {}, None)]
)
async def test_a_body_names_its_version_once(
    client: Client, api: Api, kind: str, body: dict[str, Any], version: int | None
) -> None:
    result = await put(client, 0, kind=kind, body=body)
    assert (await api.get(f"/v1/records/{result.record_id}"))["body"].get("_v") == version


async def test_clocks_go_up_also_within_one_millisecond(client: Client) -> None:
    results = await asyncio.gather(*(put(client, n, thread=f"t.{n % 2}") for n in range(20)))
    clocks = [result.clock for result in results]
    assert len(set(clocks)) == 20


async def test_a_clock_that_another_client_took_is_replaced(client: Client, api: Api) -> None:
    stuck = make_client(_operator(client), max_retries=2)
    first = await put(stuck, 0)
    assert first.clock is not None
    stuck._clocks._last = first.clock - 1
    stuck._clocks._now_ns = lambda: 0
    second = await put(stuck, 1)
    assert (second.clock, second.retried) == (first.clock + 1, 1)
    named = await client.emit(act="PUT", kind=TRACK, body={}, thread=THREAD, clock=first.clock)
    assert (named.success, named.retried) == (False, 0)
    assert str(named.error).startswith("HTTP 400: INGEST_FAILED: DuplicateClock")


def _operator(client: Client) -> Any:
    transport: Any = client._connection._transport
    return transport._app


async def test_a_refusal_is_told_and_not_repeated(client: Client, api: Api) -> None:
    bad = await client.emit(act="NOPE", kind=TRACK, body={}, thread=THREAD)
    assert (bad.success, bad.record_id, bad.clock, bad.retried) == (False, None, None, 0)
    assert str(bad.error).startswith("HTTP 422: INVALID_RECORD: ")
    async with make_client(api.app, api_key="nonsense") as stranger:
        assert "HTTP 401" in str((await stranger.emit(act="PUT", kind=TRACK, body={}, thread="t")).error)
    reader = await api.token("records:read")
    async with make_client(api.app, api_key=reader) as limited:
        assert "HTTP 403" in str((await limited.emit(act="PUT", kind=TRACK, body={}, thread="t")).error)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"kind": "Bad"}, SyncropelKindError),
        ({"act": ""}, ValueError),
        ({"thread": ""}, ValueError),
        ({"body": []}, TypeError),
        ({"body": {"x": float("nan")}}, ValueError),
        ({"body": {"x": {1}}}, TypeError),
    ],
)
async def test_wrong_arguments_raise_before_anything_is_sent(
    client: Client, changes: dict[str, Any], error: type[Exception]
) -> None:
    told: list[EmitResult] = []
    client.on_emit = told.append
    with pytest.raises(error):
        await put(client, 0, **changes)
    assert told == []


class Flaky:
    """Answers with these in turn: a status, or an error of the connection."""

    def __init__(self, *answers: int | Exception) -> None:
        self._answers = list(answers)
        self.bodies: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, json={"id": "f" * 64, "clock": self.bodies[-1]["clock"]})


def flaky(server: Flaky, **options: Any) -> Client:
    return Client(identity=WHO, backoff_ms=0, transport=httpx.MockTransport(server), **options)


@pytest.mark.parametrize("broken", [500, 503, httpx.ConnectError("no"), httpx.ReadTimeout("slow")])
async def test_trouble_is_met_by_sending_the_same_record_again(broken: int | Exception) -> None:
    server = Flaky(broken, broken, 201)
    result = await put(flaky(server), 0)
    assert (result.retried, result.record_id) == (2, "f" * 64)
    assert server.bodies[0] == server.bodies[1] == server.bodies[2]


async def test_retries_end_and_the_last_error_is_told() -> None:
    told: list[EmitResult] = []
    server = Flaky(500, httpx.ConnectError("no"))
    client = flaky(server, max_retries=1, on_emit=told.append)
    result = await client.emit(act="PUT", kind=TRACK, body={}, thread=THREAD)
    assert (result.success, result.retried) == (False, 1)
    assert "no daemon answers" in str(result.error)
    assert told == [result]


@pytest.mark.parametrize("status", [302, 400, 404, 413])
async def test_a_refusal_without_a_daemons_words_is_not_repeated(status: int) -> None:
    result = await flaky(Flaky(status)).emit(act="PUT", kind=TRACK, body={}, thread=THREAD)
    assert (result.success, result.retried) == (False, 0)
    assert str(result.error).startswith(f"HTTP {status}: ")


def test_without_an_event_loop() -> None:
    told: list[EmitResult] = []
    client = flaky(Flaky(503, 201), on_emit=told.append)
    result = client.emit_sync(act="PUT", kind=TRACK, body={}, thread=THREAD)
    assert (result.success, result.retried) == (True, 1)
    assert told == [result]
    asyncio.run(client.close())


async def test_a_hook_that_fails_changes_nothing(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    def broken(result: EmitResult) -> None:
        raise ZeroDivisionError

    client.on_emit = broken
    assert (await put(client, 0)).success
    assert "on_emit failed" in caplog.text


async def test_intend_and_fulfill_open_and_close_a_thread(client: Client, api: Api) -> None:
    opened = await client.intend("find out")
    assert (opened.success, len(opened.thread), opened.thread[:3]) == (True, 67, "th_")
    done = await client.fulfill(opened.thread, "found", fulfills=opened.record_id, body={"x": 1})
    assert done.success
    state = await api.get(f"/v1/threads/{opened.thread}/state")
    assert (state["thread"]["status"], state["open_intends"]) == ("closed", [])
    with pytest.raises(ValueError, match="thread"):
        await client.fulfill("", "x")


async def test_reserved_kinds(client: Client, api: Api) -> None:
    first = await put(client, 0)
    assert first.record_id is not None
    results = [
        await client.emit_correction(
            corrects=[first.record_id], revised_fields={"n": 1}, reason="r", thread=THREAD
        ),
        await client.emit_erasure(erases=[first.record_id], reason="r", thread=THREAD),
        await client.emit_alias(old_kind="core.a", new_kind="core.b", reason="r", thread=THREAD),
        await client.emit_scope_transfer(
            scope="music", from_publisher="a", to_publisher="b", reason="r", thread=THREAD
        ),
        await client.emit_scope_claim(scope="@m", governance_policy={"type": "x"}, thread=THREAD),
    ]
    assert all(result.success and result.act == "PUT" for result in results)
    bodies = [(await api.get(f"/v1/records/{result.record_id}"))["body"] for result in results]
    assert [body["kind"] for body in bodies] == [
        "core.correction",
        "core.erasure",
        "core.alias",
        "core.scope_transfer",
        "core.scope_claim",
    ]
    assert bodies[0]["correcting_actor"] == bodies[1]["authorized_by"] == WHO.actor_did
    assert bodies[1]["effective_at"].endswith("Z")
    with pytest.raises(ValueError, match="corrects"):
        await client.emit_correction(corrects=[], revised_fields={"n": 1}, reason="r", thread=THREAD)
    with pytest.raises(ValueError, match="type"):
        await client.emit_scope_claim(scope="@m", governance_policy={"x": 1}, thread=THREAD)
    with pytest.raises(SyncropelKindError):
        await client.emit_alias(old_kind="core.a", new_kind="B", reason="r", thread=THREAD)
