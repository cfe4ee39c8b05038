"""Fold rules: a pure fold over a task's records, whatever order they came in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.errors import SyncropelError
from syncropel.folds.control.rules import FOLD, Rule
from syncropel.policy.expression_contexts import compile_in
from syncropel.policy.fold_rules import Mark, mark
from tests.folds.build import record, store

compile_in("fold_rule", "state")  # the parser's tables are made once, which takes longer than one example may


def rule(expression: str) -> Rule:
    return Rule(FOLD, "mark", 1, expression, "", (), "a", "r", (0, "r"))


LAST = 'record.topic == "said" ? record.body.word : state'


@given(st.lists(st.sampled_from(["red", "green", None]), max_size=8), st.randoms())
def test_it_is_the_last_word_in_fold_order(words: list[Any], chance: Any) -> None:
    records = [
        record("KNOW", clock, {"topic": "said" if word else "silent", "word": word})
        for clock, word in enumerate(words)
    ]
    said = [word for word in words if word]
    expected = Mark("mark", said[-1] if said else "")
    assert mark(rule(LAST), store(records), "default") == expected
    chance.shuffle(records)
    assert mark(rule(LAST), store(records), "default") == expected


def test_a_rule_that_fails_says_why() -> None:
    found = mark(rule("record.body.nothing"), store([record("KNOW", 0)]), "default")
    assert found.value is None
    assert "nothing" in found.problem


def test_a_rule_that_runs_away_is_stopped_over_all_records_together() -> None:
    costly = "true"
    for name in "abc":
        costly = f"[1,2,3,4,5,6,7,8,9,0].all({name}, {costly})"
    records = store([record("KNOW", clock) for clock in range(1_000)])
    deep = f"{costly} ? state : state"
    assert mark(rule(deep), records[:3], "default") == Mark("mark", "")
    assert "was stopped" in mark(rule(deep), records, "default").problem


def test_it_follows_from_the_log_alone() -> None:
    with pytest.raises(SyncropelError, match="now"):
        compile_in("fold_rule", "now()")
