"""Filters: words, letters in order, and patterns; what matches stands out, and none holds anything up."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console, without_colour
from tests.tui.console_snapshots import Pictured
from tui.model import arrangement, filters, fuzzy, patterns
from tui.model.arrangement import Arrangement
from tui.model.rows import Cell, Row, Rows
from tui.widgets.lines import Lines
from tui.widgets.table import Table

WORST = [
    "(a+)+$",
    "(a|aa)+$",
    "(a|a?)+$",
    "(.*a){12}",
    "(a?){20}a{20}",
    "(x+x+)+y",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
]
"""Patterns that a backtracking engine needs minutes for, or more."""
SIZES = [(80, 24), (120, 40), (200, 50)]


def client() -> FakeClient:
    fake = FakeClient()
    fake.tasks(sample.tasks())
    fake.join(sample.join())
    return fake


def row(key: str, **fields: str) -> Row:
    return Row(key, {name: Cell(text) for name, text in fields.items()}, fields)


def passing(text: str, *rows: Row) -> list[str]:
    kept = Arrangement().arrange(Rows.of(rows), filters.parse(text, ("goal", "task")), None)
    return [one.key for one in kept]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("~dc1", ["b", "a"]), ("~xyz", []), ("!~dc1", ["c"]), ("goal:~wc", ["a"]), ("~DC1", ["b", "a"]),
        ("/chap(ter)? [0-9]/", ["a"]), ("!/chap/", ["b", "c"]), ("task:/^docs-1$/", ["b"]),
        ("/CHAP/", ["a"]), ("/chap", ["a"]), ("/a b/ c", []), ("/write chap/ docs", ["a"]),
        ('"/chap"', []), ("/\\d\\d/", ["a"]), ("/(/ docs", ["a", "b"]),
    ],
)  # fmt: skip
def test_what_each_part_lets_through(text: str, kept: list[str]) -> None:
    rows = (
        row("a", task="DOCS-11", goal="write chapter 1"),
        row("b", task="docs-1", goal="ship it"),
        row("c", task="SITE", goal="publish"),
    )
    assert passing(text, *rows) == kept


def test_the_best_match_comes_first_unless_a_column_is_sorted_by() -> None:
    rows = [
        row("far", task="d..o..c..s"),
        row("in", task="my docs"),
        row("whole", task="docs"),
        row("no", task="x"),
    ]
    random.Random(7).shuffle(rows)
    assert passing("~docs", *rows) == ["whole", "in", "far"]
    by_name = Arrangement().arrange(Rows.of(rows), filters.parse("~docs"), ("task", True))
    assert [one.key for one in by_name] == ["in", "whole", "far"]


def test_letters_are_not_looked_for_in_ids_unless_told() -> None:
    one = row("a", thread="th_deadc0de", task="x")
    assert not filters.parse("~dad", ("thread", "task")).passes(one.fields)
    assert filters.parse("thread:~dad", ("thread", "task")).passes(one.fields)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "missing )"), ("[a", "missing ]"), ("a{2}{3}{", ""), ("(?=a)", "invalid perl operator"),
        ("(a)\\1", "invalid escape sequence"), ("((a{30}){30}){2}", ""), ("a" * 201, "longer than 200"),
        ("\ud800", "cannot be written"),
    ],
)  # fmt: skip
def test_a_bad_pattern_is_left_out_and_says_why(pattern: str, why: str) -> None:
    wanted = filters.parse(f"/{pattern}/")
    assert wanted.passes({"x": "anything"})
    assert why in wanted.trouble
    assert wanted.trouble in wanted.told
    assert wanted.places("x", "anything") == []


@pytest.mark.parametrize("pattern", WORST)
def test_no_pattern_costs_more_than_its_size_times_the_text(pattern: str) -> None:
    """By RE2 there is nothing to try again: it ends here, and with backtracking it would not."""
    wanted = filters.parse(f"/{pattern}/")
    assert not wanted.trouble
    wanted.passes({"x": "a" * 100_000 + "!"})
    assert 0 < wanted.weight <= patterns.LARGEST


@pytest.mark.parametrize("pattern", WORST)
def test_a_costly_one_looks_at_few_rows_in_one_go(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    plain = filters.Filter.passes
    monkeypatch.setattr(filters.Filter, "passes", lambda me, of: looked.append(1) is None and plain(me, of))
    rows = Rows.of([row(str(number), goal="a" * 1000 + "!") for number in range(1000)])
    found, wanted, turns = Arrangement(), filters.parse(f"/{pattern}/"), 0
    while found.arrange(rows, wanted, None) is not None and found.unfinished:
        cost = len(looked) * wanted.weight * 1001
        assert cost < arrangement.BUDGET + wanted.weight * 2002
        looked.clear()
        turns += 1
    assert turns > 3
    found.arrange(rows, wanted, None)
    assert not found.unfinished


TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


@given(TEXTS, st.text("abc", min_size=1, max_size=4))
def test_letters_are_found_exactly_where_they_stand(text: str, letters: str) -> None:
    low = text.lower()
    found = fuzzy.places(letters, low)
    rest = iter(low)
    assert (found is not None) == all(letter in rest for letter in letters)
    if found is not None:
        assert [low[at] for at in found] == list(letters)
        assert found == sorted(set(found))
        assert fuzzy.score(letters, low) is not None


@given(st.text(max_size=40), TEXTS)
def test_whatever_is_typed_places_are_in_order_and_within_the_text(typed: str, text: str) -> None:
    wanted = filters.parse(typed, ("x",))
    wanted.passes({"x": text})
    wanted.score({"x": text})
    ends = [0, *(at for one in wanted.places("x", text) for at in one), len(text)]
    assert ends == sorted(ends)


def bright(page: Console, table: str) -> list[str]:
    """What is underlined on the rows of a table."""
    shown: Table = page.table(table)
    lines = [shown.render_line(y) for y in range(2, shown.size.height)]
    return [one.text for line in lines for one in line if one.style and one.style.underline]


async def test_what_matches_stands_out_in_the_rows_and_no_more_after_esc() -> None:
    async with console(status=sample.status(), client=client(), screen="tasks") as page:
        await page.filter("goal:ship ~11")
        assert "".join(bright(page, "tasks")).replace("11", "").lower().startswith("ship")
        await page.press("escape")
        assert bright(page, "tasks") == []


async def test_a_bad_pattern_is_told_below_the_line_and_all_rows_stay() -> None:
    async with console(status=sample.status(), client=client(), screen="tasks") as page:
        await page.press("slash", *"/(a")
        assert "✗ /(a/ is left out: missing )" in page.app.screen.query_one("#filter-says", Lines).text
        assert len(page.rows("tasks")) == 4
        await page.press(")", "/")
        assert page.app.screen.query_one("#filter-says", Lines).text == ""
        await page.press("escape")
        assert not page.app.screen.query_one("#filter-says").display


async def test_the_feed_keeps_its_order() -> None:
    async with console(status=sample.status(), client=client(), screen="fleet") as page:
        await page.filter("~wrc")
        assert page.table("instances")._rows[0].fields["alias"] == "worker-c", "the best"
        assert filters.parse("~wrc").unranked().ranked is False


async def test_a_key_is_found_in_the_help() -> None:
    async with console(status=sample.status(), client=client(), screen="tasks") as page:
        await page.press("question_mark", "slash", *"~frz")
        assert "freeze a namespace" in page.part("keys")
        assert "copy the id" not in page.part("keys")
        await page.press("enter", "escape")
        assert "copy the id" in page.part("keys")
        await page.press("slash", *"zzzz")
        assert "no key here matches “zzzz”; esc clears it" in page.part("keys")
        await page.press("escape", "escape")
        assert page.app.fleet_screens.front() is page.app.screen


@pytest.mark.parametrize("size", SIZES, ids=lambda one: f"{one[0]}x{one[1]}")
@pytest.mark.parametrize("typed", ["~ship", "/(", "help"], ids=["fuzzy", "bad", "help"])
async def test_pictures(size: tuple[int, int], typed: str, picture: Callable[[Pictured], None]) -> None:
    async with console(size, sample.status(), client(), screen="tasks") as page:
        await page.press(*(["question_mark", "slash", *"~frz"] if typed == "help" else ["slash", *typed]))
        picture(page)


async def test_without_colour(monkeypatch: pytest.MonkeyPatch, picture: Callable[[Pictured], None]) -> None:
    without_colour(monkeypatch)
    async with console((80, 24), sample.status(), client(), screen="tasks") as page:
        await page.filter("/docs-[0-9]+/")
        assert bright(page, "tasks")
        picture(page)
