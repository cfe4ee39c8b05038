"""`[permissions]` in `config.toml`: what agents may do here without asking their operator."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from syncropel.errors import SetupError

Decide = Literal["allow", "deny", "ask"]
_DECIDE: Final[tuple[str, ...]] = get_args(Decide)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
NAMES: Final = frozenset({"tool", "command", "paths", "root", "adapter", "task", "namespace"})
"""What the expression of a rule may use."""
_KEYS: Final = ("name", "when", "decide")
_EXAMPLE: Final = 'for example: name = "status", when = \'command == ["git", "status"]\', decide = "allow"'


@dataclass(frozen=True)
class ToolRule:
    """One `[[permissions.rules]]`."""

    name: str
    """Its name in the log, of a-z, 0-9, `_`, `.` and `-`."""
    when: str
    """An expression over the request: whether this rule decides it."""
    decide: Decide
    """`allow`, `deny`, or `ask`."""


@dataclass(frozen=True)
class PermissionSettings:
    """`[permissions]`"""

    answer_secs: float = 600.0
    """Seconds that an agent's question waits for an answer before it is denied; 0: not at all."""
    rules: tuple[ToolRule, ...] = field(default=(), metadata={"tables": True})
    """`[[permissions.rules]]`, in order: the first that matches decides."""


def read_rules(values: Any, path: Path) -> tuple[ToolRule, ...]:
    """The rules in order. Raises SetupError naming the rule and the key; expressions are not looked at."""
    if not isinstance(values, list):
        raise SetupError(f"{path}: [permissions] rules must be tables", "write [[permissions.rules]]")
    rules = tuple(_read(number, one, path) for number, one in enumerate(values, 1))
    names = [rule.name for rule in rules]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SetupError(f"{path}: two [[permissions.rules]] are named {twice!r}", "rename one of them")
    return rules


def _read(number: int, value: Any, path: Path) -> ToolRule:
    where = f"{path}: rule {number} of [[permissions.rules]]"
    if not isinstance(value, dict):
        raise SetupError(f"{where} must be a table", _EXAMPLE)
    if unknown := next((key for key in value if key not in _KEYS), None):
        raise SetupError(f"{where} has an unknown key {unknown!r}", f"known: {', '.join(_KEYS)}")
    for key in _KEYS:
        if not isinstance(value.get(key), str) or not value[key].strip():
            raise SetupError(f"{where}: {key} must be a text", _EXAMPLE)
    if not _NAME.fullmatch(value["name"]):
        raise SetupError(f"{where}: invalid name {value['name']!r}", "use a-z, 0-9, '_', '.' and '-'")
    if value["decide"] not in _DECIDE:
        must = f"decide must be allow, deny or ask, not {value['decide']!r}"
        raise SetupError(f"{where}: {must}", _EXAMPLE)
    return ToolRule(value["name"], value["when"], value["decide"])
