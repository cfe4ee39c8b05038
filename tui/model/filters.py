"""The filter language: words that must be there, `!word` that must not, `field:value` of one field.

    bash status:live !worker-b

All parts must hold. Case does not matter. A part may be quoted when it has blanks: `goal:"write docs"`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

TROUBLE: Final = "is:trouble"
"""Lets through only rows in which something is wrong."""
EVERYWHERE: Final = ("is",)
"""Fields that all rows have."""

_PART: Final = re.compile(r'(!?)(?:([A-Za-z_]+):)?(?:"([^"]*)"?|(\S+))')


@dataclass(frozen=True)
class Part:
    """One condition. Without a field it searches all of them."""

    value: str
    field: str | None = None
    inverse: bool = False

    def holds(self, fields: Mapping[str, str]) -> bool:
        places = fields.values() if self.field is None else (fields.get(self.field, ""),)
        return any(self.value in place.lower() for place in places) != self.inverse


@dataclass(frozen=True)
class Filter:
    """A parsed filter; an empty one lets everything through. `strange`: a prefix that is not a field."""

    text: str = ""
    parts: tuple[Part, ...] = ()
    strange: str = ""

    def __bool__(self) -> bool:
        return bool(self.parts)

    @property
    def told(self) -> str:
        """The filter as a title shows it, noting a prefix that is not a field and may be a typo."""
        return f"filter {self.text}" + (f" · no field {self.strange}" if self.strange else "")

    def passes(self, fields: Mapping[str, str]) -> bool:
        """Whether a row with these fields passes."""
        return all(part.holds(fields) for part in self.parts)


def nothing(wanted: Filter) -> str:
    """The message when no row passes."""
    if wanted.text == TROUBLE:
        return "nothing is wrong here; esc shows all"
    return f"no row matches “{wanted.text}”; esc clears the filter"


def parse(text: str, known: Sequence[str] = ()) -> Filter:
    """Parse a filter. A prefix that is not a known field is taken literally, as in `http://…`."""
    parts, strange = [], ""
    for bang, name, quoted, bare in _PART.findall(text):
        value = quoted or bare
        if name and known and name.lower() not in (*known, *EVERYWHERE):
            strange = strange or ("" if value.startswith("//") else name)
            name, value = "", f"{name}:{value}"
        if value:
            parts.append(Part(value.lower(), name.lower() or None, bool(bang)))
    return Filter(text.strip(), tuple(parts), strange)


def turned(text: str, part: str) -> str:
    """The filter with this part added, or without it if it was there."""
    words = text.split()
    return " ".join([one for one in words if one != part] if part in words else [*words, part])
