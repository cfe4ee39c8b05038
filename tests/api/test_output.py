"""Output of subtasks: read and followed, here and on the instance that has it, whatever a goal made of it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from syncropel.adapters import BashAdapter
from syncropel.adapters.output_file import output_paths
from syncropel.settings.adapters import AdapterSettings
from syncropel.settings.config import DispatchSettings, Settings
from tests.adapters.readers import LineReader

from .conftest import Api, MakeApi, assert_error, until
from .streams import watch
from .two_instances import WORKER, Two, two_instances

PATH = "/v1/tasks/T/subtasks/0/output"


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    async with two_instances(tmp_path) as both:
        yield both


@pytest.fixture
async def alone(make_api: MakeApi) -> Api:
    """One instance that runs scripts itself."""
    return await make_api(
        Settings(adapters=AdapterSettings(bash=True), dispatch=DispatchSettings(adapter="bash"))
    )


async def ended(api: Api, name: str = "T") -> None:
    async def look() -> Any:
        return (await api.get(f"/v1/tasks/{name}/join"))["completed"]

    await until(look)


async def child_of(two: Two) -> str:
    async def look() -> Any:
        return (await two.coordinator.get(PATH))["child_thread"]

    return await until(look)


async def kept(two: Two, data: bytes = b"as it was\n") -> Path:
    """The output file of an attempt that has ended."""
    await two.fan_out("true")
    await ended(two.coordinator)
    path = output_paths(two.worker.engine.instance.home.work, await child_of(two), 1).merged
    path.write_bytes(data)
    return path


async def test_the_coordinator_gives_what_a_worker_has(two: Two) -> None:
    await two.fan_out("printf 'one\\ntwo\\n'; echo three >&2")
    await ended(two.coordinator)
    page = await two.coordinator.get(PATH)
    assert page["data"] == "one\ntwo\nthree\n"
    assert (page["offset"], page["next_offset"], page["size"]) == (0, 14, 14)
    assert (page["state"], page["ended"], page["attempt"], page["alias"]) == ("accept", True, 1, "worker-b")
    assert page["instance"] == WORKER
    assert Path(page["path"]).read_text() == page["data"]
    direct = await two.worker.get(f"/v1/dispatches/{page['child_thread']}/output")
    assert direct == page | {"alias": direct["alias"]}


async def test_pages_meet_and_the_tail_is_of_whole_lines(two: Two) -> None:
    await two.fan_out("seq 1 1000")
    await ended(two.coordinator)
    data, offset = "", 0
    while (page := await two.coordinator.get(PATH, offset=offset, limit=1000))["data"]:
        assert page["offset"] == offset
        data, offset = data + page["data"], page["next_offset"]
    assert data == "".join(f"{number}\n" for number in range(1, 1001))
    assert (await two.coordinator.get(PATH, tail=3))["data"] == "998\n999\n1000\n"
    assert (await two.coordinator.get(PATH, tail=0))["data"] == ""
    assert (await two.coordinator.get(PATH, tail=5000))["data"] == data
    assert (await two.coordinator.get(PATH, tail=100, limit=12))["data"] == "999\n1000\n"
    beyond = await two.coordinator.get(PATH, offset=99_999)
    assert (beyond["data"], beyond["next_offset"]) == ("", page["size"])


async def test_bytes_that_are_no_text_are_exact_and_characters_stay_whole(two: Two) -> None:
    whole = "grün\n".encode() * 3 + b"\xff\xfe\x00"
    await kept(two, whole)
    seen, offset = b"", 0
    while offset < len(whole):
        page = await two.coordinator.get(PATH, offset=offset, limit=7)
        if page["encoding"] == "base64":
            seen += base64.b64decode(page["data"])
        else:
            seen += page["data"].encode()
        offset = page["next_offset"]
        assert offset == len(seen)
    assert seen == whole
    assert (await two.coordinator.get(PATH, limit=3))["data"] == "gr"


async def test_following_shows_what_comes_and_ends_with_the_attempt(two: Two, tmp_path: Path) -> None:
    go = tmp_path / "go"
    await two.fan_out(f"echo begun; while [ ! -e {go} ]; do sleep 0.02; done; echo done")
    await child_of(two)
    async with watch(two.coordinator.app, f"{PATH}?follow=true") as stream:
        said, last = "", None
        while (event := await stream.take()) is not None:
            assert event.name == "output"
            said, last = said + event.data["data"], event
            if "begun" in said:
                go.touch()
    assert said == "begun\ndone\n"
    assert last is not None
    assert (last.data["ended"], last.data["state"], last.id) == (True, "accept", "11")
    async with watch(two.coordinator.app, f"{PATH}?follow=true", last_event_id="6") as stream:
        event = await stream.take()
        assert event is not None
        assert event.data["data"] == "done\n"
        assert await stream.take() is None


async def test_following_goes_through_an_output_of_many_pieces(two: Two) -> None:
    whole = b"".join(b"%07d\n" % number for number in range(100_000))
    await kept(two, whole)
    for app, path in (
        (two.coordinator.app, PATH),
        (two.worker.app, f"/v1/dispatches/{await child_of(two)}/output"),
    ):
        async with watch(app, f"{path}?follow=true") as stream:
            said = ""
            while (event := await stream.take()) is not None:
                said += event.data["data"]
        assert said.encode() == whole


async def test_a_lost_worker_is_told_once_and_the_stream_goes_on(two: Two, tmp_path: Path) -> None:
    go = tmp_path / "go"
    await two.fan_out(f"echo begun; while [ ! -e {go} ]; do sleep 0.02; done; echo done")
    await child_of(two)
    async with watch(two.coordinator.app, f"{PATH}?follow=true") as stream:
        names, said = [], ""
        while (event := await stream.take()) is not None:
            names.append(event.name)
            said += event.data.get("data", "")
            if said == "begun\n" and not two.network.down and not go.exists():
                two.network.down.add("worker-b")
            if event.name == "output.lost":
                assert "worker-b does not answer (last heard" in event.data["message"]
                go.touch()
                two.network.down.clear()
    assert said == "begun\ndone\n"
    assert names.count("output.lost") == 1
    assert names[-1] == "output"


async def test_output_on_a_worker_that_does_not_answer_is_503_by_its_name(two: Two) -> None:
    await kept(two)
    two.network.down.add("worker-b")
    assert_error(
        await two.coordinator.operator.get(PATH), 503, "OUTPUT_UNREACHABLE", "worker-b", "last heard"
    )
    followed = await two.coordinator.operator.get(PATH, params={"follow": True})
    assert_error(followed, 503, "OUTPUT_UNREACHABLE", "worker-b")


@pytest.mark.parametrize("kind", ["pipe", "link", "hard link", "folder", "linked folder"])
async def test_what_is_no_output_any_more_is_never_read(two: Two, kind: str) -> None:
    path = await kept(two)
    secret = two.worker.engine.instance.home.fleet_token
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(secret)
    elif kind == "hard link":
        os.link(secret, path)
    elif kind == "folder":
        path.mkdir()
    else:
        elsewhere = path.parent.with_name("elsewhere")
        elsewhere.mkdir()
        (elsewhere / path.name).write_bytes(secret.read_bytes())
        for one in path.parent.iterdir():
            one.unlink() if one.is_file() else one.rmdir()
        path.parent.rmdir()
        path.parent.symlink_to(elsewhere)
    answer = await asyncio.wait_for(two.coordinator.operator.get(PATH), 60)
    assert_error(answer, 404, "NO_OUTPUT", "worker-b", "not a plain file")
    assert secret.read_text() not in answer.text


async def test_output_that_is_gone_or_never_was_says_so(two: Two) -> None:
    path = await kept(two)
    path.unlink()
    assert_error(await two.coordinator.operator.get(PATH), 404, "NO_OUTPUT", "removed")
    await two.coordinator.task(alias="E")
    await two.coordinator.fan_out("E", {"goal": "x", "target": "worker-b", "adapter": "echo"})
    await ended(two.coordinator, "E")
    none = await two.coordinator.operator.get("/v1/tasks/E/subtasks/0/output")
    assert_error(none, 404, "NO_OUTPUT", "'echo' writes none")


async def test_what_does_not_exist_is_404(alone: Api) -> None:
    assert_error(await alone.operator.get(PATH), 404, "NOT_FOUND", "no task 'T'")
    await alone.task(alias="T")
    assert_error(await alone.operator.get(PATH), 404, "NOT_FOUND", "T has no subtasks")
    await alone.fan_out("T", {"goal": "echo own"})
    await ended(alone)
    assert (await alone.get(PATH))["data"] == "own\n"
    nine = PATH.replace("/0/", "/9/")
    assert_error(await alone.operator.get(nine), 404, "NOT_FOUND", "has no subtask 9")
    second = await alone.operator.get(PATH, params={"attempt": 2})
    assert_error(second, 404, "NOT_FOUND", "T [0] has no attempt 2")
    stranger = await alone.operator.get("/v1/dispatches/th_x/output")
    assert_error(stranger, 404, "ATTEMPT_UNKNOWN", "was not given 'th_x'")


async def test_a_subtask_that_waits_has_no_output_yet(alone: Api) -> None:
    await alone.task(alias="T")
    await alone.fan_out("T", {"goal": "sleep 5"}, {"goal": "true", "depends_on": [0]})
    page = await alone.get(PATH.replace("/0/", "/1/"))
    assert (page["state"], page["ended"], page["size"], page["instance"]) == ("pending", False, 0, "")


async def test_a_frozen_namespace_can_still_be_read(two: Two) -> None:
    await kept(two)
    asked = {"namespace": "default", "reason": "drill"}
    frozen = await two.coordinator.operator.post("/v1/fleet/freeze", json=asked)
    assert frozen.is_success, frozen.text
    assert (await two.coordinator.get(PATH))["data"] == "as it was\n"


async def test_two_hundred_followers_are_looked_after_by_one(two: Two, tmp_path: Path) -> None:
    go = tmp_path / "go"
    await two.fan_out(f"while [ ! -e {go} ]; do sleep 0.02; done; seq 1 20000")
    await child_of(two)
    whole = "".join(f"{number}\n" for number in range(1, 20_001))

    async def follow() -> str:
        said = ""
        async with watch(two.coordinator.app, f"{PATH}?follow=true") as stream:
            while (event := await stream.take()) is not None:
                said += event.data["data"]
        return said

    following = [asyncio.ensure_future(follow()) for _ in range(200)]

    async def all_follow() -> bool:
        return two.coordinator.engine.output.following.followers == 200

    await until(all_follow)
    before = len(two.network.asked)
    go.touch()
    assert set(await asyncio.gather(*following)) == {whole}
    assert len(two.network.asked) - before < 150
    assert two.coordinator.engine.output.following.followers == 0


async def test_more_followers_than_there_is_room_for_are_refused(
    alone: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncropel.engine.output.following.MAX_FOLLOWERS", 1)
    await alone.task(alias="T")
    await alone.fan_out("T", {"goal": "sleep 30"})
    async with watch(alone.app, f"{PATH}?follow=true") as stream:
        assert await stream.take() is not None

        async def follows() -> bool:
            return alone.engine.output.following.followers == 1

        await until(follows)
        refused = await alone.operator.get(PATH, params={"follow": True})
        assert_error(refused, 503, "TOO_MANY_CONNECTIONS", "1 connections follow output already")
        assert (await alone.get(PATH))["size"] == 0


async def test_a_token_without_the_scope_reads_no_output(two: Two) -> None:
    await kept(two)
    reader = await two.coordinator.bearer("records:read", "config:read", "fleet:write", "threads:write")
    assert_error(await two.coordinator.tcp.get(PATH, headers=reader), 403, "FORBIDDEN", "output:read")
    owner = await two.coordinator.bearer("output:read")
    assert (await two.coordinator.tcp.get(PATH, headers=owner)).json()["data"] == "as it was\n"


async def test_permission_rules_hold_for_output_as_for_its_task(two: Two) -> None:
    await kept(two)
    not_outside = "actor != 'did:sync:service:sa-outside' || op != 'thread_read'"
    rule = {"expression": not_outside, "priority": 1, "effect": "allow"}
    put = await two.coordinator.operator.put("/v1/config/rules/permission/inside", json=rule)
    assert put.is_success, put.text
    assert (await two.coordinator.operator.post("/v1/config/permissions/enable", json={})).is_success
    inside = await two.coordinator.bearer("output:read", sa_id="sa-inside")
    outside = await two.coordinator.bearer("output:read", sa_id="sa-outside")
    assert_error(await two.coordinator.tcp.get(PATH, headers=outside), 403, "PERMISSION_DENIED", "sa-outside")
    assert (await two.coordinator.tcp.get(PATH, headers=inside)).json()["data"] == "as it was\n"


async def test_an_agent_is_given_as_events_and_raw_as_it_wrote(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await kept(two)
    path.unlink()
    said = path.with_suffix(".out")
    said.write_text('{"text": "hello"}\n{"final": "ok"}\n')
    monkeypatch.setattr(BashAdapter, "reader", lambda adapter, job: LineReader())
    page = await two.coordinator.get(PATH)
    assert [json.loads(line) for line in page["data"].splitlines()] == [
        {"kind": "text", "text": "hello"},
        {"kind": "final", "ok": True, "text": ""},
    ]
    assert (page["format"], page["ended"], page["path"]) == ("events", True, str(said))
    raw = await two.coordinator.get(PATH, raw=True)
    assert (raw["data"], raw["format"]) == (said.read_text(), "text")
    for query in ("follow=true", "follow=true&raw=true"):
        async with watch(two.coordinator.app, f"{PATH}?{query}") as stream:
            event = await stream.take()
            assert event is not None
            assert event.data["data"] == (raw if "raw" in query else page)["data"]
            assert await stream.take() is None
