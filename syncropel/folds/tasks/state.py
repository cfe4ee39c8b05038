"""The task fold: a thread whose opening INTEND has `body.task`, its status, and its fan-out.

Records are applied in fold order, except those whose topics commute (`commutes`), which may come at any time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.errors import InvalidFanOut
from syncropel.folds.base.lifecycle import WHOLE, cancelled
from syncropel.folds.base.order import fold_order, rank
from syncropel.folds.fanout.additions import ASKED
from syncropel.folds.fanout.additions import TOPICS as DECISIONS
from syncropel.folds.fanout.approvals import TOPICS as ASKS
from syncropel.folds.fanout.reassignments import TOPICS as MOVES
from syncropel.folds.fanout.reviews import REJECTS, REVIEW
from syncropel.folds.fanout.spec import is_fan_out, parse_fan_out
from syncropel.folds.fanout.state import (
    ACCEPT,
    AMEND_JOIN,
    CHILD_DONE,
    COMMUTING,
    RETRY,
    SPAWNED,
    FanOut,
    Joined,
    Key,
    number,
)
from syncropel.folds.fanout.talk import WORDS
from syncropel.folds.forks.state import FORK_JOINED
from syncropel.folds.tasks.merges import TOPICS as OF_MERGES
from syncropel.folds.tasks.merges import Merges
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import clock_ceiling

REOPENED: Final = "task_reopened"
STATUS_TOPICS: Final = {
    "task_started": "in_progress",
    "task_blocked": "blocked",
    "task_deferred": "deferred",
    "task_cancelled": "cancelled",
    REOPENED: "open",
    "task_failed": "failed",
}
"""Topic of a DO or KNOW on a task thread → the resulting status."""

STATUSES: Final = (
    "open",
    "in_progress",
    "blocked",
    "deferred",
    "done",
    "approved",
    "rejected",
    "failed",
    "cancelled",
)


JUDGED_STATUSES: Final = ("done", "approved", "rejected")
"""Statuses in which there is finished work to judge."""
OVER: Final = (*JUDGED_STATUSES, "cancelled")
"""Statuses in which nobody has to do anything any more, unless the task is reopened."""
OPEN_STATUSES: Final = frozenset({"open", "in_progress", "blocked", "deferred", "rejected", "failed"})
"""Statuses of a task that may still continue."""
_WORK_ACTS: Final = frozenset({"DO", "CALL", "PUT", "MAP"})
_NO_WORK: Final = (STATUS_TOPICS.keys() - {"task_started"}) | {"task_comment"} | COMMUTING.keys()
"""Topics of steps in a task's life and of the engine's facts: writing one is not work on the task. Whoever
reports that work has begun is the one who began it.
"""

_TEXTS: Final = (
    "alias", "goal", "priority", "domain", "hypothesis", "assignee", "namespace", "parent_thread",
    "trigger", "triggered_by", "join",
)  # fmt: skip
_CANCELS: Final = {"cancelled": True, "approved": True, "open": False, "in_progress": False}
"""Whether a status ends a fan-out that has not joined. Only two revive it; others leave it unchanged."""


@dataclass(slots=True)
class TaskState:
    """State of one task thread."""

    thread: str
    intend: str = ""
    alias: str = ""
    goal: str = ""
    priority: str = "medium"
    domain: str = ""
    namespace: str = "default"
    parent_thread: str = ""
    """The task, or the subtask of one, that this task is a part of."""
    labels: list[str] = field(default_factory=list)
    hypothesis: str = ""
    criteria: list[str] = field(default_factory=list)
    assignee: str = ""
    trigger: str = ""
    triggered_by: str = ""
    join: str = ""
    """The join over its child threads that completes the task; a fan-out has its own."""
    status: str = "open"
    reason: str = ""
    completed_by: str | None = None
    verdict: str | None = None
    verdict_by: str | None = None
    summary: str = ""
    workers: set[str] = field(default_factory=set)
    """Who worked on the task's own thread: wrote an effect, began it, or reported it done."""
    verdicts: dict[str, str] = field(default_factory=dict)
    """Each actor's latest judgement of finished work. A join is nobody's verdict."""
    records: int = 0
    clock: int = -1
    sequence: int = 0
    created_at: float = 0.0
    updated_at: float = 0.0
    fanout: FanOut | None = None
    merges: Merges = field(default_factory=Merges)
    """The merges of its subtasks' branches."""
    ahead: dict[str, Record] = field(default_factory=dict)
    """The first statement about an INTEND that is still to come, by its id."""

    def apply(self, stored: StoredRecord) -> None:
        """Apply the next record of this thread."""
        record = stored.record
        assert record.clock is not None
        self.records += 1
        if record.clock <= clock_ceiling(self.thread):
            self.clock = max(self.clock, record.clock)
        self.sequence = max(self.sequence, stored.sequence)
        self.updated_at = max(self.updated_at, stored.received_at)
        topic = record.topic
        cancels = cancelled(record)
        if record.act in _WORK_ACTS and topic not in _NO_WORK and cancels is None:
            self.workers.add(record.actor)
        if topic in COMMUTING:
            self._apply_fan_out_fact(topic, stored)
        elif topic in OF_MERGES:
            self.merges.apply(topic, record, stored.received_at)
        elif cancels is not None:
            self._apply_cancel(cancels, record)
        elif record.act == "INTEND":
            self._apply_intend(stored)
        elif record.act == "LEARN":
            self._apply_learn(topic, record, (record.clock, record.id), stored.received_at)
        elif topic in STATUS_TOPICS:
            self._set_status(STATUS_TOPICS[topic], record.body)
        elif record.act == "KNOW":
            self._apply_know(record, stored.received_at)

    def _apply_intend(self, stored: StoredRecord) -> None:
        record, body = stored.record, stored.record.body
        if not self.intend and body.get("task") is True:
            self.intend = record.id
            self.created_at = stored.received_at
            self._take_fields(body)
        if self.fanout is None and is_fan_out(body):
            self._start_fan_out(stored)
        if (said := self.ahead.pop(record.id, None)) is not None:
            self._apply_ahead(said, stored.received_at)

    def _apply_ahead(self, said: Record, received_at: float) -> None:
        """Apply what somebody with a slow clock said about an INTEND. A join is not accepted that way:
        whoever posts a fan-out could have said before that it is over.
        """
        named = cancelled(said)
        if named is not None:
            self._apply_cancel(named, said)
        elif self.fanout is None:
            self._apply_know(said, received_at)

    def _apply_cancel(self, named: str, record: Record) -> None:
        if self._is_whole(named):
            self._set_status("cancelled", record.body)
        else:
            self.ahead.setdefault(named, record)

    def _take_fields(self, body: dict[str, Any]) -> None:
        for key in _TEXTS:
            value = body.get(key)
            if isinstance(value, str) and value:
                setattr(self, key, value)
        for key in ("labels", "criteria"):
            value = body.get(key)
            if isinstance(value, list):
                setattr(self, key, [str(item) for item in value])

    def _start_fan_out(self, stored: StoredRecord) -> None:
        record = stored.record
        try:
            spec = parse_fan_out(record.body)
        except InvalidFanOut:
            return  # new ones are refused; a foreign log may still have one, which starts nothing
        self.fanout = FanOut(
            self.thread,
            record.id,
            spec,
            number(record.body.get("at"), stored.received_at),
            rank(record),
            spec.join,
            str(record.body.get("domain") or self.domain),
            record.actor,
            self.trigger,
            str(record.body.get("alias") or ""),
        )
        self.namespace = spec.namespace
        self.status, self.reason = "in_progress", ""

    def _apply_fan_out_fact(self, topic: str, stored: StoredRecord) -> None:
        record = stored.record
        # A fact that overtook its parent INTEND is found again when the thread is refolded. One that does not
        # follow it in fold order is ignored, so that arrival has no influence.
        if self.fanout is None or record.clock is None or record.clock <= self.fanout.clock:
            return
        key = (record.clock, record.id)
        if topic == SPAWNED:
            self.fanout.record_spawn(record.body, key, record.actor)
        elif topic == CHILD_DONE:
            self.fanout.record_report(record.body, key, stored.received_at)
        elif topic == ASKED:
            self.fanout.additions.ask(record)
        else:
            self.fanout.talk.apply(record)

    def _apply_learn(self, topic: str, record: Record, key: Key, received_at: float) -> None:
        if self.fanout is None:
            return
        body = record.body
        join = body.get("join")
        if topic == RETRY:
            if self.fanout.joined is not None:
                return  # a join stands; the log shows that somebody asked
            self.fanout.record_retry(body)
            self._work_goes_on()
        elif topic == REVIEW:
            if self.fanout.joined is not None and body.get("verdict") == REJECTS:
                return  # likewise; the guard refuses new ones
            if self.fanout.record_review(record, received_at):
                self._work_goes_on()
        elif topic in MOVES:
            self.fanout.record_move(topic, body)
        elif topic in ASKS:
            self.fanout.record_ask(topic, body, key)
        elif topic in WORDS:
            self.fanout.talk.apply(record)
        elif topic in DECISIONS:
            self.fanout.record_decision(topic, body, key)
        elif topic == AMEND_JOIN and isinstance(join, str) and join:
            self.fanout.join = join

    def _work_goes_on(self) -> None:
        if self.status == "open":
            self.status = "in_progress"

    def _apply_know(self, record: Record, received_at: float) -> None:
        body = record.body
        fulfills, verdict, joins = body.get("fulfills"), body.get("verdict"), False
        if self.fanout and fulfills == self.fanout.intend and self.fanout.joined is None:
            if not joins_knowingly(body, self.fanout):
                return  # a rejected attempt is counted in it; the guard refuses new ones
            self.fanout.joined = Joined(
                record.id,
                str(verdict or ACCEPT),
                str(body.get("explanation", "")),
                number(body.get("cost_usd")),
                number(body.get("wall_time_secs")),
                number(body.get("at"), received_at),
                received_at,
            )
            verdict = verdict or ACCEPT
            joins = True
        elif fulfills is not None and fulfills != self.intend:
            if isinstance(fulfills, str) and not self.intend:
                self.ahead.setdefault(fulfills, record)
            return
        elif record.topic == FORK_JOINED:
            joins = fulfills is not None
        if fulfills is not None:
            self.completed_by = record.actor
            self.summary = str(body.get("summary") or body.get("explanation") or "")
            self._set_status("done", body)
            if not joins:
                self.workers.add(record.actor)
        if isinstance(verdict, str):
            if not joins and self.status in JUDGED_STATUSES:
                self.verdicts[record.actor] = verdict
            self.verdict, self.verdict_by = verdict, record.actor
            self._set_status("approved" if verdict == ACCEPT else "rejected", body)

    def is_cancelled_by(self, record: Record) -> bool:
        """Whether this is a DO with `cancels` about the whole task: its INTEND, its fan-out's, or none."""
        named = cancelled(record)
        return named is not None and self._is_whole(named)

    def _is_whole(self, named: str) -> bool:
        return named in (WHOLE, self.intend) or (self.fanout is not None and named == self.fanout.intend)

    def did_work(self, actor: str) -> bool:
        """Whether this actor worked on the task, or was to: on its thread, as an instance that was assigned a
        subtask, or as its assignee, by DID or by the name at the DID's end.
        """
        if actor in self.workers or (self.assignee and self.assignee in (actor, actor.rpartition(":")[2])):
            return True
        fanout = self.fanout
        return fanout is not None and (
            any(actor == spawn.instance for spawn in list(fanout.spawns.values()))
            or any(actor == report.worker for report in list(fanout.reports.values()))
        )

    def is_judged_by(self, record: Record) -> bool:
        """Whether the fold would treat this record as a verdict on the work, and not as a fan-out's join."""
        fulfills, fanout = record.body.get("fulfills"), self.fanout
        if record.act != "KNOW" or not isinstance(record.body.get("verdict"), str):
            return False
        if record.topic in COMMUTING or record.topic in STATUS_TOPICS or record.topic == FORK_JOINED:
            return False
        if (
            fanout is not None
            and fulfills == fanout.intend
            and (fanout.joined is None or fanout.joined.record == record.id)
        ):
            return False
        return fulfills is None or fulfills == self.intend

    def _set_status(self, status: str, body: dict[str, Any]) -> None:
        self.status = status
        self.reason = str(body.get("reason") or body.get("notes") or "")
        if self.fanout is not None and self.fanout.joined is None and status in _CANCELS:
            self.fanout.cancelled = _CANCELS[status]


REJECTIONS: Final = "rejections"
"""Member of a join's body: how many attempts had been rejected in review when it was decided."""


def joins_knowingly(body: dict[str, Any], fanout: FanOut) -> bool:
    """Whether whoever decided a join knew of every rejected attempt; otherwise it may have counted one."""
    known = body.get(REJECTIONS, 0)
    return type(known) is int and known >= len(fanout.reviews.rejected)


def status_now(state: TaskState, within_reach: bool) -> str:
    """The status, where `within_reach` says whether a running fan-out can still join.

    One that cannot is blocked until somebody retries; a dispatch has failed. Whoever gave the task another
    status since has the last word.
    """
    fanout = state.fanout
    if fanout is None or not fanout.active or within_reach or state.status != "in_progress":
        return state.status
    return "failed" if fanout.spec.dispatch else "blocked"


def is_task(record: Record) -> bool:
    """Whether this record opens a task thread."""
    return record.act == "INTEND" and (record.body.get("task") is True or is_fan_out(record.body))


def fold_task(thread: str, records: Iterable[StoredRecord]) -> TaskState:
    """The state of a task thread from all its records, in whatever order they come."""
    state = TaskState(thread)
    for stored in fold_order(records):
        state.apply(stored)
    return state
