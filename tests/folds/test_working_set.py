"""What is held of a fold that is larger than memory, and how often anybody is asked for the rest."""

from __future__ import annotations

import asyncio

from syncropel.folds.working_set import ABSENT_KEPT, WorkingSet


class Shelf:
    """Where values are loaded from. `asked`: for which keys it was."""

    def __init__(self, **values: int) -> None:
        self.values = values
        self.asked: list[str] = []

    def load(self, key: str) -> int | None:
        self.asked.append(key)
        return self.values.get(key)


def test_what_is_there_is_loaded_once_and_again_when_it_was_forgotten() -> None:
    shelf = Shelf(a=1)
    held = WorkingSet(shelf.load)
    assert [held.get("a"), held["a"], "a" in held] == [1, 1, True]
    assert shelf.asked == ["a"]
    held.forget("a")
    shelf.values["a"] = 2
    assert held.get("a") == 2
    assert shelf.asked == ["a", "a"]


def test_what_is_not_there_is_looked_for_once_until_it_is_set() -> None:
    shelf = Shelf()
    held = WorkingSet(shelf.load)
    assert [held.get("a"), held.get("a"), "a" in held] == [None, None, False]
    assert shelf.asked == ["a"]
    held["a"] = 1
    assert held["a"] == 1
    shelf.values["a"] = 1
    held.forget("a")
    assert held.get("a") == 1, "it was written meanwhile"
    assert shelf.asked == ["a", "a"]


def test_a_default_counts_as_set() -> None:
    shelf = Shelf()
    held = WorkingSet(shelf.load)
    assert held.get("a") is None
    assert held.setdefault("a", 3) == 3
    shelf.values["a"] = 3
    held.forget("a")
    assert held.get("a") == 3


def test_no_more_keys_than_that_are_remembered_as_absent() -> None:
    shelf = Shelf()
    held = WorkingSet(shelf.load)
    for number in range(ABSENT_KEPT + 1):
        held.get(f"k{number}")
    held.get(f"k{ABSENT_KEPT}")
    assert len(shelf.asked) == ABSENT_KEPT + 1
    held.get("k0")
    assert shelf.asked[-1] == "k0"
    assert len(held) == 0


async def test_another_thread_leaves_no_trace() -> None:
    """What it found may be out of date before it could be put where the next record is applied."""
    shelf = Shelf(a=1)
    held = WorkingSet(shelf.load)
    assert await asyncio.to_thread(held.get, "a") == 1
    assert await asyncio.to_thread(held.get, "b") is None
    assert len(held) == 0
    shelf.values["b"] = 2
    assert held.get("b") == 2
