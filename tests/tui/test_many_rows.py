"""Thousands of rows: a filter and an order are found a slice at a time, and keys go before the rest."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.tui import console_sample as sample
from tests.tui.console_page import Console, console
from tui.model import arrangement
from tui.model.arrangement import SLICE
from tui.model.rows import Row
from tui.widgets.table import Table

MANY = 2 * SLICE + 50
LAST = f"did:sync:instance:{MANY - 1:064x}"


@pytest.fixture
def titles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles that the list of instances had, one after another."""
    seen: list[str] = []
    plain = Table.show

    def show(table: Table, rows: Sequence[Row], **how: object) -> None:
        plain(table, rows, **how)  # type: ignore[arg-type]
        if table.id == "instances" and seen[-1:] != [table._title]:
            seen.append(table._title)

    monkeypatch.setattr(Table, "show", show)
    return seen


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were looked at in one go."""
    counts: list[int] = []
    plain = arrangement._Look.go_on

    def go_on(look: arrangement._Look) -> None:
        before = len(look._fields)
        plain(look)
        counts.append(len(look._fields) - before)

    monkeypatch.setattr(arrangement._Look, "go_on", go_on)
    return counts


async def test_a_filter_says_that_it_looks_and_then_what_it_found(
    titles: list[str], looked: list[int]
) -> None:
    async with console((120, 40), sample.crowd(MANY)) as page:
        titles.clear()
        looked.clear()
        await page.filter(f"alias:worker-{MANY - 1}")
        assert page.rows("instances") == [LAST]
        assert titles[1] == f"INSTANCES {MANY + 1} · looking through them"
        assert titles[-1] == f"INSTANCES 1 of {MANY + 1} · filter alias:worker-{MANY - 1}"
        assert max(looked) <= SLICE


async def test_an_order_is_found_and_the_chosen_row_stays_chosen(looked: list[int]) -> None:
    async with console((120, 40), sample.crowd(MANY)) as page:
        await page.press("down", "down")
        chosen = page.table("instances").chosen
        looked.clear()
        await page.press("s", "S")
        assert page.rows("instances")[0] == LAST
        assert page.table("instances").chosen == chosen
        assert max(looked) <= SLICE


async def test_keys_are_answered_between_two_slices(
    looked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrangement, "SLICE", 100)
    async with console((120, 40), sample.crowd(MANY)) as page:
        looked.clear()
        app = page.app
        app.post_message(Console.key("s"))
        app.post_message(Console.key("2"))
        await page.settle()
        assert app.current_mode.endswith("/tasks")
        assert 0 < sum(looked) < MANY
        await page.press("1")
        assert page.rows("instances")[1:3] == [f"did:sync:instance:{n:064x}" for n in (0, 1)]
        assert sum(looked) == MANY + 1
