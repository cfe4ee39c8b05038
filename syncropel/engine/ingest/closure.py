"""Which threads belong together: what a snapshot must contain so that a thread can be understood from it
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from syncropel.engine.ingest.live import LiveFolds
from syncropel.record.model import StoredRecord
from syncropel.record.threads import FLEET_CONTROL, INSTANCE_REGISTRY, NAMESPACE_REGISTRY
from syncropel.store.base import RecordStore

_CONTEXT: Final = (INSTANCE_REGISTRY, FLEET_CONTROL, NAMESPACE_REGISTRY)
"""Who the instances were, and which control applied to them."""
_THREAD_KEYS: Final = ("parent_thread", "child_thread", "sub_thread")
_RECORD_KEYS: Final = ("fulfills", "cancels", "parent_intend", "child_intend")


async def causal_closure(
    store: RecordStore, live: LiveFolds, threads: Iterable[str], runs_on: Callable[[str], set[str]]
) -> set[str]:
    """These threads, and all that they lead to and come from, as far as this log contains it.

    Parents of records, records that they fulfil or judge, parent and child threads of fan-outs, the
    observations of each run; and the registries of instances, freezes, and namespaces. `runs_on` gives the
    threads of the runs on a subtask's thread.
    """
    known = live.index.threads
    found: set[str] = {thread for thread in _CONTEXT if thread in known}
    waiting = [thread for thread in threads if thread in known]
    while waiting:
        thread = waiting.pop()
        if thread in found:
            continue
        found.add(thread)
        records = await store.thread(thread)
        near = _named_threads(records) | runs_on(thread) | _kin(live, thread)
        near |= await _threads_of(store, _named_records(records))
        waiting += [one for one in near if one in known and one not in found]
    return found


def _kin(live: LiveFolds, thread: str) -> set[str]:
    """Parents and parts that the thread's own records do not name."""
    return {*(live.parents.forks.get(thread) or ()), *(live.parts.get(thread) or ())}


def _named_threads(records: list[StoredRecord]) -> set[str]:
    return {
        name for stored in records for key in _THREAD_KEYS if (name := _text(stored.record.body.get(key)))
    }


def _named_records(records: list[StoredRecord]) -> set[str]:
    own = {stored.record.id for stored in records}
    named: set[str] = set()
    for stored in records:
        record = stored.record
        named.update(record.parents)
        named.update(filter(None, (_text(record.body.get(key)) for key in _RECORD_KEYS)))
        if record.judged_by is not None:
            named.add(record.judged_by)
    return named - own


async def _threads_of(store: RecordStore, record_ids: set[str]) -> set[str]:
    found = [await store.get(record_id) for record_id in sorted(record_ids)]
    return {stored.record.thread for stored in found if stored is not None}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
