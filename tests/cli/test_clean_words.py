"""Foreign words on a terminal: nothing in them is obeyed, hidden, or turned around."""

from __future__ import annotations

import pytest

from syncropel.cli.support.terminal import clean


@pytest.mark.parametrize(
    "char",
    [
        "\x00", "\x07", "\x1b", "\x7f", "\x9b", "\u061c", "\u200b", "\u200e", "\u200f", "\u2028", "\u2029",
        "\u202a", "\u202e", "\u2060", "\u2066", "\u206f", "\ufeff", "\ufff9", "\U000e0001", "\U000e0041",
    ],
)  # fmt: skip
def test_what_a_terminal_obeys_or_hides_is_marked(char: str) -> None:
    assert clean(f"a{char}b") == "a\ufffdb"


@pytest.mark.parametrize("word", ["e\u0301", "👩\u200d💻", "नी", "می\u200cخواهم", "a\xa0b", "漢字", "–"])
def test_scripts_and_emoji_stay_as_they_are(word: str) -> None:
    assert clean(word) == word
