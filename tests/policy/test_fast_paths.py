"""What the evaluator does by itself for speed gives what the thorough way gives."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.cel.budget import Budget, Runaway
from syncropel.cel.comparing import RELATIONS, SIMPLE, member
from syncropel.cel.frame import Frame
from syncropel.cel.operators import compare
from syncropel.cel.values import CelError
from syncropel.policy.joining import compile_join

NOTHING: dict[str, Any] = {}
"""No names are known."""

_SCALARS = st.one_of(
    st.text(max_size=3), st.booleans(), st.integers(-3, 3), st.floats(), st.none(), st.binary(max_size=2)
)
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


def _outcome(work: Any) -> Any:
    try:
        return work()
    except CelError as error:
        return str(error)


@given(_VALUES, _VALUES, st.sampled_from(sorted(RELATIONS)))
def test_two_values_compare_as_the_thorough_way_says(one: Any, other: Any, sign: str) -> None:
    run = compare(sign, lambda _: one, lambda _: other)
    frame = Frame(NOTHING.__getitem__, {}, Budget())
    _, thoroughly = RELATIONS[sign]
    assert _outcome(lambda: run(frame)) == _outcome(lambda: thoroughly(one, other, Budget()))


@given(_VALUES, st.lists(_VALUES, max_size=5))
def test_what_is_in_a_list_equals_one_of_it(item: Any, container: list[Any]) -> None:
    _, equal = RELATIONS["=="]
    assert member(item, container, Budget()) == any(equal(item, one, Budget()) for one in container)


def _given(value: Any, _: Frame) -> Any:
    return value


def test_a_boolean_is_no_number() -> None:
    assert bool in SIMPLE
    for one, other in ((True, 1), (False, 0), (1, True), (0.0, False)):
        assert not member(one, [other], Budget())
        assert not compare("==", partial(_given, one), partial(_given, other))(
            Frame(NOTHING.__getitem__, {}, Budget())
        )


def test_every_turn_of_a_macro_still_costs_its_steps() -> None:
    expression = compile_join('children.all(c, c.verdict == "")')
    costs = []
    for count in (0, 1, 100):
        budget = Budget()
        expression.evaluate({"children": [{"verdict": ""}] * count}, budget)
        costs.append(budget.steps)
    empty, one, hundred = costs
    assert hundred - empty == 100 * (one - empty) > 0
    with pytest.raises(Runaway, match="300 steps"):
        expression.evaluate({"children": [{"verdict": ""}] * 1000}, Budget(300))
