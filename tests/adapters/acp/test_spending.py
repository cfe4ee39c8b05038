"""What a run has spent, from the figures of its agent."""

from __future__ import annotations

import math
from typing import Any

import pytest

from syncropel.adapters.acp.messages import Reply
from syncropel.adapters.acp.spending import SessionSpending
from syncropel.adapters.models.prices import Prices
from syncropel.adapters.reading import Usage
from tests.adapters.acp.bench import KINDS

CHEAP, DEAR = "claude-sonnet-4-5", "gpt-5.5"
"""3 and 5 US dollars a million tokens of input."""


def spending(agent: str, before: float | None = None, *, resumed: bool = False) -> SessionSpending:
    found = SessionSpending(KINDS[agent], Prices(), before)
    found.begin(CHEAP, resumed=resumed)
    return found


def turn(*models: str, stop: str = "end_turn", error: dict[str, Any] | None = None, **more: Any) -> Reply:
    """A turn that used 100 tokens of each of these models."""
    used = [{"model": model, "token_count": {"inputTokens": 100}} for model in models]
    return Reply("prompt", {"stopReason": stop, "_meta": {"quota": {"model_usage": used}}, **more}, error)


def costs(told: list[Usage]) -> dict[str, float | None]:
    return {one.model: one.cost_usd for one in told}


def test_the_agents_own_cost_is_shared_among_its_models_as_their_prices_are() -> None:
    spent = spending("claude")
    spent.paid({"amount": 1.0, "currency": "USD"})

    told = spent.turn(turn(CHEAP, DEAR), in_tool=False)

    assert costs(told) == {CHEAP: pytest.approx(0.375), DEAR: pytest.approx(0.625)}
    assert (spent.known, spent.session_cost_usd) == (True, 1.0)


def test_where_a_price_is_unknown_the_first_model_has_the_whole_cost() -> None:
    spent = spending("claude")
    spent.paid({"amount": 1.0, "currency": "USD"})

    told = spent.turn(turn(DEAR, "nobody's"), in_tool=False)

    assert [(one.model, one.cost_usd, one.input) for one in told] == [
        (DEAR, 1.0, 100),
        ("nobody's", 0.0, 100),
    ]


def test_the_first_model_has_it_also_where_only_its_own_price_is_unknown() -> None:
    spent = spending("claude")
    spent.paid({"amount": 1.0, "currency": "USD"})

    assert costs(spent.turn(turn("nobody's", DEAR), in_tool=False)) == {"nobody's": 1.0, DEAR: 0.0}


def test_a_session_that_cost_nothing_has_its_tokens_told() -> None:
    spent = spending("claude")
    spent.paid({"amount": 0, "currency": "USD"})
    told = spent.turn(turn(CHEAP), in_tool=False)

    assert [(one.model, one.cost_usd, one.input) for one in told] == [(CHEAP, 0.0, 100)]
    assert spent.known


def test_a_second_turn_tells_only_what_is_new() -> None:
    spent = spending("opencode")
    told: list[Usage] = []
    for amount in (0.5, 0.75):
        spent.paid({"amount": amount, "currency": "USD"})
        told += spent.turn(turn(), in_tool=False)

    assert [one.cost_usd for one in told] == [0.5, 0.25]


@pytest.mark.parametrize(("before", "known", "cost"), [(0.25, True, 0.75), (None, False, None)])
def test_what_a_resumed_session_had_cost_before_is_not_told_again(
    before: float | None, known: bool, cost: float | None
) -> None:
    spent = spending("claude", before, resumed=True)
    spent.paid({"amount": 1.0, "currency": "USD"})

    told = spent.turn(turn(CHEAP), in_tool=False)

    assert (spent.known, costs(told), told[0].input) == (known, {CHEAP: cost}, 100)


def test_a_new_session_costs_what_the_agent_says_whatever_came_before() -> None:
    spent = spending("claude", 7.0)
    spent.paid({"amount": 1.0, "currency": "USD"})

    assert costs(spent.turn(turn(CHEAP), in_tool=False)) == {CHEAP: 1.0}


@pytest.mark.parametrize(
    "odd", [{"amount": 9.0, "currency": "EUR"}, {"amount": 9.0}, {"amount": "9", "currency": "USD"}, {}]
)
def test_only_us_dollars_are_a_cost_and_the_sum_never_shrinks(odd: dict[str, Any]) -> None:
    spent = spending("claude")
    for cost in ({"amount": 1.0, "currency": "USD"}, odd, {"amount": 0.5, "currency": "USD"}):
        spent.paid(cost)

    assert spent.session_cost_usd == 1.0


def test_an_agent_that_never_said_its_cost_has_none_that_is_known() -> None:
    spent = spending("claude")

    told = spent.turn(turn(CHEAP), in_tool=False)

    assert (spent.known, costs(told)) == (False, {CHEAP: None})


@pytest.mark.parametrize(
    ("agent", "reply", "in_tool", "known"),
    [
        ("codex", turn(CHEAP), False, True),
        ("codex", turn(CHEAP, stop="cancelled"), False, True),
        ("codex", turn(stop="cancelled"), False, False),
        ("gemini", turn(CHEAP, stop="cancelled"), False, False),
        ("gemini", turn(CHEAP, stop="cancelled"), True, True),
        ("gemini", turn(CHEAP, error={"code": 1}), False, False),
        ("gemini", turn(), False, False),
    ],
)
def test_when_all_tokens_are_known(agent: str, reply: Reply, in_tool: bool, known: bool) -> None:
    spent = spending(agent)
    before = spent.known
    spent.turn(reply, in_tool=in_tool)

    assert (before, spent.known) == (False, known)
    spent.turn(turn(CHEAP), in_tool=False)
    assert spent.known is known, "what is missing stays so"


def test_an_agent_that_names_no_model_used_that_of_the_session() -> None:
    spent = spending("codex")
    usage = {
        "inputTokens": 1,
        "cachedReadTokens": 2,
        "cachedWriteTokens": 3,
        "outputTokens": 4,
        "thoughtTokens": 5,
    }

    (told,) = spent.turn(turn(usage=usage), in_tool=False)

    counted = (told.input, told.cached_input, told.cache_write, told.output, told.reasoning)
    assert (told.model, counted, spent.turn_was_paid) == (CHEAP, (1, 2, 3, 4, 5), True)


def test_an_agent_that_does_not_say_all_its_tokens_tells_its_cost_alone() -> None:
    spent = spending("opencode")
    spent.paid({"amount": 0.5, "currency": "USD"})

    told = spent.turn(turn(usage={"inputTokens": 100}), in_tool=False)

    assert [(one.model, one.cost_usd, one.input) for one in told] == [(CHEAP, 0.5, 0)]
    assert math.isclose(spent.spending.cost_usd or 0.0, 0.5)
