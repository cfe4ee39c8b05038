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
from syncropel.settings.config import Settings

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


def documented(owner: type) -> dict[str, str]:
    """Attribute → the docstring below it. Raises ValueError for one without."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(tree, ast.ClassDef)
    told: dict[str, str] = {}
    for one, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)):
                raise ValueError(f"{owner.__name__}.{one.target.id} has no docstring")
            told[one.target.id] = inspect.cleandoc(str(after.value.value))
    return told


def _rows(section: type) -> Iterator[tuple[str, str, str, str]]:
    told = documented(section)
    for key in fields(section):
        default: Any = key.default if key.default is not MISSING else None
        shown = f"`{json.dumps(default)}`" if default is not None else "none"
        yield f"`{key.name}`", _KINDS.get(str(key.type), "table"), shown, told[key.name]


def settings_page() -> str:
    parts = []
    for section in fields(Settings):
        owner = type(getattr(Settings(), section.name))
        parts.append(f"## `[{section.name}]`")
        parts.append(table(("key", "kind", "default", "meaning"), _rows(owner)))
    return page("Settings", "syncropel/settings/config.py", _INTRO.strip(), *parts)
