"""Views against a rebuild: whatever is flushed, forgotten, lost in a crash, or arrives late, folds that start
from views and load what they let go of say what folds of the whole log say.
"""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.engine.views.eviction import Limits
from syncropel.errors import StoreError
from syncropel.folds.fanout.child import LOST, OUTPUT_EVENTS, RUN, STREAM_EVENT
from syncropel.folds.fanout.sessions import TOPICS as SESSIONS
from syncropel.folds.forks.state import FORK_CLOSED, SUB_THREAD
from syncropel.record.model import ACTS, Record
from syncropel.record.threads import RESERVED
from syncropel.store.views.batch import Batch
from tests.engine.any_records import BODIES, CHILD_BODY, OPENINGS
from tests.engine.log_with_views import ALIASES, NOTHING_HELD, THREADS, Log
from tests.engine.test_live import at_once
from tests.folds.build import COORDINATOR, WORKER_A, done, record, spawned, subtask

INTENDS = ("a" * 64, "b" * 64)


def bodies() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """Acts and bodies: of everything that is kept apart from its own thread, and any other."""
    intends = st.sampled_from(INTENDS)
    observed = st.builds(
        lambda topic, intend, child, cost: (
            "KNOW",
            {"topic": topic, "child_intend": intend, "child_thread": child, "cost_usd": cost, "run": "r"},
        ),
        st.sampled_from([*sorted(OUTPUT_EVENTS), *sorted(SESSIONS), STREAM_EVENT, LOST, RUN]),
        intends,
        st.sampled_from(THREADS),
        st.sampled_from([0.25, 0.5, 1, None]),
    )
    task = st.builds(
        lambda alias, parent_thread, more: (
            "INTEND",
            {"task": True, "alias": alias, "parent_thread": parent_thread, **more},
        ),
        st.sampled_from([*ALIASES, ""]),
        st.sampled_from(["", *THREADS]),
        st.sampled_from([{}, {"subtasks": [subtask(), subtask(0)]}, {"namespace": "docs"}]),
    )
    fork = st.builds(
        lambda child, act: (act, {SUB_THREAD: child, "goal": "g"}),
        st.sampled_from(THREADS),
        st.sampled_from(["INTEND", "DO"]),
    )
    told = st.builds(
        lambda child: ("KNOW", {"topic": FORK_CLOSED, "child_thread": child, "result": "accept"}),
        st.sampled_from(THREADS),
    )
    child = st.builds(
        lambda attempt: ("INTEND", {**CHILD_BODY, "attempt": attempt, "repo": "here"}), st.integers(1, 2)
    )
    result = st.builds(
        lambda intend, verdict: ("KNOW", {"fulfills": intend, "verdict": verdict}),
        intends,
        st.sampled_from(["accept", "reject"]),
    )
    facts = st.sampled_from([spawned(0, 1), done(0, 1), spawned(1, 1)]).map(lambda one: (one.act, one.body))
    anything = st.tuples(st.sampled_from(sorted(ACTS)), BODIES)
    return st.one_of(observed, task, fork, told, child, result, facts, anything)


_BODIES = bodies()
_STEPS = st.one_of(
    st.tuples(
        st.sampled_from([*THREADS, *sorted(RESERVED)]),
        st.sampled_from([COORDINATOR, WORKER_A]),
        st.integers(0, 12),
        _BODIES,
    ),
    st.sampled_from(["flush", "crash", "flush", "refused", "ask"]),
)


@settings(max_examples=200)
@given(st.lists(_STEPS, min_size=3, max_size=25), st.sampled_from([NOTHING_HELD, Limits()]), OPENINGS)
def test_folds_by_way_of_views_are_the_folds_of_the_log(
    steps: list[Any], limits: Limits, opening: dict[str, Any]
) -> None:
    async def story() -> None:
        log = Log(limits)
        await log.start()
        await log.take(record("INTEND", 0, opening))
        for at, step in enumerate(steps):
            if step == "crash":
                await log.start()
            elif step == "ask":
                log.ask(*INTENDS)
            elif isinstance(step, str):
                await flush(log, refused=step == "refused", meanwhile=steps[at + 1 : at + 2])
            else:
                await log.take(made(step))
        await log.check()
        await log.start()
        await log.check()

    at_once(story())


def made(step: Any) -> Record:
    thread, actor, clock, (act, body) = step
    return record(act, clock, body, actor=actor, thread=thread)


async def flush(log: Log, *, refused: bool, meanwhile: list[Any]) -> None:
    """Write, while the next record comes. `refused`: by the disk; then nothing is written."""
    assert log.views is not None
    assert log.started is not None
    write = log.views.write

    async def during(batch: Batch, at_record: str) -> None:
        await log.take(*(made(step) for step in meanwhile if not isinstance(step, str)))
        if refused:
            raise StoreError("no room", "")
        await write(batch, at_record)

    log.views.write = during  # type: ignore[method-assign]
    log.started.projector.position = -1  # so that there is something to write
    with pytest.raises(StoreError) if refused else contextlib.nullcontext():
        await log.flush()
    log.views.write = write  # type: ignore[method-assign]
