"""The traces of fan-outs, as an endpoint for OpenTelemetry gets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from syncropel.engine.traces import otlp
from syncropel.settings.traces import TraceSettings
from tests.receiver import Receiver, receiving

from .conftest import DID, NOOP, Api, MakeApi, until

PLACE = "/v1/traces"


def spans(collector: Receiver) -> list[list[Span]]:
    """The spans of each request."""
    parsed = [ExportTraceServiceRequest.FromString(body) for body in collector.bodies]
    scopes = [[scope for found in one.resource_spans for scope in found.scope_spans] for one in parsed]
    return [[span for scope in found for span in scope.spans] for found in scopes]


def told(span: Span) -> dict[str, Any]:
    values = {one.key: one.value for one in span.attributes}
    return {key: getattr(value, str(value.WhichOneof("value"))) for key, value in values.items()}


async def traced(make_api: MakeApi, url: str, **more: Any) -> Api:
    return await make_api(replace(NOOP, traces=TraceSettings(url, **more)))


async def health(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/v1/engine/health", details="true"))["details"]["traces"]
    return found


def has(api: Api, **wanted: int | str) -> Callable[[], Any]:
    async def look() -> bool:
        return wanted.items() <= (await health(api)).items()

    return look


async def test_a_fan_out_that_joined_is_a_trace(make_api: MakeApi) -> None:
    async with receiving(PLACE) as collector:
        api = await traced(make_api, collector.url)
        await api.task(alias="T")
        await api.fan_out("T", {}, {"depends_on": [0], "adapter": "noop"})
        await until(has(api, sent=1, waiting=0, dropped=0, problem=""))
        ((whole, first, second),) = spans(collector)
        assert (whole.name, whole.parent_span_id, first.name) == ("fan-out", b"", "attempt")
        assert {first.parent_span_id, second.parent_span_id} == {whole.span_id}
        assert len({whole.trace_id, first.trace_id, second.trace_id}) == 1
        assert len({whole.span_id, first.span_id, second.span_id}) == 3
        assert {one.status.code for one in (whole, first, second)} == {Status.STATUS_CODE_OK}
        assert whole.start_time_unix_nano <= first.start_time_unix_nano <= second.start_time_unix_nano
        assert first.end_time_unix_nano <= second.end_time_unix_nano <= whole.end_time_unix_nano
        join = await api.get("/v1/tasks/T/join")
        facts = told(whole)
        assert (facts["syncropel.task"], facts["syncropel.join"]) == ("T", "all")
        assert facts["syncropel.subtasks"] == 2
        assert facts["syncropel.thread"] == join["thread"]
        assert told(second)["syncropel.adapter"] == "noop"
        assert told(second)["syncropel.verdict"] == "accept"
        request = ExportTraceServiceRequest.FromString(collector.bodies[0])
        resource = {one.key: one.value.string_value for one in request.resource_spans[0].resource.attributes}
        assert (resource["service.name"], resource["service.instance.id"]) == ("syncropel", DID)
        assert b"a goal" not in collector.bodies[0]


async def test_goals_are_in_it_only_if_somebody_wants_them(make_api: MakeApi) -> None:
    async with receiving(PLACE) as collector:
        api = await traced(make_api, collector.url, goals=True)
        await api.task(alias="T")
        await api.fan_out("T", {"goal": "look at \U0001f9ea"})
        await until(has(api, sent=1))
        ((whole, attempt),) = spans(collector)
        assert told(whole)["syncropel.goal"] == "a goal"
        assert told(attempt)["syncropel.goal"] == "look at \U0001f9ea"


async def test_one_that_is_cancelled_is_a_trace_that_failed(make_api: MakeApi) -> None:
    async with receiving(PLACE) as collector:
        api = await traced(make_api, collector.url)
        await api.task(alias="T")
        await api.fan_out("T", {"target": "specific:did:sync:instance:00000000000000ff"})
        thread = (await api.get("/v1/tasks/T"))["thread"]
        cancel = {"thread": thread, "act": "DO", "body": {"topic": "task_cancelled"}}
        await api.post(**cancel)
        await until(has(api, sent=1))
        ((whole,),) = spans(collector)
        assert (whole.status.code, whole.status.message) == (
            Status.STATUS_CODE_ERROR,
            "cancelled before it joined",
        )


async def test_what_is_not_taken_is_sent_again_and_the_health_says_why(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving(PLACE) as collector:
        collector.answers = ["503 Busy", "429 Too Many\r\nretry-after: 1"]
        api = await traced(make_api, collector.url)
        waits: list[float] = []

        async def sleep(secs: float) -> None:
            waits.append(secs)
            problem = (await health(api))["problem"]
            assert "answered 503 Busy" in problem or "answered 429 Too Many" in problem

        traces = api.engine.traces
        monkeypatch.setattr(traces, "_runtime", replace(api.engine.runtime, sleep=sleep))
        await api.task(alias="T")
        await api.fan_out("T", {})
        await until(has(api, sent=1, waiting=0, dropped=0, problem=""))
        assert len(collector.bodies) == 3
        assert collector.bodies[0] == collector.bodies[2]
        assert waits[1] >= 1.0


async def test_what_is_refused_for_good_is_dropped_and_counted(make_api: MakeApi) -> None:
    async with receiving(PLACE) as collector:
        collector.answers = ["401 Unauthorized", "302 Found\r\nlocation: http://127.0.0.1:1/"]
        api = await traced(make_api, collector.url)
        for number in (1, 2):
            await api.task(alias=f"T{number}")
            await api.fan_out(f"T{number}", {})
            await until(has(api, dropped=number, waiting=0))
        assert (await health(api))["problem"] == f"{collector.url} answered 302 Found"


async def test_a_header_comes_from_a_private_file(make_api: MakeApi, tmp_path: Path) -> None:
    file = tmp_path / "header"
    file.write_text("Authorization: Bearer abc\n")
    file.chmod(0o600)
    async with receiving(PLACE) as collector:
        api = await traced(make_api, collector.url, header_file=str(file))
        await api.task(alias="T")
        await api.fan_out("T", {})
        await until(has(api, sent=1))
        assert collector.heads[0]["authorization"] == "Bearer abc"
        assert "abc" not in str(await health(api))


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        ("Authorization: Bearer abc", 0o644, "may be read by others"),
        ("no header", 0o600, "is not a header"),
        ("Bad\x00Name: x", 0o600, "not text"),
        ("", 0o600, "is empty"),
        (None, 0o600, "No such file"),
    ],
)
async def test_a_header_file_that_cannot_be_used_is_told_and_nothing_is_sent(
    make_api: MakeApi, tmp_path: Path, content: str | None, mode: int, why: str
) -> None:
    file = tmp_path / "header"
    if content is not None:
        file.write_text(content)
        file.chmod(mode)
    async with receiving(PLACE) as collector:
        api = await traced(make_api, collector.url, header_file=str(file))
        assert why in (await health(api))["problem"], "before the first trace"
        await api.task(alias="T")
        await api.fan_out("T", {})
        await until(has(api, waiting=1))
        assert why in (await health(api))["problem"]
        assert "abc" not in str(await health(api))
        assert collector.bodies == []


async def test_without_the_extra_the_daemon_runs_and_says_what_to_install(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "find_spec", lambda name: None)
    api = await traced(make_api, "http://127.0.0.1:1/")
    assert "pip install 'syncropel-console[otel]'" in (await health(api))["problem"]


async def test_without_an_endpoint_there_are_none(api: Api) -> None:
    assert await health(api) is None
    assert api.engine.traces is None


async def test_nobody_there_is_no_reason_to_stop(make_api: MakeApi) -> None:
    api = await traced(make_api, "http://127.0.0.1:1/v1/traces")
    await api.task(alias="T")
    await api.fan_out("T", {})
    await until(has(api, waiting=1, dropped=0))

    async def failed() -> bool:
        return "cannot be reached" in (await health(api))["problem"]

    await until(failed)
    assert (await api.get("/v1/tasks/T/join"))["complete"]
