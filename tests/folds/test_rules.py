"""Whose word counts on a rule: an instance's own, or the fleet's."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.control.rules import FREEZE_RULES, HEALTH, PERMISSION, Rules
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL
from tests.folds.build import COORDINATOR, OPERATOR, WORKER_A, record, store

NAMES = ["freeze-soft", "people", "daemons"]


def rule(
    clock: int,
    name: str,
    expression: str | None,
    *,
    thread: str = ENGINE_CONFIG,
    actor: str = OPERATOR,
    topic: str = PERMISSION,
    **more: Any,
) -> Record:
    """A word on a rule; without an expression it takes the rule away."""
    body: dict[str, Any] = {"topic": topic, "name": name, "effect": "deny", **more}
    body |= {"removed": True} if expression is None else {"expression": expression}
    return record("LEARN", clock, body, thread=thread, actor=actor)


def said_again(of: Record, clock: int) -> Record:
    """The fleet's word for an own one."""
    body = {**of.body, "author": of.actor, "rule": of.id}
    return record("LEARN", clock, body, thread=FLEET_CONTROL, actor=COORDINATOR)


def fold(*records: Record) -> Rules:
    return fold_stored(store(records))


def fold_stored(stored: list[StoredRecord]) -> Rules:
    rules = Rules()
    for one in stored:
        rules.apply(one)
    return rules


def texts(rules: Rules) -> dict[str, str]:
    return {name: one.expression for (_, name), one in rules.known.items()}


def test_the_fleets_word_stands_above_a_default_however_late_that_was_written() -> None:
    default = rule(9, "freeze-soft", FREEZE_RULES["freeze-soft"], actor=WORKER_A)
    rules = fold(said_again(rule(2, "freeze-soft", "false"), 0), default)
    assert texts(rules) == {"freeze-soft": "false"}
    assert rules.freezes_changed
    assert rules.known[PERMISSION, "freeze-soft"].actor == OPERATOR


def test_a_default_that_was_put_back_at_the_coordinator_is_decided_in_memory_again() -> None:
    replaced, restored = rule(2, "freeze-soft", "false"), rule(3, "freeze-soft", FREEZE_RULES["freeze-soft"])
    default = rule(9, "freeze-soft", FREEZE_RULES["freeze-soft"], actor=WORKER_A)
    assert not fold(default, said_again(replaced, 0), said_again(restored, 1)).freezes_changed


@pytest.mark.parametrize("name", FREEZE_RULES)
def test_a_default_of_before_put_and_map_were_stopped_stops_them(name: str) -> None:
    today = FREEZE_RULES[name]
    former = today.replace(', "PUT", "MAP"]', "]")
    assert former != today
    for default in (rule(1, name, former, actor=WORKER_A), rule(1, name, former)):
        rules = fold(default)
        assert texts(rules) == {name: today}
        assert not rules.freezes_changed
    assert fold(rule(1, name, former, effect="allow")).freezes_changed
    assert texts(fold(rule(1, "mine", former))) == {"mine": former}


def test_what_the_fleet_takes_away_is_gone_also_where_an_instance_has_its_own() -> None:
    own = rule(1, "people", "true")
    assert texts(fold(own, said_again(rule(2, "people", None), 0))) == {}
    default = rule(1, "freeze-soft", FREEZE_RULES["freeze-soft"], actor=WORKER_A)
    assert fold(default, said_again(rule(2, "freeze-soft", None), 0)).freezes_changed


def test_at_the_coordinator_its_own_word_counts_before_it_was_said_again() -> None:
    first, second = rule(1, "people", "true"), rule(2, "people", "false")
    rules = fold(first, said_again(first, 0), second)
    assert texts(rules) == {"people": "false"}
    assert rules.carried((PERMISSION, "people")) is None
    assert [word.record for _, word in rules.unsaid()] == [second.id]
    told = fold(first, said_again(first, 0), second, said_again(second, 1))
    assert told.unsaid() == []
    assert told.carried((PERMISSION, "people")) is not None


def test_only_what_an_operator_said_of_permissions_is_said_to_the_fleet() -> None:
    default = rule(1, "freeze-soft", FREEZE_RULES["freeze-soft"], actor=COORDINATOR)
    health = rule(2, "queue", "true", topic=HEALTH, effect="warning")
    assert fold(default, health).unsaid() == []


def test_the_switch_and_other_kinds_are_no_affair_of_the_fleets() -> None:
    on = record("LEARN", 5, {"topic": "permissions_enabled", "enabled": True}, thread=FLEET_CONTROL)
    health = rule(6, "queue", "true", topic=HEALTH, effect="warning", thread=FLEET_CONTROL)
    rules = fold(on, health)
    assert (rules.enforced, rules.known) == (False, {})


WORDS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["true", "false", None])), max_size=8)


@given(coordinator=WORDS, worker=WORDS, seed=st.integers(0, 10_000))
def test_every_order_gives_one_state_and_every_worker_the_coordinators_rules(
    coordinator: list[tuple[str, str | None]], worker: list[tuple[str, str | None]], seed: int
) -> None:
    words = [rule(clock, *word) for clock, word in enumerate(coordinator, start=1)]
    control = [said_again(word, clock) for clock, word in enumerate(words)]
    own = [rule(clock, *word, n="worker's") for clock, word in enumerate(worker, start=1)]
    there, here = fold(*words, *control), fold(*own, *control)
    shuffled = store([*own, *control])
    Random(seed).shuffle(shuffled)
    again = fold_stored(shuffled)
    assert (again.known, again.freezes_changed) == (here.known, here.freezes_changed)
    assert again.permission_rules == here.permission_rules
    ruled = {name for name, _ in coordinator}
    assert {name: text for name, text in texts(here).items() if name in ruled} == texts(there)
    assert {name for name in texts(here) if name not in ruled} == {
        name for name in NAMES if name not in ruled and dict(worker).get(name) is not None
    }
    assert there.unsaid() == []
    assert {word.record for word in there.fleet.values()} == {word.record for word in here.fleet.values()}
