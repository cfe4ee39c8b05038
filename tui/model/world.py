"""Everything the console knows at one instant, as a frozen value, and how news changes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from tui.model.charts import Rates
from tui.model.link import Link
from tui.model.moment import Moment

if TYPE_CHECKING:
    from syncropel.wire import FleetStatus, InboxItem, JoinStatus, TaskSummary
    from syncropel.wire.explain import TaskWhy


TASKS: Final = "the tasks"
JOIN: Final = "the join"


@dataclass(frozen=True)
class World:
    """`received_at` is our clock when `status` arrived; `tasks` is None until they were read once.

    `more_tasks`: there are older ones that were not read. `trouble` is the reason `failing`, TASKS or JOIN,
    could not be read; `chosen` is the thread whose join is wanted, `why` explains that task's status.
    `nested` are the joins of visible tasks inside it, by thread; `joinless` is the chosen thread if the
    daemon said that it has no join. `inbox` is what waits for the operator, the oldest first; None until it
    was read; `inbox_trouble` is why it could not be read last.
    """

    status: FleetStatus | None = None
    received_at: float = 0.0
    link: Link = field(default_factory=Link)
    rates: Rates = field(default_factory=Rates)
    tasks: tuple[TaskSummary, ...] | None = None
    more_tasks: bool = False
    chosen: str | None = None
    join: JoinStatus | None = None
    why: TaskWhy | None = None
    nested: Mapping[str, JoinStatus] = field(default_factory=dict)
    trouble: str = ""
    failing: str = ""
    joinless: str | None = None
    inbox: tuple[InboxItem, ...] | None = None
    inbox_trouble: str = ""

    def heard(self, status: FleetStatus, now: float) -> World:
        rates = self.rates.sample(status.at, status.ingested_total, status.reconcile_queue_depth)
        return replace(self, status=status, received_at=now, rates=rates)

    def linked(self, link: Link) -> World:
        return replace(self, link=link)

    def listed(self, tasks: list[TaskSummary], *, all_read: bool = True) -> World:
        return replace(self, tasks=tuple(tasks), more_tasks=not all_read, trouble="")

    def waits(self, items: Sequence[InboxItem]) -> World:
        """Store what waits for the operator."""
        return replace(self, inbox=tuple(items), inbox_trouble="")

    def choose(self, thread: str | None) -> World:
        """Choose another task's join; data about the former is not shown under the new name."""
        if thread == self.chosen:
            return self
        return replace(self, chosen=thread, join=None, why=None, nested={}, joinless=None)

    def joined(self, join: JoinStatus | None) -> World:
        """Store a join; one for a task that is no longer chosen is dropped."""
        if join is not None and join.thread != self.chosen:
            return self
        return replace(self, join=join, trouble="", joinless=None if join is not None else self.chosen)

    def joined_inside(self, join: JoinStatus) -> World:
        """Store the join of a task nested in the chosen one."""
        return replace(self, nested={**self.nested, join.thread: join})

    def join_of(self, thread: str) -> JoinStatus | None:
        """What is known of a task's join: the chosen one, or one nested in it."""
        if self.join is not None and self.join.thread == thread:
            return self.join
        return self.nested.get(thread)

    def explained(self, why: TaskWhy | None) -> World:
        """Store why the chosen task has its status; an explanation of another task is dropped."""
        if why is not None and why.thread != self.chosen:
            return self
        return replace(self, why=why)

    def grounds(self) -> tuple[object, ...]:
        """What the chosen task's explanation is based on, as far as is known: while it is equal, the
        explanation need not be requested again. Spend and time are not part of it.
        """
        task, join = self.task(self.chosen), self.join
        waits = (join.explanation, *(one.why for one in join.subtasks)) if join else ()
        revisions = (task.revision if task else -1, join.revision if join else -1)
        return (self.chosen, *revisions, self.around(), *waits)

    def around(self) -> tuple[object, ...]:
        """What the text about a join depends on besides its records: what is frozen, and who can work."""
        if self.status is None:
            return ()
        frozen = tuple(one.record for one in self.status.freezes)
        return (frozen, tuple((one.did, one.status) for one in self.status.instances))

    def failed(self, what: str, words: str) -> World:
        """Note that `what` could not be read, and why."""
        return replace(self, failing=what, trouble=words)

    def moment(self, now: float) -> Moment:
        """The daemon's time, from its last answer and the time since by our clock."""
        if self.status is None:
            return Moment(0.0, 0.0, live=False)
        link = self.link.at(now)
        then = self.status.at + max(0.0, now - self.received_at)
        if link.is_live:
            return Moment(then, then)
        heard_at = self.received_at if link.heard_at is None else link.heard_at
        return Moment(then, self.status.at + max(0.0, heard_at - self.received_at), live=False)

    def hanging(self) -> frozenset[str]:
        """The threads of the fan-outs that will make no more progress as things stand."""
        fanouts = self.status.fanouts if self.status is not None else ()
        return frozenset(one.thread for one in fanouts if one.hangs)

    def is_part(self, thread: str, whole: str) -> bool:
        """Whether a thread belongs to `whole`, to one of its subtasks, or to a task created for
        one of these."""
        if thread == whole:
            return True
        join = self.join_of(whole)
        inner = {one.child_thread for one in join.subtasks} if join is not None else set()
        task = self.task(thread)
        return thread in inner or (task is not None and task.parent_thread in {whole, *inner} - {""})

    @cached_property
    def _by_thread(self) -> Mapping[str, TaskSummary]:
        """A thousand marked rows are looked up each second."""
        return {one.thread: one for one in self.tasks or ()}

    def task(self, thread: str | None) -> TaskSummary | None:
        return self._by_thread.get(thread or "")

    def has_fan_out(self, thread: str | None) -> bool:
        """Whether there is a join to ask for, as far as is known; an unlisted task may have one."""
        task = self.task(thread)
        return thread is not None and (task.subtasks > 0 if task is not None else thread != self.joinless)
