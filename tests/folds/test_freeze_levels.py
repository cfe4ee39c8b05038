"""What each level of a freeze refuses, as a table over every act and every side of the grace."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.folds.control.freezes import STOPPED_ACTS, Control
from syncropel.folds.control.grace import Moment
from syncropel.folds.control.namespaces import REMEMBERED
from syncropel.freeze_levels import DEFAULT_GRACE_SECS, EVERYWHERE
from syncropel.record.model import ACTS
from syncropel.record.threads import FLEET_CONTROL
from tests.folds.build import record, store

BEGINS = ["INTEND", "DO", "CALL", "PUT", "MAP"]
PASSES = ["KNOW", "LEARN", "GET"]
AT = 100.0
HARD_AT = AT + DEFAULT_GRACE_SECS


def frozen(level: str) -> Control:
    body = {"topic": "freeze", "level": level, "namespace": "docs", "reason": "why", "at": AT}
    (stored,) = store([record("LEARN", 1, body, thread=FLEET_CONTROL)])
    control = Control()
    control.apply(stored)
    control.pass_time(Moment(AT, 0.0, "boot"))
    return control


def test_the_table_names_every_act() -> None:
    assert sorted([*BEGINS, *PASSES]) == sorted(ACTS)
    assert frozenset(BEGINS) == STOPPED_ACTS


@pytest.mark.parametrize("now", [AT, HARD_AT - 0.001, HARD_AT, HARD_AT + 1])
@pytest.mark.parametrize("act", sorted(ACTS))
@pytest.mark.parametrize(("level", "place"), [("soft", "docs"), ("hard", "docs"), ("emergency", EVERYWHERE)])
def test_what_is_refused_and_by_which_freeze(level: str, place: str, act: str, now: float) -> None:
    control = frozen(level)
    control.pass_time(Moment(0.0, now - AT, "boot"))
    stops = act in BEGINS or (level == "hard" and now >= HARD_AT)
    for namespace in ("docs", "docs/v1"):
        freeze = control.refusal(act, namespace)
        assert (freeze is not None) == stops
        assert freeze is None or freeze.namespace == place
    elsewhere = control.refusal(act, "docsy")
    assert (elsewhere is not None) == (level == "emergency" and act in BEGINS)


@pytest.mark.parametrize("act", sorted(ACTS))
def test_nothing_is_refused_where_nothing_is_frozen(act: str) -> None:
    assert Control().refusal(act, "docs") is None


@pytest.mark.parametrize("act", sorted(ACTS - {"LEARN"}))
def test_only_a_learn_on_the_control_thread_freezes(act: str) -> None:
    body = {"topic": "freeze", "level": "soft", "namespace": "docs", "reason": "why", "at": AT}
    control = Control()
    for stored in store([record(act, 1, body, thread=FLEET_CONTROL), record("LEARN", 2, body)]):
        control.apply(stored)
    assert control == Control()


def test_what_covers_a_namespace_is_kept_until_the_next_word_and_never_grows_without_end() -> None:
    control = frozen("soft")
    assert [one.namespace for one in control.covering("docs/v1")] == ["docs"]
    for number in range(REMEMBERED):
        assert control.covering(f"n{number}") == ()
    assert len(control._covering) <= REMEMBERED
    assert [one.namespace for one in control.covering("docs/v1")] == ["docs"]
    words: list[dict[str, Any]] = [
        {"topic": "freeze", "level": "soft", "namespace": "docs/v1", "reason": "why", "at": AT},
        {"topic": "freeze", "level": "emergency", "namespace": "*", "reason": "why", "at": AT},
        {"topic": "unfreeze", "namespace": "docs"},
    ]
    seen = []
    for stored in store(record("LEARN", at, word, thread=FLEET_CONTROL) for at, word in enumerate(words, 2)):
        control.apply(stored)
        seen.append([one.namespace for one in control.covering("docs/v1")])
    assert seen == [["docs", "docs/v1"], ["*", "docs", "docs/v1"], ["*", "docs/v1"]]


@pytest.mark.parametrize("topic", ["drain", "permission_rule", "namespace_archived", "", None])
def test_another_word_on_the_control_thread_neither_freezes_nor_lifts(topic: str | None) -> None:
    body = {"topic": topic, "level": "soft", "namespace": "docs", "at": AT}
    control = frozen("hard")
    (stored,) = store([record("LEARN", 9, body, thread=FLEET_CONTROL)])
    control.apply(stored)
    assert control == frozen("hard")
    assert control.latest == frozen("hard").latest


@pytest.mark.parametrize("place", [None, 5, ["docs"], {"docs": True}])
@pytest.mark.parametrize("topic", ["freeze", "unfreeze"])
def test_what_names_no_namespace_freezes_and_lifts_nothing(topic: str, place: object) -> None:
    control = Control()
    body = {"topic": topic, "level": "soft", "namespace": place, "at": AT}
    for stored in store([record("LEARN", 9, body, thread=FLEET_CONTROL)]):
        control.apply(stored)
    assert control == Control()


@pytest.mark.parametrize(("level", "counts"), [("soft", 0), ("hard", 1), ("emergency", 0)])
def test_only_a_hard_freeze_has_a_grace(level: str, counts: int) -> None:
    assert len(frozen(level).graces) == counts


def test_a_freeze_that_is_heard_again_does_not_begin_its_grace_anew() -> None:
    body = {"topic": "freeze", "level": "hard", "namespace": "docs", "reason": "why", "at": AT}
    (stored,) = store([record("LEARN", 1, body, thread=FLEET_CONTROL)])
    control = frozen("hard")
    control.pass_time(Moment(0.0, 20.0, "boot"))
    control.apply(stored)
    control.pass_time(Moment(0.0, DEFAULT_GRACE_SECS, "boot"))
    assert control.refusal("KNOW", "docs") is not None


@pytest.mark.parametrize("level", ["soft", "hard", "emergency"])
def test_only_an_emergency_is_one(level: str) -> None:
    found = frozen(level).emergency
    assert (found is not None) == (level == "emergency")
    assert Control().emergency is None


@pytest.mark.parametrize(("said", "ends"), [(True, True), (False, False), (None, False), (1, False)])
def test_what_runs_is_ended_only_where_that_is_said(said: Any, ends: bool) -> None:
    body = {"topic": "freeze", "level": "soft", "namespace": "docs", "at": AT, "terminate": said}
    control = Control()
    for stored in store([record("LEARN", 1, body, thread=FLEET_CONTROL)]):
        control.apply(stored)
    assert control.freezes["docs"].terminate is ends


ODD = ["soft", "hard", "mild", "Emergency", "", None, 7, ["soft"], {"level": "soft"}]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(("level", "place"), [("soft", "docs"), ("hard", "docs"), ("emergency", EVERYWHERE)])
def test_a_freeze_is_lifted_whatever_level_the_lifting_names(level: str, place: str, odd: object) -> None:
    """Another version may know other levels; a stop that cannot be lifted would be worked around."""
    control = frozen(level)
    lifting = {"topic": "unfreeze", "level": odd, "namespace": place}
    for stored in store([record("LEARN", 2, lifting, thread=FLEET_CONTROL)]):
        control.apply(stored)
    assert control.active() == []
    assert control.refusal("INTEND", "docs") is None


@pytest.mark.parametrize("odd", ODD[2:])
def test_a_freeze_of_a_level_that_is_not_known_is_none(odd: object) -> None:
    control = frozen("hard")
    word = {"topic": "freeze", "level": odd, "namespace": "docs", "reason": "r", "at": AT}
    for stored in store([record("LEARN", 2, word, thread=FLEET_CONTROL)]):
        control.apply(stored)
    assert control == frozen("hard")


@pytest.mark.parametrize("level", [{}, {"level": "emergency"}])
def test_what_lifts_one_namespace_lifts_nothing_else(level: dict[str, str]) -> None:
    """A lifting of the emergency names no namespace that counts, and one of a namespace no emergency."""
    control = frozen("soft")
    words: list[dict[str, Any]] = [
        {"topic": "freeze", "level": "emergency", "namespace": EVERYWHERE, "reason": "why", "at": AT},
        {"topic": "unfreeze", **level, "namespace": "docs"},
    ]
    for stored in store(record("LEARN", at, word, thread=FLEET_CONTROL) for at, word in enumerate(words, 2)):
        control.apply(stored)
    assert [one.namespace for one in control.active()] == (["docs"] if level else [EVERYWHERE])
