"""A review in words: what speaks against it, and the command that says the same."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from syncropel.cli.support.grammar import Grammar
from syncropel.wire.agents import GateOut
from syncropel.wire.review_limits import MOST_NOTES
from tests.tui.sample_review import COMMITS, attempt, attempts, left, rejected
from tui.model import review, review_words
from tui.model.glyphs import UNICODE
from tui.model.notes import Notes, Place
from tui.model.review import Looked

LOOKED = Looked(attempts(), 2)


@pytest.mark.parametrize(
    ("known", "looked", "verdict", "words"),
    [
        (attempts(), LOOKED, "accept", ""),
        (attempts(), LOOKED, "reject", ""),
        (attempts(), Looked(attempts(), 1), "accept", "attempt 2 is the latest now: look at that one"),
        (attempts(rejected(), attempt(worktree=left(2, commit="77" * 20))), LOOKED, "accept",
         "its commit is 777777777777 now: read its diff again"),
        (attempts(rejected(), attempt(worktree=None)), LOOKED, "reject",
         "its commit is not known now: read its diff again"),
        (attempts(not_approvable="the task has joined"), LOOKED, "accept", "the task has joined"),
        (attempts(not_approvable="the task has joined"), LOOKED, "reject", ""),
        (attempts(not_rejectable="it is merged"), LOOKED, "reject", "it is merged"),
        (attempts(), Looked(attempts(), 2, "it is gone"), "accept", "its diff is not known: it is gone"),
        (attempts(), Looked(attempts(), 2, "it is gone"), "reject", ""),
    ],
)  # fmt: skip
def test_what_speaks_against_a_review(
    known: Any, looked: Looked, verdict: review.Verdict, words: str
) -> None:
    assert review_words.objection(known, looked, verdict) == words


def test_without_a_worktree_there_is_no_diff_to_be_seen_first() -> None:
    plain = attempts(attempt(1, worktree=None))
    assert review_words.objection(plain, Looked(plain, 1, "it has no output"), "accept") == ""
    told = review_words.facts(Looked(plain, 1), "accept", UNICODE)
    assert told[0] == ("no commit of it is known", "warn")


def test_a_gate_that_failed_and_an_unknown_cost_are_said() -> None:
    one = attempt(1, cost_unknown=True, cost_usd=0.0, gate=GateOut(command=["make", "a b"], passed=False))
    told = review_words.facts(
        Looked(attempts(one), 1, left_out="9 lines of 1kB are not shown"), "accept", UNICODE
    )
    assert told[1][0] == "✓ accept · 2 files +1 −2 · cost unknown · 47.5s · worker-a"
    assert [words for words, _ in told[2:]] == [
        "✗ its gate failed: make 'a b'", "! 9 lines of 1kB are not shown",
    ]  # fmt: skip


@pytest.mark.parametrize("verdict", ["accept", "reject"])
def test_the_command_is_one_that_the_command_line_takes(verdict: review.Verdict) -> None:
    notes = Notes()
    notes.put(Place("src/a.py", 12, "old", "x"), "off by one")
    notes.put(Place("src/a.py", 12, "new", "y"), "still")
    notes.put(Place("logo.png"), "why?")
    reject = verdict == "reject"
    command = review_words.command("DOCS-11", 3, verdict, LOOKED, "not yet", notes, anyway=reject)
    known = Grammar().parse(shlex.split(command)[1:])
    assert (known["name"], known["index"], known["attempt"], known["notes"]) == ("DOCS-11", 3, 2, "not yet")
    assert COMMITS[2].startswith(known["commit"])
    assert known["note"] == ["logo.png: why?", "src/a.py:12 still", "src/a.py:12:old off by one"]
    assert known["anyway"] is reject


def test_more_notes_than_a_review_can_have_are_too_many() -> None:
    notes = Notes()
    for number in range(MOST_NOTES + 1):
        notes.put(Place("f", number + 1), "x")
    assert review_words.too_many(notes) == "101 notes are too many: at most 100"
    assert review_words.note_lines(notes)[-1] == ("and 95 more notes", "cold")


@pytest.mark.parametrize(
    ("path", "width", "shown"),
    [
        ("a/b.py", 10, "a/b.py"),
        ("folder/deep/file.py", 10, "…p/file.py"),
        ("界界界界", 5, "…界界"),
        ("a\nb", 9, "a\\nb"),
    ],
)
def test_of_a_long_path_the_end_is_shown(path: str, width: int, shown: str) -> None:
    assert review.path_words(path, width, UNICODE) == shown
