"""What an operator who is looking elsewhere should hear of: a join, a failure, a silent instance, a freeze,
and whatever else waits for them.

Each is reported once. What was already so at the console's first look is not news; what happened while the
connection was down is, once it is back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from tui.model import inbox
from tui.model.link import Link, Phase
from tui.model.tasks import task_name
from tui.model.text import first_line, plain

if TYPE_CHECKING:
    from syncropel.wire import FanOutProgress, FleetStatus, InboxItem, TaskSummary

Kind = Literal["joined", "failed", "stale", "frozen", "asks"]
KINDS: Final[tuple[Kind, ...]] = ("joined", "failed", "stale", "frozen", "asks")
_SILENT: Final = frozenset({"stale", "archived"})


@dataclass(frozen=True)
class Notice:
    """One piece of news: `at` is unix seconds by the daemon's clock, `thread` what it is about."""

    kind: Kind
    at: float
    words: str
    thread: str = ""


@dataclass(frozen=True)
class Told:
    """What is known, and therefore not reported again; None was never looked at.

    `actor` is the console's user; `lost` says that the fleet does not answer. `going` are the fan-outs that
    had not ended at the last update, `over` the last that had joined by then, `behind` those whose join was
    reported while nobody was looking. `waiting` is what waited for the operator at the last look.
    """

    actor: str = ""
    since: float = 0.0
    joined: frozenset[str] | None = None
    failed: Mapping[str, int] = field(default_factory=dict)
    silent: frozenset[str] | None = None
    freezes: frozenset[str] | None = None
    lost: bool = False
    going: frozenset[str] = frozenset()
    over: frozenset[str] | None = None
    behind: frozenset[str] = frozenset()
    waiting: frozenset[str] | None = None

    def ended(self, status: FleetStatus) -> list[str]:
        """The fan-outs that ended since the last update, including those begun since then.

        Whether they joined is not known from this.
        """
        fresh = frozenset(status.joined) - self.over if self.over is not None else frozenset[str]()
        return sorted((self.going | fresh) - {one.thread for one in status.fanouts})

    def heard(self, status: FleetStatus) -> tuple[Told, list[Notice]]:
        """The news in a fleet status."""
        silent = frozenset(one.did for one in status.instances if one.status in _SILENT)
        freezes = frozenset(one.record for one in status.freezes)
        news: list[Notice] = []
        if self.silent is not None:
            fresh = [one for one in status.instances if one.did in silent - self.silent]
            news += [Notice("stale", status.at, f"{plain(one.alias)} is {one.status}") for one in fresh]
        if self.freezes is not None:
            set_now = [one for one in status.freezes if one.record not in self.freezes]
            news += [
                Notice("frozen", one.at, f"{plain(one.actor)} froze {plain(one.namespace)} ({one.level}): "
                       f"{first_line(one.reason)}")
                for one in set_now if one.actor != self.actor
            ]  # fmt: skip
        going = frozenset(one.thread for one in status.fanouts)
        over = frozenset(status.joined)
        return replace(self, silent=silent, freezes=freezes, going=going, over=over), news

    def progressed(self, status: FleetStatus) -> tuple[Told, list[Notice]]:
        """What failed in fan-outs that have not joined, for a fleet whose tasks are not read."""
        counted = {one.thread: one.completed - one.accepted for one in status.fanouts}
        if not self.since:
            return replace(self, failed={**self.failed, **counted}, since=status.at), []
        news = [
            _failed(one, more, status.at)
            for one in status.fanouts
            if (one.thread in self.failed or one.started_at >= self.since)
            and (more := counted[one.thread] - self.failed.get(one.thread, 0)) > 0
        ]
        return replace(self, failed={**self.failed, **counted}), news

    def linked(self, link: Link, now: float) -> tuple[Told, list[Notice]]:
        """Whether a fleet that nobody is looking at was lost; `now` is the daemon's estimated time."""
        lost = (link.phase is Phase.DOWN and self.silent is not None) or (self.lost and not link.is_live)
        news = [Notice("stale", now, f"it does not answer: {link.message}")] if lost > self.lost else []
        return replace(self, lost=lost), news

    def listed(self, tasks: Sequence[TaskSummary], now: float) -> tuple[Told, list[Notice]]:
        """The news in the task list, which only has the newest tasks. `now` is the daemon's."""
        fanned = [one for one in tasks if one.subtasks]
        failed = {**self.failed, **{one.thread: one.completed - one.accepted for one in fanned}}
        joined = frozenset(one.thread for one in fanned if one.joined) | (self.joined or frozenset())
        if self.joined is None:
            return replace(self, joined=joined, failed=failed, since=now), []
        news: list[Notice] = []
        for one in fanned:
            if one.thread not in self.failed and one.created_at < self.since:
                continue  # an old one that came back into the list
            more = failed[one.thread] - self.failed.get(one.thread, 0)
            if more > 0:
                news.append(_failed(one, more, one.updated_at))
            if one.joined and one.thread not in self.joined | self.behind:
                news.append(_joined(one))
        return replace(self, joined=joined, failed=failed), news

    def waits(self, items: Sequence[InboxItem], now: float) -> tuple[Told, list[Notice]]:
        """What waits for the operator since the last look. `now` is the daemon's time."""
        before, now_waiting = self.waiting, frozenset(map(inbox.key_of, items))
        told = replace(self, waiting=now_waiting)
        if before is None:
            return told, []
        fresh = [one for one in items if one.kind in inbox.RINGS and inbox.key_of(one) not in before]
        return told, [Notice("asks", now, inbox.words(one), one.thread) for one in fresh]

    def looked_up(self, task: TaskSummary) -> tuple[Told, list[Notice]]:
        """What became of a fan-out that ended while nobody was looking at its fleet."""
        if not task.joined or task.thread in self.behind | (self.joined or frozenset()):
            return self, []
        return replace(self, behind=self.behind | {task.thread}), [_joined(task)]


def _joined(one: TaskSummary) -> Notice:
    words = f"{task_name(one)} joined: {one.accepted}/{one.subtasks} accepted"
    return Notice("joined", one.updated_at, words, one.thread)


def _failed(one: TaskSummary | FanOutProgress, more: int, at: float) -> Notice:
    count = "a subtask" if more == 1 else f"{more} subtasks"
    words = f"{count} of {task_name(one)} failed: {one.accepted}/{one.subtasks} accepted"
    return Notice("failed", at, words, one.thread)
