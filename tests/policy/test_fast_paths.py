"""What the evaluator does by itself for speed gives what cel-python's own types give."""

from __future__ import annotations

from typing import Any

import pytest
from celpy import celtypes
from hypothesis import given
from hypothesis import strategies as st

from syncropel.policy.budget import Budget, Runaway
from syncropel.policy.joining import compile_join
from syncropel.policy.operators import OPERATORS, SAME_CLASS
from syncropel.policy.values import SCALARS, shallow

_CONSTRUCTORS = {
    str: celtypes.StringType,
    bool: celtypes.BoolType,
    int: celtypes.IntType,
    float: celtypes.DoubleType,
}
_VALUES = st.one_of(st.text(), st.booleans(), st.integers(-(2**65), 2**65), st.floats())
_PAIRS = st.one_of(
    st.tuples(st.text(max_size=3), st.text(max_size=3)),
    st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
    st.tuples(st.floats(), st.floats()),
    st.tuples(st.booleans(), st.booleans()),
)


@given(_VALUES)
def test_a_scalar_becomes_what_its_constructor_makes_of_it(value: Any) -> None:
    try:
        made: Any = _CONSTRUCTORS[type(value)](value)
    except ValueError:
        with pytest.raises(ValueError, match="overflow"):
            shallow(value)
        return
    found = shallow(value)
    assert (type(found), repr(found)) == (type(made), repr(made))


def test_every_scalar_has_its_conversion() -> None:
    assert SCALARS.keys() == _CONSTRUCTORS.keys()


@given(_PAIRS, st.sampled_from(sorted(SAME_CLASS)))
def test_two_of_one_class_compare_as_the_types_say(pair: tuple[Any, Any], name: str) -> None:
    one, other = shallow(pair[0]), shallow(pair[1])
    same = SAME_CLASS[name].get(type(one))
    if same is not None:
        assert bool(same(one, other)) == bool(OPERATORS[name](one, other))


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
