"""Rules that failed to evaluate: how often, and the last cause; the log names each cause once."""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from syncropel.folds.control.rules import Rule

log = logging.getLogger("syncropel.policy.rules")

MOST_RULES: Final = 1_000
MOST_CAUSES: Final = 20
"""Limit on the causes per rule that are logged: causes that contain a value could go on for ever."""


@dataclass(slots=True)
class RuleFailure:
    """One rule's failures since the daemon started, or since the rule was written: their number, and the last
    one's cause and time in unix seconds.
    """

    record: str
    failures: int = 0
    last_error: str = ""
    last_failed_at: float = 0.0
    said: set[str] = field(default_factory=set)


class RuleFailures:
    """The failures of rules, by kind and name."""

    def __init__(self) -> None:
        self._by_rule: OrderedDict[tuple[str, str], RuleFailure] = OrderedDict()

    def note(self, rule: Rule, cause: str, now: float) -> None:
        """Record that a rule failed to evaluate."""
        slot = rule.kind, rule.name
        trouble = self._by_rule.get(slot)
        if trouble is None or trouble.record != rule.record:
            trouble = self._by_rule[slot] = RuleFailure(rule.record)
            while len(self._by_rule) > MOST_RULES:
                self._by_rule.popitem(last=False)
        trouble.failures += 1
        trouble.last_error, trouble.last_failed_at = cause, now
        if cause not in trouble.said and len(trouble.said) < MOST_CAUSES:
            trouble.said.add(cause)
            kind = rule.kind.removesuffix("_rule")
            log.warning("%s rule %r cannot be evaluated: %s", kind, rule.name, cause)

    def of(self, rule: Rule) -> RuleFailure:
        """The failures of this rule; none if it was replaced since."""
        found = self._by_rule.get((rule.kind, rule.name))
        return found if found is not None and found.record == rule.record else RuleFailure(rule.record)
