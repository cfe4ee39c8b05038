"""What the log is told of an output: sessions, usage and questions, each once, whoever reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from syncropel.adapters import Outcome, tail
from syncropel.adapters.following import MOST_RECORDS, REST_SECS, SEVERAL, Following
from syncropel.adapters.reading import Event, Final, Notice, Question, Retry, Session, Text, ToolCall, Usage
from syncropel.errors import NamespaceFrozen
from syncropel.folds.fanout.child import AGENT_SESSION, QUESTION, STREAM_EVENT
from tests.adapters.readers import LineReader

USAGE = {"model": "m", "input": 1, "cached_input": 0, "cache_write": 0, "output": 2, "reasoning": 0}


class Log:
    """Takes observations, and refuses them while it is frozen."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.frozen = False

    async def observe(self, kind: str, body: dict[str, Any]) -> None:
        if self.frozen:
            raise NamespaceFrozen("frozen", "wait")
        self.seen.append((kind, body))

    def numbers(self) -> list[int]:
        return [body["events"] for _, body in self.seen]


def write(path: Path, *lines: object) -> None:
    with path.open("a") as file:
        for line in lines:
            file.write(line if isinstance(line, str) else json.dumps(line) + "\n")


SESSION, SPENT = {"session": "s"}, {"usage": 0.5}


async def test_only_sessions_usage_and_questions_are_observed(tmp_path: Path) -> None:
    write(tmp_path / "out", SESSION, {"text": "a"}, SPENT, {"text": "b"}, {"ask": "?"}, {"usage": None})
    log = Log()
    following = Following(tmp_path / "out", LineReader(), "r", 0)
    await following.read_on(log.observe)
    assert [kind for kind, _ in log.seen] == [AGENT_SESSION, STREAM_EVENT, QUESTION, STREAM_EVENT]
    session, spent, question, free = (body for _, body in log.seen)
    assert session == {"session": "s", "model": "m", "run": "r", "events": 1, "output_offset": 17}
    assert (spent["cost_usd"], spent["usage"]) == (0.5, USAGE)
    assert (question["text"], question["id"]) == ("?", "q")
    assert "cost_usd" not in free, "an unknown cost is none, and not nothing"
    assert following.offset == (tmp_path / "out").stat().st_size


@pytest.mark.parametrize("known", range(4))
async def test_who_comes_back_observes_what_the_log_does_not_hold(tmp_path: Path, known: int) -> None:
    write(tmp_path / "out", SESSION, {"usage": 0.5, "twice": True})
    log, reader = Log(), LineReader()
    following = Following(tmp_path / "out", reader, "r", known)
    await following.finish(log.observe)
    assert log.numbers() == [1, 2, 3][known:]
    assert len(reader.lines) == 2, "the reader knows what its predecessor knew"


async def test_under_a_freeze_nothing_more_is_read_and_nothing_is_lost(tmp_path: Path) -> None:
    write(tmp_path / "out", SPENT)
    log = Log()
    log.frozen = True
    following = Following(tmp_path / "out", LineReader(), "r", 0)
    await following.read_on(log.observe)
    write(tmp_path / "out", SPENT)
    offset = following.offset
    await following.read_on(log.observe)
    assert (following.offset, following.unobserved_usd) == (offset, 0.5)
    log.frozen = False
    await following.read_on(log.observe)
    assert (log.numbers(), following.unobserved_usd) == ([1, 2], 0.0)


async def test_what_the_log_refuses_to_the_end_is_told_by_the_outcome(tmp_path: Path) -> None:
    write(tmp_path / "out", SPENT, SPENT)
    log = Log()
    log.frozen = True
    following = Following(tmp_path / "out", LineReader(), "r", 0)
    await following.finish(log.observe)
    assert following.unobserved_usd == 1.0


async def test_a_program_that_writes_without_end_does_not_hold_up_who_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "CHUNK_BYTES", 10)
    write(tmp_path / "out", *["ten bytes\n"] * 100)
    reader = LineReader()
    following = Following(tmp_path / "out", reader, "r", 0)
    await following.read_on(Log().observe)
    assert 0 < following.offset < 1000
    await following.finish(Log().observe)
    assert (following.offset, reader.unread) == (1000, 100)


async def test_bad_lines_cost_nothing_but_a_count(tmp_path: Path) -> None:
    write(tmp_path / "out", "garbage\n", {"breaks": 1}, "\xff\x00\n", SPENT, '{"text": "no line end"}')
    log, reader = Log(), LineReader()
    following = Following(tmp_path / "out", reader, "r", 0)
    await following.finish(log.observe)
    assert (log.numbers(), following.unread, reader.finished) == ([1], 3, 1)
    assert reader.lines[-1] == b'{"text": "no line end"}'
    await following.finish(log.observe)
    assert reader.finished == 1


async def test_a_reader_that_breaks_at_the_end_is_a_count(tmp_path: Path) -> None:
    class Broken(LineReader):
        def finish(self) -> list[Event]:
            raise ZeroDivisionError

    (tmp_path / "out").touch()
    following = Following(tmp_path / "out", Broken(), "r", 0)
    await following.finish(Log().observe)
    assert following.unread == 1


def test_events_are_told_apart_by_their_kind() -> None:
    kinds = [one.kind for one in (Session, Text, ToolCall, Usage, Retry, Question, Notice, Final)]
    assert len(set(kinds)) == len(kinds)
    assert LineReader().outcome(0, None, "") == Outcome("failed", "no final event", reason="result_missing")


class Flooding:
    """A reader of a program that makes up sessions and usage without end."""

    unread = 0

    def feed(self, line: bytes) -> list[Event]:
        number = int(line)
        return [Session(f"s{number}"), Usage(f"m{number % 7}", input=1, cost_usd=0.25)]

    def finish(self) -> list[Event]:
        return []

    def outcome(self, exit_code: int | None, signal: int | None, stderr_tail: str) -> Outcome:
        raise NotImplementedError


async def test_a_flood_of_events_makes_a_bounded_number_of_records_and_loses_no_cost(tmp_path: Path) -> None:
    lines = 20_000
    (tmp_path / "out").write_text("".join(f"{number}\n" for number in range(lines)))
    log, now = Log(), [0.0]
    following = Following(tmp_path / "out", Flooding(), "r", 0, lambda: now[0])
    await following.read_on(log.observe)
    assert MOST_RECORDS <= len(log.seen) <= MOST_RECORDS + 1
    now[0] += REST_SECS
    with (tmp_path / "out").open("a") as file:
        file.write("1\n2\n")
    await following.read_on(log.observe)
    await following.finish(log.observe)
    assert len(log.seen) <= MOST_RECORDS + 4
    spent = [body["cost_usd"] for kind, body in log.seen if kind == STREAM_EVENT]
    assert sum(spent) == (lines + 2) * 0.25
    assert log.seen[-1][1]["usage"]["model"] in (SEVERAL, "m2")
    assert following.unread == lines + 2 - MOST_RECORDS // 2, "sessions that were left out are counted"
    assert following.unobserved_usd == 0.0


async def test_who_comes_back_in_a_flood_sums_up_what_the_log_does_not_hold(tmp_path: Path) -> None:
    lines = 2_000
    (tmp_path / "out").write_text("".join(f"{number}\n" for number in range(lines)))
    first, second = Log(), Log()
    begun = Following(tmp_path / "out", Flooding(), "r", 0, lambda: 0.0)
    await begun.read_on(first.observe)
    after = Following(tmp_path / "out", Flooding(), "r", max(first.numbers()), lambda: 0.0)
    await after.finish(second.observe)
    spent = [body["cost_usd"] for kind, body in (*first.seen, *second.seen) if kind == STREAM_EVENT]
    assert sum(spent) == lines * 0.25
