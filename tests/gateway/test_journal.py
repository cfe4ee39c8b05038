"""The journal of a run: what the next daemon makes of it, whatever is in the file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.adapters.gateway.account import Most
from syncropel.adapters.gateway.journal import Journal, Request
from syncropel.adapters.models.tokens import Tokens

ASKED = Request(1, "m", Most(0.5, 100))
ENDED = Request(1, "m", Most(0.5, 100), Tokens(1, 2, 3, 4), 0.25, known=True)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.begin(ASKED)
    journal.end(ENDED)
    journal.begin(Request(2, "n", Most()))

    assert journal.read() == ([ENDED], [Request(2, "n", Most())])


def test_requests_are_read_in_the_order_of_their_ends(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    for number in (1, 2, 3):
        journal.begin(Request(number, "m", Most(1.0, 1)))
    for number in (3, 1, 2):
        journal.end(Request(number, "m", Most(1.0, 1), Tokens(), 0.0, known=True))

    assert [one.number for one in journal.read()[0]] == [3, 1, 2]


def test_a_line_that_was_cut_costs_nothing_but_itself(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.begin(ASKED)
    whole = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(whole + b'{"ends": 1, "tok')

    assert journal.read() == ([], [ASKED])


def test_a_run_without_a_journal_has_asked_nothing(tmp_path: Path) -> None:
    assert Journal(tmp_path / "none").read() == ([], [])


@pytest.mark.parametrize("what", ["link", "pipe"])
def test_what_a_goal_puts_in_its_place_is_not_read(tmp_path: Path, what: str) -> None:
    (tmp_path / "real").write_text(json.dumps({"begins": 1}) + "\n")
    if what == "link":
        (tmp_path / "j").symlink_to(tmp_path / "real")
    else:
        os.mkfifo(tmp_path / "j")

    assert Journal(tmp_path / "j").read() == ([], [])


@given(st.lists(st.dictionaries(st.sampled_from(["begins", "ends", "most", "tokens", "cost_usd"]), JUNK)))
def test_no_content_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, lines: list[Any]) -> None:
    path = tmp_path_factory.mktemp("j") / "j"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    ended, begun = Journal(path).read()

    assert all((one.cost_usd or 0.0) >= 0 and one.tokens.total >= 0 for one in (*ended, *begun))
    assert all(one.most.usd >= 0 and one.most.tokens >= 0 for one in (*ended, *begun))
