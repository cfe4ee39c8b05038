"""The sender: everything gets there in order, however often it has to be tried."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from itertools import pairwise
from typing import Any

import pytest

from syncropel.backoff import LONGEST_SECS
from syncropel.errors import DaemonUnreachable, StoreError
from syncropel.peer.peers import MAX_BATCH
from syncropel.peer.sender import GATHER_SECS, MOST_BYTES, MOST_GATHERS, Sender
from syncropel.record.model import Record
from tests.engine import virtual
from tests.folds.build import record

CREATED = {"status": "created"}
DUPLICATE = {"status": "duplicate"}


def error(message: str) -> dict[str, Any]:
    return {"status": "error", "error": {"code": "INGEST_FAILED", "message": message}}


class Other:
    """The other side: answers as it is told, and remembers what came and when."""

    def __init__(self) -> None:
        self.down = 0
        self.outcome: Callable[[int], dict[str, Any]] = lambda _: CREATED
        self.came: list[tuple[float, list[int]]] = []
        self.taken: list[str] = []
        self.disk_full = 0
        self.sender = Sender("test", self.post, self.take, virtual.runtime())
        self._running = asyncio.ensure_future(self.sender.run())

    async def post(self, records: Sequence[Record]) -> list[dict[str, Any]]:
        numbers = [one.clock or 0 for one in records]
        self.came.append((asyncio.get_running_loop().time(), numbers))
        await asyncio.sleep(0)
        if self.down:
            self.down -= 1
            raise DaemonUnreachable("nobody there")
        return [self.outcome(number) for number in numbers]

    async def take(self, keys: list[str]) -> None:
        if self.disk_full:
            self.disk_full -= 1
            raise StoreError("disk full")
        self.taken += keys

    def add(self, *numbers: int) -> None:
        for number in numbers:
            self.sender.add(str(number), record("DO", number))


def with_other(story: Callable[[Other], Coroutine[Any, Any, None]]) -> None:
    async def tell() -> None:
        await story(Other())

    virtual.run(tell())


def test_a_batch_goes_in_order_and_each_key_is_told_once() -> None:
    async def story(other: Other) -> None:
        other.add(3, 1, 2, 3)
        await asyncio.sleep(1)
        assert other.came == [(0.0, [3, 1, 2])]
        assert other.taken == ["3", "1", "2"]
        assert len(other.sender) == 0

    with_other(story)


def test_after_a_large_batch_more_is_let_come_than_after_a_small_one() -> None:
    async def story(other: Other) -> None:
        other.add(1)
        await asyncio.sleep(0.001)
        other.add(2)
        await asyncio.sleep(1)
        assert other.came == [(0.0, [1]), (GATHER_SECS, [2])]
        other.came.clear()
        other.add(*range(10, 20))
        await asyncio.sleep(0.001)
        other.add(20)
        await asyncio.sleep(0.001)
        other.add(21)
        await asyncio.sleep(1)
        (first, ten), (second, rest) = other.came
        assert (ten, rest) == (list(range(10, 20)), [20, 21])
        assert second - first == pytest.approx(MOST_GATHERS * GATHER_SECS)

    with_other(story)


def test_large_ones_go_in_batches_that_the_other_side_takes() -> None:
    async def story(other: Other) -> None:
        half = "x" * (MOST_BYTES // 2 + 1)
        for number, text in enumerate((half, half, "é" * MOST_BYTES, "small", "small")):
            other.sender.add(str(number), record("DO", number, {"text": text}))
        await asyncio.sleep(1)
        assert [numbers for _, numbers in other.came] == [[0], [1], [2], [3, 4]]
        assert other.taken == ["0", "1", "2", "3", "4"]

    with_other(story)


def test_many_go_in_several_batches() -> None:
    async def story(other: Other) -> None:
        other.add(*range(MAX_BATCH + 1))
        await asyncio.sleep(1)
        assert [len(numbers) for _, numbers in other.came] == [MAX_BATCH, 1]

    with_other(story)


def test_waits_double_up_to_a_limit_and_begin_anew_after_a_success() -> None:
    async def story(other: Other) -> None:
        other.down = 8
        other.add(0)
        await asyncio.sleep(60)
        times = [at for at, _ in other.came]
        waits = [round(after - before, 6) for before, after in pairwise(times)]
        assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, *[LONGEST_SECS] * 3]
        assert (other.taken, other.sender.problem) == (["0"], "")
        other.down, other.came = 1, []
        other.add(1)
        await asyncio.sleep(60)
        assert round(other.came[1][0] - other.came[0][0], 6) == 0.2

    with_other(story)


def test_the_problem_is_told_until_it_is_over() -> None:
    async def story(other: Other) -> None:
        other.down = 1
        other.add(0)
        await asyncio.sleep(0.1)
        assert (other.sender.problem, other.sender.waits("0")) == ("nobody there", True)
        await asyncio.sleep(1)
        assert (other.sender.problem, other.sender.waits("0")) == ("", False)

    with_other(story)


def test_the_refused_go_to_the_end_and_hold_up_nobody() -> None:
    async def story(other: Other) -> None:
        other.outcome = lambda number: error("NAMESPACE_FROZEN") if number < 2 else CREATED
        other.add(0, 1, 2, 3)
        await asyncio.sleep(0.1)
        assert other.taken == ["2", "3"]
        other.add(4)
        await asyncio.sleep(0.2)
        assert other.came[-1][1] == [0, 1, 4]
        other.outcome = lambda _: DUPLICATE
        await asyncio.sleep(10)
        assert other.taken == ["2", "3", "4", "0", "1"]

    with_other(story)


def test_what_is_there_in_other_words_counts_as_taken() -> None:
    async def story(other: Other) -> None:
        other.outcome = lambda _: error("DuplicateClock: did:x has another record at clock 0 on th")
        other.add(0)
        await asyncio.sleep(1)
        assert (other.taken, len(other.came)) == (["0"], 1)

    with_other(story)


def test_an_answer_that_makes_no_sense_is_a_refusal() -> None:
    async def story(other: Other) -> None:
        senseless: list[dict[str, Any]] = [{}, {"status": "error"}, {"status": "error", "error": None}]
        other.outcome = lambda number: senseless[number]
        other.add(0, 1, 2)
        await asyncio.sleep(1)
        assert len(other.sender) == 3
        other.outcome = lambda _: CREATED
        await asyncio.sleep(10)
        assert len(other.sender) == 0

    with_other(story)


def test_a_disk_that_is_full_for_a_while_does_not_end_it() -> None:
    """Taken there but not noted here: it is sent once more, and the other side says that it has it."""

    async def story(other: Other) -> None:
        other.disk_full = 2
        other.add(0)
        await asyncio.sleep(10)
        assert (other.taken, len(other.came)) == (["0"], 3)
        other.add(1)
        await asyncio.sleep(10)
        assert other.taken == ["0", "1"]

    with_other(story)


def test_what_is_dropped_while_it_is_under_way_stays_dropped() -> None:
    async def story(other: Other) -> None:
        other.outcome = lambda number: error("not now") if number == 0 else CREATED
        other.add(0, 1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        other.sender.drop("0")
        other.sender.drop("never heard of")
        await asyncio.sleep(10)
        assert (len(other.sender), len(other.came)) == (0, 1)

    with_other(story)


def test_hurry_cuts_the_wait_short() -> None:
    async def story(other: Other) -> None:
        other.down = 6
        other.add(0)
        await asyncio.sleep(6.3)
        other.down = 0
        other.sender.hurry()
        await asyncio.sleep(0.01)
        assert other.taken == ["0"]

    with_other(story)
