"""Snapshots for many watchers: each is taken once, and everybody sees every state that lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

from syncropel.api.http.snapshots import Snapshots
from syncropel.engine.ingest.broadcast import ChangeSignal
from tests.engine import virtual

GAP_SECS = 0.25
INTERVAL_SECS = 5.0


class Stage:
    """A state that changes, and those who watch it."""

    def __init__(self) -> None:
        self.state = 0
        self.taken: list[float] = []
        engine: Any = SimpleNamespace(
            changed=ChangeSignal(),
            runtime=virtual.runtime(),
            stopping=False,
            settings=SimpleNamespace(fleet=SimpleNamespace(heartbeat_interval_secs=INTERVAL_SECS)),
        )
        self.engine = engine
        self.snapshots = Snapshots(engine, self.take, "s", GAP_SECS)
        self.seen: list[list[tuple[float, str]]] = []
        self._watchers: list[asyncio.Task[None]] = []

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def take(self) -> str:
        self.taken.append(self.now())
        return str(self.state)

    def change(self) -> None:
        self.state += 1
        self.engine.changed.beat()

    def watch(self, count: int = 1) -> None:
        for _ in range(count):
            self.seen.append([])
            self._watchers.append(asyncio.ensure_future(self._watch(self.seen[-1])))

    async def _watch(self, seen: list[tuple[float, str]]) -> None:
        async for event in self.snapshots.events():
            text = event.decode() if isinstance(event, bytes) else event
            seen.append((self.now(), text.removeprefix("event: s\ndata: ").strip()))

    def end(self) -> None:
        for watcher in self._watchers:
            watcher.cancel()


def on_stage(story: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    async def tell() -> None:
        stage = Stage()
        await story(stage)
        stage.end()

    virtual.run(tell())


def test_a_change_is_taken_once_for_all_watchers() -> None:
    async def story(stage: Stage) -> None:
        stage.watch(50)
        await asyncio.sleep(1)
        assert stage.taken == [0.0]
        stage.change()
        await asyncio.sleep(1)
        assert stage.taken == [0.0, 1.0]
        assert all(seen == [(0.0, "0"), (1.0, "1")] for seen in stage.seen)

    on_stage(story)


def test_under_constant_change_one_is_taken_in_each_gap_and_the_last_state_is_seen() -> None:
    async def story(stage: Stage) -> None:
        for _ in range(10):
            stage.watch()
            await asyncio.sleep(GAP_SECS / 10)
        before = len(stage.taken)
        for _ in range(100):
            stage.change()
            await asyncio.sleep(0.1)
        assert len(stage.taken) - before <= 10 / GAP_SECS + 1
        await asyncio.sleep(2 * GAP_SECS)
        for seen in stage.seen:
            assert seen[-1][1] == "100"
            states = [int(state) for _, state in seen]
            assert states == sorted(set(states))

    on_stage(story)


def test_who_comes_sees_the_state_of_that_moment() -> None:
    async def story(stage: Stage) -> None:
        stage.watch()
        await asyncio.sleep(0.1)
        stage.change()
        stage.watch()
        await asyncio.sleep(0)
        assert stage.seen[1] == [(0.1, "1")]

    on_stage(story)


def test_without_a_change_one_comes_with_every_heartbeat_interval() -> None:
    async def story(stage: Stage) -> None:
        stage.watch(3)
        await asyncio.sleep(2 * INTERVAL_SECS + 1)
        assert stage.taken == [0.0, INTERVAL_SECS, 2 * INTERVAL_SECS]
        assert all([at for at, _ in seen] == stage.taken for seen in stage.seen)

    on_stage(story)


def test_watchers_hear_that_the_daemon_stops() -> None:
    async def story(stage: Stage) -> None:
        stage.watch(2)
        await asyncio.sleep(1)
        stage.engine.stopping = True
        stage.change()
        await asyncio.sleep(1)
        assert all("server_shutdown" in seen[-1][1] for seen in stage.seen)

    on_stage(story)
