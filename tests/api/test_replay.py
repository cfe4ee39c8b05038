"""A thread's past over HTTP: pages of frames, one moment, the changes of status."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from syncropel.api.replay.replays import Replays
from syncropel.record.model import Record, StoredRecord
from syncropel.wire.replay import ReplayMoment, ReplayPage, StatusChanges, ThreadDiff

from .conftest import Api, assert_error, until


async def joined(api: Api, alias: str = "T-1", join: str = "all") -> str:
    """A fan-out of two onto this instance, joined; gives its thread."""
    task = await api.task(alias=alias)
    answer = await api.fan_out(alias, {}, {}, join=join)
    assert answer.status_code == 201, answer.text

    async def done() -> bool:
        return (await api.get(f"/v1/tasks/{alias}/join"))["complete"]

    await until(done)
    return task["thread"]


async def page(api: Api, name: str, **query: int) -> ReplayPage:
    return ReplayPage.model_validate(await api.get(f"/v1/threads/{quote(name, safe='')}/replay", **query))


async def moment(api: Api, name: str, position: int) -> ReplayMoment:
    return ReplayMoment.model_validate(await api.get(f"/v1/threads/{name}/replay/{position}"))


async def test_frames_chain_from_the_first_record_to_the_last(api: Api) -> None:
    thread = await joined(api)
    whole = await page(api, thread)
    assert [frame.position for frame in whole.data] == list(range(1, whole.total + 1))
    assert whole.next_cursor is None
    assert all(frame.hash_ok and frame.hash == frame.record.id for frame in whole.data)
    for earlier, later in zip(whole.data, whole.data[1:], strict=False):
        assert (earlier.after, earlier.status_after) == (later.before, later.status_before)
    assert (whole.data[0].status_before, whole.data[-1].status_after) == ("open", "approved")


async def test_pages_are_cut_by_position(api: Api) -> None:
    thread = await joined(api)
    whole = await page(api, thread)
    first = await page(api, thread, limit=3)
    assert (first.next_cursor, len(first.data), first.total) == (3, 3, whole.total)
    rest = await page(api, thread, since=3)
    assert first.data + rest.data == whole.data
    assert (await page(api, thread, since=whole.total)).data == []


async def test_a_moment_shows_task_and_join_as_they_stood(api: Api) -> None:
    thread = await joined(api)
    changes = StatusChanges.model_validate(await api.get("/v1/threads/T-1/replay/changes"))
    assert [(one.status_before, one.status_after) for one in changes.data] == [
        ("open", "in_progress"),
        ("in_progress", "approved"),
    ]
    begun, over = (one.position for one in changes.data)
    nothing = await moment(api, thread, 0)
    assert (nothing.frame, nothing.task, nothing.join, nothing.status) == (None, None, None, "open")
    assert (nothing.previous_change, nothing.next_change) == (None, begun)
    early = await moment(api, "T-1", begun)
    assert early.thread.id == thread
    assert early.frame is not None
    assert early.frame.record.body["join"] == "all"
    assert early.join is not None
    assert (early.join.spawned, early.join.complete) == (0, False)
    assert [one.state for one in early.join.subtasks] == ["pending", "pending"]
    assert (early.previous_change, early.next_change) == (None, over)
    late = await moment(api, "T-1", over)
    assert late.join is not None
    assert late.task is not None
    assert (late.join.accepted, late.join.complete, late.task.status) == (2, True, "approved")
    now = await moment(api, "T-1", changes.total)
    assert now.join is not None
    assert now.join.model_dump() == await api.get("/v1/tasks/T-1/join")


async def test_a_join_by_expression_is_not_called_blocked_before_it_is_decided(api: Api) -> None:
    await joined(api, "T-2", join='children.all(c, c.verdict == "accept")')
    changes = StatusChanges.model_validate(await api.get("/v1/threads/T-2/replay/changes"))
    assert [one.status_after for one in changes.data] == ["in_progress", "approved"]
    last = await moment(api, "T-2", changes.total - 1)
    assert {fact.name: fact.value for fact in last.facts}["join_state"] == "satisfied"


async def test_a_replay_goes_on_when_the_thread_grows(api: Api) -> None:
    await api.post(act="INTEND", clock=4, body={"goal": "listen"})
    assert (await page(api, "music.library")).total == 1
    await api.post(clock=7, body={"topic": "after"})
    await api.post(clock=2, body={"topic": "before"})
    whole = await page(api, "music.library")
    assert [frame.record.clock for frame in whole.data] == [4, 7, 2]
    assert whole.data[0].changed == ["open_intends", "participants"]


@pytest.mark.parametrize("name", ["a/b", "docs/replay", "a/replay/3", "ü?#"])
async def test_any_legal_name_can_be_replayed(api: Api, name: str) -> None:
    await api.post(thread=name)
    assert (await page(api, name)).thread.id == name
    path = f"/v1/threads/{quote(name, safe='')}/replay"
    assert (await api.get(f"{path}/1"))["position"] == 1
    assert (await api.get(f"{path}/changes"))["total"] == 1


async def test_what_is_not_there_is_said(api: Api) -> None:
    await api.post()
    get = api.operator.get
    assert_error(await get("/v1/threads/nowhere/replay"), 404, "NOT_FOUND", "nowhere")
    assert_error(await get("/v1/threads/music.library/replay/2"), 404, "NOT_FOUND", "position 2", "0 to 1")
    assert_error(await get("/v1/threads/music.library/replay?since=-1"), 422, "BAD_REQUEST", "since")


async def test_a_record_that_does_not_hash_to_its_id_is_shown_as_such(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.post()
    kept = api.engine.store.thread

    async def damaged(thread: str) -> list[StoredRecord]:
        (stored,) = await kept(thread)
        record = stored.record
        changed = Record(record.thread, record.actor, record.act, {"a": 1}, record.clock, id=record.id)
        return [StoredRecord(changed, stored.sequence, stored.received_at)]

    monkeypatch.setattr(api.engine.store, "thread", damaged)
    (frame,) = (await page(api, "music.library")).data
    assert not frame.hash_ok
    assert frame.hash != frame.record.id


async def test_only_the_threads_looked_at_last_stay_open(api: Api) -> None:
    replays = Replays(api.engine)
    names = [f"t{number}" for number in range(12)]
    for name in names:
        await api.post(thread=name)
        assert await replays.look(name, lambda replay: replay.thread) == name
    assert replays.open == names[-8:]


async def test_two_runs_are_compared_step_by_step(api: Api) -> None:
    left, right = await joined(api, "L"), await joined(api, "R")
    await api.post(thread=right, body={"topic": "task_comment", "text": "odd"})
    diff = ThreadDiff.model_validate(await api.get("/v1/threads/L/diff", **{"with": "R"}))
    assert (diff.left.thread.id, diff.right.thread.id) == (left, right)
    assert (diff.left.status, diff.right.status) == ("approved", "approved")
    assert (diff.left_only, diff.right_only) == (0, 1)
    assert diff.right.records == diff.left.records + 1
    assert [row.step for row in diff.rows if row.kind == "right"] == ["task_comment"]
    assert {fact.name for fact in diff.facts if not fact.same} <= {"alias", "wall_secs"}
    assert diff.left.wall_secs is not None
    assert diff.first_divergence is not None
    part = ThreadDiff.model_validate(
        await api.get("/v1/threads/L/diff", **{"with": "R", "since": 1, "limit": 2})
    )
    assert (part.rows, part.total_rows, part.next_cursor) == (diff.rows[1:3], len(diff.rows), 3)


async def test_a_thread_compared_with_itself_does_not_part(api: Api) -> None:
    await joined(api)
    diff = ThreadDiff.model_validate(await api.get("/v1/threads/T-1/diff", **{"with": "T-1"}))
    assert diff.first_divergence is None
    assert all(fact.same for fact in diff.facts)


async def test_a_comparison_needs_both_threads(api: Api) -> None:
    await api.post()
    answer = await api.operator.get("/v1/threads/music.library/diff", params={"with": "nowhere"})
    assert_error(answer, 404, "NOT_FOUND", "nowhere")
    assert_error(await api.operator.get("/v1/threads/music.library/diff"), 422, "BAD_REQUEST", "with")
