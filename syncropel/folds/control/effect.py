"""The control state in effect as one digest: freezes, drains, namespaces, the fleet's permission rules, and
the credentials of its instances.

Two instances with equal digests refuse and hold the same. The digest is computed from what the folds enforce,
not from the records that led there: an instance that has a record and does not follow it has another digest.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from syncropel.folds.control.drains import Drains
from syncropel.folds.control.freezes import Control
from syncropel.folds.control.namespaces import Namespaces
from syncropel.folds.control.rules import FREEZE_RULES, PERMISSION, Rule, Rules
from syncropel.folds.fleet.credentials import Credentials
from syncropel.record.canonical import canonical_json
from syncropel.record.model import StoredRecord
from syncropel.record.threads import FLEET_CONTROL, NAMESPACE_REGISTRY

CONTROL_THREADS: Final = (FLEET_CONTROL, NAMESPACE_REGISTRY)
STRICT: Final = ("strict", "")

Slot = tuple[str, str]
"""What a control record is about: a kind (freeze, drain, namespace, strict, rule, credential), and a name."""
Effect = list[Any]
"""What is in force there, as JSON values."""


class ControlFolds(Protocol):
    """The folds of the control threads."""

    @property
    def control(self) -> Control: ...
    @property
    def drains(self) -> Drains: ...
    @property
    def namespaces(self) -> Namespaces: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def rules(self) -> Rules: ...


@dataclass(slots=True)
class ControlState:
    """The same folds, over a subset of the control records."""

    control: Control = field(default_factory=Control)
    drains: Drains = field(default_factory=Drains)
    credentials: Credentials = field(default_factory=Credentials)
    namespaces: Namespaces = field(default_factory=Namespaces)
    rules: Rules = field(default_factory=Rules)

    def apply(self, stored: StoredRecord) -> None:
        """Apply one record; records of other threads are ignored."""
        if stored.record.thread == FLEET_CONTROL:
            self.control.apply(stored)
            self.drains.apply(stored)
            self.credentials.apply(stored)
            self.rules.apply(stored)
        elif stored.record.thread == NAMESPACE_REGISTRY:
            self.namespaces.apply(stored)


def effects(folds: ControlFolds) -> dict[Slot, Effect]:
    """What is in force, by slot; a lifted freeze and the like have no entry.

    `record` ids are those of the coordinator's records, so a freeze that was lifted and set again is another
    effect: whoever still enforces the first must not confirm the second.
    """
    found: dict[Slot, Effect] = {}
    for place, freeze in folds.control.freezes.items():
        found["freeze", place] = [freeze.level, freeze.grace_secs, freeze.terminate, freeze.record]
    for instance, drain in folds.drains.drains.items():
        found["drain", instance] = [drain.deadline, drain.then, drain.record]
    for name, known in folds.namespaces.known.items():
        found["namespace", name] = [known.state, known.record]
    if folds.namespaces.strict:
        found[STRICT] = [folds.namespaces.strict_record]
    for (_, name), word in folds.rules.fleet.items():
        if not word.withdrawn:
            found["rule", name] = [*_rule(word.rule), word.record]
    for did, credential in folds.credentials.known.items():
        found["credential", did] = [credential.sha256, credential.revoked, credential.record]
    return found


def _rule(rule: Rule | None) -> Effect:
    return ["removed"] if rule is None else [rule.expression, rule.priority, rule.effect, list(rule.ops)]


def words(folds: ControlFolds) -> dict[Slot, str]:
    """The newest record about each slot, including those that lifted or removed something."""
    found: dict[Slot, str] = {("freeze", place): id_ for place, (_, id_) in folds.control.latest.items()}
    found |= {("drain", instance): id_ for instance, (_, id_) in folds.drains.latest.items()}
    found |= {("credential", did): id_ for did, (_, id_) in folds.credentials.latest.items()}
    found |= {("namespace", name): id_ for name, (_, id_) in folds.namespaces.latest.items()}
    found |= {("rule", name): word.key[1] for (_, name), word in folds.rules.fleet.items()}
    if folds.namespaces.strict_key[1]:
        found[STRICT] = folds.namespaces.strict_key[1]
    return found


def digest(folds: ControlFolds) -> str:
    """SHA-256 (hex) of what is in force, and of the rules by which freezes are judged here."""
    judged = {name: _rule(folds.rules.known.get((PERMISSION, name))) for name in FREEZE_RULES}
    told = [[*slot, effect] for slot, effect in sorted(effects(folds).items())]
    return hashlib.sha256(canonical_json({"control": told, "judged": judged}).encode()).hexdigest()
