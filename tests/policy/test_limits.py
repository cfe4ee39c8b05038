"""The limits of expressions: what the documentation says of them, and that they hold to the last step."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncropel.cel.budget import INLINE_STEPS, MAX_SECS, MAX_SIZE, MAX_STEPS, QUICK_STEPS, Budget, Runaway
from syncropel.cel.expression import MAX_SOURCE_CHARS
from syncropel.cel.parser import MAX_NESTING, MAX_NODES
from syncropel.cel.patterns import MAX_PATTERN_CHARS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "expressions.md"


def test_the_documentation_says_the_same() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    for told in (
        f"at most {MAX_SOURCE_CHARS:,} characters and {MAX_NODES:,} parts, and nests {MAX_NESTING} deep",
        f"has {MAX_STEPS:,} steps",
        f"no list or text over {MAX_SIZE:,} long",
        f"A pattern has at most {MAX_PATTERN_CHARS:,} characters",
        f"more than {INLINE_STEPS:,} steps",
        f"within {QUICK_STEPS:,} steps",
    ):
        assert told in text
    assert MAX_SECS == 1.0


@pytest.mark.parametrize("limit", [1, 100, 255, 256, 257, 1_000])
def test_the_last_step_is_free_and_the_next_is_not(limit: int) -> None:
    budget = Budget(limit)
    for _ in range(limit):
        budget.spend(1)
    with pytest.raises(Runaway, match=f"stopped after {limit} steps") as stopped:
        budget.spend(1)
    assert not stopped.value.timed_out
    assert (stopped.value.code, stopped.value.status) == ("EXPRESSION_RUNAWAY", 422)
    assert "fewer" in stopped.value.hint
    with pytest.raises(Runaway):
        Budget(limit).spend(limit + 1)


def test_the_clock_is_looked_at_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now, looks = 0.0, 0

    def clock() -> float:
        nonlocal looks
        looks += 1
        return now

    monkeypatch.setattr("time.thread_time", clock)
    budget = Budget(secs=1.0)
    for _ in range(2_560):
        budget.spend(1)
    assert 10 <= looks <= 12
    now = 1.0
    budget.look()
    now = 1.5
    with pytest.raises(Runaway, match="took too long") as stopped:
        budget.spend(256)
    assert stopped.value.timed_out


def test_what_is_built_has_a_greatest_size_and_costs_by_it() -> None:
    budget = Budget()
    budget.build(63)
    assert budget.steps == 0
    budget.build(64)
    assert budget.steps == 1
    budget.build(MAX_SIZE)
    assert budget.steps == 1 + MAX_SIZE // 64
    with pytest.raises(Runaway, match=f"longer than {MAX_SIZE}"):
        budget.build(MAX_SIZE + 1)


def test_the_defaults() -> None:
    assert (Budget().limit, MAX_STEPS) == (500_000, 500_000)
    assert INLINE_STEPS < QUICK_STEPS < MAX_STEPS
