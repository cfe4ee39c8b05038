"""Runs left by an earlier process of this instance: taken over, or ended, before anything new begins."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syncropel.adapters import Adapter, Resumable
from syncropel.engine.dispatch.run_records import RunThread, observation
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import SyncropelError
from syncropel.folds.fanout.child import LOST, ChildIntend
from syncropel.record.model import StoredRecord
from syncropel.store.base import RecordFilter

log = logging.getLogger("syncropel.engine.dispatch")


@dataclass(frozen=True)
class Taken:
    """A run that continues under this daemon. `at`: when it began (unix seconds)."""

    adapter: Resumable
    run: Any
    thread: RunThread
    at: float
    start: Mapping[str, Any] = field(default_factory=dict)
    """The body of its start record."""


async def take_back(
    ingest: Ingest, adapters: Mapping[str, Adapter], did: str, left_open: Sequence[ChildIntend], at: float
) -> dict[str, Taken]:
    """The runs of these attempts that continue or have ended by themselves, by the id of the child INTEND.

    Everything else that a previous process of this instance left running is ended first, and reported lost.
    """
    intends = {intend.record: intend for intend in left_open}
    newest = await _sessions(ingest, did, intends) if intends else {}
    taken: dict[str, Taken] = {}
    keepers = {name: adapter for name, adapter in adapters.items() if isinstance(adapter, Resumable)}
    found = await _found(keepers, newest.values())
    for intend, stored in newest.items():
        body = stored.record.body
        name, run = str(body.get("adapter")), str(body.get("run"))
        if name in keepers and run in found:
            said = body.get("at")
            began = float(said) if isinstance(said, int | float) else stored.received_at
            taken[intend] = Taken(keepers[name], found[run], await _thread_of(ingest, stored), began, body)
            log.info("run %s is taken over", run, extra={"thread_id": stored.record.thread})
        elif name in adapters and not (name in keepers and "run" in body):
            await adapters[name].end_orphan(body)  # also what an older version started without a supervisor
    lost = [(intends[intend], one) for intend, one in newest.items() if intend not in taken]
    await _tell_lost(ingest, did, lost, at)
    return taken


async def _found(keepers: Mapping[str, Resumable], sessions: Collection[StoredRecord]) -> dict[str, Any]:
    """What can be taken over, by the run's name: each folder of runs is scanned once."""
    found: dict[str, Any] = {}
    shared: dict[Path, list[str]] = {}
    for name, keeper in keepers.items():
        shared.setdefault(keeper.runs, []).append(name)
    for names in shared.values():
        bodies = [stored.record.body for stored in sessions]
        wanted = {str(body.get("run")): body for body in bodies if body.get("adapter") in names}
        found |= await keepers[names[0]].take_back(wanted)
    return found


async def _thread_of(ingest: Ingest, session: StoredRecord) -> RunThread:
    thread = session.record.thread
    intends = await ingest.store.query(RecordFilter(thread, act="INTEND"))
    return RunThread(thread, intends[-1].record.id if intends else "")


async def _tell_lost(
    ingest: Ingest, did: str, lost: Sequence[tuple[ChildIntend, StoredRecord]], at: float
) -> None:
    """Close the threads of abandoned runs. A freeze may refuse that: they then stay as they are."""
    threads = ingest.live.index.threads
    records = [
        observation(session.record.thread, intend, did, LOST, {}, at)
        for intend, session in lost
        if threads[session.record.thread].status != "closed"
    ]
    try:
        await ingest.append(records, together=True)
    except SyncropelError as error:
        log.warning("cannot record that runs were lost: %s", error.message)


async def _sessions(ingest: Ingest, did: str, intends: Collection[str]) -> dict[str, StoredRecord]:
    newest: dict[str, StoredRecord] = {}
    for intend in intends:
        for record in ingest.live.starts.sessions(intend, did):
            stored = await ingest.store.get(record)
            known = newest.get(intend)
            if stored is not None and (known is None or stored.sequence > known.sequence):
                newest[intend] = stored
    return newest
