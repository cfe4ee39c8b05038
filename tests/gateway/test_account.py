"""The account of an attempt: no order of requests overspends by more than one of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.adapters.gateway.account import Account, Bill, Most

AMOUNTS = st.floats(0.001, 10.0)
STEPS = st.lists(
    st.tuples(
        st.booleans(), st.floats(0.0, 1.0), st.sampled_from(["known", "unknown", "unbounded"]), AMOUNTS
    ),
    max_size=60,
)


@given(budget=AMOUNTS, steps=STEPS, ends=st.randoms())
def test_no_interleaving_overspends_by_more_than_the_last_request(
    budget: float, steps: list[tuple[bool, float, str, float]], ends: object
) -> None:
    """`real` is what the provider charges: never above what a request can come to at most."""
    account = Account(budget_usd=budget)
    real = last = 0.0
    under_way: dict[int, tuple[float, str]] = {}

    def settle(number: int) -> None:
        cost, kind = under_way.pop(number)
        account.settle(number, Bill(cost if kind == "known" else 0.0, 0, known=kind == "known"))

    for number, (begins, share, kind, most) in enumerate(steps):
        if begins and account.ruling() == "go":
            cost = most * share
            account.reserve(number, Most() if kind == "unbounded" else Most(most, 0))
            under_way[number] = (cost, kind)
            last, real = cost, real + cost
            assert real - last < budget
        elif under_way:
            settle(ends.choice(sorted(under_way)))  # type: ignore[attr-defined]
    for number in sorted(under_way):
        settle(number)
    assert real - last < budget
    assert account.ruling() == "go" or real <= budget + last or account.usd <= real


@given(tokens=st.integers(1, 10_000), sizes=st.lists(st.integers(1, 5_000), min_size=1, max_size=50))
def test_a_budget_in_tokens_holds_as_one_in_dollars(tokens: int, sizes: list[int]) -> None:
    account = Account(budget_tokens=tokens)
    used = 0

    for number, size in enumerate(sizes):
        if account.ruling() != "go":
            break
        account.reserve(number, Most())
        account.settle(number, Bill(0.0, size))
        used += size

    assert used < tokens + max(sizes)
    assert (account.ruling() == "spent") is (used >= tokens)


def test_a_request_whose_cost_cannot_be_bounded_has_the_next_wait() -> None:
    account = Account(budget_usd=1.0)

    account.reserve(1, Most())

    assert account.ruling() == "wait"
    account.settle(1, Bill(0.2, 10))
    assert account.ruling() == "go"


def test_requests_run_side_by_side_while_their_most_is_below_the_budget() -> None:
    account = Account(budget_usd=1.0)
    begun = 0

    while account.ruling() == "go":
        account.reserve(begun, Most(0.3, 100))
        begun += 1

    assert begun == 4


def test_what_a_request_may_have_cost_is_held_from_the_budget() -> None:
    account = Account(budget_usd=1.0)
    account.reserve(1, Most(0.9, 100))
    account.settle(1, Bill(0.1, 10, known=False))
    assert account.ruling() == "go"

    account.reserve(2, Most(0.2, 100))
    account.settle(2, Bill(0.0, 0, known=False))

    assert account.ruling() == "spent"
    assert account.usd == pytest.approx(0.1)
    assert account.told() == "the provider did not say what a request cost, and it may have been $1.00"


def test_a_request_of_unknown_cost_that_nobody_can_bound_ends_a_budget_and_nothing_without_one() -> None:
    with_budget, without = Account(budget_usd=5.0), Account()
    for account in (with_budget, without):
        account.reserve(1, Most())
        account.settle(1, Bill(0.0, 0, known=False))

    assert (with_budget.ruling(), without.ruling()) == ("spent", "go")
    assert "any amount" in with_budget.told()


def test_what_was_spent_before_counts() -> None:
    assert Account(budget_usd=1.0, usd=1.0).ruling() == "spent"
    assert not math.isinf(Account(usd=1.0).usd)
