"""Functions take whatever they are given: they answer, or raise CelError, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from syncropel.cel.budget import Budget, Runaway
from syncropel.cel.comparing import RELATIONS
from syncropel.cel.compiler import Compiler
from syncropel.cel.expression import EvaluationFailed, InvalidExpression, compile_expression
from syncropel.cel.frame import Frame
from syncropel.cel.functions import ARITIES, FUNCTIONS, OTHERWISE
from syncropel.cel.macros import MACROS, OPTIONAL
from syncropel.cel.names import Vocabulary
from syncropel.cel.parser import parse
from syncropel.cel.syntax import BadCall
from syncropel.cel.values import (
    MAX_INT,
    MAX_UINT,
    MIN_INT,
    NONE,
    TYPES,
    CelError,
    CelType,
    Duration,
    Optional,
    Timestamp,
    UInt,
    plain,
)

NOTHING: dict[str, Any] = {}
"""No names are known."""

_TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "%s %d %f %e %b %x %X %o %%",
            "%.99f",
            "%.1000f",
            "%",
            "(a{30}){30}",
            "(",
            "[[:alpha:]",
            "9" * 5_000,
            "-0x" + "f" * 500,
            "1e999",
            "nan",
            "z" * 5_000,
            "../../etc/passwd",
            "Europe",
            "Europe/Berlin",
            "/etc/localtime",
            "\x00",
            "+99:99",
            "-23:59",
            "9999-12-31T23:59:59.999999999-23:59",
            "0001-01-01T00:00:00+23:59",
            "2024-02-30T00:00:00Z",
            "1h1h1h",
            "9" * 99 + "h",
            ".s",
            "\ud800",
        ]
    ),
)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(MIN_INT, MAX_INT),
    st.sampled_from([MIN_INT, MAX_INT, 2**70, -1, 0, 1]),
    st.integers(0, MAX_UINT).map(UInt),
    st.floats(),
    _TEXTS,
    st.binary(max_size=10),
    st.integers(-62_135_596_800 * 10**9, 253_402_300_800 * 10**9 - 1).map(Timestamp),
    st.integers(MIN_INT, MAX_INT).map(Duration),
    st.sampled_from([CelType("int"), NONE, Optional(1)]),
)
VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
        inner.map(Optional),
    ),
    max_leaves=8,
)
_VOCABULARY = Vocabulary(values=frozenset({"a", "b", "c", "d"}))


def _written(name: str, count: int) -> str:
    of, *others = [*"abcde"[:count]] if "." not in name else [name.partition(".")[0], *"abcde"[:count]]
    return f"{of}.{name.rpartition('.')[2]}({', '.join(others)})"


CALLS = [
    _written(name, count) for name in FUNCTIONS for count in sorted(ARITIES[name]) if count or "." in name
]
CALLS += [
    f"{name}({', '.join('abcd'[:count])})"
    for name in FUNCTIONS
    for count in sorted(ARITIES[name])
    if "." not in name
]
CALLS += [f"a.{name}(b)" for name in sorted(OTHERWISE)]
CALLS += [f"a {sign} b" for sign in (*RELATIONS, "+", "-", "*", "/", "%", "in", "&&", "||")]
CALLS += ["-a", "!a", "a ? b : c", "a[b]", "a[?b]", "a.b", "a.?b", "has(a.b)", "has(a[b])"]
CALLS += ["[a, ?b]", "{a: b, ?c: d}"]
for _name, _variables, _bodies in MACROS:
    _names = ["x", "y"][:_variables]
    CALLS += [f"a.{_name}({', '.join(_names + [body] * _bodies)})" for body in ("b", "x == b", "[x]")]
CALLS += [f"a.{name}(x, {body})" for name in sorted(OPTIONAL) for body in ("x", "a")] + [
    "cel.bind(x, a, [x, x])"
]


@pytest.mark.parametrize("call", CALLS)
def test_whatever_it_is_given(call: str) -> None:
    run = Compiler().compile(parse(call))  # once, and only what it names is drawn: both are dear
    names = dict.fromkeys(re.findall(r"\b[abcd]\b", call))

    @settings(max_examples=40)
    @given(st.fixed_dictionaries(dict.fromkeys(names, VALUES)))
    @example(dict(zip(names, ("2024-01-01T00:00:00Z", "z" * 5_000, 0, 0), strict=False)))
    def answers_or_raises(values: dict[str, Any]) -> None:
        budget = Budget()
        try:
            found = run(Frame(values.__getitem__, {}, budget))
        except (CelError, Runaway):
            return
        assert found.__class__ in TYPES
        try:
            written = plain(found, budget)
        except (CelError, Runaway):
            return
        json.dumps(written, allow_nan=False)

    answers_or_raises()


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_wrong_number_of_arguments_is_refused_when_it_is_compiled(name: str) -> None:
    wrong = max(ARITIES[name]) + 1
    with pytest.raises(BadCall, match="does not take"):
        Compiler().compile(parse(_written(name, wrong)))


def test_every_overload_is_of_known_types() -> None:
    for overloads in FUNCTIONS.values():
        assert all(kind in TYPES for kinds in overloads for kind in kinds)


@pytest.mark.parametrize(
    ("source", "written", "kind"),
    [
        ("0.0 / 0.0", "NaN", "double"),
        ("-1.0 / 0.0", "-Infinity", "double"),
        ("18446744073709551615u", 2**64 - 1, "uint"),
        ("timestamp('2024-03-01T00:00:00.5Z')", "2024-03-01T00:00:00.5Z", "google.protobuf.Timestamp"),
        ("duration('-1h30m')", "-5400s", "google.protobuf.Duration"),
        ("type(1)", "int", "type"),
        ("b'abc'", "abc", "bytes"),
        ("optional.of([1u])", [1], "optional_type"),
        ("optional.none()", None, "optional_type"),
        ("{true: 1, 2: {}, 'x': null}", {"true": 1, "2": {}, "x": None}, "map"),
        ("null", None, "null_type"),
    ],
)
def test_a_result_as_json_has_it(source: str, written: Any, kind: str) -> None:
    found = compile_expression(source, _VOCABULARY).evaluate_typed(NOTHING.__getitem__, {})
    assert found == (written, kind)


def test_what_is_nested_too_deeply_is_no_result() -> None:
    deep: Any = []
    for _ in range(99):
        deep = [deep]
    expression = compile_expression("[a]", _VOCABULARY)
    assert expression.evaluate({"a": deep[0]})
    with pytest.raises(EvaluationFailed, match="nested over 100 deep"):
        expression.evaluate({"a": [deep]})
    for _ in range(5_000):
        deep = [deep]
    for source in ("a", "a == a", "'%s'.format([a])"):
        with pytest.raises(EvaluationFailed, match=r"deep|too large"):
            compile_expression(source, _VOCABULARY).evaluate({"a": deep})


def test_a_question_to_the_instance_may_fail_in_any_way() -> None:
    """Even a fault of ours in one is an error of the expression, and a `true` beside it decides."""
    vocabulary = Vocabulary(functions=(("ask", 1, None),))

    def ask(_: str) -> Any:
        raise ZeroDivisionError

    with pytest.raises(EvaluationFailed, match="internal error"):
        compile_expression("ask('x')", vocabulary).evaluate_lazily(NOTHING.__getitem__, {"ask": ask})
    with pytest.raises(EvaluationFailed, match=r"no such overload: ask\(int\)"):
        compile_expression("ask(1)", vocabulary).evaluate_lazily(NOTHING.__getitem__, {"ask": ask})
    with pytest.raises(InvalidExpression, match="takes 1 argument"):
        compile_expression("ask()", vocabulary)
