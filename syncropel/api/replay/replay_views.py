"""A replay as the API returns it: wire models made from the state at a position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from syncropel.api.replay.diff_views import Side, side_of
from syncropel.api.replay.replays import JoinJudge
from syncropel.api.tasks.task_views import MadeChildren, Slot, join_status_then, task_detail
from syncropel.folds.fanout.join import JoinDecision
from syncropel.folds.fanout.subtasks import Child
from syncropel.folds.replay.facts import Facts, changed, facts_of
from syncropel.folds.replay.walk import Replay
from syncropel.folds.tasks.state import TaskState
from syncropel.record.model import StoredRecord, record_id
from syncropel.wire.records import RecordOut
from syncropel.wire.replay import Fact, ReplayFrame, ReplayMoment, ReplayPage
from syncropel.wire.tasks import JoinStatus
from syncropel.wire.threads import ThreadSummary


class ReplayView:
    """Views of one thread's replay. Its methods may wait for a CEL expression: not for the event loop.

    `thread`: the thread as it is now; `names`: aliases of instances by DID; `own_did`: this instance's;
    `made`: earlier wire models of its subtasks, with the same names; `slots`: goals at once, by DID.
    """

    def __init__(
        self,
        thread: ThreadSummary,
        names: dict[str, str],
        own_did: str,
        made: MadeChildren,
        slots: Mapping[str, int],
    ) -> None:
        self.thread = thread
        self._names = names
        self._own_did = own_did
        self._made = made
        self._slots = slots
        self._judge = JoinJudge(names)

    def side(self, replay: Replay) -> Side:
        """The thread as one side of a comparison."""
        return side_of(replay, self.thread, self._names)

    def page(self, replay: Replay, since: int, limit: int) -> ReplayPage:
        """The frames of the positions after `since`, at most `limit`."""
        last = min(since + limit, replay.total)
        return ReplayPage(
            thread=self.thread,
            total=replay.total,
            data=list(self._frames(replay, since, last)),
            next_cursor=last if since < last < replay.total else None,
        )

    def moment(self, replay: Replay, position: int) -> ReplayMoment:
        """The thread as of `position`, from 0 to the replay's total."""
        frame = next(self._frames(replay, position - 1, position), None) if position else None
        state, status = replay.state(position), replay.status(position)
        task = state.task
        return ReplayMoment(
            thread=self.thread,
            position=position,
            total=replay.total,
            revision=replay.revision,
            status=status,
            facts=frame.after if frame else _facts_out(facts_of(state, self._judge, self._names)),
            frame=frame,
            # The quick check of a task treats an expression as unsatisfiable once its value cannot change any
            # more.
            task=task_detail(task, self._own_did).model_copy(update={"status": status}) if task else None,
            join=self._join(task, replay.began) if task else None,
            previous_change=replay.previous_change(position),
            next_change=replay.next_change(position),
        )

    def _join(self, task: TaskState, began: Mapping[Slot, float]) -> JoinStatus | None:
        if task.fanout is None:
            return None

        def judge(children: list[Child]) -> JoinDecision:
            return self._judge(task, children, True)

        return join_status_then(task, task.fanout, judge, self._names, self._made, began, self._slots)

    def _frames(self, replay: Replay, since: int, last: int) -> Iterator[ReplayFrame]:
        if since >= last:
            return
        before = facts_of(replay.state(since), self._judge, self._names)
        for position in range(since + 1, last + 1):
            after = facts_of(replay.state(position), self._judge, self._names)
            yield _frame(replay.records[position - 1], position, before, after)
            before = after


def _frame(stored: StoredRecord, position: int, before: Facts, after: Facts) -> ReplayFrame:
    digest = record_id(stored.record)
    return ReplayFrame(
        position=position,
        record=RecordOut.model_construct(**stored.flat()),
        hash=digest,
        hash_ok=digest == stored.record.id,
        status_before=str(before["status"]),
        status_after=str(after["status"]),
        before=_facts_out(before),
        after=_facts_out(after),
        changed=changed(before, after),
    )


def _facts_out(facts: Facts) -> list[Fact]:
    return [Fact(name=name, value=value) for name, value in facts.items()]
