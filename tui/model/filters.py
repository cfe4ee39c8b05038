"""The filter language: words that must be there, `!word` that must not, `field:value` of one field,
`~letters` in this order, and `/patterns/`.

    bash status:live !worker-b ~dcs goal:/chap(ter)? [0-9]+/

All parts must hold. Case does not matter. A part may be quoted when it has blanks: `goal:"write docs"`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Literal

from tui.model import fuzzy
from tui.model.patterns import BadPattern, Pattern

TROUBLE: Final = "is:trouble"
"""Lets through only rows in which something is wrong."""
EVERYWHERE: Final = ("is",)
"""Fields that all rows have."""
IDS: Final = frozenset({"thread", "did", "id", "record"})
"""Fields of many digits, in which any few letters occur: fuzzy parts look there only when told."""

Kind = Literal["word", "letters", "pattern"]
_PART: Final = re.compile(
    r'(!?)(?:([A-Za-z_]+):)?(?:/((?:[^/\\]|\\.|/(?=\S))*)(?:/(?=\s|$)|$)|(~?)(?:"([^"]*)"?|(\S+)))'
)


@dataclass(frozen=True)
class Part:
    """One condition. Without a field it searches all of them. `trouble` is why its pattern is none; then it
    holds for everything.
    """

    value: str
    field: str | None = None
    inverse: bool = False
    kind: Kind = "word"
    trouble: str = ""

    @cached_property
    def _pattern(self) -> Pattern | None:
        return Pattern(self.value) if self.kind == "pattern" and not self.trouble else None

    @property
    def weight(self) -> int:
        """What a character costs that it looks at, more or less; 0 for next to nothing."""
        return self._pattern.size if self._pattern is not None else 1 if self.kind == "letters" else 0

    def _looks_at(self, name: str) -> bool:
        return self.field == name if self.field is not None else self.kind != "letters" or name not in IDS

    def _in(self, text: str) -> bool:
        if self._pattern is not None:
            return self._pattern.found(text)
        if self.kind == "letters":
            return fuzzy.places(self.value, text.lower()) is not None
        return self.value in text.lower()

    def holds(self, fields: Mapping[str, str]) -> bool:
        if self.trouble:
            return True
        if self.field is not None:
            return self._in(fields.get(self.field, "")) != self.inverse
        return any(self._in(text) for name, text in fields.items() if self._looks_at(name)) != self.inverse

    def score(self, fields: Mapping[str, str]) -> float:
        """How well letters match the best of the fields."""
        if self.kind != "letters" or self.inverse:
            return 0.0
        texts = [text.lower() for name, text in fields.items() if self._looks_at(name)]
        return max(
            (found for one in texts if (found := fuzzy.score(self.value, one)) is not None), default=0.0
        )

    def places(self, name: str, text: str) -> Iterator[tuple[int, int]]:
        """Where it occurs in what a column shows: from, to."""
        if self.inverse or self.trouble or not self._looks_at(name):
            return
        low = text.lower()
        if self._pattern is not None:
            yield from self._pattern.places(text)
        elif len(low) != len(text):
            return  # a letter whose small form is two: places would be off
        elif self.kind == "letters":
            yield from ((at, at + 1) for at in fuzzy.places(self.value, low) or ())
        elif self.value:
            at = low.find(self.value)
            while at >= 0:
                yield at, at + len(self.value)
                at = low.find(self.value, at + len(self.value))


@dataclass(frozen=True)
class Filter:
    """A parsed filter; an empty one lets everything through. `strange`: a prefix that is not a field. A
    `ranked` one puts the best matches first.
    """

    text: str = ""
    parts: tuple[Part, ...] = ()
    strange: str = ""
    ranked: bool = field(default=False, compare=True)

    def __bool__(self) -> bool:
        return bool(self.parts)

    @property
    def told(self) -> str:
        """The filter as a title shows it, noting a prefix that is not a field and may be a typo."""
        told = f"filter {self.text}" + (f" · no field {self.strange}" if self.strange else "")
        return f"{told} · {self.trouble}" if self.trouble else told

    @property
    def trouble(self) -> str:
        """What is wrong with its first bad pattern; empty when nothing is."""
        return next((f"/{one.value}/ is left out: {one.trouble}" for one in self.parts if one.trouble), "")

    @cached_property
    def weight(self) -> int:
        """What a character of a row costs, more or less; 0 when there is no need to count."""
        return sum(part.weight for part in self.parts)

    def passes(self, fields: Mapping[str, str]) -> bool:
        """Whether a row with these fields passes."""
        return all(part.holds(fields) for part in self.parts)

    def score(self, fields: Mapping[str, str]) -> float:
        """How well a row that passes matches: the higher, the better."""
        return sum(part.score(fields) for part in self.parts)

    def unranked(self) -> Filter:
        """The same, with rows in their own order."""
        return replace(self, ranked=False) if self.ranked else self

    def places(self, name: str, text: str) -> list[tuple[int, int]]:
        """Where it occurs in what a column shows, in order, without overlaps."""
        merged: list[tuple[int, int]] = []
        for begin, end in sorted(one for part in self.parts for one in part.places(name, text)):
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        return merged


def nothing(wanted: Filter) -> str:
    """The message when no row passes."""
    if wanted.text == TROUBLE:
        return "nothing is wrong here; esc shows all"
    return f"no row matches “{wanted.text}”; esc clears the filter"


def parse(text: str, known: Sequence[str] = ()) -> Filter:
    """Parse a filter. A prefix that is not a known field is taken literally, as in `http://…`."""
    parts, strange = [], ""
    for one in _PART.finditer(text):
        bang, name, pattern, tilde, quoted, bare = one.groups()
        value = pattern if pattern is not None else quoted or bare or ""
        if name and known and name.lower() not in (*known, *EVERYWHERE):
            literal = one.group(0).removeprefix("!").strip()
            strange = strange or ("" if literal.startswith(f"{name}://") else name)
            parts += [Part(word.lower(), None, bool(bang)) for word in _words(name, literal, quoted, tilde)]
        elif value:
            kind: Kind = "pattern" if pattern is not None else "letters" if tilde else "word"
            trouble = _trouble(value) if kind == "pattern" else ""
            value = value if kind == "pattern" else value.lower()
            parts.append(Part(value, name.lower() if name else None, bool(bang), kind, trouble))
    ranked = any(one.kind == "letters" and not one.inverse for one in parts)
    return Filter(text.strip(), tuple(parts), strange, ranked)


def _words(name: str, literal: str, quoted: str | None, tilde: str | None) -> list[str]:
    """What stands behind a prefix that is no field, as it was typed; each word must be there."""
    return [f"{name}:{tilde or ''}{quoted}"] if quoted else literal.split()


def _trouble(pattern: str) -> str:
    try:
        Pattern(pattern)
    except BadPattern as error:
        return str(error)
    return ""


def turned(text: str, part: str) -> str:
    """The filter with this part added, or without it if it was there."""
    words = text.split()
    return " ".join([one for one in words if one != part] if part in words else [*words, part])
