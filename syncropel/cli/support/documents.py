"""What `-o` makes of the document that a command prints: JSON, YAML, names, or a wide table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from syncropel.errors import SyncropelError

TEXT: Final = "text"
FORMS: Final = (TEXT, "json", "yaml")
LIST_FORMS: Final = (*FORMS, "wide", "name")
OF_ERRORS: Final = frozenset({"json", "yaml"})
"""Forms for programs: errors are JSON then, which is YAML, too."""


_ESCAPED: Final = re.compile("[\x80-\x9f\u2028\u2029\ufeff]")
"""PyYAML would write these as they are, and read some of them as the end of a line."""


def as_yaml(document: Any, *, ascii_only: bool = False) -> str:
    """One YAML document."""
    import yaml

    ascii_only = ascii_only or _ESCAPED.search(json.dumps(document, ensure_ascii=False)) is not None
    told: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=not ascii_only, width=100)
    return told


def as_json(document: Any, *, ascii_only: bool) -> str:
    """One JSON document, indented."""
    return json.dumps(document, ensure_ascii=ascii_only, indent=2) + "\n"


def names_in(document: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """The name of each item of a list: the first of `keys` that says something."""
    found = []
    for item in _items(document):
        name = next((str(item[key]) for key in keys if item.get(key)), "")
        if name:
            found.append(name)
    return found


def wide(document: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table with every field that is one value, or a list of such, in any item."""
    items = _items(document)
    fields = dict.fromkeys(key for item in items for key, value in item.items() if _cell(value))
    rows = [[_cell(item.get(field)) for field in fields] for item in items]
    return [field.upper() for field in fields], rows


def _items(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    items = document.get("data")
    if not isinstance(items, list):
        raise SyncropelError("this answer is no list", "leave -o out, or use -o json")
    return [item if isinstance(item, dict) else {"name": item} for item in items]


def _cell(value: Any) -> str:
    """A field in a table; empty when it says nothing, or is too much for a cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and value and all(isinstance(one, str | int | float) for one in value):
        return ",".join(map(str, value))
    return ""
