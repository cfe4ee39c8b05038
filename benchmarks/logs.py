"""Logs of any size for measuring: finished fan-outs of eight, plain threads, and a few open fan-outs.

`python -m benchmarks.logs PATH RECORDS` writes one. The same arguments give the same records.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, Final

from syncropel.record.model import Record
from syncropel.record.threads import child_thread, task_thread
from syncropel.store.calls import Call
from syncropel.store.head import Head
from syncropel.store.sqlite.commit import commit
from syncropel.store.sqlite.connection import tune_writer
from syncropel.store.sqlite.schema import prepare

SUBTASKS: Final = 8
OPEN_SUBTASKS: Final = 1_000
PLAIN: Final = 20
"""Plain records behind each fan-out, on a thread of their own."""
_COORDINATOR: Final = "did:sync:instance:0000000000000000"
_WORKERS: Final = ("did:sync:instance:0000000000000001", "did:sync:instance:0000000000000002")
_BEGUN: Final = 1_700_000_000
_GROUP: Final = 5_000


def write_log(path: Path, records: int) -> None:
    """Write a store of so many records, of which the last are fan-outs that wait for their subtasks.

    They target instances that never joined, so that a daemon that starts on it has nothing to run.
    """
    waiting = min(OPEN_SUBTASKS // SUBTASKS, records // (4 * (1 + SUBTASKS)))
    finished = records - waiting * (1 + SUBTASKS)
    numbers = count()
    made = chain(
        islice(chain.from_iterable(_finished(number) for number in numbers), finished),
        chain.from_iterable(_fan_out(next(numbers), open_=True) for _ in range(waiting)),
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as log:
        prepare(log, path)
        tune_writer(log)
        log.execute("PRAGMA synchronous = OFF")
        head = Head()
        while some := list(islice(made, _GROUP)):
            at = float(_BEGUN + head.last // 100)
            head = commit(log, [Call(some, at)], head).head
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _finished(number: int) -> Iterator[Record]:
    yield from _fan_out(number, open_=False)
    thread = task_thread(f"PLAIN-{number}", "bench")
    for at in range(PLAIN):
        body = {
            "topic": "note",
            "n": at,
            "text": f"what came of step {at} of {number}",
            "at": _BEGUN + number,
        }
        yield _record(thread, at, "INTEND" if at == 0 else "DO", "did:sync:agent:bench", body)


def _fan_out(number: int, *, open_: bool) -> Iterator[Record]:
    alias, at = f"BENCH-{number}", _BEGUN + number
    thread = task_thread(alias, "bench")
    subtasks = [
        {"goal": f"write part {index} of {number}", "target": f"worker-{'ab'[index % 2]}", "depends_on": []}
        for index in range(SUBTASKS)
    ]
    opening = _record(
        thread,
        0,
        "INTEND",
        "did:sync:user:operator",
        {
            "alias": alias,
            "at": at,
            "domain": "docs",
            "goal": f"do {alias}",
            "join": "all",
            "namespace": "default",
            "priority": "medium",
            "subtasks": subtasks,
            "task": True,
        },
    )
    yield opening
    for index, subtask in enumerate(subtasks):
        child = child_thread(opening.id, index, str(subtask["goal"]))
        worker = _WORKERS[index % 2]
        about = {"at": at, "attempt": 1, "child_thread": child, "index": index, "namespace": "default"}
        spawned = {**about, "topic": "fanout_spawned", "instance": worker, "child_intend": opening.id}
        yield _record(thread, 1 + index, "DO", _COORDINATOR, spawned, opening.id)
        if not open_:
            result = {
                **about,
                "topic": "fanout_child_done",
                "codepath": "adapter_result",
                "cost_usd": 0.01,
                "summary": f"part {index} of {number} is written",
                "verdict": "accept",
                "wall_time_secs": 1,
                "worker": worker,
            }
            yield _record(thread, 1 + SUBTASKS + index, "DO", worker, result, opening.id)
    if not open_:
        joined = {
            "at": at,
            "cost_usd": 0.08,
            "explanation": f"all {SUBTASKS} accepted",
            "fulfills": opening.id,
            "topic": "fanout_joined",
            "verdict": "accept",
            "wall_time_secs": 1,
        }
        yield _record(thread, 2 + 2 * SUBTASKS, "KNOW", _COORDINATOR, joined, opening.id)


def _record(thread: str, clock: int, act: str, actor: str, body: dict[str, Any], *parents: str) -> Record:
    return Record(thread, actor, act, body, parents=parents).with_clock(clock)


if __name__ == "__main__":
    write_log(Path(sys.argv[1]), int(sys.argv[2]))
