"""The self-check finds a live fold that went wrong, says so and mends it."""

from __future__ import annotations

import logging

import pytest

from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.ingest.selfcheck import SelfCheck
from syncropel.folds.tasks.state import fold_task
from syncropel.record.model import Record, StoredRecord
from syncropel.store.memory import MemoryStore
from tests.engine.rebuilt import rebuild
from tests.folds.build import THREAD, done, parent, record, spawned, subtask

OTHER = "th_other"


async def made() -> tuple[LiveFolds, MemoryStore]:
    store = MemoryStore(clock=lambda: 0.0)
    await store.append([parent([subtask(), subtask()]), spawned(0, 1), done(0, 4)])
    await store.append([record("INTEND", 0, {"task": True, "goal": "g"}, thread=OTHER)])
    return await rebuild(store), store


async def test_agreement_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    live, store = await made()
    check = SelfCheck(live, store)
    assert [await check.step() for _ in range(5)] == [True] * 5
    assert (check.failures, caplog.records) == (0, [])


async def test_an_empty_log_has_nothing_to_check() -> None:
    assert await SelfCheck(LiveFolds(), MemoryStore(clock=lambda: 0.0)).step()


@pytest.mark.parametrize("thread", [THREAD, OTHER])
async def test_a_difference_is_an_error_and_is_mended(thread: str, caplog: pytest.LogCaptureFixture) -> None:
    live, store = await made()
    live.tasks[thread].status = "rejected"
    if (fanout := live.tasks[thread].fanout) is not None:
        fanout.reports.clear()
        live.active.pop(thread)
    check = SelfCheck(live, store)
    with caplog.at_level(logging.ERROR):
        assert sorted([await check.step(), await check.step()]) == [False, True]
    assert [one.levelname for one in caplog.records] == ["ERROR"]
    assert live.tasks[thread] == fold_task(thread, await store.thread(thread))
    assert (THREAD in live.active, check.failures) == (True, 1)
    assert await check.step()
    assert await check.step()


async def test_what_comes_while_the_log_is_read_is_no_difference() -> None:
    live, store = await made()

    class Busy(MemoryStore):
        """Writes to the thread that is being read, as others do meanwhile."""

        async def thread(self, thread: str) -> list[StoredRecord]:
            await store.append([Record(thread, "did:late", "KNOW", {"topic": "comment"})])
            return await store.thread(thread)

    check = SelfCheck(live, Busy(clock=lambda: 0.0))
    assert await check.step()
    assert check.failures == 0
