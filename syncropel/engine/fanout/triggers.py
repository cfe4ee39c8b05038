"""Triggers: open a task for every record that matches a rule, once per record.

The task's thread id is derived from rule and record, and so is its INTEND, so the log shows what was opened.
After a start the last records are examined again; a task refused by a freeze is retried when it ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from syncropel.engine.ingest.door import Ingest
from syncropel.errors import CoordinatorNotHeard, InstanceRevoked, NamespaceFrozen, SyncropelError
from syncropel.folds.control.namespaces import name_in
from syncropel.folds.control.rules import TRIGGER, Rule
from syncropel.peer.runtime import Runtime
from syncropel.policy.evaluation_functions import EvaluationFunctions
from syncropel.policy.expression_contexts import record_fields
from syncropel.policy.guard import namespaces_of
from syncropel.policy.rule_evaluation import ask
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG, trigger_thread
from syncropel.store.base import RecordFilter

log = logging.getLogger("syncropel.engine.triggers")

LOOKED_AT_AGAIN: Final = 10_000
"""Records examined again after a start: tasks that were not opened before the stop are opened then."""
_AT_A_STRETCH: Final = 50


class Triggers:
    """Evaluates the triggers for each new record, and opens the tasks."""

    def __init__(self, ingest: Ingest, did: str, runtime: Runtime) -> None:
        self._ingest = ingest
        self._did = did
        self._runtime = runtime
        self._queue: deque[StoredRecord] = deque()
        self._frozen: dict[str, tuple[Rule, StoredRecord]] = {}
        self._since: dict[str, int] = {}
        self._wake = asyncio.Event()
        ingest.subscribe(self.on_records)

    def on_records(self, records: Sequence[StoredRecord]) -> None:
        if self._ingest.live.rules.of(TRIGGER):
            self._queue.extend(records)
            self._wake.set()

    def look_again(self) -> None:
        """Try again to open tasks that a freeze refused."""
        if self._frozen:
            self._wake.set()

    async def run(self) -> None:
        """Examine the last records, then every new one, for ever."""
        await self._resume()
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.drain()
            except SyncropelError as error:
                log.error("cannot open what triggers ask for: %s", error.message)

    async def drain(self) -> None:
        """Examine everything that waits."""
        for thread, (rule, stored) in list(self._frozen.items()):
            if rule in self._ingest.live.rules.of(TRIGGER):
                await self._open(rule, stored)
            else:
                del self._frozen[thread]
        turn = 0
        while self._queue:
            await self._look(self._queue.popleft())
            turn += 1
            if turn % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)

    async def _resume(self) -> None:
        if not self._ingest.live.rules.of(TRIGGER):
            return
        store, came = self._ingest.store, list(self._queue)
        self._queue.clear()
        since = max(0, store.last_sequence - LOOKED_AT_AGAIN)
        while page := await store.query(RecordFilter(since=since, limit=1000)):
            self._queue.extend(page)
            since = page[-1].sequence
        self._queue.extend(came)
        self._wake.set()

    async def _look(self, stored: StoredRecord) -> None:
        rules = self._ingest.live.rules.of(TRIGGER)
        if not rules or self._is_own(stored.record):
            return
        live, record = self._ingest.live, stored.record
        evaluation = EvaluationFunctions(live, self._runtime.now(), self._did, record.actor)

        def load(_: str) -> Any:
            return record_fields(record, namespaces_of(record, live))

        for rule in rules:
            if stored.sequence <= await self._written_at(rule):
                continue
            if (await ask(rule, load, evaluation)).yes:
                await self._open(rule, stored)

    async def _written_at(self, rule: Rule) -> int:
        """The sequence of the rule's own record: earlier records do not concern it."""
        if rule.record not in self._since:
            found = await self._ingest.store.get(rule.record)
            self._since[rule.record] = found.sequence if found is not None else 0
        return self._since[rule.record]

    def _is_own(self, record: Record) -> bool:
        """Whether this record comes from a trigger, or from work opened by one: a trigger must not feed
        itself.
        """
        live, body = self._ingest.live, record.body
        if record.thread == ENGINE_CONFIG:
            return True  # the audit of a trigger's refused request is written there
        task = live.tasks.get(record.thread)
        if task is not None and record.thread == trigger_thread(task.trigger, task.triggered_by):
            return True
        of = body.get("child_thread")
        child = live.children.get(of if isinstance(of, str) else record.thread)
        return child is not None and child.latest is not None and bool(child.latest.body.get("trigger"))

    async def _open(self, rule: Rule, stored: StoredRecord) -> None:
        thread = trigger_thread(rule.name, stored.record.id)
        if thread in self._ingest.live.tasks:
            self._frozen.pop(thread, None)
            return
        try:
            await self._ingest.append_one(opening(rule, stored, thread, self._did, self._namespace(stored)))
        except (NamespaceFrozen, InstanceRevoked, CoordinatorNotHeard) as error:
            if thread not in self._frozen:
                log.warning("trigger %s waits: %s", rule.name, error.message, extra={"thread_id": thread})
            self._frozen[thread] = rule, stored
            return
        except SyncropelError as error:
            log.error("trigger %s: %s", rule.name, error.message, extra={"thread_id": thread})
        else:
            log.info("trigger %s: opened for %s", rule.name, stored.record.id, extra={"thread_id": thread})
        self._frozen.pop(thread, None)

    def _namespace(self, stored: StoredRecord) -> str:
        return name_in(stored.record.body) or min(namespaces_of(stored.record, self._ingest.live))


def opening(rule: Rule, stored: StoredRecord, thread: str, did: str, namespace: str) -> Record:
    """The INTEND of a trigger's task. Only the record's id goes into the goal: an adapter may run the goal as
    a script, and a record's content is not trusted there.
    """
    goal = rule.goal.replace("{id}", stored.record.id)
    body: dict[str, Any] = {
        "task": True,
        "goal": goal,
        "alias": f"TRG-{thread[3:13]}",
        "trigger": rule.name,
        "triggered_by": stored.record.id,
        "namespace": namespace,
        "at": stored.received_at,
    }
    if rule.effect:
        body |= {"subtasks": [{"goal": goal, "target": rule.effect}], "join": "all"}
    return Record(thread, did, "INTEND", body, 0).identified()
