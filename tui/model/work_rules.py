"""The rules about work: what subtasks wait for, who is asked first, what opens tasks, what tasks fold to."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tui.model.facts import Fact
from tui.model.rules import Draft, Kind
from tui.model.text import NOTHING, plain
from tui.model.tree import Line

if TYPE_CHECKING:
    from syncropel.wire import RuleOut


def kind(rule: RuleOut) -> Kind:
    """A rule's kind as the API's paths name it."""
    return cast(Kind, rule.kind.removesuffix("_rule"))


def key(rule: RuleOut) -> str:
    """The identity of a rule among several kinds, which may use the same name."""
    return f"{kind(rule)} {rule.name}"


def failed(rule: RuleOut) -> list[Fact]:
    """How often evaluating the rule failed, and the latest reason; nothing for one that never failed."""
    if not rule.failures:
        return []
    times = "once" if rule.failures == 1 else f"{rule.failures} times"
    return [("failed", Line(f"{times}, last: {plain(rule.last_error)}", "bad"))]


def facts(rule: RuleOut) -> list[Fact]:
    """Everything known about a rule, and the command that sets it."""
    return [
        *failed(rule),
        *([("goal", Line(plain(rule.goal)))] if rule.goal else []),
        ("by", Line(plain(rule.actor) or NOTHING)),
        ("record", Line(rule.record or NOTHING)),
        ("expression", Line(plain(rule.expression), "strong")),
        ("command", Line(plain(Draft.of(kind(rule), rule).command()))),
    ]
