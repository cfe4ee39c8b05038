"""The rules that operators give this instance as records: permissions, routing, health.

A rule is known by its kind and name: a later record of the same name replaces it, and one with `removed`
takes it away. The first rule that matches wins, lowest `priority` number first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.folds.fanout import Key
from syncropel.record import StoredRecord
from syncropel.threads import ENGINE_CONFIG

PERMISSION: Final = "permission_rule"
ROUTING: Final = "routing_rule"
HEALTH: Final = "health_rule"
KINDS: Final = (PERMISSION, ROUTING, HEALTH)
ENABLED_TOPIC: Final = "permissions_enabled"
DENIED_TOPIC: Final = "permission_denied"
OPS: Final = ("record_write", "thread_read", "config_read")
"""What a permission rule may be about."""

DEFAULT_PRIORITY: Final = 100
_STOPPED: Final = 'record.act in ["INTEND", "DO", "CALL"]'
_COVERED: Final = '(f == "*" || record.namespaces.exists(n, n == f || n.startsWith(f + "/")))'
_RESERVED: Final = (
    '["th_engine_config", "th_actor_registry", "th_namespace_registry", "th_instance_registry", '
    '"th_fleet_control", "th_consent"]'
)
FREEZE_RULES: Final = {
    "freeze-emergency": f"{_STOPPED} && fleet_emergency_active()",
    "freeze-soft": f"{_STOPPED} && fleet_frozen_namespaces().exists(f, {_COVERED})",
    "freeze-hard": (
        f"!({_STOPPED}) && !(record.thread in {_RESERVED})"
        ' && !(record.act == "KNOW" && record.actor == instance_did()'
        ' && has(record.body.verdict) && record.body.verdict == "terminated")'
        f" && fleet_hard_frozen_past_grace().exists(f, {_COVERED})"
    ),
}
"""The default rules, by name: what a freeze refuses. They judge every write, also with permissions off.

While they stand as they are here, the guard in memory answers for them, and it gives the same answers.
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `effect`: allow or deny of a permission, the target of a routing rule, a health severity.

    `ops`: what a permission rule is about; empty for all of them.
    """

    kind: str
    name: str
    priority: int
    expression: str
    effect: str
    ops: tuple[str, ...]
    actor: str
    record: str
    key: Key

    @property
    def order(self) -> tuple[int, str]:
        return self.priority, self.name


def parse_rule(topic: str, body: dict[str, Any], actor: str = "", record: str = "", clock: int = -1) -> Rule:
    """The rule in a record's body. Raises ValueError that names the field."""
    name, expression = body.get("name"), body.get("expression")
    priority, effect = body.get("priority", DEFAULT_PRIORITY), body.get("effect", "")
    ops = body.get("ops", [])
    if not isinstance(name, str) or not name.strip() or len(name) > 64:
        raise ValueError("name must be a text of 1 to 64 characters")
    if not isinstance(expression, str):
        raise ValueError("expression must be a text")
    if type(priority) is not int or not 0 <= priority <= 1_000_000:
        raise ValueError("priority must be a whole number from 0 to 1000000")
    if not isinstance(effect, str) or effect not in _EFFECTS.get(topic, (effect,)):
        raise ValueError(f"effect must be one of: {', '.join(_EFFECTS.get(topic, ('a text',)))}")
    if not isinstance(ops, list) or any(op not in OPS for op in ops):
        raise ValueError(f"ops must be a list of: {', '.join(OPS)}")
    return Rule(topic, name, priority, expression, effect, tuple(ops), actor, record, (clock, record))


_EFFECTS: Final = {PERMISSION: ("allow", "deny"), HEALTH: ("warning", "critical")}


@dataclass(slots=True)
class Rules:
    """Every rule in force. Applying records in any order gives the same state."""

    known: dict[tuple[str, str], Rule] = field(default_factory=dict)
    enforced: bool = False
    """Whether permissions are enabled."""
    freezes_changed: bool = False
    """Whether an operator replaced or removed a default freeze rule, so that CEL decides on freezes."""
    freeze_rules: tuple[Rule, ...] = ()
    permission_rules: tuple[Rule, ...] = ()
    routing_rules: tuple[Rule, ...] = ()
    health_rules: tuple[Rule, ...] = ()
    latest: dict[tuple[str, str], Key] = field(default_factory=dict)

    def apply(self, stored: StoredRecord) -> None:
        record, body = stored.record, stored.record.body
        if record.thread != ENGINE_CONFIG or record.act != "LEARN" or record.clock is None:
            return
        topic, name = record.topic, body.get("name", "")
        if topic not in (*KINDS, ENABLED_TOPIC) or not isinstance(name, str):
            return
        slot, key = (topic, name if topic in KINDS else ""), (record.clock, record.id)
        if self.latest.get(slot, (-1, "")) >= key:
            return
        if topic == ENABLED_TOPIC:
            self.enforced = body.get("enabled") is True
        elif body.get("removed") is True:
            self.known.pop(slot, None)
        else:
            try:
                self.known[slot] = parse_rule(topic, body, record.actor, record.id, record.clock)
            except ValueError:
                return  # the door refuses these; from a foreign log they mean nothing
        self.latest[slot] = key
        self._sort()

    def _sort(self) -> None:
        rules = sorted(self.known.values(), key=lambda rule: rule.order)
        permissions = [rule for rule in rules if rule.kind == PERMISSION]
        self.freeze_rules = tuple(rule for rule in permissions if rule.name in FREEZE_RULES)
        self.permission_rules = tuple(rule for rule in permissions if rule.name not in FREEZE_RULES)
        self.routing_rules = tuple(rule for rule in rules if rule.kind == ROUTING)
        self.health_rules = tuple(rule for rule in rules if rule.kind == HEALTH)
        self.freezes_changed = any(
            (PERMISSION, name) in self.latest and not self._stands(name) for name in FREEZE_RULES
        )

    def _stands(self, name: str) -> bool:
        rule = self.known.get((PERMISSION, name))
        return rule is not None and rule.expression == FREEZE_RULES[name] and rule.effect == "deny"
