"""What an instance knows of the attempts before one: the agent's session that a retry goes on with."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from syncropel.adapters import Job, Observe, Outcome
from syncropel.engine.dispatch.earlier import asked_for, earlier_agent, resumed_agent
from syncropel.folds.fanout.child import (
    AGENT_SESSION,
    SESSION,
    STREAM_EVENT,
    ChildIntend,
    ChildResult,
    ChildState,
)
from syncropel.folds.fanout.spend import Spend, Spent
from syncropel.record.model import Record, StoredRecord
from tests.engine.workshop import Crew, Workshop, in_workshop


def state(*agents: tuple[int, dict[str, Any] | None]) -> ChildState:
    """A child thread with these attempts, each with what its result says of its agent."""
    made = ChildState("th_child")
    for attempt, agent in agents:
        record = str(attempt) * 64
        made.intends[attempt] = ChildIntend(record, "th_child", attempt, {"attempt": attempt})
        made.results[record] = ChildResult("r", record, {"agent": agent} if agent else {})
    return made


MINE = {"adapter": "claude", "session": "one"}
LATER = {"adapter": "claude", "session": "two"}
OTHER = {"adapter": "codex", "session": "three"}


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ([], None),
        ([(1, MINE)], MINE),
        ([(1, MINE), (2, LATER)], LATER),
        ([(1, MINE), (2, None)], MINE),
        ([(1, MINE), (2, OTHER)], None),
        ([(4, LATER)], None),
    ],
)
def test_the_last_attempt_of_the_same_adapter_counts(before: list[Any], found: object) -> None:
    intend = ChildIntend("3" * 64, "th_child", 3, {"attempt": 3})
    assert earlier_agent(state(*before), intend, "claude") == found


def spent(*told: tuple[str, dict[str, Any]]) -> Spent:
    """What an attempt has spent of which a log holds these observations."""
    spend = Spend()
    for kind, body in told:
        record = Record("th_run", "did:a", "KNOW", {"kind": kind, "child_intend": "i", **body})
        spend.apply(StoredRecord(record, 1, 0.0))
    return spend.of("i")


def named(run: str, session: str, at: float, events: int = 1) -> tuple[str, dict[str, Any]]:
    return AGENT_SESSION, {"run": run, "events": events, "session": session, "at": at}


def used(run: str, output: object, events: int = 2) -> tuple[str, dict[str, Any]]:
    return STREAM_EVENT, {"run": run, "events": events, "usage": {"output": output, "input": 1}}


def kinds(**counts: int) -> dict[str, int]:
    return {"input": 0, "cached_input": 0, "cache_write": 0, "output": 0, "reasoning": 0, **counts}


def test_an_attempt_that_begins_again_continues_its_own_session() -> None:
    told = spent(
        named("r1", "one", 1.0), used("r1", 20), used("r1", 30, 3), named("r2", "two", 2.0), used("r2", 7)
    )
    found = resumed_agent(
        told, {"adapter": "codex", "session": "before", "thread_tokens": kinds(output=9)}, "codex"
    )
    assert found == {"adapter": "codex", "session": "two", "thread_tokens": kinds(input=1, output=7)}


def test_the_tokens_of_a_session_that_goes_on_are_those_of_all_its_runs() -> None:
    before = {"adapter": "codex", "session": "one", "thread_tokens": kinds(output=100)}
    told = spent(named("r1", "one", 1.0), used("r1", 20), named("r2", "one", 2.0), used("r2", True))
    found = resumed_agent(told, before, "codex")
    assert found == {"adapter": "codex", "session": "one", "thread_tokens": kinds(input=2, output=120)}
    unknown = resumed_agent(told, {**before, "thread_tokens": None}, "codex")
    assert unknown == {"adapter": "codex", "session": "one"}, "what it had before is not known"


def test_an_attempt_that_named_no_session_continues_that_of_the_attempt_before() -> None:
    assert resumed_agent(Spent(), MINE, "claude") == MINE
    assert resumed_agent(spent(used("r1", 20)), None, "claude") is None


@pytest.mark.parametrize(
    ("start", "asked"),
    [
        ({"adapter": "codex", "run": "r1"}, None),
        ({"adapter": "codex", "resumes": 7}, None),
        ({"adapter": "codex", "resumes": "one"}, OTHER),
        (
            {"adapter": "codex", "resumes": "one", "resumed_tokens": {"output": 4}},
            {"adapter": "codex", "session": "one", "thread_tokens": {"output": 4}},
        ),
    ],
)
def test_a_run_that_is_taken_back_is_read_as_it_was_started(start: dict[str, Any], asked: object) -> None:
    assert asked_for(start, OTHER) == asked


class Agent(Crew):
    """An agent that names a session, and whose worker dies in its first run."""

    jobs: list[Job]

    async def run(self, job: Job, observe: Observe) -> Outcome:
        self.jobs = [*getattr(self, "jobs", []), job]
        run = f"r{len(self.jobs)}"
        await observe(SESSION, {"adapter": self.name, "run": run})
        await observe(AGENT_SESSION, {"run": run, "events": 1, "session": "one"})
        await observe(STREAM_EVENT, {"run": run, "events": 2, "usage": {"output": 5}, "cost_usd": 0.25})
        await super().run(job, observe)
        agent = {"adapter": self.name, "session": "one", "tokens": 5, "cost_usd": 0.25}
        return Outcome("accept", "done", agent=agent)


def test_a_worker_that_went_down_takes_the_attempt_up_in_its_session() -> None:
    async def story(shop: Workshop) -> None:
        shop.crew = agent = Agent()
        shop.dispatcher._place.adapters["crew"] = agent  # type: ignore[index]
        await shop.give("work")
        await asyncio.sleep(1.0)
        await shop.die()
        again = Workshop(shop.store, shop.max_concurrent)
        again.crew = agent
        await again.open()
        await asyncio.sleep(30.0)
        first, second = agent.jobs
        assert (first.attempt, first.earlier) == (1, None)
        tokens = kinds(output=5)
        assert (second.attempt, second.earlier) == (
            1,
            {"adapter": "crew", "session": "one", "thread_tokens": tokens},
        )
        result = again.result("work")
        assert (result["cost_usd"], result["cost_unknown"]) == (0.5, True), "nobody counted its last request"
        assert result["agent"]["tokens"] is None

    in_workshop(story)
