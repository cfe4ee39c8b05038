"""The INTEND of an attempt follows from the log alone: whoever sends it later, it is the record that the
spawn names, in the name of the coordinator that decided it.
"""

from __future__ import annotations

from collections import defaultdict

import pytest

from syncropel.engine.fanout.spawn import child_end, child_intend
from syncropel.folds.base.order import fold_order
from syncropel.folds.fanout.child import END_CHILD
from syncropel.folds.fanout.state import SPAWNED, FanOut, Spawn
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.tasks.state import TaskState
from syncropel.record.model import Record, StoredRecord
from syncropel.store.bundle.format import read_bundle, read_header
from tests.golden.reading import LOGS

LOG = LOGS / "1" / "coordinator.snap.jsonl"


def threads() -> dict[str, list[StoredRecord]]:
    """The records of each thread of the coordinator's log, in fold order."""
    with LOG.open("rb") as lines:
        found = list(read_bundle(read_header(lines.readline()), lines))
    by_thread: dict[str, list[StoredRecord]] = defaultdict(list)
    for sequence, one in enumerate(found, 1):
        by_thread[one.record.thread].append(StoredRecord(one.record, sequence, one.received_at))
    return {thread: fold_order(records) for thread, records in by_thread.items()}


def spawned() -> list[tuple[FanOut, tuple[int, int], Spawn, Record]]:
    """Each spawn of the log, with its fan-out as it was right after it, and its record."""
    found = []
    for thread, records in threads().items():
        for end, stored in enumerate(records, 1):
            body = stored.record.body
            if stored.record.topic == SPAWNED:
                state = TaskState(thread)
                for one in records[:end]:
                    state.apply(one)
                assert state.fanout is not None
                slot = (int(body["index"]), int(body["attempt"]))
                found.append((state.fanout, slot, state.fanout.spawns[slot], stored.record))
    return found


def test_the_intend_of_each_attempt_is_rebuilt_from_its_spawn() -> None:
    made = spawned()
    assert len(made) == 12
    for fanout, (index, attempt), spawn, record in made:
        (child,) = [one for one in fan_out_children(fanout) if one.index == index]
        intend = child_intend(fanout, child, spawn.key[0], spawn.actor)
        assert (intend.id, intend.actor, child.attempt) == (spawn.child_intend, record.actor, attempt)


@pytest.mark.parametrize("reason", ["cancelled", "superseded"])
def test_the_end_of_an_attempt_is_the_same_whoever_sends_it(reason: str) -> None:
    for fanout, (_, attempt), spawn, record in spawned():
        end = child_end(fanout, attempt, spawn, reason)
        assert (end.actor, end.thread, end.topic) == (record.actor, spawn.child_thread, END_CHILD)
