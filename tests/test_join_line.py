"""The line that a joining host is given: whole, or refused by the part that is damaged."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.errors import BadRequest
from syncropel.settings.join_line import JoinLine, parse_line, with_port

LINE = JoinLine(("fleet.example:9443", "[fd00::1]:9443"), "p" * 43, "0123456789ab", "s" * 43)


def test_what_is_written_is_read() -> None:
    assert parse_line(LINE.text()) == LINE
    assert LINE.text().count(".") == 4
    assert "s" * 43 not in repr(LINE)
    assert with_port("fd00::1", 1) == "[fd00::1]:1"


def test_white_space_of_a_terminal_is_left_out() -> None:
    text = LINE.text()
    assert parse_line(f"  {text[:30]}\n{text[30:60]}\r\n {text[60:]}\n") == LINE


@pytest.mark.parametrize("cut", range(0, 150, 7))
def test_a_part_of_a_line_is_refused_without_its_secret(cut: int) -> None:
    text = LINE.text()
    assert cut < len(text)
    with pytest.raises(BadRequest) as caught:
        parse_line(text[:cut])
    assert "s" * 20 not in caught.value.message + caught.value.hint
    assert "spl fleet invite" in caught.value.hint


@given(st.text(max_size=300))
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_line(text)


@given(st.text("spl1.AZaz09-_=", max_size=60), st.integers(0, 4))
def test_a_damaged_part_is_refused_or_read_as_it_is(part: str, place: int) -> None:
    parts = LINE.text().split(".")
    parts[place] = part
    with contextlib.suppress(BadRequest):
        assert parse_line(".".join(parts)).text() == ".".join(parts).rstrip("=")


def test_a_line_of_a_later_form_says_so() -> None:
    with pytest.raises(BadRequest, match="too_old"):
        parse_line("spl2.a.b.c.d")
