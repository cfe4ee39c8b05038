"""Snapshots and restores over HTTP: the same bytes, all or nothing, under the rules of any other write."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message

from syncropel.api.threads.bundles import BundleStream
from syncropel.errors import Unavailable
from syncropel.policy.clocks import HIGHEST_RESTORED
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL, INSTANCE_REGISTRY, clock_ceiling
from syncropel.store import restoring
from syncropel.store.bundle.format import Bundled, Sealer, read_bundle, read_header
from tests.folds.build import COORDINATOR, WORKER_A, done, parent, record, spawned, subtask, threads

from .conftest import ACTOR, NOOP, Api, assert_error, open_api, until
from .test_replay import joined

SNAPSHOT = "/v1/threads/snapshot"
RESTORE = "/v1/threads/restore"


def sealed(*records: Record) -> bytes:
    sealer = Sealer()
    lines = [sealer.line(one, 1_600_000_000.0 + at) for at, one in enumerate(records)]
    return "".join([sealer.header().line(), *lines]).encode()


def opened(raw: bytes) -> list[Bundled]:
    file = io.BytesIO(raw)
    return list(read_bundle(read_header(file.readline()), file))


async def snapshot(api: Api, *names: str, **query: Any) -> bytes:
    answer = await api.operator.get(SNAPSHOT, params={"threads": list(names), **query})
    assert answer.status_code == 200, answer.text
    return answer.content


async def restore(api: Api, raw: bytes, **query: Any) -> httpx.Response:
    return await api.operator.post(RESTORE, content=raw, params=query)


async def restored(api: Api, raw: bytes, **query: Any) -> dict[str, Any]:
    answer = await restore(api, raw, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def history() -> list[Record]:
    """A fan-out that is over."""
    opening = parent([subtask(), subtask()], join="any")
    ending = record("KNOW", 5, {"fulfills": opening.id, "verdict": "accept", "cost_usd": 0.25, "at": 5.0})
    return [opening, spawned(0, 1), spawned(1, 2), done(0, 3), done(1, 4, "failed"), ending]


async def test_a_snapshot_holds_the_threads_asked_for_in_the_order_of_the_log(api: Api) -> None:
    for thread in ("a", "b", "a", "c,d"):
        await api.post(thread=thread)
    found = opened(await snapshot(api, "c,d", "a"))
    assert [one.record.thread for one in found] == ["a", "a", "c,d"]
    log = (await api.get("/v1/records", thread="a"))["data"]
    assert [(one.record.id, one.received_at) for one in found[:2]] == [
        (one["id"], one["received_at"]) for one in log
    ]


async def test_a_stop_does_not_wait_for_a_bundle(durable: Api) -> None:
    await durable.post(thread="t")
    durable.engine.stopping = True
    try:
        answer = await durable.operator.get(SNAPSHOT, params={"all": True})
    finally:
        durable.engine.stopping = False
    assert_error(answer, 503, "UNAVAILABLE", "stopping", "restart")


async def test_a_bundle_that_a_stop_breaks_off_has_no_proper_end() -> None:
    async def pieces() -> AsyncIterator[str]:
        yield "the header"
        raise Unavailable("the daemon is stopping")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await BundleStream(pieces()).stream_response(send)
    assert [one.get("more_body") for one in sent] == [None, True]


async def test_all_is_the_whole_log(durable: Api) -> None:
    thread = await joined(durable)
    found = opened(await snapshot(durable, all=True))
    assert len(found) == (await durable.get("/health"))["records"]
    assert {thread, INSTANCE_REGISTRY} <= {one.record.thread for one in found}


async def test_a_closure_holds_what_a_task_led_to(api: Api) -> None:
    thread = await joined(api)
    await api.post(thread="elsewhere")
    found = opened(await snapshot(api, "T-1", causal_closure=True))
    names = {one.record.thread for one in found}
    assert {thread, INSTANCE_REGISTRY} <= names
    assert "elsewhere" not in names
    topics = {one.record.topic for one in found}
    assert "syncropel.dispatch.complete.v1" in topics
    assert sum("parent_intend" in one.record.body for one in found) == 2
    child = next(one.record.thread for one in found if "parent_intend" in one.record.body)
    assert {one.record.thread for one in opened(await snapshot(api, child, causal_closure=True))} == names


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=threads(), data=st.data())
def test_restored_into_an_empty_log_it_gives_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, made: list[Record], data: st.DataObject
) -> None:
    raw = sealed(*made)
    at = data.draw(st.integers(0, len(raw) - 1))
    tampered = raw[:at] + bytes([raw[at] ^ data.draw(st.integers(1, 255))]) + raw[at + 1 :]

    async def round_trip(folder: Path) -> None:
        async with open_api(folder, NOOP, sqlite=True) as api:
            before = api.engine.store.count
            refused = await restore(api, tampered, take_up_work=True)
            assert refused.json()["code"] == "INVALID_BUNDLE"
            assert "line" in refused.json()["message"]
            assert api.engine.store.count == before
            assert (await restored(api, raw, take_up_work=True))["created"] == len(made)
            api.engine.ingest.open = False  # nothing is added while the second snapshot is made
            answer = await api.operator.get(SNAPSHOT, params={"threads": ["th_task"]})
            kept = {one.record.id for one in opened(answer.content)}
            assert {one.id for one in made} <= kept
            if len(kept) == len(made):
                assert answer.content == raw

    asyncio.run(round_trip(tmp_path_factory.mktemp("home")))


async def test_a_finished_history_comes_back_byte_by_byte(durable: Api) -> None:
    raw = sealed(*history())
    report = await restored(durable, raw)
    assert (report["records"], report["threads"], report["created"], report["present"]) == (6, 1, 6, 0)
    assert await snapshot(durable, "th_task") == raw
    join = await durable.get("/v1/tasks/T-1/join")
    assert (join["complete"], join["accepted"]) == (True, 1)
    task = await durable.get("/v1/tasks/T-1")
    assert (task["created_at"], task["updated_at"]) == (1_600_000_000.0, 1_600_000_005.0)
    again = await restored(durable, raw)
    assert (again["created"], again["present"]) == (0, 6)


async def test_a_dry_run_says_what_would_be_and_writes_nothing(durable: Api) -> None:
    before = durable.engine.store.count
    report = await restored(durable, sealed(*history()), dry_run=True)
    assert (report["dry_run"], report["created"]) == (True, 6)
    assert durable.engine.store.count == before
    assert_error(await durable.operator.get("/v1/tasks/T-1"), 404, "NOT_FOUND")


async def test_a_taken_clock_fails_all_or_is_passed_over(durable: Api) -> None:
    await durable.post(thread="th_x", actor=ACTOR, clock=1, body={"n": 1})
    mine = [record("KNOW", clock, {"n": 2}, actor=ACTOR, thread="th_x") for clock in range(3)]
    before = durable.engine.store.count
    answer = await restore(durable, sealed(*mine))
    assert_error(answer, 409, "RESTORE_CONFLICT", "line 3", "DuplicateClock", "--on-conflict skip")
    assert durable.engine.store.count == before
    report = await restored(durable, sealed(*mine), on_conflict="skip")
    assert (report["created"], report["skipped_count"], report["skipped"][0]["line"]) == (2, 1, 3)


async def test_reserved_threads_stay_out_unless_asked_for(api: Api) -> None:
    body = {"topic": "freeze", "level": "soft", "namespace": "docs", "reason": "then"}
    freeze = record("LEARN", 90, body, thread=FLEET_CONTROL)
    raw = sealed(freeze, record("KNOW", 0, {"n": 1}, thread="notes"))
    report = await restored(api, raw)
    assert report["left_out"] == [{"thread": FLEET_CONTROL, "records": 1}]
    assert report["created"] == 1
    assert (await api.get("/v1/fleet/status"))["freezes"] == []
    assert (await restored(api, raw, reserved=True))["created"] == 1
    assert [one["namespace"] for one in (await api.get("/v1/fleet/status"))["freezes"]] == ["docs"]


async def test_work_is_not_taken_up_by_accident(api: Api) -> None:
    unfinished = sealed(*history()[:2])
    answer = await restore(api, unfinished)
    assert_error(answer, 409, "UNFINISHED_WORK", "th_task", "--take-up-work", "--bundle")
    assert_error(await api.operator.get("/v1/threads/th_task"), 404, "NOT_FOUND")
    assert (await restored(api, unfinished, dry_run=True))["unfinished"] == ["th_task"]
    assert (await restored(api, unfinished, take_up_work=True))["unfinished"] == ["th_task"]


async def test_work_that_is_taken_up_goes_on(api: Api) -> None:
    opening = parent([subtask(target=f"specific:{api.engine.instance.did}")])
    await restored(api, sealed(opening), take_up_work=True)

    async def over() -> bool:
        return (await api.get("/v1/tasks/T-1/join"))["complete"]

    await until(over)


async def test_a_result_that_was_reported_elsewhere_is_not_reported_again(durable: Api) -> None:
    intend = {
        "goal": "work",
        "parent_thread": "th_task",
        "parent_intend": "ab" * 32,
        "index": 0,
        "attempt": 1,
        "coordinator": COORDINATOR,
        "report_clock": 7,
    }
    given = record("INTEND", 0, intend, actor=COORDINATOR, thread="th_child")
    result = {"fulfills": given.id, "verdict": "accept", "summary": "s"}
    ended = record("KNOW", 1, result, actor=WORKER_A, thread="th_child")
    assert (await restored(durable, sealed(given, ended)))["created"] == 2
    assert ended.id in await durable.engine.store.acknowledged([ended.id])
    assert len(durable.engine.fan_outs.outbox) == 0
    assert "th_task" not in durable.engine.ingest.live.index.threads


async def test_a_frozen_namespace_takes_no_history_either(api: Api) -> None:
    freeze = {"level": "soft", "namespace": "docs", "reason": "leak"}
    assert (await api.operator.post("/v1/fleet/freeze", json=freeze)).is_success
    raw = sealed(
        record("KNOW", 0, {"namespace": "docs"}, thread="t"),
        record("DO", 1, {"namespace": "docs"}, thread="t"),
    )
    before = api.engine.store.count
    assert_error(await restore(api, raw), 403, "NAMESPACE_FROZEN", "line 3", "leak", "spl unkill")
    assert api.engine.store.count == before


async def test_a_bundle_leaves_a_clock_for_the_next_freeze(api: Api) -> None:
    ceiling, before = clock_ceiling(FLEET_CONTROL), api.engine.store.count
    body = {"topic": "unfreeze", "level": "emergency", "namespace": "*"}
    raw = sealed(record("LEARN", ceiling, body, thread=FLEET_CONTROL))
    assert_error(await restore(api, raw, reserved=True), 422, "INVALID_RECORD", "line 2", "no room")
    assert api.engine.store.count == before
    for clock in (HIGHEST_RESTORED, ceiling + 1):
        old = record("LEARN", clock, body, thread=FLEET_CONTROL)
        assert (await restored(api, sealed(old), reserved=True))["created"] == 1
    answer = await api.operator.post("/v1/fleet/freeze", json={"level": "emergency", "reason": "leak"})
    assert answer.status_code == 201, answer.text


async def test_a_broken_rule_is_not_let_in_through_the_back_door(api: Api) -> None:
    body = {"topic": "permission_rule", "name": "x", "expression": "1 +", "effect": "allow", "priority": 1}
    raw = sealed(record("LEARN", 500, body, thread=ENGINE_CONFIG))
    answer = await restore(api, raw, reserved=True)
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("line 2:")


async def test_watchers_hear_of_what_was_restored(api: Api) -> None:
    watcher = api.engine.broadcast.watch(lambda stored: stored.record.thread == "th_task")
    await restored(api, sealed(*history()))
    assert len(await watcher.take()) == 6
    api.engine.broadcast.forget(watcher)


async def test_restoring_is_for_admins(api: Api) -> None:
    writer = await api.bearer("records:read", "records:write", "threads:write", "fleet:write", "config:write")
    answer = await api.tcp.post(RESTORE, content=sealed(), headers=writer)
    assert_error(answer, 403, "FORBIDDEN", "admin")


async def test_what_may_not_be_read_is_not_in_a_snapshot(api: Api) -> None:
    for thread in ("open", "secret"):
        await api.post(thread=thread)
    mine = "current_actor() in ['did:sync:user:operator', '%s']" % api.engine.instance.did  # noqa: UP031
    for name, expression in (("mine", mine), ("open", "thread == 'open'")):
        body = {"expression": expression, "effect": "allow", "priority": 5}
        assert (await api.operator.put(f"/v1/config/rules/permission/{name}", json=body)).is_success
    assert (await api.operator.post("/v1/config/permissions/enable", json={})).is_success
    reader = await api.bearer("records:read")
    answer = await api.tcp.get(SNAPSHOT, params={"threads": "open"}, headers=reader)
    assert len(opened(answer.content)) == 1
    for query in ({"threads": ["open", "secret"]}, {"all": "true"}):
        refused = await api.tcp.get(SNAPSHOT, params=query, headers=reader)
        assert_error(refused, 403, "PERMISSION_DENIED")


@pytest.mark.parametrize("query", [{}, {"threads": "x", "all": "true"}])
async def test_which_threads_has_to_be_said(api: Api, query: dict[str, str]) -> None:
    assert_error(await api.operator.get(SNAPSHOT, params=query), 400, "BAD_REQUEST", "threads")


async def test_an_unknown_thread_is_named(api: Api) -> None:
    assert_error(await api.operator.get(SNAPSHOT, params={"threads": "nowhere"}), 404, "NOT_FOUND", "nowhere")


async def test_a_restore_goes_on_when_its_caller_leaves(durable: Api) -> None:
    calling = asyncio.ensure_future(restore(durable, sealed(*history())))

    async def begun() -> bool:
        return "th_task" in durable.engine.ingest.live.index.threads

    await until(begun)
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)

    async def whole() -> bool:
        return (await durable.get("/v1/threads/th_task"))["records"] == 6

    await until(whole)
    await durable.post(thread="after")


async def test_meanwhile_others_write_and_nothing_is_done_about_half_of_it(
    durable: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "STEP", 1)
    live, posts = durable.engine.ingest.live, list[asyncio.Task[Any]]()
    seen: list[tuple[int, bool]] = []

    def hears(stored: StoredRecord) -> bool:
        if stored.record.thread == "th_task":
            seen.append((live.index.threads["th_task"].records, "th_task" in live.active))
            posts.append(asyncio.ensure_future(durable.post(thread="elsewhere")))
            posts.append(asyncio.ensure_future(durable.post(thread="th_task", act="DO")))
        return False

    watcher = durable.engine.broadcast.watch(hears)
    await restored(durable, sealed(*history()))
    written = [await post for post in posts[:12]]
    durable.engine.broadcast.forget(watcher)
    assert [one for one in seen if one[0] <= 6] == [(n, False) for n in range(1, 7)]
    sequence = {one.record.clock: one.sequence for one in await durable.engine.store.thread("th_task")}
    between = [one["sequence"] for one in written if one["thread"] == "elsewhere"]
    assert any(sequence[0] < one < sequence[5] for one in between)
    # Who writes on the same thread waits: no clock of the history is taken by another.
    late = [one for one in written if one["thread"] == "th_task"]
    assert min(one["sequence"] for one in late) > sequence[5]
    assert min(one["clock"] for one in late) == 6


async def test_records_that_rule_keep_everyone_waiting_until_they_are_in(durable: Api) -> None:
    freeze = {"topic": "freeze", "level": "soft", "namespace": "docs", "reason": "r", "at": 1.0}
    raw = sealed(record("LEARN", 900, freeze, thread=FLEET_CONTROL))
    posting = asyncio.ensure_future(restored(durable, raw, reserved=True))
    await asyncio.gather(posting, *(durable.post(thread=f"t{n}") for n in range(5)))
    assert [one["namespace"] for one in (await durable.get("/v1/fleet/status"))["freezes"]] == ["docs"]


async def test_a_fork_that_asks_for_work_is_unfinished_until_it_was_begun(api: Api) -> None:
    here = f"specific:{api.engine.instance.did}"
    fork = record("INTEND", 0, {"sub_thread": "th_child", "goal": "g", "target": here}, thread="th_parent")
    watched = record("INTEND", 1, {"sub_thread": "th_watched", "goal": "g"}, thread="th_parent")
    assert_error(await restore(api, sealed(fork, watched)), 409, "UNFINISHED_WORK", "th_parent")
    begun = parent([subtask(target=here)])
    done_there = record("INTEND", 0, begun.body, thread="th_child")
    assert (await restored(api, sealed(fork, done_there), dry_run=True))["unfinished"] == ["th_child"]
    assert (await restored(api, sealed(watched)))["unfinished"] == []
    await restored(api, sealed(fork), take_up_work=True)

    async def over() -> bool:
        return (await api.get("/v1/threads/th_parent/state"))["children"][0]["result"] == "accept"

    await until(over)


async def test_two_halves_of_a_circle_from_two_logs_are_taken_and_neither_holds(api: Api) -> None:
    await api.post(thread="th_a", act="INTEND", body={"sub_thread": "th_b", "join": "all"})
    other = record("INTEND", 0, {"sub_thread": "th_a", "join": "all"}, thread="th_b")
    assert (await restored(api, sealed(other), take_up_work=True))["created"] == 1
    for thread, child in (("th_a", "th_b"), ("th_b", "th_a")):
        state = await api.get(f"/v1/threads/{thread}/state")
        (one,) = state["children"]
        assert (one["thread"], state["parent"]) == (child, "")
        assert "ancestor" in one["problem"]
        assert "no child thread" in state["children_join"]["explanation"]
    await api.post(thread="th_b", act="KNOW", body={"fulfills": other.id})
    await api.engine.forking.drain()
    topics = [one["body"].get("topic") for one in (await api.get("/v1/records", thread="th_a"))["data"]]
    assert "fork_closed" not in topics, "what does not hold is told to nobody"
    answer = await api.operator.post(
        "/v1/records",
        json={"thread": "th_b", "actor": "a", "act": "INTEND", "body": {"sub_thread": "th_c"}},
    )
    assert answer.status_code == 201, "the log takes what follows"
