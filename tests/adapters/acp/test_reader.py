"""What a reader makes of the end of a turn, and of edits that fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncropel.adapters.acp.reader import AcpReader
from syncropel.adapters.base import Outcome
from syncropel.adapters.models.prices import Prices
from syncropel.adapters.reading import Notice, Text
from tests.adapters.acp.bench import ALL, KINDS

PAID = {"_meta": {"quota": {"model_usage": [{"model": "gpt-5.5", "token_count": {"inputTokens": 9}}]}}}


class Told:
    """A reader and what it is told."""

    def __init__(self, agent: str = "codex", **more: Any) -> None:
        self.reader = AcpReader(KINDS[agent], Prices(), **more)
        self.events: list[Any] = []

    def line(self, **said: Any) -> None:
        self.events += self.reader.feed(json.dumps({"jsonrpc": "2.0", **said}).encode())

    def update(self, what: str, **more: Any) -> None:
        self.line(method="session/update", params={"update": {"sessionUpdate": what, **more}})

    def edit(self, call: str, status: str, path: str = "a.py") -> None:
        self.update("tool_call", toolCallId=call, kind="edit", status=status, locations=[{"path": path}])

    def turn(self, stop: str = "end_turn", **more: Any) -> Outcome:
        self.line(id="prompt", result={"stopReason": stop, **PAID, **more})
        return self.reader.outcome(None, 15, "")


@pytest.mark.parametrize("agent", ALL)
@pytest.mark.parametrize(
    ("stop", "verdict", "reason", "summary"),
    [
        ("end_turn", "accept", "", ""),
        ("max_tokens", "failed", "agent_error", "its answer was cut"),
        ("max_turn_requests", "failed", "max_turns", "it reached its limit of requests"),
        ("refusal", "failed", "agent_error", "the model refused"),
        ("cancelled", "failed", "agent_error", "its turn was cancelled"),
        ("whatever", "failed", "agent_error", "its turn ended with 'whatever'"),
        ("", "failed", "agent_error", "its turn ended with ''"),
    ],
)
def test_how_a_turn_ends(agent: str, stop: str, verdict: str, reason: str, summary: str) -> None:
    outcome = Told(agent).turn(stop)

    assert (outcome.verdict, outcome.reason) == (verdict, reason)
    assert outcome.summary.startswith(summary)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"code": 429, "message": "later"}, "rate_limited"),
        ({"code": -32603, "message": "API Error: 429 too many"}, "rate_limited"),
        ({"code": -32603, "message": "Internal error: Reached maximum budget ($1)"}, "budget_exceeded"),
        ({"code": -32603, "message": "Internal error: Reached maximum number of turns (3)"}, "max_turns"),
        ({"code": 400}, "agent_error"),
        ("no object", "agent_error"),
    ],
)
def test_why_a_turn_fails(error: Any, reason: str) -> None:
    told = Told()
    told.line(id="prompt", error=error)

    outcome = told.reader.outcome(0, None, "")

    assert (outcome.verdict, outcome.reason, outcome.cost_known) == ("failed", reason, False)


@pytest.mark.parametrize(
    ("agent", "verdict"), [("codex", "failed"), ("gemini", "failed"), ("claude", "accept")]
)
def test_a_turn_without_tokens_is_no_success_where_tokens_are_told(agent: str, verdict: str) -> None:
    outcome = Told(agent).turn(_meta={})

    assert outcome.verdict == verdict
    assert not outcome.cost_known


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [(["failed"], "failed"), (["failed", "completed"], "accept"), (["completed", "failed"], "failed")],
)
def test_an_edit_that_failed_has_to_be_made_up_for(statuses: list[str], verdict: str) -> None:
    told = Told()
    for number, status in enumerate(statuses):
        told.edit(f"t{number}", status)
    told.edit("other", "completed", "b.py")

    outcome = told.turn()

    assert outcome.verdict == verdict
    assert ("did not make up for it" in outcome.summary) is (verdict == "failed")


def test_a_command_that_failed_is_no_failure() -> None:
    told = Told()
    told.update("tool_call", toolCallId="t", kind="execute", status="failed", rawInput={"command": "false"})

    assert told.turn().verdict == "accept"


def test_a_run_without_an_end_is_no_success() -> None:
    told = Told()
    told.update("agent_message_chunk", content={"type": "text", "text": "I begin."})

    outcome = told.reader.outcome(0, None, "")

    assert (outcome.verdict, outcome.reason) == ("failed", "result_missing")


def test_what_the_agent_says_of_itself_is_a_notice() -> None:
    told = Told("claude")
    meta = {"claudeCode": {"kind": "informational"}}
    told.update("agent_message_chunk", content={"type": "text", "text": "careful"}, _meta=meta)

    assert told.events == [Notice("careful")]


def test_the_last_message_is_what_it_said() -> None:
    told = Told()
    for number, words in (("1", "one"), ("2", "two "), ("2", "three")):
        told.update("agent_message_chunk", content={"type": "text", "text": words}, messageId=number)

    assert told.turn().summary == "two three"
    assert [one for one in told.events if isinstance(one, Text)] == [Text("one"), Text("two "), Text("three")]


def test_what_is_repeated_before_the_prompt_is_not_told() -> None:
    told = Told(prompted_after=None)
    told.edit("old", "failed")
    told.reader.prompted_after = told.reader.lines
    told.edit("new", "completed", "b.py")

    assert told.turn().verdict == "accept"
    assert told.reader.turns == 1


@pytest.mark.parametrize(
    "line",
    [b"", b"42", b"null", b"[]", b"{", b"\xff\xfe", b'{"id": 1}', b'{"method": 3, "id": 1}', b'"text"'],
)
def test_what_is_no_message_is_counted_and_changes_nothing(line: bytes) -> None:
    reader = AcpReader(KINDS["claude"], Prices())

    assert reader.feed(line) == []
    assert reader.unread == (line != b"")
    assert not reader.inbox


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("Reached maximum number of turns (5)", "max_turns"),
        ("Reached maximum budget ($1)", "budget_exceeded"),
        ("API Error: Request rejected (429) · too many", "rate_limited"),
        ("API Error: 429 too many", "rate_limited"),
        ("API Error: 500 broken after 429 ms", "agent_error"),
    ],
)
def test_a_failure_of_the_session_has_the_reason_of_its_words(title: str, reason: str) -> None:
    failure = {"severity": "error", "title": title}

    outcome = Told("claude").turn(_meta={"jetbrains": {"air": {"sessionFailure": failure}}})

    assert (outcome.verdict, outcome.reason, outcome.summary) == ("failed", reason, title)


def test_the_last_message_of_a_turn_is_its_own() -> None:
    """gemini gives its messages no id."""
    told = Told("gemini")
    for words in ("one", " message"):
        told.update("agent_message_chunk", content={"type": "text", "text": words})
    first = told.turn()
    told.update("agent_message_chunk", content={"type": "text", "text": "another"})

    assert (first.summary, told.turn().summary) == ("one message", "another")
