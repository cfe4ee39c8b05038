"""Join predicates: a bad one is refused at its place, a good one decided alike in both languages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.cel.expression import InvalidExpression
from syncropel.errors import InvalidFanOut, SyncropelError
from syncropel.folds.fanout.spec import FanOutSpec, parse_fan_out
from syncropel.folds.fanout.state import VERDICTS, FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.policy.joining import check_join, decide_join
from tests.folds.build import WORKER_A, done, fold_fan_out, graphs, parent, record, spawned, subtask


def spec(join: str, count: int = 3) -> FanOutSpec:
    return parse_fan_out({"subtasks": [subtask()] * count, "join": join})


@pytest.mark.parametrize(
    "join",
    [
        "all",
        "any",
        "k_of_n:3",
        "size(children) > 1",
        'children.all(c, c.verdict == "accept")',
        'children.exists(c, c.verdict == "accept" && c.cost_usd < parent.cost_usd)',
        "children.filter(c, c.attempt > 1).size() == 0",
        "children.map(c, c.wall_time_secs).all(w, w < 60.0)",
        "children.exists_one(c, c.index == 0 && c.state == 'accept')",
        'children[0].verdict == "accept"',
        "children.all(a, children.exists(b, a.index == b.index))",
        "children.filter(c, c.verdict == 'accept').map(c, c.cost_usd).exists(usd, usd > 1.0)",
        "parent.alias.startsWith('T') && parent.namespace != '' && parent.thread != parent.join",
    ],
)
def test_what_may_be_asked(join: str) -> None:
    check_join(spec(join))


@pytest.mark.parametrize(
    ("join", "line", "column", "words"),
    [
        ("children.size( > 1", 1, 16, []),
        ("size(kids) > 1", 1, 6, ["name", "'kids'", "children", "parent"]),
        ('children.all(c, c.verdcit == "accept")', 1, 19, ["field", "'verdcit'", "verdict"]),
        ("parent.budget > 1.0", 1, 8, ["field", "'budget'", "alias"]),
        ("children.sum() > 1", 1, 10, ["function", "'sum'"]),
        ("count(children) > 1", 1, 1, ["function", "'count'"]),
        ("children.all(c, c.index > 0)\n  && c.index == 1", 2, 6, ["name", "'c'"]),
        ("children.all(a, children.all(b, b.goal == a.gaol))", 1, 45, ["field", "'gaol'"]),
        ("children.filter(c, true)[0].nope == 1", 1, 29, ["field", "'nope'"]),
        ("all && any", 1, 1, ["name", "'all'"]),
    ],
)
def test_a_mistake_is_shown_at_its_place(join: str, line: int, column: int, words: list[str]) -> None:
    with pytest.raises(InvalidExpression) as caught:
        check_join(spec(join))
    assert (caught.value.line, caught.value.column) == (line, column)
    told = f"{caught.value.message} {caught.value.hint}"
    assert f"at line {line}, column {column}" in told
    for word in words:
        assert word in told


@pytest.mark.parametrize(
    "join",
    [
        "children",
        '"yes"',
        "1 + 1",
        "children.size()",
        "parent.alias",
        "children.exists(c, c.verdict == 1)",
        "null",
    ],
)
def test_a_join_says_yes_or_no(join: str) -> None:
    with pytest.raises(InvalidExpression):
        check_join(spec(join))


@pytest.mark.parametrize("join", ["k_of_n:0", "k_of_n:4", "k_of_n:many", "k_of_n"])
def test_k_fits_the_number_of_subtasks(join: str) -> None:
    with pytest.raises(InvalidFanOut, match="from 1 to 3"):
        check_join(spec(join))


@pytest.mark.parametrize(
    "join",
    [
        "children.all(1, true)",
        "children.all(c)",
        "children.all()",
        "size()",
        "(" * 300,
        "a" * 20_000,
        "\x00",
    ],
)
def test_nonsense_is_refused_in_the_usual_way(join: str) -> None:
    """Never with an error that nobody expects: the reconciler reads joins from any log."""
    with pytest.raises(SyncropelError):
        check_join(FanOutSpec(spec("all").subtasks, join, "default"))


async def decide(fanout: FanOut, join: str) -> Any:
    fanout.join = join
    _, decision = await decide_join(fanout, fan_out_children(fanout), "T-1", {WORKER_A: "worker-a"})
    return decision


def as_expression(join: str) -> str:
    if join == "all":
        return 'children.all(c, c.verdict == "accept")'
    if join == "any":
        return 'children.exists(c, c.verdict == "accept")'
    return f'children.filter(c, c.verdict == "accept").size() >= {join.removeprefix("k_of_n:")}'


@settings(max_examples=60)
@given(graphs(), st.data())
async def test_shorthands_and_expressions_agree(graph: list[list[int]], data: st.DataObject) -> None:
    count = len(graph)
    verdicts = data.draw(st.lists(st.sampled_from([None, *VERDICTS]), min_size=count, max_size=count))
    join = data.draw(st.sampled_from(["all", "any", *(f"k_of_n:{k}" for k in range(1, count + 1))]))
    facts = [done(index, 20 + index, verdict) for index, verdict in enumerate(verdicts) if verdict]
    fanout = fold_fan_out(parent([subtask(*depends) for depends in graph]), *facts)
    short, long = await decide(fanout, join), await decide(fanout, as_expression(join))
    assert short.satisfied == long.satisfied
    if not long.satisfiable:
        assert not short.satisfiable, "an expression is given up only when nothing can change any more"


async def test_an_expression_may_be_satisfied_by_a_failure() -> None:
    fanout = fold_fan_out(parent([subtask(), subtask()]), spawned(0, 1), done(0, 3, "failed"))
    assert (await decide(fanout, 'children.exists(c, c.verdict == "failed")')).satisfied


async def test_an_expression_without_a_value_yet_waits() -> None:
    fanout = fold_fan_out(parent([subtask(), subtask()]))
    decision = await decide(fanout, "children[5].index == 5 || 1 / 0 == 1")
    assert (decision.satisfied, decision.satisfiable) == (False, True)


@pytest.mark.parametrize(
    "join", ["k_of_n:9", "k_of_n:", "children.nope(", "children.all(1, true)", "children", ""]
)
async def test_a_bad_join_from_a_foreign_log_is_never_satisfied(join: str) -> None:
    fanout = fold_fan_out(parent([subtask()]), done(0, 3))
    decision = await decide(fanout, join)
    assert (decision.satisfied, decision.satisfiable) == (False, False)


async def test_an_amended_join_is_what_counts() -> None:
    amend = record("LEARN", 9, {"topic": "fanout_amend_join", "join": "any", "reason": "enough"})
    fanout = fold_fan_out(parent([subtask(), subtask()]), done(0, 4), amend)
    assert (await decide(fanout, fanout.join)).satisfied
