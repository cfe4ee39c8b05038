"""`reference/settings.md`: every key of `config.toml`, from the dataclasses that hold them."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

from docs_tools.markdown import page, table
from syncropel.settings.adapters import AdapterSettings, AdapterTable
from syncropel.settings.config import Settings
from syncropel.settings.permissions import PermissionSettings, ToolRule
from syncropel.settings.webhooks import Webhook, WebhookSettings

_KINDS = {"int": "whole number", "float": "number", "bool": "true or false", "str": "text"}

_INTRO = """
Each instance reads `config.toml` in its home when it starts. `spl init` and `spl fleet start` write the
file with every setting at its default. A setting that you leave out has its default. Your comments stay
when a command edits the file.

An unknown section, an unknown key, or a value of the wrong kind stops the start with a message that
names it. The command that looks the file over without starting anything is `spl doctor`.

```toml
[dispatch]
adapter = "bash"
max_concurrent = 2

[adapters]
bash = true
```
"""

_TABLES = (
    "A table of its own makes an adapter. A subtask names it: `adapter=NAME`. Which of these keys a table "
    "may have depends on its type ([adapters](adapters.md)); a key that the type has no use for stops the "
    "start."
)

_WEBHOOKS = (
    "A table of its own makes a webhook: who is told over HTTP what happens in the fleet "
    "([example](../howto/webhooks.md))."
)

_RULES = (
    "Rules about what agents may do on this instance without asking. The first that matches decides; without "
    "one, the operator is asked ([examples](../howto/questions.md#let-rules-answer))."
)


def documented(owner: type, without: frozenset[str] = frozenset()) -> dict[str, str]:
    """Attribute → the docstring below it. Raises ValueError for one that has none and should."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(tree, ast.ClassDef)
    told: dict[str, str] = {}
    for one, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        name = _attribute(one)
        if name and name not in without:
            if not isinstance(after, ast.Expr) or not isinstance(after.value, ast.Constant):
                raise ValueError(f"{owner.__name__}.{name} has no docstring")
            told[name] = inspect.cleandoc(str(after.value.value))
    return told


def _attribute(node: ast.stmt) -> str:
    """The name of the attribute that a statement declares, or nothing."""
    declares = isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    return node.target.id if declares else ""  # type: ignore[attr-defined]


def _rows(section: type, without: frozenset[str] = frozenset()) -> Iterator[tuple[str, str, str, str]]:
    told = documented(section, without)
    for key in fields(section):
        if key.name in told and not key.metadata.get("tables"):
            default: Any = key.default if key.default is not MISSING else None
            shown = f"`{json.dumps(default)}`" if default not in (None, "") else "none"
            yield f"`{key.name}`", _kind(str(key.type)), shown, told[key.name]


def _kind(annotation: str) -> str:
    if annotation.startswith("tuple[str"):
        return "list of texts"
    return _KINDS.get(annotation, "table")


def settings_page() -> str:
    parts = []
    head = ("key", "kind", "default", "meaning")
    for section in fields(Settings):
        owner = type(getattr(Settings(), section.name))
        parts.append(f"## `[{section.name}]`")
        parts.append(table(head, _rows(owner)))
        if owner is PermissionSettings:
            parts.append("## `[[permissions.rules]]`")
            parts.append(_RULES)
            parts.append(table(head, _rows(ToolRule)))
        if owner is AdapterSettings:
            parts.append("## `[adapters.NAME]`")
            parts.append(_TABLES)
            parts.append(table(head, _rows(AdapterTable, frozenset({"name", "options"}))))
        if owner is WebhookSettings:
            parts[-2:] = ["## `[webhooks.NAME]`", _WEBHOOKS]
            parts.append(table(head, _rows(Webhook, frozenset({"name"}))))
    return page("Settings", "syncropel/settings", _INTRO.strip(), *parts)
