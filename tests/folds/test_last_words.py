"""The last words of an attempt: what a person looks for first when it failed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.fanout.last_words import MOST, last_words


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        ("", ""),
        ("\n \n", ""),
        ("===\n---", ""),
        ("all links work", "all links work"),
        ("collecting\nError: 3 dead links\n}\n\nexit status 1", "Error: 3 dead links (exit status 1)"),
        ("exit status 3", "exit status 3"),
        ("Traceback\nKeyError: 'x'\n=====", "KeyError: 'x'"),
        ("half\nended by SIGKILL", "half (ended by SIGKILL)"),
        ("exit status 1\nretried, gave up", "retried, gave up"),
    ],
)  # fmt: skip
def test_the_last_line_that_says_something_and_the_exit(summary: str, words: str) -> None:
    assert last_words(summary) == words


@given(st.text())
def test_it_is_one_line_of_bounded_length_from_the_summary(summary: str) -> None:
    words = last_words(summary)
    assert len(words.splitlines()) <= 1
    assert len(words) <= 2 * MOST + len(summary) * (len(summary) <= MOST)
    assert bool(words) == any(char.isalnum() for char in summary)
