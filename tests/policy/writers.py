"""Every author there is, and what each would write: for the tests of who may write what."""

from __future__ import annotations

from typing import Any

from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import SyncropelError
from syncropel.folds.fanout.child import RUN
from syncropel.folds.fanout.state import CHILD_DONE
from syncropel.folds.fanout.told import FACTS
from syncropel.folds.tasks.merges import ASKED, STEP
from syncropel.policy import authority
from syncropel.policy.authority import ANYONE, ENGINE, Row, Writer
from syncropel.record.authors import Author
from syncropel.record.model import Record
from syncropel.record.threads import RESERVED
from tests.folds.build import COORDINATOR, THREAD, parent, spawned, store, subtask

WORKER = "did:sync:instance:000000000000000a"
OTHER_WORKER = "did:sync:instance:000000000000000b"
PERSON = "did:sync:user:ann"
CHILD_THREAD = "th_child"
RUN_THREAD = "th_run"
OPERATOR = Writer("operator", COORDINATOR)
FAN_OUT = parent([subtask(), subtask()])
_ASKED: dict[str, Any] = {
    "topic": ASKED,
    "instance": WORKER,
    "repo": "app",
    "into": "",
    "mode": "merge",
    "branches": [{"index": 0, "attempt": 1, "branch": "task/T+0", "commit": "ab" * 20}],
}
MERGE = Record(THREAD, PERSON, "LEARN", _ASKED, 6).identified()
WRITERS: dict[Author, Writer] = {
    "engine": ENGINE,
    "coordinator": Writer("coordinator", COORDINATOR),
    "instance": Writer("instance", WORKER),
    "fleet": Writer("fleet"),
    "operator": OPERATOR,
    "account": Writer("account", "did:sync:service:sa-x"),
    "anyone": ANYONE,
}


def known() -> LiveFolds:
    """A fan-out whose subtask 0 was given to a worker, which merges its branch, and a subtask that this
    instance itself runs, with its run.
    """
    live = LiveFolds()
    child = Record(CHILD_THREAD, COORDINATOR, "INTEND", child_body(), 0).identified()
    run = Record(
        RUN_THREAD, COORDINATOR, "INTEND", {"kind": RUN, "child_thread": CHILD_THREAD}, 0
    ).identified()
    records = [FAN_OUT, spawned(0, 5, instance=WORKER), child, run, MERGE]
    for stored in store(records):
        live.apply(stored)
    return live


def child_body() -> dict[str, Any]:
    return {"goal": "g", "parent_thread": "th_p", "parent_intend": "ab" * 32, "index": 0, "attempt": 1}


def report(**changes: Any) -> dict[str, Any]:
    whole = {"topic": "fanout_child_done", "index": 0, "attempt": 1, "worker": WORKER, "verdict": "accept"}
    return {**whole, "child_thread": "th_child_0", **changes}


def example(row: Row, author: Author, **changes: Any) -> Record:
    """A record of this row, as the author would write it."""
    actor = WORKER if author in ("instance", "fleet") else PERSON
    act = "KNOW" if row.act == "any" else row.act
    thread = THREAD
    body: dict[str, Any] = {"topic": row.topic}
    if row.thread in RESERVED:
        thread = row.thread
    if row.topic == CHILD_DONE:
        body = report()
    elif row.topic in FACTS:
        body = report(topic=row.topic)
    elif row.topic == STEP:
        body = {"topic": STEP, "merge": MERGE.id, "step": 0, "what": "started"}
    elif row.topic == authority.JOIN:
        body = {"fulfills": FAN_OUT.id, "verdict": "accept"}
    elif row.topic == authority.CHILD_INTEND:
        thread, body = "th_new", child_body()
    elif row.topic == authority.CHILD_RESULT:
        thread, body = CHILD_THREAD, {"fulfills": "cd" * 32, "verdict": "accept"}
    elif row.topic == authority.RUN_PHASE:
        thread, body = RUN_THREAD, {"verdict": "reject"}
    elif row.topic == authority.OBSERVATION:
        body = {"kind": "syncropel.dispatch.of_a_later_version.v1"}
    elif row.topic == authority.OTHER:
        body = {"topic": "note"}
    return Record(**{"thread": thread, "actor": actor, "act": act, "body": body, "clock": 900, **changes})


def refusal(record: Record, writer: Writer) -> SyncropelError | None:
    return authority.refusal(record, known(), writer)
