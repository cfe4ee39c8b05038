"""What every match of a filter has for sure, so that a store need not decode the other records.

The filter itself still decides. A body is kept as canonical JSON, in which each key and each text has exactly
one form, so a body without that form cannot have the value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from syncropel.record.canonical import canonical_json
from syncropel.store.walks import COLUMNS, Needed

_FINDING: Final = frozenset({"$eq", "$gt", "$gte", "$lt", "$lte", "$in", "$like", "$ilike"})
"""Operators that no missing value satisfies."""
_MAX_TEXTS: Final = 8
"""Texts that are looked for; each costs a search through every body."""


def needs(document: Any) -> Needed:
    """What a record must have to match a filter document that compiles."""
    columns: list[tuple[str, str]] = []
    texts: list[str] = []
    for key, value in _conditions(document):
        if key.startswith("body."):
            texts += _texts(key.split(".")[1:], value)
        elif key in COLUMNS and isinstance(wanted := _exactly(value), str) and _is_unicode(wanted):
            columns.append((key, wanted))
    # The longest says most: a text that is wanted is rarer than the keys that lead to it.
    chosen = sorted(dict.fromkeys(texts), key=len, reverse=True)[:_MAX_TEXTS]
    return Needed(tuple(columns), tuple(chosen))


def _conditions(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The conditions on paths that must all hold."""
    for key, value in document.items():
        if key == "$and":
            for part in value:
                yield from _conditions(part)
        elif not key.startswith("$"):
            yield key, value


def _texts(steps: list[str], value: Any) -> Iterator[str]:
    if not _finds(value):
        return
    for step in steps:
        if not step.isdigit() and _is_unicode(step):  # a number may be the index of a list
            yield f"{canonical_json(step)}:"
    if isinstance(wanted := _exactly(value), str) and _is_unicode(wanted):
        yield canonical_json(wanted)


def _finds(value: Any) -> bool:
    """Whether no missing value meets this condition."""
    if not _is_operators(value):
        return True
    return value.get("$exists") is True or not _FINDING.isdisjoint(value)


def _exactly(value: Any) -> Any:
    """The value that a condition asks for, if it is a single one; otherwise None, or an object."""
    return value.get("$eq") if _is_operators(value) else value


def _is_operators(value: Any) -> bool:
    return isinstance(value, dict) and any(key.startswith("$") for key in value)


def _is_unicode(text: str) -> bool:
    """Whether it has a UTF-8 form: a lone surrogate, which no record contains, has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
