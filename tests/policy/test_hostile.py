"""Expressions written to do harm are stopped by their steps, which are the same on every machine."""

from __future__ import annotations

import time
from typing import Any

import pytest

from syncropel.cel.budget import MAX_STEPS, Budget, Runaway
from syncropel.cel.expression import EvaluationFailed, InvalidExpression, compile_expression
from syncropel.cel.names import Vocabulary
from syncropel.cel.patterns import MAX_PATTERNS

_VOCABULARY = Vocabulary(values=frozenset({"numbers", "text", "texts", "mixed"}))
BINDINGS: dict[str, Any] = {
    "numbers": list(range(200_000)),
    "text": "ab" * 150_000,
    "texts": ["x" * 1_000] * 2_000,
    "mixed": ["aé" * 50_000, {"k": [1] * 1_000}] * 500,
}
_EACH = "numbers.all(n, {})"
STOPPED = {
    "a pattern over a long text": _EACH.format("text.matches('(a|b)*a(a|b){200}c') || true"),
    "a pattern made of values": _EACH.format(
        "text.substring(0, 10).matches('a{' + string(n % 900) + '}') || true"
    ),
    "many instructions": "text.matches('((a{30}){30}|b)*c')",
    "a search in a long text": _EACH.format("text.contains('abababababc') || true"),
    "a search from the end": _EACH.format("text.lastIndexOf('ba' + text.substring(0, 9999)) < n"),
    "comparing long texts": _EACH.format("text + 'a' != text + 'b'"),
    "ordering long texts": _EACH.format("text <= text"),
    "comparing long lists": _EACH.format("numbers == numbers"),
    "comparing lists in lists": _EACH.format("mixed == mixed"),
    "a number in a long list": _EACH.format("!(-1 in numbers)"),
    "a text in a long list": _EACH.format("!('' in numbers)"),
    "a long text in a list of them": _EACH.format("!(text in [text + 'a', text + 'b', text + 'c'])"),
    "a replacement of everything": "text.replace('', text).size() > 0",
    "a replacement again and again": _EACH.format("text.replace('a', 'bc') != ''"),
    "a text in pieces": _EACH.format("text.split('').size() > 0"),
    "pieces joined": _EACH.format("texts.join(', ') != ''"),
    "a format of much": _EACH.format("'%s%s'.format([texts, mixed]) != ''"),
    "a format in hexadecimal": _EACH.format("'%x'.format([text]) != ''"),
    "letters": _EACH.format("mixed[0].upperAscii() != mixed[0].lowerAscii()"),
    "a text turned around": _EACH.format("text.reverse() != ''"),
    "quotes": _EACH.format("strings.quote(text) != ''"),
    "bytes": _EACH.format("string(bytes(text)) != ''"),
    "twice as long, again and again": "".join(
        f"cel.bind(x{at + 1}, x{at} + x{at}, " for at in range(30)
    ).join(["cel.bind(x0, text, ", f"x30.size() > 0){')' * 30}"]),
    "lists twice as long": "".join(f"cel.bind(x{at + 1}, x{at} + x{at}, " for at in range(30)).join(
        ["cel.bind(x0, numbers, ", f"x30.size() > 0){')' * 30}"]
    ),
    "a map of a list": _EACH.format("numbers.transformMap(i, x, [x]).size() > 0"),
    "a list of lists, written out": "numbers.map(n, numbers)",
    "maps in maps": "numbers.transformMap(i, n, mixed)",
    "pairs": "numbers.all(i, a, numbers.all(j, b, a + b >= 0))",
    "triples": "numbers.filter(a, numbers.exists(b, numbers.exists_one(c, a + b == c)))",
    "zones": _EACH.format("timestamp(n).getHours('Europe/Berlin') >= 0"),
    "what is absorbed": "numbers.all(n, numbers[n] / 0 == 1 || numbers[n - 1] / 0 == 2)",
}


@pytest.mark.parametrize("what", STOPPED)
def test_it_is_stopped_by_its_steps_alone(what: str) -> None:
    budget = Budget(secs=float("inf"))
    with pytest.raises(Runaway):
        compile_expression(STOPPED[what], _VOCABULARY).evaluate(BINDINGS, budget)


@pytest.mark.parametrize("what", STOPPED)
def test_it_costs_the_same_each_time(what: str) -> None:
    steps = []
    for _ in range(2):
        budget = Budget(5_000, float("inf"))
        with pytest.raises(Runaway):
            compile_expression(STOPPED[what], _VOCABULARY).evaluate(BINDINGS, budget)
        steps.append(budget.steps)
    assert steps[0] == steps[1]


def test_none_of_them_holds_a_thread_for_long() -> None:
    """Coarse on purpose: of all of them together, in processor time, with much room for a slow machine."""
    started = time.thread_time()
    for source in STOPPED.values():
        with pytest.raises(Runaway):
            compile_expression(source, _VOCABULARY).evaluate(BINDINGS)
    assert time.thread_time() - started < 3.0 * len(STOPPED)


@pytest.mark.parametrize(
    "source",
    [
        "text.matches('((((a{99}){99}){99}){99})')",
        "text.matches('[\\\\pL\\\\pN]{500}')",
        "text.substring(0, 9).matches('a'.replace('a', text.substring(0, 2000)))",
        "9223372036854775807 * 2 > 0",
        "18446744073709551615u + 1u > 0u",
        "-9223372036854775807 - 2 < 0",
        "int(text.substring(0, 5000)) > 0",
        "'%.101f'.format([1.0]) != ''",
        "duration('2000000000h') > duration('1s')",
    ],
)
def test_it_has_no_value_and_costs_little(source: str) -> None:
    budget = Budget(MAX_STEPS // 10)
    with pytest.raises(EvaluationFailed):
        compile_expression(source, _VOCABULARY).evaluate(BINDINGS, budget)


def test_an_expression_has_so_many_patterns_and_no_more() -> None:
    one = "text.matches('a')"
    assert compile_expression(" || ".join([one] * MAX_PATTERNS), _VOCABULARY).evaluate(BINDINGS) is True
    with pytest.raises(InvalidExpression, match="at most 200 patterns"):
        compile_expression(" || ".join([one] * (MAX_PATTERNS + 1)), _VOCABULARY)


def test_a_time_limit_stands_behind_the_steps() -> None:
    with pytest.raises(Runaway, match="took too long") as stopped:
        compile_expression("numbers.all(n, n >= 0)", _VOCABULARY).evaluate(BINDINGS, Budget(secs=-1.0))
    assert stopped.value.timed_out


def test_a_budget_counts_to_its_limit() -> None:
    budget = Budget(1_000, float("inf"))
    budget.spend(1_000)
    budget.check()
    with pytest.raises(Runaway, match="1000 steps"):
        budget.spend(1)
