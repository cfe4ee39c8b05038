"""The readers of claude and codex, on recorded runs: what came of each, and what was told on the way."""

import math

import pytest

from syncropel.adapters.models.prices import Price, Prices
from syncropel.adapters.models.tokens import read_tokens
from syncropel.adapters.reading import Final, Notice, Retry, Session, Text, ToolCall, ToolResult, Usage
from tests.adapters.agents.recorded import EXITS, FOLDER, Row, agent_of, output_of, reader_of, replay, truth


@pytest.mark.parametrize("row", truth(), ids=lambda row: row.run)
def test_what_a_run_came_to(row: Row) -> None:
    events, outcome = replay(row.run)

    agent = agent_of(outcome)
    assert (outcome.verdict, outcome.reason) == (row.verdict, row.reason)
    assert outcome.summary.startswith(row.summary)
    assert agent["tokens"] == row.tokens
    assert len(agent["denied"]) == row.denied
    assert agent["denials"] == ("known" if row.run.startswith("claude/") else "unknown")
    assert outcome.cost_known is (row.cost_usd is not None)
    assert agent["cost_usd"] == (row.cost_usd if row.cost_usd is None else pytest.approx(row.cost_usd))
    told = [event for event in events if isinstance(event, Usage)]
    if row.cost_usd is not None:
        assert math.fsum(one.cost_usd or 0 for one in told) + outcome.cost_usd == pytest.approx(row.cost_usd)


def test_every_recorded_run_is_in_the_table() -> None:
    assert sorted(row.run for row in truth()) == sorted(EXITS)
    assert sorted(EXITS) == sorted(f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.jsonl"))


@pytest.mark.parametrize("run", ["claude/many", "claude/ok-partial", "codex/bash", "codex/error500"])
def test_a_run_read_again_tells_the_same(run: str) -> None:
    assert replay(run) == replay(run)


def test_the_events_of_a_claude_run_with_a_denied_edit() -> None:
    events, _ = replay("claude/edit-noperm")

    session, said, call, result, answer, usage, final = events
    assert session == Session("00000000-0000-4000-8000-000000000001", "claude-opus-4-8[1m]")
    assert said == Text("I will write the file.")
    assert (call.name, call.argument) == ("Write", "denied.txt")
    assert (result.id, result.ok) == (call.id, False)
    assert "haven't granted it" in result.summary
    assert answer == Text("Done: the stub finished scenario edit after 1 tool result(s).")
    assert (usage.input, usage.cached_input, usage.cache_write, usage.output) == (2400, 600, 80, 37)
    assert final == Final(True, answer.text)


def test_the_events_of_a_codex_run_with_a_command() -> None:
    events, _ = replay("codex/bash")

    session, said, call, result, answer, final, usage = events
    assert session == Session("00000000-0000-4000-8000-000000000001", "gpt-5.5")
    assert said == Text("I will run a command.")
    assert (call, result) == (
        ToolCall("item_1", "shell", "/bin/bash -lc 'echo hello'"),
        ToolResult("item_1", True, "hello"),
    )
    assert (usage.input, usage.cached_input, usage.output) == (2400, 600, 31)
    assert final == Final(True, answer.text)


def test_with_partial_messages_tokens_are_told_when_a_request_ends_and_the_result_adds_nothing() -> None:
    events, _ = replay("claude/ok-partial")

    assert [type(event) for event in events] == [Session, Text, Usage, Final]
    assert events[2].model == "claude-opus-4-8[1m]"


def test_requests_to_an_api_that_fails_are_told_as_retries() -> None:
    claude, _ = replay("claude/error500-2retries")
    codex, _ = replay("codex/ratelimit429")

    assert [(one.attempt, one.of, one.status) for one in claude if isinstance(one, Retry)] == [
        (1, 2, 500),
        (2, 2, 500),
    ]
    assert claude[1].delay_secs == pytest.approx(0.5135, abs=0.001)
    assert [(one.attempt, one.of, one.status) for one in codex if isinstance(one, Retry)] == [
        (tried, 5, 429) for tried in range(1, 6)
    ]
    assert not [one for one in codex if isinstance(one, Retry) and "Reconnecting" in one.message]


def test_a_warning_of_codex_is_a_notice_and_no_failure() -> None:
    events, outcome = replay("codex/bad-model")

    assert [event.text[:14] for event in events if isinstance(event, Notice)] == ["Model metadata"]
    assert outcome.verdict == "accept"
    assert agent_of(outcome)["cost_usd"] is None


@pytest.mark.parametrize("run", ["claude/edit-noperm", "codex/edit-default-sandbox"])
def test_a_denied_call_is_ignored_when_the_subtask_says_so(run: str) -> None:
    _, outcome = replay(run, reader_of(run, ignore_denied=True))

    assert (outcome.verdict, outcome.reason) == ("accept", "")
    assert len(agent_of(outcome)["denied"]) == 1


def test_the_cost_of_the_program_is_the_price_list_s_for_the_same_tokens() -> None:
    for row in truth():
        if not row.run.startswith("claude/") or row.run == "claude/bad-model":
            continue
        _, outcome = replay(row.run)
        for used in agent_of(outcome)["usage"]:
            assert Prices().of_sum(used["model"], read_tokens(used)) == pytest.approx(used["cost_usd"])


def test_a_model_that_no_list_has_costs_what_the_program_says() -> None:
    _, outcome = replay("claude/bad-model")

    (used,) = agent_of(outcome)["usage"]
    assert not Prices().knows(used["model"])
    assert (outcome.cost_known, used["cost_usd"]) == (True, pytest.approx(0.00675))


@pytest.mark.parametrize("run", ["claude/ok", "claude/ok-partial", "codex/ok"])
def test_the_operator_s_price_goes_before_any_other(run: str) -> None:
    own = Prices({"claude-opus-4-8": Price(10, 100), "gpt-5.5": Price(10, 100)})

    events, outcome = replay(run, reader_of(run, own))

    wrote = 1540 if run.startswith("claude/") else 1500
    assert agent_of(outcome)["cost_usd"] == pytest.approx((wrote * 10 + 14 * 100) / 1e6)
    told = [event.cost_usd or 0 for event in events if isinstance(event, Usage)]
    assert math.fsum(told) == pytest.approx(agent_of(outcome)["cost_usd"])


def test_a_result_that_comes_twice_is_counted_once() -> None:
    reader = reader_of("claude/ok")
    lines = output_of("claude/ok").split(b"\n")

    events = [event for line in [*lines, lines[-2]] for event in reader.feed(line)]

    assert len([event for event in events if isinstance(event, Usage)]) == 1
    assert agent_of(reader.outcome(0, None, ""))["cost_usd"] == pytest.approx(0.00675)


@pytest.mark.parametrize("run", ["claude/ok", "codex/ok"])
@pytest.mark.parametrize(
    "junk",
    [
        b"\xff\xfe\x00",
        b"{",
        b"[1]",
        b"null",
        b'{"type": 7}',
        b'{"type": "result", "modelUsage": [1], "permission_denials": 3, "errors": 4, "usage": "x"}',
        b'{"type": "assistant", "message": {"content": [1, {"type": "text", "text": 5}], "id": {}}}',
        b'{"type": "stream_event", "event": {"type": "message_delta", "usage": {"input_tokens": -3}}}',
        b'{"type": "user", "message": {"content": [{"type": "tool_result", "content": {"a": 1}}]}}',
        b'{"type": "system", "subtype": "api_retry", "attempt": true, "retry_delay_ms": NaN}',
        b'{"type": "item.completed", "item": {"type": "command_execution", "changes": "x", "exit_code": []}}',
        b'{"type": "error", "message": {"a": 1}}',
        b'{"type": "turn.failed", "error": 3}',
        b"[" * 200_000,
        b'{"type": "text", "x": "' + b"a" * 8_000_000 + b'"}',
    ],
    ids=lambda junk: str(junk[:40]),
)
def test_junk_between_the_lines_changes_nothing(run: str, junk: bytes) -> None:
    reader = reader_of(run)
    *lines, end = output_of(run).rstrip(b"\n").split(b"\n")
    for line in [junk, *lines, junk, end]:
        reader.feed(line)
    reader.finish()

    outcome = reader.outcome(0, None, "")

    assert outcome.verdict == "accept"
    assert agent_of(outcome)["cost_usd"] == pytest.approx(0.00675 if run == "claude/ok" else 0.00657)


@pytest.mark.parametrize("run", ["claude/edit", "codex/edit"])
def test_a_run_whose_end_is_lost_has_no_result_at_any_byte(run: str) -> None:
    whole = output_of(run).rstrip(b"\n")
    final = whole.rindex(b"\n") + 1
    for cut in (0, 1, final // 2, final, final + 1, len(whole) - 1):
        reader = reader_of(run)
        for line in whole[:cut].split(b"\n"):
            reader.feed(line)

        outcome = reader.outcome(0, None, "")

        assert (outcome.verdict, outcome.reason) == ("failed", "result_missing")
