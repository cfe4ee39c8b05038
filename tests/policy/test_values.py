"""Values: what is taken out of them, what they are called, and what becomes of them as JSON."""

from __future__ import annotations

import math
from typing import Any

import pytest

from syncropel.cel.budget import Budget
from syncropel.cel.times import moment, read_moment, read_span, span
from syncropel.cel.values import (
    MAX_DEPTH,
    MAX_INT,
    MAX_UINT,
    MIN_INT,
    NONE,
    BoolKey,
    CelError,
    CelType,
    Optional,
    UInt,
    double_text,
    index,
    integer,
    key_of,
    kind_of,
    no_overload,
    optional_index,
    optional_select,
    plain,
    select,
    shallow,
    time_text,
    unkeyed,
    unsigned,
)

RECORD: dict[Any, Any] = {"a": 1, "list": [7, 8], "null": None, "big": 2**63, 1: "one", BoolKey(True): "yes"}


def test_names_of_types() -> None:
    told: list[tuple[Any, str]] = [
        (None, "null_type"),
        (True, "bool"),
        (1, "int"),
        (UInt(1), "uint"),
        (1.5, "double"),
        ("a", "string"),
    ]
    told += [(b"a", "bytes"), ([], "list"), ({}, "map"), (NONE, "optional_type"), (CelType("int"), "type")]
    told += [(moment(0), "google.protobuf.Timestamp"), (span(0), "google.protobuf.Duration")]
    assert [kind_of(one) for one, _ in told] == [name for _, name in told]
    assert kind_of(object()) == "unknown"
    assert str(no_overload("f", 1, "a")) == "no such overload: f(int, string)"


def test_ranges() -> None:
    for value in (MIN_INT, -1, 0, MAX_INT):
        assert shallow(value) == integer(value) == value
    for value in (MIN_INT - 1, MAX_INT + 1):
        for check in (shallow, integer):
            with pytest.raises(CelError, match="does not fit into 64 bits"):
                check(value)
    for value in (0, MAX_UINT):
        assert (unsigned(value), type(unsigned(value))) == (value, UInt)
    for value in (-1, MAX_UINT + 1):
        with pytest.raises(CelError, match="unsigned integer does not fit"):
            unsigned(value)
    for other in (UInt(MAX_UINT), 1e300, True, "a", None):
        assert shallow(other) is other


def test_members() -> None:
    assert select(RECORD, "a") == 1
    assert select(RECORD, "null") is None
    for value, name, words in (
        (RECORD, "x", "no such key: 'x'"),
        (RECORD, "big", "64 bits"),
        ([1], "a", "list has no field 'a'"),
        (None, "a", "null_type has no field"),
    ):
        with pytest.raises(CelError, match=words):
            select(value, name)


def test_members_that_may_be_missing() -> None:
    assert optional_select(RECORD, "a").value == 1
    assert optional_select(RECORD, "null").value is None
    assert optional_select(RECORD, "null") is not NONE
    assert optional_select(RECORD, "x") is NONE
    assert optional_select(Optional(RECORD), "a").value == 1
    assert optional_select(NONE, "a") is NONE
    assert select(Optional(RECORD), "a").value == 1
    assert select(NONE, "a") is NONE
    for odd in ([1], Optional(1), None):
        with pytest.raises(CelError, match="has no field"):
            optional_select(odd, "a")
    with pytest.raises(CelError, match="64 bits"):
        optional_select(RECORD, "big")


@pytest.mark.parametrize(
    ("of", "key", "gives"),
    [
        ([7, 8], 0, 7),
        ([7, 8], 1, 8),
        ([7, 8], UInt(1), 8),
        ([7, 8], 1.0, 8),
        (RECORD, "a", 1),
        (RECORD, 1, "one"),
        (RECORD, UInt(1), "one"),
        (RECORD, 1.0, "one"),
        (RECORD, True, "yes"),
    ],
)
def test_elements(of: Any, key: Any, gives: Any) -> None:
    assert index(of, key) == gives
    assert optional_index(of, key).value == gives
    assert index(Optional(of), key).value == gives
    assert optional_index(Optional(of), key).value == gives


@pytest.mark.parametrize(
    ("of", "key", "words"),
    [
        ([7, 8], 2, "there is no element 2"),
        ([7, 8], -1, "there is no element -1"),
        ([], 0, "there is no element 0"),
        (RECORD, "x", "no such key: 'x'"),
        (RECORD, False, "no such key: False"),
        (RECORD, 1.5, "no such key: 1.5"),
        (RECORD, 2, "no such key: 2"),
    ],
)
def test_elements_that_there_are_not(of: Any, key: Any, words: str) -> None:
    with pytest.raises(CelError, match=words):
        index(of, key)
    assert optional_index(of, key) is NONE
    assert optional_index(NONE, key) is NONE


@pytest.mark.parametrize(
    ("of", "key", "words"),
    [
        ([7], True, "a list has no element at bool"),
        ([7], "0", "a list has no element at string"),
        ([7], 0.5, "a list has no element at double"),
        ([7], math.nan, "a list has no element at double"),
        (RECORD, None, "a map has no key of type null_type"),
        (RECORD, b"a", "a map has no key of type bytes"),
        (RECORD, [1], "a map has no key of type list"),
        ("abc", 0, "string has no elements"),
        (None, 0, "null_type has no elements"),
        (RECORD, "big", "64 bits"),
    ],
)
def test_elements_of_wrong_types(of: Any, key: Any, words: str) -> None:
    for ask in (index, optional_index):
        with pytest.raises(CelError, match=words):
            ask(of, key)


def test_keys() -> None:
    assert key_of("a") == "a"
    assert key_of(1) == key_of(UInt(1)) == key_of(1.0) == 1
    assert key_of(True) != 1
    assert unkeyed(key_of(True)) is True
    assert unkeyed("a") == "a"
    assert key_of(0.5) not in {0: 1, 1: 1, "a": 1}


def test_what_a_long_key_is_told_by() -> None:
    with pytest.raises(CelError) as told:
        index({}, "x" * 5_000)
    assert len(str(told.value)) < 200


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, None),
        (True, True),
        (5, 5),
        (UInt(5), 5),
        (1.5, 1.5),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        ("a", "a"),
        (b"a\xff", "a\ufffd"),
        ([1, [b"a"]], [1, ["a"]]),
        ({"a": {1: NONE, BoolKey(False): 1, BoolKey(True): 2}}, {"a": {"1": None, "false": 1, "true": 2}}),
        (Optional(UInt(1)), 1),
        (CelType("int"), "int"),
        (moment(0), "1970-01-01T00:00:00Z"),
        (span(0), "0s"),
    ],
)
def test_as_json(value: Any, written: Any) -> None:
    found = plain(value, Budget())
    assert (type(found), found) == (type(written), written)


def test_writing_out_costs_a_step_a_member() -> None:
    for value, steps in (([1, 2, 3], 4), ({"a": 1}, 2), ([[1], [2]], 7), (b"x" * 128, 2), (5, 0)):
        budget = Budget()
        plain(value, budget)
        assert budget.steps == steps


def test_writing_out_has_a_depth() -> None:
    deep: Any = 1
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]
    assert plain(deep, Budget()) == deep
    with pytest.raises(CelError, match=f"nested over {MAX_DEPTH} deep"):
        plain([deep], Budget())
    with pytest.raises(CelError, match="nested over"):
        plain({"a": deep}, Budget())
    with pytest.raises(CelError, match="nested over"):
        plain(Optional(deep), Budget())


@pytest.mark.parametrize(
    "text",
    [
        "1970-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "1969-12-31T23:59:59.5Z",
        "2024-02-29T12:34:56.000000001Z",
        "2024-02-29T12:34:56.12Z",
    ],
)
def test_moments_as_text(text: str) -> None:
    assert time_text(read_moment(text)) == text


@pytest.mark.parametrize("text", ["0s", "1s", "-1s", "1.5s", "-0.000000001s", "9223372036.854775807s", "90s"])
def test_durations_as_text(text: str) -> None:
    assert time_text(read_span(text)) == text


def test_doubles_as_text() -> None:
    told = {1.0: "1.0", 0.1: "0.1", -4.5e-3: "-0.0045", math.inf: "Infinity", -math.inf: "-Infinity"}
    assert {one: double_text(one) for one in told} == told
    assert double_text(math.nan) == "NaN"
