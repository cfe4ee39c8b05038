"""Emitting a record: what is posted, and how to react to each answer. No I/O here.

A record gets its clock here, from the time, so the log recognises a resent record and never accepts it twice.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Final

from pydantic import RootModel

from syncropel.backoff import backoff_secs
from syncropel.client.calls import Call, post_record
from syncropel.errors import RemoteError, StrangeAnswer, SyncropelError
from syncropel.sdk.grammar import has_version, validate_kind
from syncropel.sdk.refs import Reference, merge_refs
from syncropel.sdk.results import EmitResult

_CLOCK_TAKEN: Final = "INGEST_FAILED"


class Document(RootModel[Any]):
    """A raw answer."""


def as_it_came(call: Call[Any]) -> Call[Document]:
    """The same call, without validating its answer against a model: another version's daemon may
    answer it."""
    return replace(call, model=Document)


class Clocks:
    """Clocks from the time (milliseconds since 1970), strictly increasing. Thread-safe."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns, self._last, self._lock = now_ns, 0, threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._last = max(self._now_ns() // 1_000_000, self._last + 1)
            return self._last


def envelope(
    *,
    actor: str,
    act: str,
    kind: str,
    body: dict[str, Any],
    thread: str,
    refs: list[Reference] | None,
    parents: list[str] | None,
    data_type: str,
) -> dict[str, Any]:
    """The record to post, without its clock: the kind and the references become part of the body.

    `_v` is set to 1 where neither the kind nor the body names a version. Raises SyncropelKindError,
    ValueError for an empty act or thread, and TypeError for a body that is not a dict.
    """
    validate_kind(kind)
    if not act or not thread:
        raise ValueError("emit needs an act and a thread")
    if not isinstance(body, dict):
        raise TypeError(f"a body is a dict, not {type(body).__name__}")
    versioned = {} if has_version(kind) or "_v" in body else {"_v": 1}
    return {
        "act": act,
        "actor": actor,
        "body": merge_refs({**body, "kind": kind, **versioned}, refs),
        "data_type": data_type,
        "parents": sorted(parents or ()),
        "thread": thread,
    }


@dataclass
class Posting:
    """One record on its way into the log: send `call`, and pass the answer to `judge`.

    `clock` None: the record uses the next of `clocks`, and another one if that is taken.
    """

    record: dict[str, Any]
    clock: int | None
    clocks: Clocks
    max_retries: int
    backoff_secs: float
    retried: int = 0

    def __post_init__(self) -> None:
        self.record["clock"] = self.clocks.next() if self.clock is None else self.clock

    def call(self) -> Call[Document]:
        """The request to send."""
        return replace(as_it_came(post_record(self.record)), repeatable=False)

    def judge(self, outcome: Document | SyncropelError) -> EmitResult | float:
        """The result, or the number of seconds to wait before sending `call` again."""
        if isinstance(outcome, Document):
            found = outcome.root if isinstance(outcome.root, dict) else {}
            return self._result(True, record_id=found.get("id"), clock=found.get("clock"))
        taken = self.clock is None and isinstance(outcome, RemoteError) and outcome.code == _CLOCK_TAKEN
        final = 0 < _status(outcome) < 500 and not taken
        if final or self.retried >= self.max_retries:
            return self._result(False, error=_words(outcome))
        if taken:
            self.record["clock"] = self.clocks.next()
        self.retried += 1
        return backoff_secs(self.retried, self.backoff_secs, inf, random.random())

    def _result(self, success: bool, **fields: Any) -> EmitResult:
        record = self.record
        return EmitResult(
            success,
            retried=self.retried,
            kind=record["body"]["kind"],
            act=record["act"],
            thread=record["thread"],
            **fields,
        )


def _words(error: SyncropelError) -> str:
    status = f"HTTP {_status(error)}: " if _status(error) else ""
    code = f"{error.code}: " if isinstance(error, RemoteError) else ""
    return f"{status}{code}{error.message}"


def _status(error: SyncropelError) -> int:
    """The HTTP status of a refusal; 0 when there was no answer."""
    if isinstance(error, StrangeAnswer):
        return error.answered
    return error.status if isinstance(error, RemoteError) else 0
