"""The rows of a patch: each line whole, numbered, and found again, however wide the terminal is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from syncropel.client.patch import DRAWN_CHARS, Patch, PatchLine
from tui.model.notes import Notes, Place, place_of
from tui.model.patch_layout import PatchLayout
from tui.model.text import escaped


def patch_of(*added: str, first: int = 1) -> Patch:
    patch = Patch()
    patch.take(["diff --git a/f b/f", "--- a/f", "+++ b/f", f"@@ -0,0 +{first},{len(added)} @@"])
    patch.take([f"+{one}" for one in added])
    patch.finish()
    return patch


def laid_out(patch: Patch, width: int = 40, notes: Notes | None = None) -> PatchLayout:
    noted = notes or Notes()
    layout = PatchLayout(patch, width, lambda line: noted.on(patch, line))
    while not layout.take():
        pass
    return layout


def rows(layout: PatchLayout) -> list[tuple[PatchLine, str, str]]:
    found = [layout.row(row) for row in range(layout.rows)]
    return [(line, part.what, part.text) for line, part in found]


@given(st.lists(st.text(alphabet="ab \t界\u202e\u0301\x1b", max_size=90), max_size=8), st.integers(1, 60))
def test_every_character_is_in_some_row_and_no_row_is_too_wide(lines: list[str], width: int) -> None:
    layout = laid_out(patch_of(*lines), width)
    told: dict[int, str] = {}
    for line, _, text in rows(layout):
        assert cell_len(text) <= layout.room
        if line.new is not None:
            told[line.new] = told.get(line.new, "") + text
    assert [told[number] for number in sorted(told)] == [escaped(one) for one in lines]
    for row in range(layout.rows):
        at = layout.line_of(row)
        assert layout.first_row(at) <= row < layout.first_row(at + 1)


def test_a_line_of_a_megabyte_is_cut_and_says_by_how_much() -> None:
    layout = laid_out(patch_of("x" * 1_000_000, "after"))
    told = rows(layout)
    assert told[-2][1:] == ("cut", "998,000 more characters of this line; e shows them")
    assert told[-1][2] == "after"
    assert sum(len(text) for _, what, text in told[2:-2]) == DRAWN_CHARS


@pytest.mark.parametrize(("first", "digits"), [(1, 3), (998, 4), (99_999, 6)])
def test_numbers_have_the_room_that_the_highest_needs(first: int, digits: int) -> None:
    assert laid_out(patch_of("one", "two", "three", first=first)).digits == digits


def test_more_lines_are_laid_out_as_they_come() -> None:
    whole, patch = patch_of(*map(str, range(2500))), Patch()
    layout = laid_out(patch)
    patch.take(["diff --git a/f b/f", "--- a/f", "+++ b/f"])
    layout.take()
    assert layout.rows == 0, "more may be said of the file above its lines"
    patch.take(["@@ -0,0 +1,2500 @@"])
    for number in range(2500):
        patch.take([f"+{number}"])
        layout.take()
    assert rows(layout) == rows(laid_out(whole))


def test_a_note_stands_below_its_line_and_that_on_a_file_below_its_title() -> None:
    patch, notes = patch_of("one", "two"), Notes()
    notes.put(Place("f"), "whole file")
    place = place_of(patch, patch.lines[2])
    assert place == Place("f", 1, "new", "one")
    notes.put(place, "n" * 50)
    told = [(what, text) for _, what, text in rows(laid_out(patch, notes=notes))]
    assert told == [
        ("line", "f"), ("note", "whole file"), ("line", "@@ -0,0 +1,2 @@"), ("line", "one"),
        ("note", "n" * 30), ("note", "n" * 20), ("line", "two"),
    ]  # fmt: skip
    notes.put(place, "")
    assert [one.text for one in notes.all()] == ["whole file"]
