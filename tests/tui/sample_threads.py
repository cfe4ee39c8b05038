"""Threads that never were, folded by the engine's own code, and a client that answers for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncropel.api.replay.diff_views import diff_of
from syncropel.api.replay.replay_views import ReplayView
from syncropel.api.replay.replays import JoinJudge
from syncropel.client import Call
from syncropel.errors import NotFound
from syncropel.folds.replay.walk import Replay
from syncropel.record.model import Record, StoredRecord
from syncropel.wire import Page, ThreadSummary
from syncropel.wire.replay import ReplayFrame, ReplayPage, StatusChange, StatusChanges
from tests.tui.console_fakes import FakeClient
from tests.tui.console_sample import AT, COORDINATOR, THREAD, WORKERS, task

ADA = "did:sync:user:ada"
OTHER = task(4).thread
NAMES = {COORDINATOR: "coordinator", WORKERS["a"]: "worker-a", WORKERS["b"]: "worker-b"}


def record(thread: str, clock: int, act: str, body: dict[str, Any], actor: str = ADA) -> Record:
    return Record(thread, actor, act, body, clock).identified()


def stored(records: Sequence[Record]) -> list[StoredRecord]:
    return [StoredRecord(one, at, AT - 300 + 20.0 * at) for at, one in enumerate(records, start=1)]


def _spawned(thread: str, clock: int, index: int) -> Record:
    body = {"topic": "fanout_spawned", "index": index, "attempt": 1, "instance": WORKERS["ab"[index % 2]],
            "child_thread": f"th_{index:064x}", "child_intend": f"{index:064x}",
            "at": AT - 300 + 20 * clock}  # fmt: skip
    return record(thread, clock, "DO", body, COORDINATOR)


def _done(thread: str, clock: int, index: int, verdict: str) -> Record:
    worker = WORKERS["ab"[index % 2]]
    body = {"topic": "fanout_child_done", "index": index, "attempt": 1, "worker": worker, "verdict": verdict,
            "summary": f"chapter {index}: {verdict}", "cost_usd": 0.25, "wall_time_secs": 41.0 + index,
            "at": AT - 300 + 20 * clock}  # fmt: skip
    return record(thread, clock, "DO", body, worker)


def fan_out(thread: str = THREAD, alias: str = "DOCS-11", last: str = "accept") -> list[Record]:
    """Eight records: opened, fanned out in three, all reported, joined or out of reach."""
    goal = f"Ship the 0.11 docs as {alias}"
    subtasks = [{"goal": f"write chapter {n}", "target": "round-robin", "depends_on": []} for n in range(3)]
    intend = {"task": True, "goal": goal, "alias": alias, "namespace": "docs/v0.11"}
    made = [
        record(thread, 0, "INTEND", intend),
        record(thread, 1, "INTEND", intend | {"subtasks": subtasks, "join": "all", "at": AT - 280}),
        *(_spawned(thread, 2 + index, index) for index in range(3)),
        _done(thread, 5, 0, "accept"),
        _done(thread, 6, 1, "accept"),
        _done(thread, 7, 2, last),
    ]
    if last == "accept":
        body = {"fulfills": made[1].id, "verdict": "accept", "summary": "3/3 accepted", "at": AT - 130}
        made.append(record(thread, 8, "KNOW", body, COORDINATOR))
    return made


def talk(count: int, thread: str = THREAD) -> list[Record]:
    """A task with many remarks, and a change of status in the middle."""
    remarks = [record(thread, clock, "LEARN", {"note": f"remark {clock}"}) for clock in range(1, count)]
    remarks[count // 2 - 1] = record(thread, count // 2, "DO", {"topic": "task_started"})
    opened = record(thread, 0, "INTEND", {"task": True, "goal": "talk it over", "alias": "DOCS-11"})
    return [opened, *remarks]


def summary(thread: str, records: int, number: int = 0, **changes: Any) -> ThreadSummary:
    facts: dict[str, Any] = {
        "id": thread, "kind": "task", "title": "Ship the 0.11 docs", "status": "in_progress",
        "records": records, "participants": 4, "first_sequence": 1, "last_sequence": 9000 - number,
        "last_activity": AT - 6 - 7 * number,
    }  # fmt: skip
    return ThreadSummary(**facts | changes)


def some() -> list[ThreadSummary]:
    return [
        summary(THREAD, 9, status="approved"),
        summary(OTHER, 8, 1, title="Publish the site", status="blocked"),
        summary("th_" + "5" * 64, 3, 2, kind="child", title="write chapter 2", status="accept"),
        summary("th_fleet_control", 12, 3, kind="reserved", title="", status="", participants=2),
        summary(
            "music.library", 1, 4, kind="other", title="née ☕ 日本\x1b[31m", status="open", participants=1
        ),
    ]


class ThreadClient(FakeClient):
    """Answers for threads page by page, as the daemon does."""

    def __init__(self, listed: Sequence[ThreadSummary] = (), **threads: Sequence[Record]) -> None:
        super().__init__()
        self.listed = list(listed)
        self.replays: dict[str, Replay] = {}
        self.pages: list[tuple[str, int]] = []
        self.altered: set[int] = set()
        """Positions whose content is not what was hashed."""
        for thread, records in threads.items():
            self.hold(thread, records)

    def hold(self, thread: str, records: Sequence[Record]) -> None:
        """The log has these records of the thread now."""
        self.replays[thread] = Replay(thread, stored(records), JoinJudge(NAMES))

    async def send(self, call: Call[Any]) -> Any:
        parts = call.path.split("/")
        known = call.path not in self.answers and self.refuse is None
        if known and call.path == "/v1/threads":
            self.asked[call.path] += 1
            return self._list(call.query or {})
        if known and len(parts) > 4 and parts[2] == "threads" and parts[4] in ("replay", "diff"):
            self.asked[call.path] += 1
            return self._look(parts[3], parts[4:], call.query or {})
        if self.refuse is not None:
            raise self.refuse
        return await super().send(call)

    def _list(self, query: Any) -> Page[ThreadSummary]:
        since, limit = query.get("since"), int(query.get("limit", 100))
        rest = [one for one in self.listed if since is None or one.last_sequence < int(since)]
        cursor = rest[limit - 1].last_sequence if len(rest) > limit else None
        return Page[ThreadSummary](data=rest[:limit], next_cursor=cursor)

    def _look(self, thread: str, words: list[str], query: Any) -> Any:
        replay = self._replay(thread)
        since, limit = int(query.get("since", 0)), int(query.get("limit", 100))
        if words[0] == "diff":
            other = str(query["with"])
            sides = self._view(thread).side(replay), self._view(other).side(self._replay(other))
            return diff_of(*sides, since, limit)
        if words[1:] == ["changes"]:
            return self._changes(thread, replay)
        if words[1:]:
            return self._view(thread).moment(replay, int(words[1]))
        self.pages.append((thread, since))
        return self._page(self._view(thread).page(replay, since, limit))

    def _replay(self, thread: str) -> Replay:
        if thread not in self.replays:
            raise NotFound(f"no thread {thread}", "spl thread list")
        return self.replays[thread]

    def _view(self, thread: str) -> ReplayView:
        total = self.replays[thread].total
        return ReplayView(summary(thread, total), NAMES, COORDINATOR, {}, {})

    def _page(self, page: ReplayPage) -> ReplayPage:
        def seen(frame: ReplayFrame) -> ReplayFrame:
            if frame.position not in self.altered:
                return frame
            body = frame.record.body | {"summary": "all is well"}
            return frame.model_copy(update={"record": frame.record.model_copy(update={"body": body})})

        return page.model_copy(update={"data": [seen(one) for one in page.data]})

    def _changes(self, thread: str, replay: Replay) -> StatusChanges:
        data = [
            StatusChange(position=one.position, status_before=one.before, status_after=one.after,
                         record="", act="", topic="", actor="")
            for one in replay.changes
        ]  # fmt: skip
        return StatusChanges(thread=summary(thread, replay.total), total=replay.total, data=data)
