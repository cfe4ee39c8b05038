"""The rules about work: what subtasks wait for, who is asked first, what opens tasks, what tasks fold to."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Final

from syncropel.api.schema import RuleOut
from tui.model.facts import Fact
from tui.model.text import NOTHING, plain
from tui.model.tree import Line

KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "precondition": ("precondition", "add-precondition"),
    "aitl": ("aitl", "add-aitl"),
    "trigger": ("trigger", "add-trigger"),
    "fold": ("fold_rule", "add-fold-rule"),
}
"""The kinds of rules about work, each with the context of its expressions and the verb that sets one."""


def kind(rule: RuleOut) -> str:
    """A rule's kind as the API's addresses name it."""
    return rule.kind.removesuffix("_rule")


def key(rule: RuleOut) -> str:
    """The identity of a rule among rules of several kinds, which may have the same name."""
    return f"{kind(rule)} {rule.name}"


def facts(rule: RuleOut) -> list[Fact]:
    """All that is known of a rule, and the command that sets it."""
    verb = KINDS[kind(rule)][1]
    words = [verb, rule.name, "--expression", rule.expression, "--priority", str(rule.priority)]
    words += ["--goal", rule.goal] if rule.goal else []
    return [
        *([("goal", Line(plain(rule.goal)))] if rule.goal else []),
        ("by", Line(plain(rule.actor) or NOTHING)),
        ("record", Line(rule.record or NOTHING)),
        ("expression", Line(plain(rule.expression), "strong")),
        ("command", Line(plain(f"spl config {shlex.join(words)}"))),
    ]
