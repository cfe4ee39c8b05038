"""What a webhook is told: one thing that happened, or that began to wait for somebody."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MORE: Final = "more"
"""The event of a notice that stands for many which could not be sent one by one."""


@dataclass(frozen=True, slots=True)
class Notice:
    """`key`: the same for the same thing, whenever it is looked at. `event`: one of EVENTS, MORE, or `test`.
    `at`: since when, in unix seconds. `text`: one line for people; `private` is a part of it that not
    everybody may be told. `facts`: the same for programs.
    """

    key: str
    event: str
    at: float
    text: str
    private: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Stays the same when the notice is sent again."""
        return hashlib.sha256(self.key.encode("utf-8", "replace")).hexdigest()[:32]

    def body(self, fleet: str, *, texts: bool) -> dict[str, Any]:
        """What is posted. `fleet`: of whom it speaks; `texts`: with the private part."""
        text = f"{self.text}: {self.private}" if texts and self.private else self.text
        told = {"id": self.id, "event": self.event, "at": self.at, "fleet": fleet}
        return {**told, "text": f"{fleet}: {text}" if fleet else text, **self.facts}

    def to_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "event": self.event,
            "at": self.at,
            "text": self.text,
            "private": self.private,
            "facts": dict(self.facts),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Notice:
        """Raises KeyError, TypeError, and ValueError for what is none."""
        return cls(
            str(value["key"]),
            str(value["event"]),
            float(value["at"]),
            str(value["text"]),
            str(value["private"]),
            dict(value["facts"]),
        )


def merged(notices: Sequence[Notice]) -> Notice:
    """One notice for many: how many of each event there are. It is added up when it is merged again."""
    counts: Counter[str] = Counter()
    for one in notices:
        if one.event == MORE:
            counts.update(one.facts["counts"])
        else:
            counts[one.event] += 1
    told = ", ".join(f"{count} {event}" for event, count in sorted(counts.items()))
    last = notices[-1]
    text = f"{counts.total()} more that were not sent one by one: {told}; see: spl inbox"
    return Notice(f"{MORE}/{last.key}", MORE, last.at, text, facts={"counts": dict(counts)})
