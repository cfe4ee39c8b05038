"""Operators by their tables: what they take, what they give at the edges, what they absorb and cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from syncropel.cel import operators
from syncropel.cel.budget import Budget, Runaway
from syncropel.cel.comparing import RELATIONS, holds, member
from syncropel.cel.frame import Frame
from syncropel.cel.times import moment, span
from syncropel.cel.values import (
    MAX_INT,
    MAX_UINT,
    MIN_INT,
    NONE,
    CelError,
    CelType,
    Duration,
    Optional,
    Timestamp,
    UInt,
)

NOTHING: dict[str, Any] = {}  # no names are known

SECOND = 10**9
FIRST, LAST = -62_135_596_800 * SECOND, 253_402_300_800 * SECOND - 1


def run(made: Callable[[Frame], Any], budget: Budget | None = None) -> Any:
    return made(Frame(NOTHING.__getitem__, {}, budget or Budget()))


def given(value: Any) -> Callable[[Frame], Any]:
    return lambda _: value


def fails(words: str = "failed") -> Callable[[Frame], Any]:
    def raises(_: Frame) -> Any:
        raise CelError(words)

    return raises


def calculated(one: Any, sign: str, other: Any, budget: Budget | None = None) -> Any:
    return run(operators.calculate(sign, given(one), given(other)), budget)


SUMS: list[tuple[Any, str, Any, Any]] = [
    (MAX_INT, "+", 0, MAX_INT),
    (MAX_INT - 1, "+", 1, MAX_INT),
    (MIN_INT, "-", 0, MIN_INT),
    (MIN_INT + 1, "-", 1, MIN_INT),
    (3, "*", -4, -12),
    (7, "/", 2, 3),
    (-7, "/", 2, -3),
    (7, "/", -2, -3),
    (-7, "/", -2, 3),
    (0, "/", -2, 0),
    (7, "%", 3, 1),
    (-7, "%", 3, -1),
    (7, "%", -3, 1),
    (-7, "%", -3, -1),
    (UInt(MAX_UINT - 1), "+", UInt(1), UInt(MAX_UINT)),
    (UInt(1), "-", UInt(1), UInt(0)),
    (UInt(3), "*", UInt(4), UInt(12)),
    (UInt(7), "/", UInt(2), UInt(3)),
    (UInt(7), "%", UInt(2), UInt(1)),
    (1.5, "+", 2.25, 3.75),
    (1.5, "-", 2.0, -0.5),
    (1.5, "*", 2.0, 3.0),
    (3.0, "/", 2.0, 1.5),
    (1.0, "/", 0.0, math.inf),
    (-1.0, "/", 0.0, -math.inf),
    (1.0, "/", -0.0, -math.inf),
    (-1.0, "/", -0.0, math.inf),
    (1e308, "*", 10.0, math.inf),
    (1, "+", 0.5, 1.5),
    (0.5, "-", 1, -0.5),
    (2, "*", 0.25, 0.5),
    (1, "/", 4.0, 0.25),
    (1, "/", 0.0, math.inf),
    ("a", "+", "b", "ab"),
    (b"a", "+", b"b", b"ab"),
    ([1], "+", ["b"], [1, "b"]),
    (span(5), "+", span(6), span(11)),
    (span(5), "-", span(6), span(-1)),
    (moment(5), "+", span(6), moment(11)),
    (span(6), "+", moment(5), moment(11)),
    (moment(5), "-", span(6), moment(-1)),
    (moment(5), "-", moment(6), span(-1)),
    (moment(LAST - 1), "+", span(1), moment(LAST)),
    (moment(FIRST + 1), "-", span(1), moment(FIRST)),
]


@pytest.mark.parametrize(("one", "sign", "other", "gives"), SUMS)
def test_arithmetic(one: Any, sign: str, other: Any, gives: Any) -> None:
    found = calculated(one, sign, other)
    assert (type(found), found) == (type(gives), gives)


@pytest.mark.parametrize(("one", "other"), [(0.0, 0.0), (math.nan, 0.0), (-0.0, 0.0), (0, 0.0)])
def test_what_is_no_number(one: Any, other: Any) -> None:
    assert math.isnan(calculated(one, "/", other))


REFUSED: list[tuple[Any, str, Any, str]] = [
    (MAX_INT, "+", 1, "overflow"),
    (MIN_INT, "-", 1, "overflow"),
    (MAX_INT, "*", 2, "overflow"),
    (MIN_INT, "/", -1, "overflow"),
    (1, "/", 0, "divide by zero"),
    (1, "%", 0, "modulus by zero"),
    (UInt(MAX_UINT), "+", UInt(1), "overflow"),
    (UInt(0), "-", UInt(1), "overflow"),
    (UInt(MAX_UINT), "*", UInt(2), "overflow"),
    (UInt(1), "/", UInt(0), "divide by zero"),
    (UInt(1), "%", UInt(0), "modulus by zero"),
    (span(MAX_INT), "+", span(1), "292 years"),
    (span(MIN_INT), "-", span(1), "292 years"),
    (moment(LAST), "+", span(1), "year from 1 to 9999"),
    (moment(FIRST), "-", span(1), "year from 1 to 9999"),
    (moment(LAST), "-", moment(FIRST), "292 years"),
    (1, "+", UInt(1), r"\+\(int, uint\)"),
    (1.0, "+", UInt(1), r"\+\(double, uint\)"),
    (1, "+", True, r"\+\(int, bool\)"),
    (True, "+", True, r"\+\(bool, bool\)"),
    ("a", "+", 1, r"\+\(string, int\)"),
    ("a", "*", 2, r"\*\(string, int\)"),
    ([1], "*", 2, r"\*\(list, int\)"),
    (1.0, "%", 2.0, r"%\(double, double\)"),
    (moment(0), "+", moment(0), "no such overload"),
    (span(0), "-", moment(0), "no such overload"),
    (None, "+", None, r"\+\(null_type, null_type\)"),
    ({}, "+", {}, r"\+\(map, map\)"),
]


@pytest.mark.parametrize(("one", "sign", "other", "words"), REFUSED)
def test_arithmetic_that_has_no_result(one: Any, sign: str, other: Any, words: str) -> None:
    with pytest.raises(CelError, match=words):
        calculated(one, sign, other)


@pytest.mark.parametrize(
    ("one", "sign", "steps"),
    [
        ("x" * 64, "+", 2),
        (b"x" * 6_400, "+", 200),
        ([0] * 64, "+", 2 + 8),
        (1, "*", 0),
    ],
)
def test_what_is_put_together_costs_its_length(one: Any, sign: str, steps: int) -> None:
    budget = Budget()
    calculated(one, sign, one, budget)
    assert budget.steps == steps


@pytest.mark.parametrize("one", ["x" * 600_000, [0] * 600_000])
def test_what_is_put_together_has_a_greatest_length(one: Any) -> None:
    with pytest.raises(Runaway, match="builds a value longer than"):
        calculated(one, "+", one)


def test_signs() -> None:
    assert run(operators.negate(given(5))) == -5
    assert run(operators.negate(given(-MAX_INT))) == MAX_INT
    assert run(operators.negate(given(1.5))) == -1.5
    assert run(operators.negate(given(span(5)))) == span(-5)
    assert run(operators.invert(given(True))) is False
    assert run(operators.invert(given(False))) is True
    for wrong in (MIN_INT, UInt(1), True, "a", None, moment(1)):
        with pytest.raises(CelError):
            run(operators.negate(given(wrong)))
    for wrong in (1, 0, None, "true"):
        with pytest.raises(CelError, match="no such overload: !"):
            run(operators.invert(given(wrong)))


YES, NO, BAD, ODD = given(True), given(False), fails("first"), given(1)


@pytest.mark.parametrize(
    ("terms", "either", "both"),
    [
        ([YES, YES], True, True),
        ([YES, NO], True, False),
        ([NO, NO], False, False),
        ([BAD, YES], True, "first"),
        ([YES, BAD], True, "first"),
        ([BAD, NO], "first", False),
        ([NO, BAD], "first", False),
        ([BAD, fails("second")], "first", "first"),
        ([ODD, YES], True, "take booleans"),
        ([NO, ODD], "take booleans", False),
        ([ODD, BAD], "take booleans", "take booleans"),
        ([BAD, ODD], "first", "first"),
        ([NO, BAD, YES], True, False),
    ],
)
def test_logic(terms: list[Any], either: Any, both: Any) -> None:
    for decisive, wanted in ((True, either), (False, both)):
        made = operators.logic(terms, decisive=decisive)
        if isinstance(wanted, bool):
            assert run(made) is wanted
        else:
            with pytest.raises(CelError, match=wanted):
                run(made)


def test_a_term_behind_the_decision_is_not_asked() -> None:
    def never(_: Frame) -> Any:
        raise AssertionError

    assert run(operators.logic([YES, never], decisive=True)) is True
    assert run(operators.logic([NO, never], decisive=False)) is False


def test_has() -> None:
    record = {"a": None, "b": {"c": 1}}
    assert run(operators.has_field(given(record), "a")) is True
    assert run(operators.has_field(given(record), "x")) is False
    assert run(operators.has_field(given(Optional(record)), "b")) is True
    assert run(operators.has_field(given(Optional(record)), "x")) is False
    assert run(operators.has_field(given(NONE), "a")) is False
    for missing in (fails(), given(1), given([1]), given(Optional(1))):
        assert run(operators.has_field(missing, "a")) is False
    assert run(operators.has(given(None))) is True
    assert run(operators.has(fails())) is False


ORDER: list[tuple[Any, Any]] = [
    (1, 2),
    (1, UInt(2)),
    (UInt(1), 2),
    (1, 1.5),
    (1.5, UInt(2)),
    (-math.inf, MIN_INT),
    ("a", "b"),
    ("a", "aa"),
    (b"a", b"b"),
    (False, True),
    (moment(1), moment(2)),
    (span(-1), span(1)),
    ("x" * 5_000, "x" * 5_000 + "y"),
]


@pytest.mark.parametrize(("less", "more"), ORDER)
def test_order(less: Any, more: Any) -> None:
    wanted = {"<": (True, False, False), "<=": (True, False, True), ">": (False, True, False)}
    wanted |= {">=": (False, True, True), "==": (False, False, True), "!=": (True, True, False)}
    for sign, (upwards, downwards, same) in wanted.items():
        assert run(operators.compare(sign, given(less), given(more))) is upwards, sign
        assert run(operators.compare(sign, given(more), given(less))) is downwards, sign
        assert run(operators.compare(sign, given(less), given(less))) is same, sign


EQUAL: list[tuple[Any, Any]] = [
    (1, 1.0),
    (1, UInt(1)),
    (2.0, UInt(2)),
    (MAX_INT, 2.0**63),
    (0.0, -0.0),
    (None, None),
    ([1, [2]], [1.0, [UInt(2)]]),
    ({"a": [1]}, {"a": [1.0]}),
    (CelType("int"), CelType("int")),
    (Optional([1]), Optional([1.0])),
    (NONE, NONE),
    ([], []),
    ({}, {}),
]
UNEQUAL: list[tuple[Any, Any]] = [
    (1, 2.0),
    (1, True),
    (0, False),
    (0, None),
    ("", None),
    ("1", 1),
    ("a", b"a"),
    ([], {}),
    ([1], [1, 2]),
    ([1, 2], [1, 3]),
    ({"a": 1}, {"b": 1}),
    ({"a": 1}, {"a": 2}),
    ({"a": 1}, {"a": 1, "b": 2}),
    ([True], [1]),
    (MAX_INT, UInt(MAX_INT - 1)),
    (math.nan, math.nan),
    ([math.nan], [math.nan]),
    (moment(1), span(1)),
    (moment(1), moment(2)),
    (CelType("int"), CelType("uint")),
    (NONE, Optional(None)),
    (Optional(None), NONE),
    (Optional(1), Optional(2)),
    (Optional(1), 1),
    ("x" * 2_000, "x" * 1_999 + "y"),
]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(*pair, True) for pair in EQUAL] + [(*pair, False) for pair in UNEQUAL],
)
def test_equality(one: Any, other: Any, same: bool) -> None:
    for left, right in ((one, other), (other, one)):
        assert run(operators.compare("==", given(left), given(right))) is same
        assert run(operators.compare("!=", given(left), given(right))) is not same
        assert member(left, [CelType("nothing else"), right], Budget()) is same
        assert run(operators.contains(given(left), given([right]))) is same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, "a"),
        (None, None),
        (None, 1),
        ([1], [2]),
        ({}, {}),
        (moment(1), span(1)),
        (True, 1),
        (CelType("a"), 1),
    ],
)
@pytest.mark.parametrize("sign", ["<", "<=", ">", ">="])
def test_what_has_no_order(one: Any, other: Any, sign: str) -> None:
    with pytest.raises(CelError, match=f"no such overload: {sign}"):
        run(operators.compare(sign, given(one), given(other)))


@pytest.mark.parametrize("sign", ["==", "!="])
def test_a_strict_comparison_wants_one_type(sign: str) -> None:
    other: Any
    for one, other in ((1, 1.0), (UInt(1), 1), ("a", "a"), (None, "a"), ("a", None), (None, None), ([], [])):
        run(operators.compare_alike(sign, given(one), given(other)))
    for one, other in (("a", 1), (1, True), ([], {}), ("a", b"a")):
        with pytest.raises(CelError, match=f"no such overload: {sign}"):
            run(operators.compare_alike(sign, given(one), given(other)))
    assert run(operators.compare_alike(sign, given(1), given(1.0))) is (sign == "==")
    assert run(operators.compare_alike(sign, given("a"), given("b"))) is (sign == "!=")


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [
        ("x" * 1_024, "x" * 1_024, 0),
        ("x" * 1_025, "x" * 1_025, 1),
        ("x" * 10_240, "x" * 10_240, 10),
        (b"x" * 2_048, b"x" * 2_048, 2),
        ("x" * 10_240, "y", 0),
        ([0] * 9, [0] * 9, 10),
        ({"a": 1}, {"a": 1}, 2),
        (1, 2, 0),
    ],
)
def test_comparing_costs_what_is_looked_at(one: Any, other: Any, steps: int) -> None:
    budget = Budget()
    run(operators.compare("==", given(one), given(other)), budget)
    assert budget.steps == steps


def test_ordering_costs_the_shorter_of_two_texts() -> None:
    cases = [("x" * 10_240, "x" * 4_096, 4), ("x" * 4_096, "x" * 10_240, 4), ("x", "y", 0)]
    for one, other, steps in [*cases, (b"x" * 4_096, b"x" * 10_240, 4), ("x" * 1_024, "x" * 2_048, 0)]:
        budget = Budget()
        run(operators.compare("<", given(one), given(other)), budget)
        assert budget.steps == steps


def test_membership() -> None:
    assert member("a", {"a": 1}, Budget()) is True
    assert member("b", {"a": 1}, Budget()) is False
    for odd in (None, [1], b"a", moment(1)):
        assert member(odd, {"a": 1}, Budget()) is False
    for wrong in ("abc", 1, None):
        with pytest.raises(CelError, match="in takes a list or a map"):
            member("a", wrong, Budget())
        with pytest.raises(CelError, match="no such overload: contains"):
            holds(wrong, "a", Budget())
    assert holds([1, "a"], "a", Budget()) is True
    for item, steps in (("a", 100), ("x" * 1_024, 100), (1, 800), ("x" * 1_025, 800)):
        budget = Budget()
        assert member(item, [None] * 800, budget) is False
        assert budget.steps == steps


def test_every_relation_has_both_ways() -> None:
    assert RELATIONS.keys() == {"==", "!=", "<", "<=", ">", ">="}
    assert isinstance(moment(1), Timestamp)
    assert isinstance(span(1), Duration)
