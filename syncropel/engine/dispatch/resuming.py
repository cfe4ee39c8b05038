"""Runs that an earlier process of this instance left: taken back, or ended, before anything new begins."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncropel.adapters import Adapter, Resumable
from syncropel.engine.ingest.door import Ingest
from syncropel.folds.fanout.child import SESSION
from syncropel.record.model import StoredRecord
from syncropel.store.base import RecordFilter

log = logging.getLogger("syncropel.engine.dispatch")


@dataclass(frozen=True)
class Taken:
    """A run that goes on under this daemon. `thread`: its sub-thread; `at`: when it began (unix seconds)."""

    adapter: Resumable
    run: Any
    thread: str
    at: float


async def take_back(
    ingest: Ingest, adapters: Mapping[str, Adapter], did: str, open_intends: set[str]
) -> dict[str, Taken]:
    """The runs of these attempts that go on or have ended by themselves, by the id of the child INTEND.

    Everything else that a former process of this instance left running is ended first.
    """
    newest = await _sessions(ingest, did, open_intends) if open_intends else {}
    taken: dict[str, Taken] = {}
    for name, adapter in adapters.items():
        mine = {intend: one for intend, one in newest.items() if one.record.body.get("adapter") == name}
        if not isinstance(adapter, Resumable):
            for stored in mine.values():
                await adapter.end_orphan(stored.record.body)
            continue
        runs = {str(one.record.body.get("run")): (intend, one) for intend, one in mine.items()}
        found = await adapter.take_back({run: one.record.body for run, (_, one) in runs.items()})
        for run, (intend, stored) in runs.items():
            if run in found:
                at = stored.record.body.get("at")
                began = float(at) if isinstance(at, int | float) else stored.received_at
                taken[intend] = Taken(adapter, found[run], stored.record.thread, began)
                log.info("run %s is taken back", run, extra={"thread_id": stored.record.thread})
            elif "run" not in stored.record.body:  # an older version started it, without a supervisor
                await adapter.end_orphan(stored.record.body)
    return taken


async def _sessions(ingest: Ingest, did: str, intends: set[str]) -> dict[str, StoredRecord]:
    newest: dict[str, StoredRecord] = {}
    since = 0
    while page := await ingest.store.query(RecordFilter(topic=SESSION, since=since, limit=1000)):
        since = page[-1].sequence
        for stored in page:
            intend = stored.record.body.get("child_intend")
            if intend in intends and stored.record.actor == did:
                newest[str(intend)] = stored
    return newest
