"""The filter language of `/`: words that must all match.

    worker          some cell contains "worker"
    !live           no cell contains "live"
    status:stale    the column "status" contains "stale"
    !goal:docs      … does not contain "docs"
    "two words"     quoted text with its spaces

Upper and lower case are the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tui.model.cells import Cell

_TERM: Final = re.compile(r'(!?)(?:([A-Za-z_]+):)?(?:"([^"]*)"?|(\S+))')


@dataclass(frozen=True)
class Term:
    """One word of a filter. `field` is empty when any column may match."""

    text: str
    field: str = ""
    inverse: bool = False

    def matches(self, cells: Mapping[str, Cell]) -> bool:
        if self.field:
            found = any(
                self.text in cell.text.lower() for key, cell in cells.items() if key.startswith(self.field)
            )
        else:
            found = any(self.text in cell.text.lower() for cell in cells.values())
        return found != self.inverse


@dataclass(frozen=True)
class Filter:
    """A parsed filter; an empty one lets everything through."""

    source: str = ""
    terms: tuple[Term, ...] = ()

    def matches(self, cells: Mapping[str, Cell]) -> bool:
        return all(term.matches(cells) for term in self.terms)

    def __bool__(self) -> bool:
        return bool(self.terms)


def parse(source: str, fields: frozenset[str] = frozenset()) -> Filter:
    """Read a filter. `fields` are the columns' keys; `http://x` is text, since no column is called `http`.

    A field may be shortened: `stat:live`.
    """
    terms = []
    for bang, name, quoted, bare in _TERM.findall(source):
        field, text = name.lower(), (quoted or bare).lower()
        if field and not any(known.startswith(field) for known in fields):
            field, text = "", f"{field}:{text}"
        if text:
            terms.append(Term(text, field, bool(bang)))
    return Filter(source.strip(), tuple(terms))
