"""Tasks are asked for when a snapshot says they changed: never two requests at once, never more than needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from console import world
from console.fakes import FakeClient, FakeSleep

from syncropel.api.schema import JoinStatus, TaskSummary
from syncropel.errors import DaemonUnreachable, SyncropelError
from tui.task_feed import MIN_GAP_SECS, RETRY_SECS, TaskFeed


class Fed:
    """A running feed and what it told."""

    def __init__(self) -> None:
        self.client, self.sleep = FakeClient(), FakeSleep()
        self.client.tasks = [world.task(1), world.task(2)]
        self.client.joins = {world.THREAD: world.join()}
        self.tasks: list[tuple[TaskSummary, ...]] = []
        self.joins: list[tuple[str, JoinStatus | None]] = []
        self.errors: list[SyncropelError | None] = []
        self.feed = TaskFeed(
            self.client,
            sleep=self.sleep,
            on_tasks=self.tasks.append,
            on_join=lambda thread, join: self.joins.append((thread, join)),
            on_error=self.errors.append,
        )

    async def turn(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def gap(self) -> None:
        self.sleep.wake()
        await self.turn()


@pytest.fixture
async def fed() -> AsyncIterator[Fed]:
    one = Fed()
    task = asyncio.create_task(one.feed.run())
    await one.turn()
    yield one
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_nothing_is_asked_before_a_snapshot_came(fed: Fed) -> None:
    fed.feed.choose(world.THREAD)
    await fed.turn()
    assert fed.client.sent == []


async def test_a_new_revision_is_one_request(fed: Fed) -> None:
    fed.feed.revise(7)
    await fed.turn()
    await fed.gap()
    fed.feed.revise(7)
    await fed.gap()
    assert fed.client.sent == ["/v1/tasks"]


async def test_many_changes_become_one_round(fed: Fed) -> None:
    fed.client.hold = asyncio.Event()
    for revision in range(7, 50):
        fed.feed.revise(revision)
        await fed.turn()
    fed.client.hold.set()
    await fed.turn()
    assert fed.client.sent == ["/v1/tasks"]
    await fed.gap()
    assert fed.client.sent == ["/v1/tasks", "/v1/tasks"]
    assert fed.sleep.asked[0] == MIN_GAP_SECS


async def test_the_chosen_fan_out_is_read_again_with_each_change(fed: Fed) -> None:
    fed.feed.choose(world.THREAD)
    fed.feed.revise(7)
    await fed.turn()
    await fed.gap()
    fed.feed.revise(8)
    await fed.gap()
    assert fed.client.sent.count(f"/v1/tasks/{world.THREAD}/join") == 2


async def test_only_changed_tasks_are_asked_for_and_kept_newest_first(fed: Fed) -> None:
    fed.feed.revise(7)
    await fed.turn()
    fed.client.tasks = [world.task(2, revision=8, status="done"), world.task(1)]
    fed.feed.revise(8)
    await fed.gap()
    assert [(task.alias, task.status) for task in fed.tasks[-1]] == [
        ("TUT-002", "done"),
        ("TUT-001", "in_progress"),
    ]


async def test_another_daemon_means_reading_all_anew(fed: Fed) -> None:
    fed.feed.revise(7)
    await fed.turn()
    fed.client.tasks = [world.task(5, revision=2)]
    fed.feed.restart()
    fed.feed.revise(2)
    await fed.gap()
    assert [task.alias for task in fed.tasks[-1]] == ["TUT-005"]


async def test_a_task_without_subtasks_has_no_join_to_ask_for(fed: Fed) -> None:
    fed.feed.choose(world.task(2).thread)
    fed.feed.revise(7)
    await fed.turn()
    assert fed.client.sent == ["/v1/tasks"]
    assert fed.joins == [(world.task(2).thread, None)]


async def test_a_conflict_means_not_fanned_out(fed: Fed) -> None:
    fed.client.joins = {}
    fed.feed.choose(world.THREAD)
    fed.feed.revise(7)
    await fed.turn()
    assert fed.joins == [(world.THREAD, None)]


@pytest.mark.parametrize("error", [DaemonUnreachable("no answer in time"), RuntimeError("surprise")])
async def test_an_error_is_told_and_tried_again(fed: Fed, error: Exception) -> None:
    fed.client.error = error
    fed.feed.revise(7)
    await fed.turn()
    assert fed.errors[-1] is not None
    assert fed.sleep.asked == [RETRY_SECS]
    fed.client.error = None
    await fed.gap()
    assert fed.errors[-1] is None
    assert len(fed.tasks) == 1
