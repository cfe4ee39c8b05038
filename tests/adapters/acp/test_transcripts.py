"""Recorded conversations of the real agents: what came of each, and what our side says by itself."""

from __future__ import annotations

import json
import math

import pytest

from syncropel.adapters.reading import Notice, Question, Retry, Session, ToolCall, ToolResult, Usage
from tests.adapters.acp.recorded import FOLDER, Replay, runs
from tests.adapters.agents.recorded import Row, agent_of, read_table

ROWS = read_table(FOLDER / "truth.txt")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.run)
def test_what_a_run_came_to(row: Row) -> None:
    replay = Replay(row.run)

    outcome = replay.play()

    agent = agent_of(outcome)
    assert (outcome.verdict, outcome.reason) == (row.verdict, row.reason)
    assert outcome.summary.replace("\n", " ").startswith(row.summary)
    assert (agent["tokens"], len(agent["denied"])) == (row.tokens, row.denied)
    assert agent["cost_usd"] == (
        row.cost_usd if row.cost_usd is None else pytest.approx(row.cost_usd, abs=1e-6)
    )
    assert agent["denials"] == ("unknown" if row.run.startswith("codex/") else "known")
    assert outcome.unread == 0
    if row.cost_usd is not None:
        told = [event.cost_usd or 0.0 for event in replay.events if isinstance(event, Usage)]
        assert math.fsum(told) == pytest.approx(row.cost_usd, abs=1e-6)


def test_every_recorded_run_is_in_the_table() -> None:
    assert [row.run for row in ROWS] == runs()


@pytest.mark.parametrize("run", [run for run in runs() if run.endswith(("/ok", "/edit-fs-refused"))])
def test_our_side_says_by_itself_what_was_recorded(run: str) -> None:
    replay = Replay(run)
    replay.play()

    recorded = [json.loads(line) for line in (FOLDER / f"{run}.jsonl").read_text().splitlines()]
    methods = [one["m"].get("method") for one in recorded if one.get("dir") == "->"]
    upto = methods.index("session/prompt") + 1
    ours = [
        one for one in methods[:upto] if one != "authenticate"
    ]  # for gemini, that replaces the user's login
    assert [one["method"] for one in replay.said] == ours


@pytest.mark.parametrize("run", runs())
def test_a_run_read_again_tells_the_same(run: str) -> None:
    first, second = Replay(run), Replay(run)

    assert (first.play(), first.events) == (second.play(), second.events)


@pytest.mark.parametrize("agent", ["claude", "codex", "gemini", "opencode"])
def test_the_events_of_an_edit_that_was_asked_for(agent: str) -> None:
    replay = Replay(f"{agent}/edit-allow")
    replay.play()

    session, *_ = [one for one in replay.events if isinstance(one, Session)]
    (call,) = [one for one in replay.events if isinstance(one, ToolCall)]
    (result,) = [one for one in replay.events if isinstance(one, ToolResult)]
    (question,) = [one for one in replay.events if isinstance(one, Question)]
    assert session.id
    assert call.argument.endswith("stub-note.txt")
    assert (result.id, result.ok) == (call.id, True)
    assert len(question.choices) == 3


@pytest.mark.parametrize("agent", ["claude", "codex", "gemini", "opencode"])
def test_a_loaded_session_is_not_told_again(agent: str) -> None:
    replay = Replay(f"{agent}/load-after-restart")
    replay.play()

    assert not [one for one in replay.events if isinstance(one, ToolCall)]


def test_retries_are_told_with_their_numbers() -> None:
    codex = Replay("codex/ratelimit429")
    codex.play()

    told = [(one.attempt, one.of, one.status) for one in codex.events if isinstance(one, Retry)]
    assert told == [(tried, 5, 429) for tried in range(1, 6)]


def test_a_session_that_is_not_there_is_told() -> None:
    replay = Replay("claude/load-unknown")
    replay.play()

    (notice,) = [one for one in replay.events if isinstance(one, Notice)]
    assert "is gone" in notice.text
