"""Recorded runs of the real command lines against a stub of a model, cut to what they show."""

import json
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncropel.adapters.agents.claude import ClaudeReader
from syncropel.adapters.agents.codex import CodexReader
from syncropel.adapters.base import Outcome, Remains
from syncropel.adapters.models.prices import Prices
from syncropel.adapters.models.tokens import Tokens

FOLDER = Path(__file__).with_name("transcripts")
EXITS = json.loads((FOLDER / "exits.json").read_text(encoding="utf-8"))
MODEL = "gpt-5.5"
MODELS = {"codex/bad-model": "no-such-model-9"}
BEFORE = {"codex/resume-last": Tokens(1200, 300, 0, 14), "codex/resume-last-2": Tokens(3600, 900, 0, 57)}
"""What the thread of a run had used before it was resumed."""

Reader = ClaudeReader | CodexReader


@dataclass(frozen=True)
class Row:
    """What a run came to. None: not known."""

    run: str
    verdict: str
    reason: str
    tokens: int | None
    cost_usd: float | None
    denied: int
    summary: str


def truth() -> list[Row]:
    """The table, a row for each run."""
    return read_table(FOLDER / "truth.txt")


def read_table(path: Path) -> list[Row]:
    """A row for each line but the first."""
    _, *lines = path.read_text(encoding="utf-8").splitlines()
    return [_row(*line.split(" | ", 6)) for line in lines]


def _row(run: str, verdict: str, reason: str, tokens: str, cost: str, denied: str, summary: str) -> Row:
    return Row(
        run,
        verdict,
        "" if reason == "-" else reason,
        None if tokens == "unknown" else int(tokens),
        None if cost == "unknown" else float(cost),
        int(denied),
        summary,
    )


def reader_of(run: str, prices: Prices | None = None, *, ignore_denied: bool = False) -> Reader:
    """A reader as the adapter of this run would make it."""
    prices = prices or Prices()
    if run.startswith("claude/"):
        return ClaudeReader(prices, ignore_denied=ignore_denied)
    model, before = MODELS.get(run, MODEL), BEFORE.get(run, Tokens())
    thread = "00000000-0000-4000-8000-000000000001" if run in BEFORE else ""
    return CodexReader(prices, model, thread, before, ignore_denied=ignore_denied)


def agent_of(told: Outcome | Remains) -> dict[str, Any]:
    """What the agent's run leaves about it."""
    assert told.agent is not None
    return told.agent


def output_of(run: str) -> bytes:
    """What the run wrote to stdout."""
    return (FOLDER / f"{run}.jsonl").read_bytes()


def replay(run: str, reader: Reader | None = None) -> tuple[list[Any], Outcome]:
    """Feed a run to its reader: what it told (`Event`s, a test knows which), and what came of it."""
    reader = reader or reader_of(run)
    events: list[Any] = [event for line in output_of(run).split(b"\n") for event in reader.feed(line)]
    events += reader.finish()
    ended = EXITS[run]
    number = signal.Signals[ended["signal"]] if ended["signal"] else None
    return events, reader.outcome(ended["exit_code"], number, ended["stderr"])
