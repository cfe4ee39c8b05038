"""/v1/inbox: everything that waits for an operator, the oldest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fastapi import APIRouter

from syncropel.api.fleet.fleet_views import fleet_status
from syncropel.api.tasks.talk_views import in_work, standing_of
from syncropel.engine.engine import Engine
from syncropel.folds.fanout.progress import progress_of
from syncropel.folds.fanout.state import ACCEPT, FanOut
from syncropel.folds.tasks.state import TaskState
from syncropel.wire import CollisionOut, Page
from syncropel.wire.fleet import DispatchOut, FanOutProgress, FleetStatus
from syncropel.wire.inbox import InboxItem, InboxKind
from syncropel.wire.work_words import is_late, near_budget, of_collision, of_dispatch, of_fan_out


def router(engine: Engine) -> APIRouter:
    """The route of the inbox."""
    routes = APIRouter(tags=["questions"])

    @routes.get("/v1/inbox")
    async def get_inbox() -> Page[InboxItem]:
        """What waits for an operator, the oldest first: questions, approvals, failed, silent, and late work,
        budgets that are nearly spent, files that two running subtasks have touched, results to review.
        """
        return Page(data=inbox(engine, fleet_status(engine)))

    return routes


def inbox(engine: Engine, status: FleetStatus) -> list[InboxItem]:
    """Everything that waits for an operator, the oldest first. `status`: the whole fleet as it is now."""
    running = {one.thread: one for one in status.fanouts}
    found = [
        *(item for state in in_work(engine) for item in _asked(engine, state)),
        *(item for one in status.dispatches for item in _of_dispatch(one, status)),
        *_failed(engine, running),
        *(item for one in status.fanouts for item in _of_budget(one)),
        *_of_collisions(status),
        *_unreviewed(engine, running),
    ]
    return sorted(found, key=lambda one: (one.since, one.thread, one.index or 0, one.kind))


def _asked(engine: Engine, state: TaskState) -> Iterator[InboxItem]:
    fanout, names = state.fanout, engine.ingest.live.names()
    assert fanout is not None
    name = state.alias or state.thread
    for question in fanout.talk.waiting():
        if standing_of(engine, fanout, question)[0] == "open":
            yield InboxItem(
                kind="permission" if question.kind == "permission" else "question",
                since=min(question.asked_at, engine.runtime.now()),
                thread=state.thread,
                alias=state.alias,
                index=question.index,
                attempt=question.attempt,
                instance=question.instance,
                instance_alias=names.get(question.instance),
                what=question.text,
                command=f"spl task answer {name} {question.index} {question.id}",
                question=question.id,
                until=question.until,
            )
    for index in fanout.asking():
        ask = fanout.asks[index]
        yield InboxItem(
            kind="approval",
            since=ask.at,
            thread=state.thread,
            alias=state.alias,
            index=index,
            attempt=ask.attempt,
            instance=None,
            instance_alias=None,
            what=f"waits for your decision, because of the rule {ask.rule}",
            command=f"spl task approve {name} --subtask {index}",
        )


def _of_dispatch(one: DispatchOut, status: FleetStatus) -> Iterator[InboxItem]:
    """A subtask that hangs, is late, or has nearly spent its budget."""
    instance = next((known for known in status.instances if known.did == one.instance), None)
    began = one.started_at if one.began_at is None else one.began_at
    of_subtask = f"{one.alias or one.thread} --subtask {one.index}"

    def item(kind: InboxKind, since: float, what: str, command: str) -> InboxItem:
        return InboxItem(
            kind=kind,
            since=since,
            thread=one.thread,
            alias=one.alias,
            index=one.index,
            attempt=one.attempt,
            instance=one.instance,
            instance_alias=instance.alias if instance is not None else None,
            what=what,
            command=command,
        )

    if one.hangs:
        heard = instance.last_heartbeat if instance is not None else None
        retry = f"spl task retry {of_subtask} --target OTHER"
        yield item("silent", one.lost_at or heard or began, of_dispatch(one, status.at), retry)
    elif is_late(one, status.at):
        since = began + (one.timeout_secs or 0.0)
        yield item("late", since, of_dispatch(one, status.at), f"spl task stop {of_subtask}")
    if spent := near_budget(one.cost_usd, one.budget_usd):
        yield item("budget", began, spent, f"spl task stop {of_subtask}")


def _failed(engine: Engine, running: Mapping[str, FanOutProgress]) -> Iterator[InboxItem]:
    """Subtasks whose failure keeps their task from joining."""
    for state in engine.ingest.live.active.values():
        progress, fanout = running.get(state.thread), state.fanout
        if progress is None or fanout is None or progress.satisfiable:
            continue
        name, words = state.alias or state.thread, of_fan_out(progress)
        for index in _blamed(fanout):
            what = f"{progress_of(fanout).child(index).state}: the task {words}"
            yield _of_result(engine, state, index, "failed", what, f"spl task retry {name} --subtask {index}")


def _blamed(fanout: FanOut) -> list[int]:
    """The subtasks whose current attempt has ended without being accepted."""
    children = progress_of(fanout).children()
    return [child.index for child in children if child.finished and child.state != ACCEPT]


def _unreviewed(engine: Engine, running: Mapping[str, FanOutProgress]) -> Iterator[InboxItem]:
    """Accepted subtasks for whose review their join waits, and for nothing else."""
    for state in engine.ingest.live.active.values():
        progress, name = running.get(state.thread), state.alias or state.thread
        if progress is None:
            continue
        what = f"its result waits for your review: the join is {progress.join}"
        for index in progress.unreviewed:
            yield _of_result(engine, state, index, "review", what, f"spl task review {name} {index}")


def _of_result(
    engine: Engine, state: TaskState, index: int, kind: InboxKind, what: str, command: str
) -> InboxItem:
    """An item about the result of a subtask's current attempt, since it ended."""
    assert state.fanout is not None
    report = state.fanout.report(index)
    assert report is not None
    return InboxItem(
        kind=kind,
        since=report.ended_at,
        thread=state.thread,
        alias=state.alias,
        index=index,
        attempt=state.fanout.attempt(index),
        instance=report.worker or None,
        instance_alias=engine.ingest.live.names().get(report.worker),
        what=what,
        command=command,
    )


def _of_budget(one: FanOutProgress) -> Iterator[InboxItem]:
    if spent := near_budget(one.cost_usd, one.budget_usd):
        yield InboxItem(
            kind="budget",
            since=one.started_at,
            thread=one.thread,
            alias=one.alias,
            index=None,
            attempt=None,
            instance=None,
            instance_alias=None,
            what=spent,
            command=f"spl task amend {one.alias or one.thread} --budget USD",
        )


def _of_collisions(status: FleetStatus) -> Iterator[InboxItem]:
    """One item for each subtask that is the first of those that have touched some files."""
    running = {(one.thread, one.index): one for one in status.dispatches}
    met: dict[tuple[str, int], list[CollisionOut]] = {}
    for collision in status.collisions:
        met.setdefault((collision.by[0].thread, collision.by[0].index), []).append(collision)
    for (thread, index), found in met.items():
        mine = running.get((thread, index))
        touchers = [running.get((by.thread, by.index)) for one in found for by in one.by]
        alias = found[0].by[0].alias
        yield InboxItem(
            kind="collision",
            since=max((one.began_at or one.started_at for one in touchers if one), default=status.at),
            thread=thread,
            alias=alias,
            index=index,
            attempt=mine.attempt if mine is not None else None,
            instance=None,
            instance_alias=None,
            what="; ".join(f"{one.repo} {of_collision(one)}" for one in found),
            command=f"spl task show {alias or thread}",
        )
