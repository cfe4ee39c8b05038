"""Expressions mean what cel-python says they mean, cost what they may, and say where they are wrong."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import celpy
import pytest

from syncropel.errors import SyncropelError
from syncropel.policy import cel
from syncropel.policy.budget import Budget, Runaway
from syncropel.policy.cache import ExpressionCache
from syncropel.policy.cel import EvaluationFailed, InvalidExpression, compile_expression
from syncropel.policy.names import Vocabulary

VOCABULARY = Vocabulary(
    objects=(("parent", frozenset({"alias", "cost", "body"})),),
    lists=(("children", frozenset({"index", "verdict", "cost"})),),
)
BINDINGS: dict[str, Any] = {
    "parent": {"alias": "A", "cost": 3.5, "body": {"n": 7, "tags": ["x", "y"], "none": None}},
    "children": [
        {"index": 0, "verdict": "accept", "cost": 0.5},
        {"index": 1, "verdict": "reject", "cost": 1.5},
        {"index": 2, "verdict": "accept"},
    ],
}

CORPUS = [
    "1 + 2 * 3 - 4 / 2 % 3 == 6",
    "-7 / 2 == -3 && -7 % 2 == -1",
    '"a" + "b" == "ab"',
    "[1, 2] + [3] == [1, 2, 3]",
    "{'a': 1, 'b': [true, null]}.b[1] == null",
    "true ? 1 : 2",
    "false ? 1 : 1 / 0 == 0",
    "true || 1 / 0 == 0",
    "1 / 0 == 0 || true",
    "false || 1 / 0 == 0",
    "false && 1 / 0 == 0",
    "1 / 0 == 0 && false",
    "!true == false",
    "!1",
    "1 in [3, 2, 1]",
    "'n' in parent.body",
    "'zz' in parent.body",
    "parent.alias == 'A'",
    "parent.alias == 1",
    "parent.cost > 3.0",
    "parent['alias']",
    "parent.body.n + 1",
    "parent.body.none == null",
    "parent.body.missing == 1",
    "has(parent.body.missing)",
    "has(parent.body.n)",
    "parent.body.tags[1]",
    "parent.body.tags[5]",
    "size(parent.body.tags) == 2",
    "parent.alias.size()",
    "parent.body.tags == ['x', 'y']",
    "children.all(c, c.index >= 0)",
    "children.all(c, c.cost > 0.1)",
    "children.exists(c, c.cost > 1.0)",
    "children.exists(c, c.cost > 9.0)",
    "children.exists_one(c, c.verdict == 'reject')",
    "children.filter(c, c.verdict == 'accept').size()",
    "children.map(c, c.index)",
    "children.filter(c, c.index < 2).map(c, c.cost)",
    "children.all(parent, parent.index < 3) && parent.alias == 'A'",
    "[[1, 2], [3]].map(a, a.map(b, b * 2))",
    "{'a': 1, 'b': 2}.exists(k, k == 'b')",
    "'accept'.startsWith('acc') && 'accept'.endsWith('t') && 'accept'.contains('cep')",
    "'worker-a'.matches('^worker-[a-z]$')",
    "'x'.matches('(')",
    "int('42') + 1",
    "int('x')",
    "string(42) + '!'",
    "double('1.5') * 2.0",
    "bool('true')",
    "uint(3) + 4u",
    "timestamp('2024-03-01T00:00:00Z').getFullYear()",
    "timestamp('2024-03-01T00:00:00Z') - timestamp('2024-02-29T00:00:00Z') == duration('24h')",
    "9223372036854775807 + 1",
    r"'\u00e9\n' == r'\n'",
    "dyn(1) == 1",
    "[] == []",
    "{} == {}",
    "'b' > 'a' && 2.0 >= 1.5 && 1 != 2",
    "1 < 'a'",
    "children[0].verdict",
    "children[1].index == parent.body.n",
]
"""Evaluated by cel-python's interpreter as well."""


def _reference(source: str) -> Any:
    environment = celpy.Environment(runner_class=celpy.InterpretedRunner)
    program = environment.program(environment.compile(source))
    try:
        return program.evaluate({name: celpy.json_to_cel(value) for name, value in BINDINGS.items()})
    except celpy.CELEvalError:
        return EvaluationFailed
    except (TypeError, ValueError):
        return EvaluationFailed


@pytest.mark.parametrize("source", CORPUS)
def test_an_expression_gives_what_cel_python_gives(source: str) -> None:
    try:
        ours: Any = compile_expression(source, VOCABULARY).evaluate(BINDINGS)
    except EvaluationFailed:
        ours = EvaluationFailed
    reference = _reference(source)
    assert (ours is EvaluationFailed) == (reference is EvaluationFailed)
    assert ours is EvaluationFailed or ours == reference


def test_both_sides_of_and_are_asked_only_when_needed() -> None:
    asked: list[str] = []

    def load(name: str) -> Any:
        asked.append(name)
        return BINDINGS[name]

    expression = compile_expression("parent.alias == 'B' && children.size() > 1", VOCABULARY)
    assert expression.evaluate_lazily(load, {}) is False
    assert asked == ["parent"]


@pytest.mark.parametrize(
    ("source", "line", "column", "word"),
    [
        ("chidren.size() > 1", 1, 1, "chidren"),
        ("true &&\n  parent.allias == 'A'", 2, 10, "allias"),
        ("sise(children) > 1", 1, 1, "sise"),
        ("children.al(c, true)", 1, 10, "al"),
        ("children.all(c, c.verdikt == 'x')", 1, 19, "verdikt"),
        ("1 +", 1, 3, "not a CEL"),
        ("children.all(1, true)", 1, 1, "variable"),
        ("99999999999999999999 > 1", 1, 1, "range"),
        ("'\\ud800' == 'x'", 1, 1, "range"),
        ("!" * 200 + "true", 1, 62, "deep"),
        ("", 1, 1, "empty"),
        ("__class__ == 1", 1, 1, "__class__"),
        ("x" * 10_001, 1, 1, "10000"),
    ],
)
def test_a_mistake_has_its_place(source: str, line: int, column: int, word: str) -> None:
    with pytest.raises(InvalidExpression) as refused:
        compile_expression(source, VOCABULARY)
    assert (refused.value.line, refused.value.column) == (line, column)
    assert word in refused.value.message


_TEN = "[1,2,3,4,5,6,7,8,9,0]"


@pytest.mark.parametrize(
    "source",
    [
        f"{_TEN}.map(a,{_TEN}.map(b,{_TEN}.map(c,{_TEN}.map(d,{_TEN}.map(e,{_TEN}.map(f,a+b))))))",
        "['aaaaaaaaaa']" + ".map(a,a+a+a+a+a+a+a+a+a+a)" * 20 + ".size()",
        f"[{_TEN}]" + ".map(a,a+a+a+a+a+a+a+a+a+a)" * 20,
        "[1]" + ".map(a,[a,a,a,a,a,a,a,a,a,a])" * 40,
        "parent.body.all(a, parent.body.all(b, a >= 0))",
    ],
)
def test_a_runaway_is_stopped(source: str) -> None:
    bindings = {"parent": {"alias": "", "cost": 0.0, "body": list(range(1_000_000))}, "children": []}
    with pytest.raises(Runaway):
        compile_expression(source, VOCABULARY).evaluate(bindings, Budget(secs=1.0))


def test_a_huge_pattern_fails_and_a_costly_one_is_linear() -> None:
    with pytest.raises(EvaluationFailed):
        compile_expression(f"'a'.matches('{'(a{1000})' * 100}{{1000}}')", VOCABULARY).evaluate(BINDINGS)
    hostile = compile_expression("parent.alias.matches('^(a+)+$')", VOCABULARY)
    assert hostile.evaluate({"parent": {"alias": "a" * 100_000 + "b"}}) is False


def test_errors_are_remembered_and_counted() -> None:
    cache: ExpressionCache[int] = ExpressionCache(capacity=2)

    def bad() -> int:
        raise InvalidExpression("no", "x", 1, 1)

    for _ in range(2):
        with pytest.raises(SyncropelError):
            cache.get("bad", bad)
    for key in ("a", "b", "a"):
        assert cache.get(key, lambda: 1) == 1
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.compile_errors) == (2, 3, 1)
    assert (stats.size, stats.capacity, stats.hit_rate_pct) == (2, 2, 40.0)


def test_what_the_parser_takes_to_be_made_is_not_counted_as_compiling(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes as long as a hundred compilations: their mean would be false for days."""
    now = 0.0

    @lru_cache(maxsize=1)
    def environment() -> celpy.Environment:
        nonlocal now
        now += 1.0
        return celpy.Environment(runner_class=celpy.InterpretedRunner)

    monkeypatch.setattr(cel, "_environment", environment)
    monkeypatch.setattr(cel, "_cache", ExpressionCache())
    monkeypatch.setattr("syncropel.policy.cache.time.perf_counter", lambda: now)
    compile_expression("1 + 1 == 2", VOCABULARY)
    assert now == 1.0
    assert cel.cache_stats().avg_compile_micros == 0.0
