"""Reading a fan-out's specification: each mistake is told by subtask and key."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.errors import InvalidFanOut
from syncropel.folds.fanout.spec import MAX_SUBTASKS, Subtask, is_target, parse_fan_out
from tests.folds.build import WORKER_A, graphs, subtask


def mistake(*subtasks: Any, **body: Any) -> InvalidFanOut:
    with pytest.raises(InvalidFanOut) as caught:
        parse_fan_out({"subtasks": list(subtasks), **body})
    assert caught.value.hint, "what to do about it"
    return caught.value


def test_everything_that_may_be_said() -> None:
    full = {
        "goal": "count, then sort",
        "target": f"specific:{WORKER_A}",
        "budget_usd": 0.5,
        "timeout_secs": 30,
        "depends_on": [1, 1],
        "adapter": "bash",
    }
    body = {"subtasks": [full, subtask()], "join": " any ", "namespace": "docs", "budget_usd": 2}
    spec = parse_fan_out(body)
    first = Subtask(0, "count, then sort", f"specific:{WORKER_A}", 0.5, 30.0, (1,), "bash")
    assert spec.subtasks == (first, Subtask(1, "work", "worker-a"))
    assert (spec.join, spec.namespace, spec.budget_usd, spec.has_dependencies) == ("any", "docs", 2.0, True)


def test_what_may_be_left_out() -> None:
    spec = parse_fan_out({"subtasks": [{"goal": "g", "target": "round-robin"}]})
    assert (spec.join, spec.namespace, spec.budget_usd, spec.has_dependencies) == (
        "all",
        "default",
        None,
        False,
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"goal": None}, ["goal", "missing"]),
        ({"goal": "  "}, ["goal", "missing"]),
        ({"goal": 7}, ["goal"]),
        ({"target": ""}, ["target", "missing"]),
        ({"target": "worker-"}, ["target", "'worker-'"]),
        ({"target": "somebody"}, ["target", "'somebody'"]),
        ({"target": "specific:did:sync:user:ann"}, ["target"]),
        ({"budget_usd": 0}, ["budget_usd", "above 0"]),
        ({"budget_usd": "1"}, ["budget_usd", "'1'"]),
        ({"budget_usd": True}, ["budget_usd"]),
        ({"budget_usd": 10**400}, ["budget_usd"]),
        ({"budget_usd": float("nan")}, ["budget_usd"]),
        ({"timeout_secs": -1}, ["timeout_secs", "-1"]),
        ({"timeout_secs": float("inf")}, ["timeout_secs"]),
        ({"timeout_secs": []}, ["timeout_secs"]),
        ({"depends_on": "0"}, ["depends_on", "list"]),
        ({"depends_on": [2]}, ["depends_on", "2", "0 to 1"]),
        ({"depends_on": [-1]}, ["depends_on", "-1"]),
        ({"depends_on": ["0"]}, ["depends_on", "'0'"]),
        ({"depends_on": [True]}, ["depends_on", "True"]),
        ({"depends_on": [0.0]}, ["depends_on"]),
        ({"depends_on": [1]}, ["depends_on", "itself"]),
        ({"adapter": ""}, ["adapter"]),
        ({"adapter": 3}, ["adapter"]),
        ({"gaol": "work"}, ["'gaol'", "unknown key"]),
    ],
)
def test_a_mistake_points_at_the_subtask_and_the_key(change: dict[str, Any], words: list[str]) -> None:
    told = mistake(subtask(), {**subtask(), **change}).message
    assert told.startswith("subtask 1:")
    for word in words:
        assert word in told


@pytest.mark.parametrize("item", ["text", None, 3, ["goal"]])
def test_a_subtask_is_an_object(item: Any) -> None:
    assert mistake(item).message.startswith("subtask 0:")


@pytest.mark.parametrize("subtasks", [None, [], {}, "many", 3])
def test_there_has_to_be_a_subtask(subtasks: Any) -> None:
    with pytest.raises(InvalidFanOut, match="subtasks"):
        parse_fan_out({"subtasks": subtasks})


def test_there_is_a_limit_and_it_is_told() -> None:
    assert str(MAX_SUBTASKS) in mistake(*[subtask()] * (MAX_SUBTASKS + 1)).message


@pytest.mark.parametrize(
    "body",
    [
        {"join": ""},
        {"join": 3},
        {"namespace": ""},
        {"namespace": None},
        {"budget_usd": 0},
        {"budget_usd": 10**400},
    ],
)
def test_the_fan_out_itself_has_keys_too(body: dict[str, Any]) -> None:
    assert next(iter(body)) in mistake(subtask(), **body).message


def test_a_cycle_is_shown() -> None:
    told = mistake(subtask(), subtask(3), subtask(1), subtask(2), subtask(3)).message
    assert told.startswith("subtask 1: depends_on")
    assert told.endswith("[1] → [3] → [2] → [1]")


@given(graphs())
def test_a_graph_without_a_cycle_passes(graph: list[list[int]]) -> None:
    spec = parse_fan_out({"subtasks": [subtask(*depends) for depends in graph]})
    assert [list(one.depends_on) for one in spec.subtasks] == graph


@given(graphs(), st.data())
def test_an_edge_that_closes_a_cycle_is_refused(graph: list[list[int]], data: st.DataObject) -> None:
    edges = [(index, other) for index, depends in enumerate(graph) for other in depends]
    if not edges:
        return
    index, other = data.draw(st.sampled_from(edges))
    graph[other].append(index)
    told = mistake(*(subtask(*depends) for depends in graph)).message
    shown = [int(word.strip("[]")) for word in told.split(": ")[-1].split(" → ")]
    assert shown[0] == shown[-1]
    for node, waits_for in pairwise(shown):
        assert waits_for in graph[node]


def test_a_long_chain_is_read_without_recursion() -> None:
    chain = [subtask(*([index - 1] if index else [])) for index in range(MAX_SUBTASKS)]
    assert parse_fan_out({"subtasks": chain}).has_dependencies


_ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.just(10**400), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
_KEYS = st.sampled_from(["goal", "target", "budget_usd", "timeout_secs", "depends_on", "adapter", "other"])


@given(_ANY, st.lists(st.dictionaries(_KEYS, _ANY), max_size=3), st.dictionaries(st.just("join"), _ANY))
def test_whatever_is_sent_there_is_a_specification_or_a_mistake(
    anything: Any, items: list[Any], more: dict[str, Any]
) -> None:
    for subtasks in (anything, items, [{**subtask(), **item} for item in items]):
        with suppress(InvalidFanOut):
            parse_fan_out({"subtasks": subtasks, **more})


@pytest.mark.parametrize("target", ["worker-a", "least-loaded-worker", "round-robin", f"specific:{WORKER_A}"])
def test_every_form_of_target(target: str) -> None:
    assert is_target(target)
