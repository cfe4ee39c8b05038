"""The rules that operators write as records: permissions, routing, health, preconditions, ask-in-the-loop,
triggers, folds of tasks.

A rule is identified by its kind and name: a later record with the same name replaces it, and one with
`removed` removes it. The first rule that matches wins, lowest `priority` number first.

On the config thread they are this instance's own. A permission rule on the fleet control thread is the
fleet's: the coordinator repeats there what its operators wrote, and that takes precedence over an instance's
own rule of the same name.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from syncropel.folds.base.order import NEVER, word_key
from syncropel.folds.base.provenance import original_author
from syncropel.folds.fanout.spec import TARGET_FORMS, is_target
from syncropel.folds.fanout.state import Key
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL, INSTANCE_DID_PREFIX

PERMISSION: Final = "permission_rule"
ROUTING: Final = "routing_rule"
HEALTH: Final = "health_rule"
PRECONDITION: Final = "precondition_rule"
AITL: Final = "aitl_rule"
TRIGGER: Final = "trigger_rule"
FOLD: Final = "fold_rule"
KINDS: Final = (PERMISSION, ROUTING, HEALTH, PRECONDITION, AITL, TRIGGER, FOLD)
ENABLED_TOPIC: Final = "permissions_enabled"
DENIED_TOPIC: Final = "permission_denied"
OPS: Final = ("record_write", "thread_read", "config_read")
"""The operations that a permission rule can cover."""

DEFAULT_PRIORITY: Final = 100
_STOPPED: Final = 'record.act in ["INTEND", "DO", "CALL", "PUT", "MAP"]'
_STOPPED_FORMERLY: Final = 'record.act in ["INTEND", "DO", "CALL"]'
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
"""The default rules, by name: what a freeze refuses. They judge every write, even with permissions off.

While they are unchanged, the guard in memory stands in for them, with the same results.
"""
_FORMER_FREEZE_RULES: Final = {
    (name, text.replace(_STOPPED, _STOPPED_FORMERLY)): text for name, text in FREEZE_RULES.items()
}
"""The default rules of logs from before PUT and MAP were stopped: they are read as the ones above."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `effect`: allow or deny for a permission, a health severity, the target of a trigger.

    `ops`: the operations a permission rule covers; empty for all. `goal`: that of a trigger's tasks.
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
    goal: str = ""

    @property
    def order(self) -> tuple[int, str]:
        return self.priority, self.name


def parse_rule(topic: str, body: dict[str, Any], actor: str = "", key: Key = NEVER) -> Rule:
    """The rule in a record's body. Raises ValueError naming the field."""
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
    if topic == PERMISSION and effect == "deny":
        expression = _FORMER_FREEZE_RULES.get((name, expression), expression)
    goal = body.get("goal", "")
    if topic == TRIGGER:
        if not isinstance(goal, str) or not goal.strip():
            raise ValueError("goal must be a text: what the task is to do")
        if effect and not is_target(effect):
            raise ValueError(f"target (effect) must be empty or {TARGET_FORMS}")
    elif goal:
        raise ValueError("only a trigger has a goal")
    return Rule(topic, name, priority, expression, effect, tuple(ops), actor, key[1], key, goal)


_EFFECTS: Final = {PERMISSION: ("allow", "deny"), HEALTH: ("warning", "critical")}


Slot = tuple[str, str]
"""A rule's kind and name."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a record says about a slot: `rule`, or None when it removes the rule.

    `author`: who wrote it. `source`: for the fleet's record, the id of the record that it repeats. `record`:
    the one by which the fleet was told. `withdrawn`: the coordinator has no record about this, as if there
    were none.
    """

    rule: Rule | None
    author: str
    record: str
    source: str
    key: Key
    withdrawn: bool = False


@dataclass(slots=True)
class Rules:
    """Every rule in force. Applying records in any order gives the same state."""

    known: dict[Slot, Rule] = field(default_factory=dict)
    enforced: bool = False
    """Whether permissions are enabled; each instance decides for itself."""
    switched: Key = NEVER
    """The record that decided it."""
    freezes_changed: bool = False
    """Whether an operator replaced or removed a default freeze rule, so that CEL decides on freezes."""
    freeze_rules: tuple[Rule, ...] = ()
    permission_rules: tuple[Rule, ...] = ()
    by_kind: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    """The rules of each kind in order of evaluation."""
    own: dict[Slot, Word] = field(default_factory=dict)
    fleet: dict[Slot, Word] = field(default_factory=dict)
    said_here: set[str] = field(default_factory=set)
    """Ids of own records: fleet records that repeat them were decided here."""

    def apply(self, stored: StoredRecord) -> None:
        record, body = stored.record, stored.record.body
        if record.act != "LEARN" or record.clock is None:
            return
        topic, name = record.topic, body.get("name", "")
        key = word_key(record)
        if record.thread == ENGINE_CONFIG and topic == ENABLED_TOPIC:
            if key > self.switched:
                self.switched, self.enforced = key, body.get("enabled") is True
            return
        words = self._words(record.thread, topic)
        if words is None or not isinstance(name, str):
            return
        author = str(body.get("author") or record.actor) if words is self.fleet else record.actor
        rule = None
        if body.get("removed") is not True:
            try:
                rule = parse_rule(topic, body, author, key)
            except ValueError:
                return  # new ones are refused; in a foreign log they have no effect
        if words is self.own:
            self.said_here.add(record.id)
        said = words.get((topic, name))
        if said is None or said.key < key:
            told, source = original_author(record)[1], str(body.get("rule", ""))
            words[topic, name] = Word(rule, author, told, source, key, body.get("withdrawn") is True)
        self._sort()

    def after(self, record: Record) -> Rules:
        """The rules as they would be with this record, which becomes the newest where it has no clock yet."""
        copy = replace(self, own=dict(self.own), fleet=dict(self.fleet), said_here=set(self.said_here))
        if record.clock is None:
            words = (*self.own.values(), *self.fleet.values())
            record = record.with_clock(max(self.switched[0], *(word.key[0] for word in words), -1) + 1)
        copy.apply(StoredRecord(record.identified(), 0, 0.0))
        return copy

    def _words(self, thread: str, topic: str) -> dict[Slot, Word] | None:
        if thread == ENGINE_CONFIG and topic in KINDS:
            return self.own
        return self.fleet if thread == FLEET_CONTROL and topic == PERMISSION else None

    def word(self, slot: Slot) -> Word | None:
        """The record that counts. The fleet's takes precedence over an own one, but where it only repeats
        what was written here the own one is newer.
        """
        own, fleet = self.own.get(slot), self.fleet.get(slot)
        if fleet is None or fleet.withdrawn:
            return own
        return own if own is not None and fleet.source in self.said_here else fleet

    def carried(self, slot: Slot) -> Word | None:
        """The fleet's record by which the one that counts reaches every instance; None when none does."""
        word, fleet = self.word(slot), self.fleet.get(slot)
        return fleet if word is not None and fleet is not None and _says(fleet, word) else None

    def unsaid(self) -> list[tuple[Slot, Word]]:
        """What operators wrote here that the fleet has not been told yet, in log order."""
        found = [
            (slot, own)
            for slot, own in self.own.items()
            if slot[0] == PERMISSION
            and not own.author.startswith(INSTANCE_DID_PREFIX)
            and self.fleet.get(slot, own).source != own.record
        ]
        return sorted(found, key=lambda one: one[1].key)

    def _sort(self) -> None:
        words = {slot: self.word(slot) for slot in {**self.own, **self.fleet}}
        self.known = {slot: word.rule for slot, word in words.items() if word is not None and word.rule}
        rules = sorted(self.known.values(), key=lambda rule: rule.order)
        self.by_kind = {kind: tuple(rule for rule in rules if rule.kind == kind) for kind in KINDS}
        permissions = self.by_kind[PERMISSION]
        self.freeze_rules = tuple(rule for rule in permissions if rule.name in FREEZE_RULES)
        self.permission_rules = tuple(rule for rule in permissions if rule.name not in FREEZE_RULES)
        self.freezes_changed = any(
            (PERMISSION, name) in words and not self.stands(name) for name in FREEZE_RULES
        )

    def of(self, kind: str) -> tuple[Rule, ...]:
        """The rules of a kind in order of evaluation."""
        return self.by_kind.get(kind, ())

    def stands(self, name: str) -> bool:
        """Whether a default freeze rule is in force unchanged."""
        rule = self.known.get((PERMISSION, name))
        return rule is not None and rule.expression == FREEZE_RULES[name] and rule.effect == "deny"


def _says(fleet: Word, word: Word) -> bool:
    return word.record in (fleet.record, fleet.source)
