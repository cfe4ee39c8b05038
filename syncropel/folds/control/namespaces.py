"""Namespaces: five levels, a grammar for their ids, and the registry that restricts what may be written.

`default` is the root of everything; below it are `org`, `org/project`, `org/project/env`, and
`org/project/env/job`. A namespace may only be used while all of its registered ancestors are active:
restriction is monotonic, so nothing below can open what is closed above.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from syncropel.errors import InvalidNamespace
from syncropel.folds.base.order import NEVER, word_key
from syncropel.folds.base.provenance import original_author
from syncropel.folds.fanout.state import Key, number
from syncropel.record.model import StoredRecord
from syncropel.record.threads import NAMESPACE_REGISTRY

DEFAULT: Final = "default"
LEVELS: Final = ("default", "org", "project", "env", "job")
STATE_OF_TOPIC: Final = {
    "namespace_created": "active",
    "namespace_archived": "archived",
    "namespace_deleted": "deleted",
}
WITHDRAWN_TOPIC: Final = "namespace_withdrawn"
"""A worker writes this about a namespace that its coordinator does not know: it was never registered."""
STRICT_TOPIC: Final = "namespace_strict"
_PROBLEMS: Final = {"unknown": "is not registered", "archived": "is archived", "deleted": "was deleted"}
MAX_SEGMENT_CHARS: Final = 63
REMEMBERED: Final = 4096
"""Names whose results are cached until the control state changes."""
EXAMPLE: Final = "for example docs or docs/v1"
_SEGMENT: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
_LONGEST: Final = (MAX_SEGMENT_CHARS + 1) * (len(LEVELS) - 1)
_SHOWN_CHARS: Final = 60


def parse_namespace(text: str, place: str = "") -> tuple[str, ...]:
    """The segments of a namespace id: one to four, lower-case letters, digits, dots, dashes, underscores.

    `place`: where it was found, such as `body.namespace`. Raises InvalidNamespace saying what is wrong.
    """
    problem = _problem(text)
    if problem:
        shown = text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
        raise InvalidNamespace(f"{place and f'{place}: '}invalid namespace {shown!r}: {problem}", EXAMPLE)
    return tuple(text.split("/"))


@lru_cache(maxsize=4096)
def _problem_of(text: str) -> str:
    segments = text.split("/")
    if len(segments) >= len(LEVELS):
        return f"at most {len(LEVELS) - 1} levels: org/project/env/job"
    for segment in segments:
        if len(segment) > MAX_SEGMENT_CHARS:
            return f"a segment has at most {MAX_SEGMENT_CHARS} characters"
        if not segment:
            return "a segment is empty"
        if not _SEGMENT.fullmatch(segment):
            if _SEGMENT.fullmatch(f"a{segment}"):
                return "segments begin with a–z or 0–9"
            return "segments use a–z, 0–9, '.', '_', '-'"
    return f"{DEFAULT!r} stands alone" if DEFAULT in segments and len(segments) > 1 else ""


def _problem(text: str) -> str:
    """How this text violates the grammar; empty when it does not."""
    return _problem_of(text) if len(text) <= _LONGEST else f"at most {_LONGEST} characters"


def name_in(body: dict[str, Any]) -> str:
    """The namespace that a record's body names, empty when it names none. In older logs it may be
    anything."""
    named = body.get("namespace")
    return named if isinstance(named, str) else ""


def level_of(namespace: str) -> str:
    """The level's name: default, org, project, env or job."""
    return DEFAULT if namespace == DEFAULT else LEVELS[min(len(namespace.split("/")), len(LEVELS) - 1)]


def lineage(namespace: str) -> Iterator[str]:
    """The namespace and all its ancestors, outermost first, without the root: `a/b` gives a, a/b."""
    end = namespace.find("/")
    while end >= 0:
        yield namespace[:end]
        end = namespace.find("/", end + 1)
    yield namespace


def covers(outer: str, inner: str) -> bool:
    """Whether `outer` is `inner` or an ancestor of it."""
    return inner == outer or inner.startswith(f"{outer}/")


def over(namespace: str, among: Collection[str]) -> list[str]:
    """Those of these that are the namespace itself or an ancestor, outermost first."""
    if namespace.count("/") < len(LEVELS):
        return [one for one in lineage(namespace) if one in among]
    # Older logs contain names of any depth, whose ancestors together could exhaust memory.
    return sorted((one for one in among if covers(one, namespace)), key=len)


@dataclass(frozen=True, slots=True)
class Namespace:
    """A registered namespace."""

    id: str
    state: str
    description: str
    at: float
    record: str
    key: Key


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a namespace may not be used: the ancestor that forbids it, and the command that mends it."""

    ancestor: str
    problem: str
    mend: str


@dataclass(slots=True)
class Namespaces:
    """The registry. Applying records in any order gives the same state."""

    known: dict[str, Namespace] = field(default_factory=dict)
    latest: dict[str, Key] = field(default_factory=dict)
    strict: bool = False
    strict_key: Key = NEVER
    strict_record: str = ""
    _rejections: dict[str, Rejection | None] = field(default_factory=dict, compare=False, repr=False)
    """Cache of `rejection` since the last change."""

    def apply(self, stored: StoredRecord) -> None:
        record, body = stored.record, stored.record.body
        if record.thread != NAMESPACE_REGISTRY or record.act != "LEARN" or record.clock is None:
            return
        key = word_key(record)
        self._rejections.clear()
        if record.topic == STRICT_TOPIC:
            if key > self.strict_key:
                self.strict, self.strict_key = body.get("strict") is True, key
                self.strict_record = original_author(record)[1]
            return
        name, state = body.get("namespace"), STATE_OF_TOPIC.get(record.topic)
        withdrawn = record.topic == WITHDRAWN_TOPIC
        if not isinstance(name, str) or not (state or withdrawn) or self.latest.get(name, NEVER) >= key:
            return
        self.latest[name] = key
        before = self.known.pop(name, None)
        if state is not None:
            description = str(body.get("description") or (before.description if before else ""))
            at, told = number(body.get("at")), original_author(record)[1]
            self.known[name] = Namespace(name, state, description, at, told, key)

    def rejection(self, namespace: str) -> Rejection | None:
        """Why nothing may be written to this namespace, or None."""
        if namespace not in self._rejections:
            if len(self._rejections) >= REMEMBERED:
                self._rejections.clear()
            self._rejections[namespace] = self._rejection(namespace)
        return self._rejections[namespace]

    def _rejection(self, namespace: str) -> Rejection | None:
        if namespace == DEFAULT:
            return None
        for one in lineage(namespace) if self.strict else over(namespace, self.known):
            known = self.known.get(one)
            state = "unknown" if known is None else known.state
            if state != "active":
                return Rejection(one, _PROBLEMS[state], f"spl namespace create {one}")
        return None
