"""`p`: only rows in which something is wrong, whatever is filtered for beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import console
from tests.tui.console_snapshots import Pictured
from tui.model import filters
from tui.model.glyphs import Tone
from tui.model.rows import Cell, Row


@pytest.mark.parametrize(
    ("column", "tone", "wrong"),
    [
        ("status", "warn", True),
        ("status", "bad", True),
        ("status", "good", False),
        ("status", "muted", False),
        ("priority", "warn", False),
        ("load", "warn", False),
    ],
)
def test_a_row_is_troubled_by_what_is_wrong_in_it(column: str, tone: Tone, wrong: bool) -> None:
    row = Row("k", {"alias": Cell("a", "strong"), column: Cell("x", tone)}, {"alias": "a"})
    wanted = filters.parse("is:trouble", ("alias",))
    assert wanted.passes(row.sought) is wrong
    assert filters.parse("!is:trouble", ("alias",)).passes(row.sought) is not wrong
    assert row.fields == {"alias": "a"}


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("", "is:trouble"),
        ("is:trouble", ""),
        ("docs !bash", "docs !bash is:trouble"),
        ('goal:"write docs" is:trouble x', 'goal:"write docs" x'),
    ],
)
def test_turning_it_keeps_the_rest_of_the_filter(text: str, then: str) -> None:
    assert filters.turned(text, filters.TROUBLE) == then


def client() -> FakeClient:
    fake = FakeClient()
    fake.tasks(sample.tasks())
    fake.join(sample.failed_join())
    return fake


async def test_on_the_fleet_what_is_stale_and_what_cannot_join_is_left(
    picture: Callable[[Pictured], None],
) -> None:
    async with console((120, 40), sample.status(), client()) as page:
        everything = page.rows("instances")
        await page.press("p")
        assert [row.fields["alias"] for row in page.table("instances")._rows] == ["worker-c"]
        assert [row.cells["task"].text for row in page.table("fanouts")._rows] == ["SITE-4"]
        assert page.rows("dispatches") == []
        assert "INSTANCES 1 of 4 · filter is:trouble" in page.drawn
        assert "nothing is wrong here; esc shows all" in page.drawn
        picture(page)
        await page.press("p")
        assert page.rows("instances") == everything
        assert "filter" not in page.table("instances")._title


async def test_it_joins_what_was_filtered_for_and_esc_clears_both() -> None:
    async with console((120, 40), sample.status(), client()) as page:
        await page.filter("worker-b")
        await page.press("p")
        assert page.rows("instances") == []
        assert "no row matches “worker-b is:trouble”; esc clears the filter" in page.drawn
        await page.press("escape")
        assert len(page.rows("instances")) == 4


async def test_of_the_subtasks_those_that_failed_or_wait_in_vain() -> None:
    async with console((120, 40), sample.status(), client(), screen="tasks") as page:
        await page.press("enter")
        before = page.rows("subtasks")
        await page.press("p")
        states = [row.fields["state"].split()[0] for row in page.table("subtasks")._rows]
        assert "failed" in states
        assert "accept" not in states
        assert 0 < len(states) < len(before)


async def test_a_filter_that_is_being_typed_takes_the_key_for_itself() -> None:
    async with console((120, 40), sample.status(), client()) as page:
        await page.press("slash", "exclamation_mark", *"worker-c")
        assert len(page.rows("instances")) == 3
