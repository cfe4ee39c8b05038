"""The shorthands of a join, against every way in which the subtasks may still end."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.errors import InvalidFanOut
from syncropel.folds.fanout.join import JoinRule, decide, is_shorthand, parse_join
from syncropel.folds.fanout.reassignments import BUDGET_EXCEEDED
from syncropel.folds.fanout.state import VERDICTS
from syncropel.folds.fanout.subtasks import Child, fan_out_children
from syncropel.folds.fanout.tally import tally_of
from tests.folds.build import (
    WORKER_A,
    done,
    fold_fan_out,
    graphs,
    parent,
    record,
    retry,
    spawned,
    subtask,
)


def built_children(graph: list[list[int]], verdicts: list[str | None]) -> list[Child]:
    facts = [done(index, 20 + index, verdict) for index, verdict in enumerate(verdicts) if verdict]
    return fan_out_children(fold_fan_out(parent([subtask(*depends) for depends in graph]), *facts))


def endings(graph: list[list[int]], verdicts: list[str | None]) -> list[list[bool]]:
    """Every way to accept or not accept what has no verdict yet; nothing accepts before what it waits for."""
    open_ones = [index for index, verdict in enumerate(verdicts) if verdict is None]
    found = []
    for choice in product([False, True], repeat=len(open_ones)):
        accepted = [verdict == "accept" for verdict in verdicts]
        for index, accepts in zip(open_ones, choice, strict=True):
            accepted[index] = accepts
        if all(not accepted[index] or all(accepted[other] for other in graph[index]) for index in open_ones):
            found.append(accepted)
    return found


@given(graphs(), st.data())
def test_satisfied_and_satisfiable_against_every_ending(graph: list[list[int]], data: st.DataObject) -> None:
    count = len(graph)
    verdicts = data.draw(st.lists(st.sampled_from([None, *VERDICTS]), min_size=count, max_size=count))
    text = data.draw(st.sampled_from(["all", "any", *(f"k_of_n:{k}" for k in range(1, count + 1))]))
    rule = parse_join(text, count)
    assert rule.need == {"all": count, "any": 1}.get(text, rule.need)
    assert rule.need is not None
    decision = decide(rule, built_children(graph, verdicts))
    accepted = sum(verdict == "accept" for verdict in verdicts)
    assert decision.satisfied == (accepted >= rule.need)
    reachable = any(sum(ending) >= rule.need for ending in endings(graph, verdicts))
    assert decision.satisfiable == reachable
    assert decision.explanation
    if decision.satisfiable:
        assert not decision.blame
    else:
        assert all(verdicts[index] not in (None, "accept") for index in decision.blame)
        assert decision.blame, "somebody is to blame"


@pytest.mark.parametrize("count", [1, 2, 7])
def test_k_is_from_one_to_the_number_of_subtasks(count: int) -> None:
    for k in range(1, count + 1):
        assert parse_join(f"k_of_n:{k}", count).need == k
    for text in (
        f"k_of_n:{count + 1}",
        "k_of_n:0",
        "k_of_n:-1",
        "k_of_n:x",
        "k_of_n:",
        "k_of_n",
        "k_of_n:1.5",
    ):
        with pytest.raises(InvalidFanOut, match=f"from 1 to {count}") as refused:
            parse_join(text, count)
        assert refused.value.hint.split(":")[-1] == {1: "1", 2: "1", 7: "6"}[count]


@pytest.mark.parametrize("text", ["size(children) > 1", "All", "all ", "any()"])
def test_anything_else_is_an_expression(text: str) -> None:
    assert parse_join(text, 3).is_cel


@pytest.mark.parametrize(
    ("text", "short"),
    [("all", True), ("any", True), ("k_of_n:2", True), ("k_of_n", True), ("All", False), ("true", False)],
)
def test_what_is_taken_for_a_shorthand(text: str, short: bool) -> None:
    assert is_shorthand(text) == short


def test_out_of_reach_names_the_child_the_place_and_the_reason() -> None:
    failed = done(1, 5, "failed", summary="compiling…\nno such file")
    children = fan_out_children(
        fold_fan_out(parent([subtask(), subtask(), subtask(1)]), spawned(1, 1), failed)
    )
    decision = decide(parse_join("all", 3), children, names={WORKER_A: "worker-a"})
    assert (decision.satisfiable, decision.blame) == (False, (1,))
    assert decision.explanation == ("all can no longer be satisfied: [1] failed on worker-a: no such file")


def test_a_retry_brings_it_back_into_reach() -> None:
    children = fan_out_children(
        fold_fan_out(parent([subtask()]), spawned(0, 1), done(0, 3, "timeout"), retry(0, 4))
    )
    assert decide(parse_join("all", 1), children).satisfiable


def test_while_it_waits_it_says_for_whom() -> None:
    children = fan_out_children(fold_fan_out(parent([subtask(), subtask(), subtask(0)]), spawned(0, 1)))
    told = decide(parse_join("k_of_n:2", 3), children, names={WORKER_A: "worker-a"}).explanation
    assert told == "0/3 accepted of 2 needed, waits for [0] worker-a, [1] pending spawn, [2] pending spawn"


def test_a_list_of_many_is_cut_short() -> None:
    waiting = built_children([[] for _ in range(9)], [None] * 9)
    assert decide(parse_join("all", 9), waiting).explanation.endswith(" and 5 more")
    failed = built_children([[] for _ in range(9)], ["failed"] * 9)
    assert decide(parse_join("all", 9), failed).explanation.endswith("and 6 more")


CEL = JoinRule("some expression", None)


def test_an_expression_is_out_of_reach_only_when_nothing_can_change() -> None:
    running = built_children([[], []], ["failed", None])
    assert decide(CEL, running, False).satisfiable
    assert decide(CEL, running, None).satisfiable
    assert decide(CEL, running, True).satisfied
    over = built_children([[], [0]], ["failed", None])
    assert not decide(CEL, over, False).satisfiable
    assert decide(CEL, over, True).satisfied
    never = decide(CEL, built_children([[]], ["accept"]), False)
    assert (never.satisfied, never.satisfiable, never.blame) == (False, False, ())


@pytest.mark.parametrize(
    ("value", "problem", "verdicts", "cause", "blame"),
    [
        (False, "", ["accept", "accept"], "it is false with all 2 subtasks accepted", ()),
        (None, "", ["accept", "accept"], "it was not evaluated with all 2 subtasks accepted", ()),
        (None, "no such key", ["accept", "accept"], "it cannot be evaluated: no such key", ()),
        (None, "no such key", ["failed", "accept"], "it cannot be evaluated: no such key", ()),
        (False, "", ["failed", "accept"], "[0] failed on a: 0 failed", (0,)),
        (False, "", ["accept", "reject"], "[1] reject on a: 1 reject", (1,)),
    ],
)
def test_why_an_expression_never_becomes_true(
    value: bool | None, problem: str, verdicts: list[str | None], cause: str, blame: tuple[int, ...]
) -> None:
    told = decide(CEL, built_children([[], []], verdicts), value, {WORKER_A: "a"}, problem)
    assert (told.satisfied, told.satisfiable, told.blame, told.cause) == (False, False, blame, cause)
    assert told.explanation == f"some expression can no longer be satisfied: {cause}"
    assert told.problem == problem


def test_an_expression_that_fails_while_something_can_change_says_so_and_waits() -> None:
    children = built_children([[], []], ["failed", None])
    told = decide(CEL, children, None, problem="no such key")
    assert (told.satisfied, told.satisfiable, told.blame, told.problem) == (False, True, (), "no such key")
    calm = decide(CEL, children, None)
    assert calm.problem == ""
    assert calm.explanation == "0/2 accepted, waits for [1] pending spawn"
    assert told.explanation == f"{calm.explanation}; the join cannot be evaluated yet: no such key"
    assert told.cause == calm.cause == "waits for [1] pending spawn"


def test_what_is_satisfied_says_by_how_many() -> None:
    children = built_children([[], [], []], ["accept", "failed", "accept"])
    told = decide(parse_join("k_of_n:2", 3), children)
    assert (told.satisfied, told.satisfiable) == (True, True)
    assert told.explanation == "2/3 accepted, k_of_n:2 needs 2"
    by_value = decide(CEL, children, True)
    assert (by_value.satisfied, by_value.satisfiable) == (True, True)
    assert by_value.explanation == "2/3 accepted, the expression is true"
    assert (
        (told.cause, told.blame, told.problem)
        == (by_value.cause, by_value.blame, by_value.problem)
        == ("", (), "")
    )


def test_who_only_waits_for_a_failed_one_is_blamed_when_nobody_else_is() -> None:
    """And the one that failed alone, when there is one."""
    children = built_children([[], [0], []], ["failed", None, "accept"])
    told = decide(parse_join("all", 3), children, None, {WORKER_A: "a"})
    assert (told.blame, told.cause) == ((0,), "[0] failed on a: 0 failed")
    spent = fan_out_children(
        fold_fan_out(
            parent([subtask(), subtask()], budget_usd=1),
            record("LEARN", 5, {"topic": BUDGET_EXCEEDED, "budget_usd": 1, "spent_usd": 1}),
        )
    )
    told = decide(parse_join("all", 2), spent)
    assert (told.blame, told.cause) == ((0, 1), "[0] blocked; [1] blocked")
    assert not told.satisfiable


@pytest.mark.parametrize(("count", "named"), [(3, ""), (4, "; and 1 more")])
def test_three_who_are_to_blame_are_named(count: int, named: str) -> None:
    told = decide(
        parse_join("all", count), built_children([[]] * count, ["failed"] * count), None, {WORKER_A: "a"}
    )
    assert told.blame == tuple(range(count))
    assert told.cause == "; ".join(f"[{index}] failed on a: {index} failed" for index in range(3)) + named


@pytest.mark.parametrize(("count", "named"), [(4, ""), (5, " and 1 more")])
def test_four_who_are_waited_for_are_named(count: int, named: str) -> None:
    told = decide(parse_join("all", count), built_children([[]] * count, [None] * count))
    assert told.cause == "waits for " + ", ".join(f"[{n}] pending spawn" for n in range(4)) + named
    assert told.explanation == f"0/{count} accepted, {told.cause}"


def test_a_blocked_one_is_told_as_such_and_a_verdict_without_words_or_a_worker_stands_alone() -> None:
    children = built_children([[], [0], []], ["failed", None, None])
    assert decide(parse_join("any", 3), children).cause == "waits for [1] blocked, [2] pending spawn"
    silent = done(0, 20, "failed", summary="", worker="")
    told = decide(parse_join("all", 1), fan_out_children(fold_fan_out(parent([subtask()]), silent)))
    assert told.cause == "[0] failed"


def test_children_as_an_expression_sees_them() -> None:
    fanout = fold_fan_out(parent([subtask(), subtask()]), spawned(0, 1), done(0, 3), spawned(1, 2))
    first, second = tally_of(fan_out_children(fanout)).cel_children()
    assert (first["verdict"], first["cost_usd"], first["worker"]) == ("accept", 0.25, WORKER_A)
    assert (second["verdict"], second["state"], second["cost_usd"]) == ("", "in_progress", 0.0)
    assert first.keys() == second.keys()
