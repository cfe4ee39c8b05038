"""Consent: grants and revocations as records, and the filter for what may be shared with another
namespace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import BadRequest, Conflict, NotFound
from syncropel.folds.consents import ACTIVE, GRANTED, REVOKED
from syncropel.folds.control.namespaces import DEFAULT, name_in, parse_namespace
from syncropel.peer.runtime import Runtime
from syncropel.policy.authority import Writer
from syncropel.policy.guard import thread_namespaces
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import CONSENT, RESERVED
from syncropel.store.base import RecordStore

Named = dict[str, set[tuple[str, str]]]
"""By thread: the namespace that each record names (empty if none), and the subtask's thread it is about."""


class ConsentBook:
    """Two verbs, grant and revoke; both write records, which stay as history."""

    def __init__(self, ingest: Ingest, runtime: Runtime) -> None:
        self._ingest = ingest
        self._runtime = runtime

    async def grant(
        self, *, source: str, target: str, purpose: str, expires_at: float | None, actor: str, writer: Writer
    ) -> StoredRecord:
        """Let `source` share its records with `target`. An existing grant may get another end or purpose.

        Raises BadRequest for an end in the past, Conflict when nothing would change, and whatever the guard
        refuses. `writer`: the record's writer, since not everybody may grant.
        """
        now, purpose = self._runtime.now(), purpose.strip()
        if expires_at is not None and expires_at <= now:
            raise BadRequest("the consent would have expired already", "give a time to come: --expires")
        present = self._ingest.live.consents.known.get((source, target))
        unchanged = present is not None and (present.purpose, present.expires_at) == (purpose, expires_at)
        if present is not None and unchanged and present.state(now) == ACTIVE:
            raise Conflict(f"{source!r} may share with {target!r} already", "see it: spl consent list")
        body: dict[str, Any] = {"purpose": purpose} if purpose else {}
        body |= {} if expires_at is None else {"expires_at": expires_at}
        return await self._write(GRANTED, source, target, actor, body, writer)

    async def revoke(
        self, *, source: str, target: str, reason: str, actor: str, writer: Writer
    ) -> StoredRecord:
        """Revoke the grant for exactly this pair. Raises NotFound when there is none in force."""
        consents, now = self._ingest.live.consents, self._runtime.now()
        present = consents.known.get((source, target))
        if present is None or present.revoked:
            wider = [
                f"spl consent revoke --from-namespace {one.source} --to-namespace {one.target}"
                for one in consents.known.values()
                if one.covers(source, target) and one.state(now) == ACTIVE
            ]
            hint = f"a wider grant covers it: {wider[0]}" if wider else "see the grants: spl consent list"
            raise NotFound(f"no consent of {source!r} for {target!r} to revoke", hint)
        body = {"reason": reason.strip()} if reason.strip() else {}
        return await self._write(REVOKED, source, target, actor, body, writer)

    async def _write(
        self, topic: str, source: str, target: str, actor: str, more: dict[str, Any], writer: Writer
    ) -> StoredRecord:
        pair = {"source_namespace": source, "target_namespace": target}
        body = {"topic": topic, **pair, **more, "at": self._runtime.now()}
        record = Record(CONSENT, actor, "LEARN", body)
        return (await self._ingest.append_one(record, writer=writer)).stored


async def withheld(
    store: RecordStore, live: LiveFolds, threads: Iterable[str], target: str, now: float
) -> dict[str, str]:
    """Those of these threads that may not be shared with this namespace, and whose consent is missing.

    A thread is shared completely or not at all: part of it would fold to a state that never existed. Reserved
    threads belong to this instance and are never shared; the missing consent is then an empty text. Raises
    InvalidNamespace.
    """
    parse_namespace(target)
    chosen = set(threads)
    kept = dict.fromkeys(chosen & RESERVED, "")
    for thread, named in (await _named(store, live, chosen - RESERVED)).items():
        missing = live.consents.missing(_namespaces(thread, named, live), target, now)
        if missing:
            kept[thread] = missing[0]
    return kept


async def _named(store: RecordStore, live: LiveFolds, threads: set[str]) -> Named:
    lines = [line for thread in threads if (line := live.index.threads.get(thread))]
    last = max((line.last_sequence for line in lines), default=0)
    found: Named = {}
    async for chunk in store.scan(min((line.first_sequence for line in lines), default=1) - 1):
        await asyncio.to_thread(_note, found, chunk, threads)
        if chunk[-1].sequence >= last:
            break
    return found


def _note(found: Named, chunk: Sequence[StoredRecord], threads: set[str]) -> None:
    for stored in chunk:
        record = stored.record
        if record.thread in threads:
            about = record.body.get("child_thread")
            named = (name_in(record.body), about if isinstance(about, str) else "")
            found.setdefault(record.thread, set()).add(named)


def _namespaces(thread: str, named: set[tuple[str, str]], live: LiveFolds) -> set[str]:
    """All namespaces that a thread's records are written to. Observations of a run, which have no namespace
    in older logs, are in the subtask's.
    """
    own = thread_namespaces(thread, live)
    found = {name for name, _ in named if name}.union(own)
    if not own:
        for name, about in named:
            if not name:
                found.update(thread_namespaces(about, live) or (DEFAULT,))
    return found
