"""Forks over restarts: what a crash left undone is done at the next start, once, whoever starts next."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from syncropel.engine.engine import Engine
from syncropel.engine.instance import Instance
from syncropel.engine.lifecycle import Lifecycle
from syncropel.folds.forks.state import FORK_CLOSED, FORK_JOINED
from syncropel.record.model import Record
from syncropel.settings.adapters import AdapterSettings
from syncropel.settings.config import DispatchSettings, Settings
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.store.memory import MemoryStore
from tests.folds.build import record

PARENT, CHILD = "th_parent", "th_child"
COORDINATOR, PROMOTED = "did:sync:instance:00000000000000c0", "did:sync:instance:00000000000000c1"
NOOP = Settings(adapters=AdapterSettings(noop=True), dispatch=DispatchSettings(adapter="noop"))

OPENING = record("INTEND", 0, {"goal": "deploy", "join": "all"}, thread=PARENT)
FORK = record("INTEND", 1, {"sub_thread": CHILD}, thread=PARENT)
RUNS = record(
    "INTEND", 1, {"sub_thread": CHILD, "goal": "g", "target": f"specific:{COORDINATOR}"}, thread=PARENT
)
BEGUN = record("INTEND", 0, {"goal": "run tests"}, thread=CHILD)
DONE = record("KNOW", 1, {"fulfills": BEGUN.id, "summary": "458/458 pass"}, thread=CHILD)


def told(clock: int, did: str = COORDINATOR) -> Record:
    body = {"topic": FORK_CLOSED, "child_thread": CHILD, "result": "accept", "status": "closed"}
    return record("KNOW", clock, body, actor=did, thread=PARENT)


class Log:
    """A log that outlives the daemons that write to it."""

    def __init__(self, home: Path, records: Iterable[Record]) -> None:
        self.home = Home(home)
        make_home(self.home)
        self.store = MemoryStore(clock=time.time)
        self._first = list(records)

    async def run(self, did: str = COORDINATOR, *, until: int | None = None) -> Counter[str]:
        """Start a daemon, wait until it has nothing more to do, and stop it; gives what the parent was told
        and how often. `until`: so many joins."""
        if self._first:
            await self.store.append(self._first)
            self._first = []
        async with self.daemon(did) as engine, asyncio.timeout(30):
            await engine.forking.drain()
            while until is not None and (await self.topics())[FORK_JOINED] < until:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return await self.topics()

    @asynccontextmanager
    async def daemon(self, did: str = COORDINATOR) -> AsyncIterator[Engine]:
        """A daemon over this log, as long as the block lasts."""
        lifecycle = Lifecycle(self.store, Instance(did, self.home, "http://127.0.0.1:1"), NOOP)
        try:
            yield await lifecycle.start()
        finally:
            await lifecycle.stop()

    async def topics(self) -> Counter[str]:
        found = await self.store.thread(PARENT)
        return Counter(one.record.topic for one in found if one.record.topic in (FORK_CLOSED, FORK_JOINED))

    async def bodies(self, topic: str) -> list[dict[str, Any]]:
        return [one.record.body for one in await self.store.thread(PARENT) if one.record.topic == topic]


@pytest.mark.parametrize(
    "left",
    [
        (OPENING, FORK, BEGUN, DONE),
        (DONE, BEGUN, FORK, OPENING),
        (BEGUN, DONE, OPENING, FORK),
        (OPENING, FORK, BEGUN, DONE, told(2)),
        (OPENING, FORK, BEGUN, DONE, told(2), told(3, PROMOTED)),
    ],
)
async def test_a_crash_between_the_childs_close_and_the_parents_word(
    tmp_path: Path, left: tuple[Record, ...]
) -> None:
    log = Log(tmp_path, left)
    known = sum(one.topic == FORK_CLOSED for one in left)
    assert await log.run() == {FORK_CLOSED: max(1, known), FORK_JOINED: 1}
    before = log.store.count
    for did in (COORDINATOR, PROMOTED, COORDINATOR):
        assert await log.run(did) == {FORK_CLOSED: max(1, known), FORK_JOINED: 1}
    spoken = [one.record for one in await log.store.thread(PARENT)]
    assert len(spoken) == len({one.id for one in spoken})
    assert log.store.count >= before


async def test_a_crash_between_a_fork_and_its_work(tmp_path: Path) -> None:
    log = Log(tmp_path, (OPENING, RUNS))
    assert await log.run(until=1) == {FORK_CLOSED: 1, FORK_JOINED: 1}
    first = [one.record for one in await log.store.thread(CHILD)]
    assert [one.act for one in first].count("INTEND") == 1
    assert await log.run(PROMOTED) == {FORK_CLOSED: 1, FORK_JOINED: 1}
    assert [one.record.id for one in await log.store.thread(CHILD)] == [one.id for one in first]


async def test_two_instances_that_begin_the_same_work_write_one_record(tmp_path: Path) -> None:
    """A promoted coordinator beside the one that it replaces: the child's INTEND follows from the fork."""
    intends = []
    for did in (COORDINATOR, PROMOTED):
        log = Log(tmp_path / did[-2:], (OPENING, RUNS))
        await log.run(did)
        intends.append((await log.store.thread(CHILD))[0].record.id)
    assert intends[0] == intends[1]


async def test_a_log_of_an_older_version_starts_and_its_bad_forks_do_nothing(tmp_path: Path) -> None:
    bad = [
        record("INTEND", clock, {"sub_thread": value, "goal": "g", "target": "round-robin"}, thread=PARENT)
        for clock, value in enumerate((PARENT, "th_engine_config", 7, None, ["x"], "TASK-1", ""), start=1)
    ]
    log = Log(tmp_path, [OPENING, *bad])
    before = await log.run()
    assert before == {}
    assert CHILD not in {one.record.thread for one in await log.store.thread(PARENT)}


IN_DOCS = record("INTEND", 0, {"goal": "deploy", "join": "all", "namespace": "docs"}, thread=PARENT)


@pytest.mark.parametrize(
    ("level", "left"),
    [
        ("hard", (IN_DOCS, FORK, BEGUN, DONE)),  # past its grace it stops every word
        ("hard", (IN_DOCS, RUNS)),
        ("soft", (IN_DOCS, RUNS)),
        ("emergency", (IN_DOCS, RUNS)),
    ],
)
async def test_what_a_freeze_stops_is_done_once_it_is_lifted(
    tmp_path: Path, level: str, left: tuple[Record, ...]
) -> None:
    place = {"level": level, "namespace": "*" if level == "emergency" else "docs"}
    frozen = record(
        "LEARN", 0, {"topic": "freeze", "reason": "why", "at": 0.0, **place}, thread="th_fleet_control"
    )
    log = Log(tmp_path, [*left, frozen])
    assert await log.run() == {}
    async with log.daemon() as engine, asyncio.timeout(30):
        await engine.forking.drain()
        assert "why" in engine.forking.refused(CHILD), "the freeze's reason"
        assert len(await log.store.thread(CHILD)) == len(left) - 2
        lifted = {"topic": "unfreeze", **place}
        clock = int(time.time() * 1000)
        await engine.ingest.append_one(
            Record("th_fleet_control", COORDINATOR, "LEARN", lifted, clock).identified()
        )
        while (await log.topics())[FORK_JOINED] < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert engine.forking.refused(CHILD) == ""
    assert await log.topics() == {FORK_CLOSED: 1, FORK_JOINED: 1}
