"""Namespaces: five levels, a grammar for their ids, and the registry that narrows what may be written.

`default` is the root of everything; below it `org`, `org/project`, `org/project/env` and
`org/project/env/job`. A namespace may only be used while all of its registered ancestors are active:
narrowing is monotonic, so nothing below can open what is closed above.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from syncropel.errors import BadRequest
from syncropel.folds.fanout import Key, number
from syncropel.folds.order import NEVER, word_key
from syncropel.folds.told import said_first
from syncropel.record import StoredRecord
from syncropel.threads import NAMESPACE_REGISTRY

DEFAULT: Final = "default"
LEVELS: Final = ("default", "org", "project", "env", "job")
STATE_OF_TOPIC: Final = {
    "namespace_created": "active",
    "namespace_archived": "archived",
    "namespace_deleted": "deleted",
}
WITHDRAWN_TOPIC: Final = "namespace_withdrawn"
"""A worker says this of a namespace that its coordinator does not know: it was never registered."""
STRICT_TOPIC: Final = "namespace_strict"
MAX_SEGMENT_CHARS: Final = 63
_SEGMENT: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")


def parse_namespace(text: str) -> tuple[str, ...]:
    """The segments of a namespace id: one to four, lower-case letters, digits, dots, dashes, underscores.

    Raises BadRequest that names the segment.
    """
    segments = tuple(text.split("/"))
    if len(segments) >= len(LEVELS):
        raise BadRequest(
            f"namespace {text!r} is too deep", f"at most {len(LEVELS) - 1} levels: org/project/env/job"
        )
    for segment in segments:
        if not _SEGMENT.fullmatch(segment) or len(segment) > MAX_SEGMENT_CHARS:
            raise BadRequest(
                f"namespace {text!r}: {segment!r} is no name",
                f"lower-case letters, digits, dots, dashes, underscores; at most {MAX_SEGMENT_CHARS}",
            )
    if DEFAULT in segments and len(segments) > 1:
        raise BadRequest(f"namespace {text!r}: {DEFAULT} stands alone", "leave it out")
    return segments


def level_of(namespace: str) -> str:
    """The level's name: default, org, project, env or job."""
    return DEFAULT if namespace == DEFAULT else LEVELS[min(len(namespace.split("/")), len(LEVELS) - 1)]


def lineage(namespace: str) -> list[str]:
    """The namespace and everything that covers it, outermost first, without the root: `a/b` gives a, a/b."""
    segments = namespace.split("/")
    return ["/".join(segments[:count]) for count in range(1, len(segments) + 1)]


def covers(outer: str, inner: str) -> bool:
    """Whether `outer` is `inner` or an ancestor of it."""
    return inner == outer or inner.startswith(f"{outer}/")


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
    """Why a namespace may not be used: the ancestor that is in the way, and the command that mends it."""

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

    def apply(self, stored: StoredRecord) -> None:
        record, body = stored.record, stored.record.body
        if record.thread != NAMESPACE_REGISTRY or record.act != "LEARN" or record.clock is None:
            return
        key = word_key(record)
        if record.topic == STRICT_TOPIC:
            if key > self.strict_key:
                self.strict, self.strict_key = body.get("strict") is True, key
                self.strict_record = said_first(record)[1]
            return
        name, state = body.get("namespace"), STATE_OF_TOPIC.get(record.topic)
        withdrawn = record.topic == WITHDRAWN_TOPIC
        if not isinstance(name, str) or not (state or withdrawn) or self.latest.get(name, NEVER) >= key:
            return
        self.latest[name] = key
        before = self.known.pop(name, None)
        if state is not None:
            description = str(body.get("description") or (before.description if before else ""))
            at, told = number(body.get("at")), said_first(record)[1]
            self.known[name] = Namespace(name, state, description, at, told, key)

    def rejection(self, namespace: str) -> Rejection | None:
        """Why nothing may be written to this namespace, or None."""
        if namespace == DEFAULT:
            return None
        for one in lineage(namespace):
            known = self.known.get(one)
            if known is None or known.state == "deleted":
                if self.strict or known is not None:
                    problem = "is not registered" if known is None else "was deleted"
                    return Rejection(one, problem, f"spl namespace create {one}")
            elif known.state == "archived":
                return Rejection(one, "is archived", f"spl namespace create {one}")
        return None
