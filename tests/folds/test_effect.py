"""Equal effects have equal digests, and nothing else has."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from syncropel.folds.control.effect import ControlState, digest, effects, words
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL, NAMESPACE_REGISTRY

from .build import WORKER_A, WORKER_B, record, store

FREEZE = {"topic": "freeze", "namespace": "docs", "reason": "x"}
HARD = {**FREEZE, "level": "hard", "grace_secs": 5}
UNFREEZE = {"topic": "unfreeze", "namespace": "docs"}
DRAIN = {"topic": "drain", "instance": WORKER_A, "state": "start", "deadline": None, "then": "reassign"}
CREDENTIAL = {"topic": "instance_credential", "did": WORKER_A, "sha256": "ab" * 32}
RULE = {"topic": "permission_rule", "name": "people", "expression": "false", "effect": "deny", "priority": 1}


def control(clock: int, body: dict[str, Any], **more: Any) -> Record:
    return record("LEARN", clock, body, thread=FLEET_CONTROL, **more)


def named(clock: int, topic: str, **more: Any) -> Record:
    return record("LEARN", clock, {"topic": topic, **more}, thread=NAMESPACE_REGISTRY)


def state(*records: Record) -> ControlState:
    folded = ControlState()
    for stored in store(records):
        folded.apply(stored)
    return folded


DIFFERENT = {
    "nothing": (),
    "soft": (control(1, FREEZE),),
    "soft, ending what runs": (control(1, {**FREEZE, "terminate": True}),),
    "soft elsewhere": (control(1, {**FREEZE, "namespace": "doc"}),),
    "soft, set a second time": (control(1, FREEZE), control(2, UNFREEZE), control(3, FREEZE)),
    "hard": (control(1, HARD),),
    "hard with another grace": (control(1, {**HARD, "grace_secs": 6}),),
    "emergency": (control(1, {"topic": "freeze", "level": "emergency", "reason": "x"}),),
    "drain": (control(1, DRAIN),),
    "drain with a deadline": (control(1, {**DRAIN, "deadline": 9}),),
    "drain that ends": (control(1, {**DRAIN, "then": "end"}),),
    "drain of all": (control(1, {**DRAIN, "instance": "*"}),),
    "name": (named(1, "namespace_created", namespace="docs"),),
    "closed name": (named(1, "namespace_archived", namespace="docs"),),
    "deleted name": (named(1, "namespace_deleted", namespace="docs"),),
    "strict": (named(1, "namespace_strict", strict=True),),
    "rule": (control(1, RULE),),
    "credential": (control(1, CREDENTIAL),),
    "another secret": (control(1, {**CREDENTIAL, "sha256": "cd" * 32}),),
    "credential of another": (control(1, {**CREDENTIAL, "did": WORKER_B}),),
    "revoked credential": (control(1, {**CREDENTIAL, "topic": "instance_credential_revoked"}),),
    "rule that allows": (control(1, {**RULE, "effect": "allow"}),),
    "rule with another text": (control(1, {**RULE, "expression": "true"}),),
    "rule with another place": (control(1, {**RULE, "priority": 2}),),
    "rule about reading": (control(1, {**RULE, "ops": ["thread_read"]}),),
    "rule taken away": (control(1, {"topic": "permission_rule", "name": "people", "removed": True}),),
}


@pytest.mark.parametrize(("one", "other"), list(combinations(DIFFERENT, 2)))
def test_different_effects_have_different_digests(one: str, other: str) -> None:
    assert digest(state(*DIFFERENT[one])) != digest(state(*DIFFERENT[other]))


SAME: dict[str, tuple[list[Any], list[Any]]] = {
    "lifted": ([control(1, FREEZE), control(2, UNFREEZE)], []),
    "lifted, told the other way round": ([control(2, UNFREEZE), control(1, FREEZE)], []),
    "lifted what never was": ([control(2, UNFREEZE)], []),
    "drained no more": ([control(1, DRAIN), control(2, {**DRAIN, "state": "stop"})], []),
    "strict no more": ([named(1, "namespace_strict", strict=True), named(2, "namespace_strict")], []),
    "a name that was withdrawn": (
        [
            named(1, "namespace_created", namespace="a"),
            named(2, "namespace_withdrawn", namespace="a"),
        ],
        [],
    ),
    "a rule that was withdrawn": (
        [
            control(1, RULE),
            control(2, {"topic": "permission_rule", "name": "people", "removed": True, "withdrawn": True}),
        ],
        [],
    ),
    "a word that means nothing": ([control(1, {**FREEZE, "level": "mild"})], []),
    "other threads": ([record("LEARN", 1, FREEZE)], []),
    "other acts": ([record("KNOW", 1, FREEZE, thread=FLEET_CONTROL)], []),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME.keys())
def test_equal_effects_have_equal_digests(one: list[Record], other: list[Record]) -> None:
    assert digest(state(*one)) == digest(state(*other))
    assert digest(state(*reversed(one))) == digest(state(*other))


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_a_worker_says_again_in_its_own_words_is_the_same_effect(name: str) -> None:
    original = DIFFERENT[name]
    again = [
        record(
            "LEARN",
            one.clock + 100 if one.clock else 100,
            {**one.body, "author": one.actor, "source": one.id},
            actor=WORKER_A,
            thread=one.thread,
        )
        for one in original
    ]
    assert digest(state(*again)) == digest(state(*original))


def test_only_an_instance_says_something_again_for_another() -> None:
    claimed = {**FREEZE, "author": "did:sync:user:somebody", "source": "ab" * 32}
    freeze = state(control(1, claimed)).control.freezes["docs"]
    assert freeze.actor == "did:sync:user:operator"
    assert freeze.record != "ab" * 32
    said = state(control(1, claimed, actor=WORKER_A)).control.freezes["docs"]
    assert (said.actor, said.record) == ("did:sync:user:somebody", "ab" * 32)


def test_every_effect_has_its_word_and_a_word_may_have_none() -> None:
    records = [one for few in DIFFERENT.values() for one in few]
    folded = state(*records, control(9, UNFREEZE))
    assert effects(folded).keys() < words(folded).keys()
    assert words(folded)["freeze", "docs"] == control(9, UNFREEZE).id


def test_rules_that_judge_freezes_here_count_too() -> None:
    changed = {**RULE, "topic": "permission_rule", "name": "freeze-soft", "expression": "false"}
    folded = ControlState()
    for one in store([record("LEARN", 1, changed, thread="th_engine_config")]):
        folded.rules.apply(one)
    assert effects(folded) == {}
    assert digest(folded) != digest(state())
