"""Which processes a goal left behind without a supervisor, and that nothing else is ended for them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from syncropel.adapters import strays
from syncropel.adapters.strays import Family, bearers, end_marked
from syncropel.supervisor import tree
from syncropel.supervisor.tree import Process

OWN = os.getpid()
MARK = "SPL_RUN=abc"


def process(
    pid: int, parent: int, session: int | None = None, *, group: int = 0, zombie: bool = False
) -> Process:
    own_session = pid if session is None else session
    return Process(pid, parent, group or own_session, own_session, str(pid), zombie)


def table(*rows: Process) -> tree.Table:
    return {row.pid: row for row in rows}


def pids(found: Iterable[Process]) -> list[int]:
    return sorted(one.pid for one in found)


SELF = process(50, 1, 40)


@pytest.mark.parametrize(
    ("rows", "known", "found"),
    [
        ([], (), []),
        ([process(60, 50)], (), [60]),
        ([process(60, 50), process(61, 60, 60), process(62, 61)], (), [60, 61, 62]),
        ([process(60, 50, 40), process(61, 60)], (), []),
        ([process(60, 50), process(61, 60)], (60,), []),
        ([process(60, 50), process(70, 50), process(71, 70)], (60,), [70, 71]),
        ([process(60, 50, zombie=True)], (), [60]),
        ([process(60, 50), process(61, 60, zombie=True)], (), [60]),
        ([process(60, 1), process(61, 60)], (), []),
    ],
    ids=[
        "no child",
        "a goal",
        "all that is below it",
        "a child of our own session, and what it started",
        "a supervisor and its goal",
        "a goal beside a supervisor",
        "remains that we have to collect",
        "remains that another process has to collect",
        "a process of somebody else",
    ],
)
def test_who_is_a_stray(rows: list[Process], known: tuple[int, ...], found: list[int]) -> None:
    family = Family()
    for pid in known:
        family.add(pid)
    assert pids(family.strays(table(SELF, *rows), 50)) == found


def test_a_supervisor_that_was_dropped_is_one_no_more() -> None:
    family = Family()
    family.add(60)
    family.drop(60)
    family.drop(61)
    assert pids(family.strays(table(SELF, process(60, 50)), 50)) == [60]


def test_without_a_row_of_its_own_a_process_ends_nobody() -> None:
    """Without it nobody can tell who is in the daemon's session."""
    assert Family().strays(table(process(60, 50)), 50) == []


@pytest.mark.parametrize("possible", [True, False])
def test_it_says_whether_orphans_come_to_it(monkeypatch: pytest.MonkeyPatch, possible: bool) -> None:
    family = Family()
    assert family.adopts is False
    monkeypatch.setattr(strays, "adopt_orphans", lambda: possible)
    family.adopt()
    assert family.adopts is possible


class System:
    """A process table in which SIGKILL leaves remains, and `immortal` is deaf to it.

    `later`: rows that come after so many looks. Time goes on by one rest at a time.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *rows: Process) -> None:
        self.rows = table(process(OWN, 1, 40), *rows)
        self.immortal: set[int] = set()
        self.later: dict[int, Process] = {}
        self.looks = 0
        self.now = 100.0
        self.rests = 0
        self.struck: list[int] = []
        self.collected: list[int] = []
        self.uncollectable: set[int] = set()
        monkeypatch.setattr(tree, "look", self.look)
        monkeypatch.setattr(tree, "strike", self.strike)
        monkeypatch.setattr("os.waitpid", self.collect)
        monkeypatch.setattr(strays, "time", self)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, secs: float) -> None:
        assert 0 < secs <= 0.1, "many looks fit into the limit"
        self.now += 1.0
        self.rests += 1

    def look(self) -> tree.Table:
        self.looks += 1
        if (row := self.later.pop(self.looks, None)) is not None:
            self.rows[row.pid] = row
        return dict(self.rows)

    def strike(self, below: Callable[[], Iterable[Process]]) -> int:
        found = list(below())
        for one in found:
            assert not one.zombie
            self.struck.append(one.pid)
            if one.pid not in self.immortal:
                self.rows[one.pid] = process(one.pid, one.parent, one.session, group=one.group, zombie=True)
        return len(found)

    def collect(self, pid: int, options: int) -> tuple[int, int]:
        assert options == os.WNOHANG
        if pid in self.uncollectable:
            raise ChildProcessError
        assert self.rows[pid].zombie
        assert self.rows[pid].parent == OWN
        self.collected.append(pid)
        del self.rows[pid]
        return pid, 9


async def end(family: Family) -> list[int]:
    async with asyncio.timeout(60):
        return await family.end_strays()


async def test_strays_are_killed_and_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(monkeypatch, process(60, OWN), process(61, 60, 60), process(70, OWN), process(71, 70))
    family = Family()
    family.add(70)
    assert await end(family) == []
    assert sorted(system.struck) == [60, 61]
    assert system.collected == [60]
    assert system.rows.keys() >= {70, 71}
    assert system.rests == 2, "it looks twice more, and then has seen that nobody is left"


async def test_where_nobody_is_nobody_is_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(monkeypatch)
    assert await end(Family()) == []
    assert (system.struck, system.rests) == ([], 1)


async def test_one_that_comes_between_two_looks_is_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parent died, and it became a child of the daemon only then. Nothing comes of one quiet look."""
    system = System(monkeypatch, process(60, OWN))
    system.later[6] = process(80, OWN)
    assert await end(Family()) == []
    assert system.struck == [60, 80]


async def test_what_does_not_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(monkeypatch, process(60, OWN), process(61, OWN))
    system.immortal = {61}
    assert await end(Family()) == [61]
    assert system.rests == 6, "it gives up after 5 s"
    assert system.struck.count(60) == 1


async def test_remains_that_another_waits_for_stop_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(monkeypatch, process(60, OWN, zombie=True))
    system.uncollectable = {60}
    assert await end(Family()) == []
    assert system.struck == []


async def test_nobody_looks_for_strays_while_a_supervisor_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    system = System(monkeypatch)
    family = Family()
    async with family.door:
        ending = asyncio.ensure_future(end(family))
        for _ in range(20):
            await asyncio.sleep(0)
        assert system.looks == 0
    assert await ending == []


MARKED = {
    "nothing": ([process(60, 50)], 0, set(), []),
    "one with the mark": ([process(60, 1), process(61, 1)], 0, {60}, [60]),
    "all below it": ([process(60, 1), process(61, 60), process(62, 61)], 0, {60}, [60, 61, 62]),
    "below its remains": ([process(60, 1, zombie=True), process(61, 60)], 0, {60}, [61]),
    "its group": ([process(60, 1, 7, group=9), process(61, 1, 7, group=8)], 9, set(), [60]),
    "its session": ([process(60, 1, 9, group=8), process(61, 1, 7, group=8)], 9, set(), [60]),
    "group 0 is none": ([process(60, 1, 0, group=8)], 0, set(), []),
    "nor is that of the first process": ([process(60, 1, 1, group=1)], 1, set(), []),
    "but the next may be": ([process(60, 1, 2, group=2)], 2, set(), [60]),
    "never ourselves": ([process(OWN, 1), process(60, OWN)], 0, {OWN}, [60]),
}


@pytest.mark.parametrize(("rows", "group", "marked", "ended"), MARKED.values(), ids=MARKED.keys())
def test_what_bears_a_mark(
    monkeypatch: pytest.MonkeyPatch, rows: list[Process], group: int, marked: set[int], ended: list[int]
) -> None:
    def strike(below: Callable[[], Iterable[Process]]) -> int:
        assert pids(below()) == ended
        struck.append(True)
        return 0

    struck: list[bool] = []
    monkeypatch.setattr(tree, "look", lambda: table(*rows))
    monkeypatch.setattr(tree, "strike", strike)
    monkeypatch.setattr(tree, "is_marked", lambda pid, mark: mark == MARK and pid in marked)
    end_marked(MARK, group)
    assert struck == [True]
    assert bearers(MARK) == {one.pid for one in rows if one.pid in marked and not one.zombie}
    assert bearers("SPL_RUN=ab") == set()


def test_no_group_is_ended_unless_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []
    monkeypatch.setattr(tree, "look", lambda: table(process(60, 1, 0, group=1), process(61, 1, 1, group=1)))
    monkeypatch.setattr(tree, "strike", lambda below: found.extend(below()))
    monkeypatch.setattr(tree, "is_marked", lambda pid, mark: False)
    end_marked(MARK)
    assert found == []
