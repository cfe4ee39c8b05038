"""Group commit over a database that may not answer: how long a caller waits, and what it hears."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from syncropel.record.model import Record
from syncropel.store import group_commit
from syncropel.store.calls import Call, Committed
from syncropel.store.group_commit import GroupCommit
from syncropel.store.head import Head
from syncropel.store.refusals import OutcomeUnknown, StoreUnreachable


def call(size: int = 1, chars: int = 0) -> Call:
    return Call([Record("th", "did:a", "DO", {}, body_json="x" * chars)] * size, 1.0)


class Database:
    """Takes commits while it is `open`."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.groups: list[int] = []

    async def commit(self, calls: Sequence[Call]) -> Committed:
        await self.open.wait()
        self.groups.append(len(calls))
        outcomes: Any = [[len(self.groups)] for _ in calls]
        return Committed(outcomes, Head(sum(self.groups)))


async def test_who_waits_too_long_hears_what_is_known() -> None:
    """One in the queue is not written; of one under way nobody knows, but its `settled` hears in the end."""
    database, heard = Database(), list[Any]()
    group = GroupCommit(database.commit, 0, patience=0.01)
    first = asyncio.create_task(group.submit(call(), lambda one: heard.append(("first", one))))
    await asyncio.sleep(0)
    second = asyncio.create_task(group.submit(call(), lambda one: heard.append(("second", one))))
    with pytest.raises(OutcomeUnknown):
        await first
    with pytest.raises(StoreUnreachable, match="nothing was written"):
        await second
    assert heard == [("second", [])]
    database.open.set()
    await group.finish()
    assert heard == [("second", []), ("first", [1])]
    assert (database.groups, group.last_sequence) == ([1], 1)
    assert await group.submit(call()) == [2]


async def test_a_group_is_not_larger_than_a_statement_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "GROUP_CHARS", 10)
    database = Database()
    group = GroupCommit(database.commit, 0)
    database.open.set()
    await asyncio.gather(*(group.submit(call(chars=size)) for size in (4, 6, 1, 50, 3)))
    assert database.groups == [2, 1, 1, 1]


async def test_a_call_may_end_its_group() -> None:
    database = Database()
    group = GroupCommit(database.commit, 0, ends=lambda one: len(one.records) == 2)
    database.open.set()
    await asyncio.gather(*(group.submit(call(size)) for size in (1, 2, 1, 1, 2, 2)))
    assert database.groups == [2, 3, 1]
