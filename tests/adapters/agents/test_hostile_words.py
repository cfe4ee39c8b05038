"""Agents that say what no record holds, or far too much: their readers make of it what one holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from syncropel.adapters.agents.claude import ClaudeReader
from syncropel.adapters.agents.codex import CodexReader
from syncropel.adapters.cost_file import CostFile
from syncropel.adapters.following import Following
from syncropel.adapters.models.prices import Price, Prices
from syncropel.adapters.reading import PlainReader, Session, Text, Usage
from syncropel.errors import InvalidRecord
from syncropel.record.canonical import canonical_json

HALF = "\ud800"
MOST = 100_000


def used(cost: float = 0.1) -> dict[str, Any]:
    return {"inputTokens": 1, "outputTokens": 1, "costUSD": cost}


def begun(**more: Any) -> dict[str, Any]:
    return {"type": "system", "subtype": "init", "session_id": "s", "model": "m", **more}


def ended(**more: Any) -> dict[str, Any]:
    return {"type": "result", "subtype": "success", "is_error": False, "result": "done", **more}


CLAUDE = {
    "session": [begun(session_id=HALF, model=HALF), ended()],
    "long session": [begun(session_id="s" * 5_000_000, model="m" * 5_000_000), ended()],
    "model": [begun(), ended(modelUsage={HALF: used()})],
    "many models": [begun(), ended(modelUsage={f"m{number}": used() for number in range(20_000)})],
    "infinite": [begun(), ended(modelUsage={"a": used(1e308), "b": used(1e308)})],
    "integer": [begun(), ended(modelUsage={"a": used(10**400)})],
    "denied": [begun(), ended(permission_denials=[{"tool_name": HALF, "tool_input": {"command": HALF}}])],
    "many denied": [
        begun(),
        ended(permission_denials=[{"tool_name": "x" * 10_000, "tool_use_id": str(n)} for n in range(500)]),
    ],
}
CODEX = {
    "thread": [
        {"type": "thread.started", "thread_id": HALF},
        {"type": "turn.started"},
        {"type": "turn.completed", "usage": {"input_tokens": 2**53, "output_tokens": 2**53}},
    ],
    "error": [{"type": "turn.failed", "error": {"message": HALF * 10}}],
}


@pytest.mark.parametrize(
    ("reader", "said"),
    [*((ClaudeReader, one) for one in CLAUDE.values()), *((CodexReader, one) for one in CODEX.values())],
    ids=[*CLAUDE, *CODEX],
)
def test_what_an_agent_says_of_itself_can_be_recorded(
    reader: type[ClaudeReader | CodexReader], said: list[dict[str, Any]]
) -> None:
    live = reader(Prices())
    events = [event for line in said for event in live.feed(json.dumps(line).encode())] + live.finish()
    outcome = live.outcome(0, None, "")
    for event in events:
        if isinstance(event, Session):
            assert len(canonical_json({"session": event.id, "model": event.model})) < 1000
        if isinstance(event, Usage):
            assert canonical_json({"model": event.model, "cost": event.cost_usd})
    assert len(canonical_json({"agent": outcome.agent, "summary": outcome.summary})) < MOST


def test_costs_too_large_to_add_up_count_nothing(tmp_path: Path) -> None:
    file = tmp_path / "costs"
    file.write_text("1e308\n1e308\n0.5\n")
    assert CostFile(file, 0).read() == 0.5


class Forging(PlainReader):
    """A reader of a plug-in, which tells what it likes."""

    def feed(self, line: bytes) -> list[Any]:
        return [Session(line.decode("utf-8", "surrogateescape")), Usage("m", input=1, cost_usd=1.0), Text("")]

    def finish(self) -> list[Any]:
        return []


async def test_an_event_that_can_be_no_record_holds_up_no_spending(tmp_path: Path) -> None:
    output = tmp_path / "output"
    told: list[Any] = []
    output.write_bytes(b"\xff\nplain\n")

    async def observe(kind: str, body: dict[str, Any]) -> None:
        canonical_json(body)
        told.append(body.get("cost_usd", body.get("session")))

    following = Following(output, Forging(), "run", 0)
    await following.read_on(observe)

    assert told == [1.0, "plain", 1.0]
    assert following.unread == 1
    with pytest.raises(InvalidRecord):
        canonical_json("\udcff")


def used_so_far(tokens: int, cost: float) -> dict[str, Any]:
    return {"m": {"inputTokens": tokens, "outputTokens": 0, "costUSD": cost}}


def test_a_second_result_takes_nothing_of_the_account_back() -> None:
    live = ClaudeReader(Prices())
    told = [begun(), ended(modelUsage=used_so_far(1000, 0.5)), ended(modelUsage=used_so_far(10, 0.001))]
    usage = [one for line in told for one in live.feed(json.dumps(line).encode()) if isinstance(one, Usage)]
    assert sum(one.cost_usd or 0.0 for one in usage) == 0.5
    assert min(one.cost_usd or 0.0 for one in usage) >= 0.0
    assert live.account.cost_usd == 0.5
    assert live.account.spending.tokens.total == 1000
    live.feed(json.dumps(ended(modelUsage=used_so_far(3000, 0.75))).encode())
    assert (live.account.cost_usd, live.account.spending.tokens.total) == (0.75, 3000)


def test_a_result_that_counts_fewer_tokens_than_were_seen_takes_nothing_back() -> None:
    live = ClaudeReader(Prices({"m": Price(1.0, 1.0)}))
    usage = {"input_tokens": 1_000_000, "output_tokens": 0}
    start = {"type": "stream_event", "event": {"type": "message_start", "message": {"model": "m"}}}
    delta = {"type": "stream_event", "event": {"type": "message_delta", "usage": usage}}
    for line in (begun(), start, delta, ended(modelUsage=used_so_far(1, 0.0))):
        live.feed(json.dumps(line).encode())
    assert (live.account.cost_usd, live.account.spending.tokens.total) == (1.0, 1_000_000)


def test_a_second_end_of_a_turn_takes_nothing_of_codexs_account_back() -> None:
    live = CodexReader(Prices())
    for tokens in (5000, 3):
        said = {"type": "turn.completed", "usage": {"input_tokens": tokens, "output_tokens": 0}}
        live.feed(json.dumps(said).encode())
    live.finish()
    assert live.account.spending.tokens.total == 5000
