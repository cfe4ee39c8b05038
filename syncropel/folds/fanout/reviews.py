"""Reviews of finished attempts: who looked at which commit, and approved it or rejected it with notes.

A review is LEARN `fanout_review` on the parent thread. The attempt's own result stays as it is. A rejection
ends the attempt as a retry does: the subtask's next attempt is the current one, with the notes as its hint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from syncropel.wire.review_limits import MOST_NOTES, MOST_PATH, MOST_QUOTE, MOST_TEXT
from syncropel.wire.review_words import note_line

REVIEW: Final = "fanout_review"

Verdict = Literal["accept", "reject"]
Side = Literal["new", "old"]
APPROVES: Final = "accept"
REJECTS: Final = "reject"
_VERDICTS: Final = (APPROVES, REJECTS)
_SIDES: Final = ("new", "old")

_SHORT: Final = 12
_HIGHEST_LINE: Final = 10**9
_CONTROLS: Final = frozenset({*map(chr, range(32)), "\x7f"})


@dataclass(frozen=True, slots=True)
class Note:
    """A remark, about a line of a file where `path` and `line` are given.

    `line`: from 1, in the new file or, with `side` old, in the one before. `quote`: what stands there.
    """

    text: str
    path: str = ""
    line: int | None = None
    side: Side = "new"
    quote: str = ""

    def as_body(self) -> dict[str, Any]:
        """Without what is not given."""
        body: dict[str, Any] = {"text": self.text}
        if self.path:
            body["path"] = self.path
        if self.line is not None:
            body |= {"line": self.line, "side": self.side}
        if self.quote:
            body["quote"] = self.quote
        return body

    def as_line(self) -> str:
        """As the next attempt is told."""
        line = note_line(self.text, self.path, self.line, self.side, self.quote)
        return line if self.path else f"- {line}"


@dataclass(frozen=True, slots=True)
class Said:
    """What a reviewer says. `commit`: the commit that was looked at; empty when the attempt has none.

    `anyway`: it is rejected although subtasks that depend on it have begun.
    """

    index: int
    attempt: int
    commit: str
    verdict: Verdict
    text: str = ""
    notes: tuple[Note, ...] = ()
    anyway: bool = False

    @property
    def rejects(self) -> bool:
        return self.verdict == REJECTS

    def as_body(self) -> dict[str, Any]:
        """The body of its record, apart from topic, hint, namespace, and time."""
        body: dict[str, Any] = {
            "index": self.index,
            "attempt": self.attempt,
            "commit": self.commit,
            "verdict": self.verdict,
            "text": self.text,
            "notes": [one.as_body() for one in self.notes],
        }
        return {**body, "anyway": True} if self.anyway else body

    def hint(self, branch: str) -> str:
        """What the next attempt is told. `branch`: of the rejected one; empty for none."""
        where = f" Its work is on the branch {branch}, at {self.commit[:_SHORT]}." if branch else ""
        told = [f"Attempt {self.attempt} was rejected in review.{where}", self.text]
        return "\n\n".join(filter(None, (*told, "\n".join(one.as_line() for one in self.notes))))


@dataclass(frozen=True, slots=True)
class Review:
    """A review in the log. `record`: the id of its record; `hint`: what the next attempt is told."""

    record: str
    by: str
    at: float
    said: Said
    hint: str = ""


Slot = tuple[int, int]


@dataclass(slots=True)
class Reviews:
    """Reviews of one fan-out, in fold order, by the subtask's index."""

    by_index: dict[int, list[Review]] = field(default_factory=dict)
    rejected: set[Slot] = field(default_factory=set)

    def take(self, review: Review) -> None:
        """Add the next review."""
        said = review.said
        self.by_index.setdefault(said.index, []).append(review)
        if said.rejects:
            self.rejected.add((said.index, said.attempt))

    def count(self, index: int) -> int:
        """How many reviews a subtask has."""
        return len(self.by_index.get(index, ()))

    def of(self, index: int, attempt: int | None = None) -> list[Review]:
        """The reviews of an attempt, or of all attempts at a subtask, the oldest first."""
        found = self.by_index.get(index, ())
        return [one for one in found if attempt is None or one.said.attempt == attempt]

    def rejection(self, index: int, attempt: int) -> Review | None:
        """The review that rejected an attempt, if one did."""
        return next((one for one in self.of(index, attempt) if one.said.rejects), None)

    def approves(self, index: int, attempt: int) -> bool:
        """Whether an attempt was approved."""
        return any(not one.said.rejects for one in self.of(index, attempt)) if self.by_index else False

    def last_rejected(self, index: int, before: int) -> int:
        """The last rejected attempt at a subtask before this one; 0 for none."""
        rejected = (one.said.attempt for one in self.of(index) if one.said.rejects)
        return max((one for one in rejected if one < before), default=0)


def parse_review(body: Mapping[str, Any]) -> Said:
    """What a reviewer says, from a body. Raises ValueError naming what is wrong."""
    index, attempt, verdict = body.get("index"), body.get("attempt"), body.get("verdict")
    if type(index) is not int or type(attempt) is not int or index < 0 or attempt < 1:
        raise ValueError("index and attempt must be whole numbers")
    if verdict not in _VERDICTS:
        raise ValueError(f"verdict must be one of {', '.join(_VERDICTS)}")
    notes = body.get("notes", [])
    if not isinstance(notes, list) or len(notes) > MOST_NOTES:
        raise ValueError(f"notes must be a list of at most {MOST_NOTES}")
    said = Said(
        index,
        attempt,
        _words(body, "commit", "commit", MOST_PATH, plain=True),
        cast("Verdict", verdict),
        _words(body, "text", "text", MOST_TEXT),
        tuple(_note(one, f"note {place}") for place, one in enumerate(notes)),
        body.get("anyway") is True,
    )
    if said.rejects and not (said.text or said.notes):
        raise ValueError("a rejection needs a text or a note: the next attempt has to know what to change")
    return said


def _note(value: Any, where: str) -> Note:
    if not isinstance(value, dict):
        raise ValueError(f"{where} must be an object")
    line, side = value.get("line"), value.get("side", "new")
    path = _words(value, "path", f"{where}: path", MOST_PATH, plain=True)
    quote = _words(value, "quote", f"{where}: quote", 4 * MOST_QUOTE)
    text = _words(value, "text", f"{where}: text", MOST_TEXT)
    if not text:
        raise ValueError(f"{where} has no text")
    if line is not None and (type(line) is not int or not 1 <= line <= _HIGHEST_LINE):
        raise ValueError(f"{where}: line must be a whole number from 1")
    if side not in _SIDES:
        raise ValueError(f"{where}: side must be one of {', '.join(_SIDES)}")
    if not path and (line is not None or quote):
        raise ValueError(f"{where}: a line and a quote need a path")
    if len(quote) > MOST_QUOTE or "\n" in quote or "\r" in quote:
        raise ValueError(f"{where}: quote must be one line of at most {MOST_QUOTE} characters")
    return Note(text, path, line, cast("Side", side) if line is not None else "new", quote)


def _words(body: Mapping[str, Any], key: str, where: str, most: int, *, plain: bool = False) -> str:
    """A text of the body without the white space around it. `plain`: without control characters."""
    value = body.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f"{where} must be a text")
    if "\0" in value or (plain and not _CONTROLS.isdisjoint(value)):
        what = "control" if plain else "NUL"
        raise ValueError(f"{where} has a {what} character, which no program is given")
    if (size := len(value.encode("utf-8", "surrogatepass"))) > most:
        raise ValueError(f"{where} has {size} bytes; at most {most}")
    return value.strip()
