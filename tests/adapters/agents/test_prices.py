"""What tokens cost: the operator's prices, the list, and what nobody knows."""

from __future__ import annotations

import sys

import pytest

from syncropel.adapters.models.prices import Price, Prices, flat
from syncropel.adapters.models.tokens import Tokens, count, read_tokens

SMALL = Tokens(1000, 200, 0, 20)
LARGE = Tokens(300_000, 0, 0, 20)


def test_a_price_of_the_operator_s_own() -> None:
    price = Price(input=1.0, output=10.0, cached_input=0.5)
    assert price.of(Tokens(1_000_000, 1_000_000, 1_000_000, 100_000)) == pytest.approx(1.0 + 0.5 + 1.0 + 1.0)


def test_it_goes_before_the_list_and_holds_for_each_variant_of_the_model() -> None:
    own = Prices({"gpt-5.5": Price(1.0, 1.0), "claude-opus-4-8": Price(2.0, 2.0)})
    assert own.of("gpt-5.5", SMALL) == pytest.approx(1220 / 1e6)
    assert own.of("claude-opus-4-8[1m]", SMALL) == pytest.approx(2 * 1220 / 1e6)
    assert own.of_sum("gpt-5.5", LARGE) == pytest.approx(300_020 / 1e6)


def test_a_model_that_charges_more_for_large_requests_has_no_price_for_a_large_sum() -> None:
    listed = Prices()
    assert not flat("gpt-5.5")
    one = listed.of("gpt-5.5", LARGE)
    assert one is not None
    assert one > 300_000 * 5 / 1e6
    assert listed.of_sum("gpt-5.5", LARGE) is None
    assert listed.of_sum("gpt-5.5", SMALL) == listed.of("gpt-5.5", SMALL)


def test_a_model_with_one_price_has_one_for_every_sum() -> None:
    assert flat("claude-opus-4-8")
    assert Prices().of_sum("claude-opus-4-8[1m]", LARGE) == Prices().of("claude-opus-4-8", LARGE)


@pytest.mark.parametrize("model", ["", "a-model-of-nobody"])
def test_what_nobody_knows_is_not_free(model: str) -> None:
    assert Prices().of(model, SMALL) is None
    assert Prices().of_sum(model, SMALL) is None
    assert not Prices().knows(model)


def test_without_the_list_only_the_operator_s_prices_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert Prices().of("gpt-5.3-codex", SMALL) is None
    assert Prices({"gpt-5.3-codex": Price(1.0, 1.0)}).of("gpt-5.3-codex", SMALL) == pytest.approx(1220 / 1e6)


def test_tokens_are_added_and_compared_kind_by_kind() -> None:
    both = Tokens(1, 2, 3, 4, 1) + Tokens(10, 20, 30, 40, 2)
    assert both == Tokens(11, 22, 33, 44, 3)
    assert both.total == 110
    assert both.beyond(Tokens(1, 30, 3, 4, 1)) == Tokens(10, 0, 30, 40, 2)
    assert read_tokens(both.as_body()) == both


@pytest.mark.parametrize("odd", [-1, True, 1.5, "7", None, 2**60])
def test_what_is_no_count_is_none(odd: object) -> None:
    assert count(odd) == 0
    assert read_tokens({"input": odd}) == Tokens()
