"""`spl task logs`: lines that are safe, all subtasks at once, following over losses, and plain bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from syncropel.client.output_text import MAX_LINE_CHARS, OutputLines
from syncropel.wire import OutputPage
from tests.network import replace_network

from . import wire
from .conftest import FakeDaemon, Ran

Spl = Callable[..., Ran]
PATH = "/v1/tasks/T/subtasks/0/output"


def page(data: str = "", offset: int = 0, **changes: Any) -> OutputPage:
    end = offset + len(data.encode())
    facts: dict[str, Any] = {
        "child_thread": "th_1", "index": 0, "attempt": 1, "instance": wire.WORKER_A, "alias": "worker-a",
        "path": "/w/attempt-1.log", "state": "accept", "ended": True,
        "offset": offset, "next_offset": end, "size": end, "data": data,
    }  # fmt: skip
    return OutputPage(**facts | changes)


def event(name: str, data: Any, cursor: int = 0) -> str:
    text = data.model_dump_json() if isinstance(data, OutputPage) else json.dumps(data)
    return f"id: {cursor}\nevent: {name}\ndata: {text}\n\n"


class Streams:
    """One answer a connection: the text of a stream, a page, or an error."""

    def __init__(self, *answers: str | OutputPage | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((str(request.url.query, "ascii"), request.headers.get("last-event-id", "")))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, OutputPage):
            return httpx.Response(200, content=answer.model_dump_json())
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=answer)


@pytest.fixture
def streams(daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Streams]:
    def make(*answers: str | OutputPage | Exception) -> Streams:
        made = Streams(*answers)
        replace_network(monkeypatch, httpx.MockTransport(made))
        monkeypatch.setattr("syncropel.cli.task_verbs.output_following.RECONNECT_SECS", 0.0)
        return made

    return make


def test_a_subtask_shows_its_whole_output_page_by_page(spl: Spl, streams: Callable[..., Streams]) -> None:
    asked = streams(page("one\ntw", size=10), page("o\nend", 6, size=14)).asked
    ran = spl("task", "logs", "T", "0")
    assert (ran.code, ran.out, ran.err) == (0, "one\ntwo\nend\n", "")
    assert [query for query, _ in asked] == ["offset=0&limit=262144", "attempt=1&offset=6&limit=262144"]


def test_without_a_number_each_line_names_its_subtask(spl: Spl, daemon: FakeDaemon) -> None:
    kids = [wire.child(0, "a"), wire.child(1, "b"), wire.child(2, "c", instance=None, state="pending")]
    daemon.answer("/v1/tasks/T/join", wire.join(*kids))
    daemon.answer(PATH, page("one\ntwo\n"))
    daemon.refuse(PATH.replace("0", "1"), 503, "OUTPUT_UNREACHABLE", "worker-b does not answer", "wait")
    ran = spl("task", "logs", "T")
    assert ran.out == "[0] one\n[0] two\n"
    assert ran.code == 1
    assert "[1] worker-b does not answer" in ran.err
    assert daemon.requests[1].url.params["tail"] == "10"
    daemon.answer("/v1/tasks/T/join", wire.join(kids[2]))
    ran = spl("task", "logs", "T")
    assert (ran.code, ran.out) == (0, "")
    assert "no subtask has begun" in ran.err


def test_json_is_a_document_a_line_and_ends_with_the_state(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer(PATH, page("one\n\x1b[2Jtwo"))
    lines = [json.loads(line) for line in spl("task", "logs", "T", "0", "-o", "json").out.splitlines()]
    assert lines[:2] == [
        {"object": "output.line", "index": 0, "attempt": 1, "text": "one"},
        {"object": "output.line", "index": 0, "attempt": 1, "text": "\\x1b[2Jtwo"},
    ]
    assert lines[2]["object"] == "output.state"
    assert (lines[2]["state"], lines[2]["alias"], lines[2]["path"]) == (
        "accept",
        "worker-a",
        "/w/attempt-1.log",
    )


def test_an_output_without_a_byte_says_so_on_stderr(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer(PATH, page())
    ran = spl("task", "logs", "T", "0")
    assert (ran.code, ran.out) == (0, "")
    assert "attempt 1 wrote nothing" in ran.err
    daemon.answer(PATH, page(ended=False, state="in_progress"))
    assert "attempt 1 has not written anything yet" in spl("task", "logs", "T", "0").err


def test_following_goes_on_after_a_lost_daemon_and_a_lost_worker(
    spl: Spl, streams: Callable[..., Streams]
) -> None:
    lost = {"code": "OUTPUT_UNREACHABLE", "message": "worker-a does not answer", "hint": ""}
    running: dict[str, Any] = {"ended": False, "state": "in_progress"}
    asked = streams(
        event("output", page("one\n", **running)) + event("output.lost", lost) + event("server_shutdown", {}),
        httpx.ConnectError("refused"),
        event("output", page("two\n", 4, **running)) + event("output", page("", 8)),
        page("", 8),
    ).asked
    ran = spl("task", "logs", "T", "0", "-f")
    assert (ran.code, ran.out) == (0, "one\ntwo\n")
    assert "worker-a does not answer" in ran.err
    assert "no daemon answers" in ran.err
    assert ran.err.count("it answers again: going on after byte 4") == 1
    assert asked[1:3] == [("attempt=1&offset=0&follow=true", "4")] * 2


def test_following_goes_on_with_the_next_attempt(spl: Spl, streams: Callable[..., Streams]) -> None:
    second = page("again\n", attempt=2, alias="worker-b")
    streams(event("output", page("one\n", state="failed")), second, event("output", second), second)
    ran = spl("task", "logs", "T", "0", "--follow")
    assert ran.out == "one\nagain\n"
    assert "attempt 2 on worker-b" in ran.err


def test_an_attempt_that_was_asked_for_is_the_only_one(spl: Spl, streams: Callable[..., Streams]) -> None:
    asked = streams(event("output", page("one\n", state="failed"))).asked
    assert spl("task", "logs", "T", "0", "-f", "--attempt", "1", "--tail", "5").out == "one\n"
    assert asked == [("attempt=1&offset=0&tail=5&follow=true", "")]


def test_following_all_ends_with_the_last_and_tells_what_failed(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/tasks/T/join", wire.join(wire.child(0, "a"), wire.child(1, "b")))
    daemon.refuse(PATH, 404, "NO_OUTPUT", "worker-a: not a plain file any more")
    daemon.refuse(PATH.replace("0", "1"), 404, "NO_OUTPUT", "gone")
    ran = spl("task", "logs", "T", "-f")
    assert ran.code == 1
    assert "[0] worker-a: not a plain file any more" in ran.err
    assert "[1] gone" in ran.err


class _Binary(io.StringIO):
    def __init__(self, *, tty: bool = False) -> None:
        super().__init__()
        self.bytes = io.BytesIO()
        self.tty = tty

    @property
    def buffer(self) -> io.BytesIO:
        return self.bytes

    def isatty(self) -> bool:
        return self.tty


def test_raw_gives_every_byte(spl: Spl, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon.answer(
        PATH, page("", size=5, next_offset=5).model_copy(update={"encoding": "base64", "data": "G1szMW3/"})
    )
    out = _Binary()
    monkeypatch.setattr("sys.stdout", out)
    assert spl("task", "logs", "T", "0", "--raw").code == 0
    assert out.buffer.getvalue() == b"\x1b[31m\xff"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("0", "--raw"), "--raw writes to a pipe or a file"),
        (("--raw",), "--raw gives the bytes of one subtask"),
        (("0", "--raw", "-o", "json"), "exclude each other"),
        (("x",), "'x' is not an index"),
        (("0", "--tail", "-1"), "--tail"),
        (("0", "--tail", "99999"), "from 0 to 10000"),
        (("0", "--attempt", "0"), "--attempt"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    spl: Spl, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    monkeypatch.setattr("sys.stdout", _Binary(tty=True))
    ran = spl("task", "logs", "T", *words)
    assert ran.code == 2
    assert told in ran.err
    assert not daemon.requests


def lines_of(*pieces: bytes) -> list[str]:
    lines = OutputLines()
    return [line for piece in pieces for line in lines.add(piece)] + lines.finish()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"\x1b[1;31mred\x1b[0m\n", ["red"]),
        (b"\x1b[2J\x1b]0;title\x07\n", [r"\x1b[2J\x1b]0;title\x07"]),
        (b"a\r\nb\rc\n", ["a", "b", "c"]),
        ("x\u202eexe.txt\n".encode(), [r"x\u202eexe.txt"]),
        ("\u2066\u200b\ufeff\x9b\n".encode(), [r"\u2066\u200b\ufeff\x9b"]),
        ("gr\u00fcn \U0001f469\u200d\U0001f680 \u65e5\u672c\n".encode(), ["grün 👩\u200d🚀 日本"]),
        (b"\ta\x00\n", ["    a\\x00"]),
        (b"\xff\n", ["\ufffd"]),
        (b"\n\nx", ["", "", "x"]),
        (b"", []),
    ],
)
def test_nothing_that_a_terminal_obeys_is_shown(written: bytes, shown: list[str]) -> None:
    assert lines_of(written) == shown
    assert lines_of(*(written[at : at + 1] for at in range(len(written)))) == shown


def test_a_line_without_end_is_shown_in_parts() -> None:
    shown = lines_of(*[b"x" * 50_000] * 20)
    assert "".join(shown) == "x" * 1_000_000
    assert max(map(len, shown)) <= MAX_LINE_CHARS


EVENTS: list[dict[str, Any]] = [
    {"kind": "session", "id": "s-1", "model": "sonnet"},
    {"kind": "text", "text": "I look at\nthe file.\x1b[2J"},
    {"kind": "tool_call", "id": "t1", "name": "Bash", "argument": "ls -l\n/tmp"},
    {"kind": "tool_result", "id": "t1", "ok": True, "summary": "2 files"},
    {"kind": "tool_result", "id": "t2", "ok": False, "summary": "denied"},
    {"kind": "usage", "model": "sonnet", "input": 1200, "cached_input": 30, "output": 45, "cost_usd": 0.0137},
    {"kind": "usage", "model": "new", "input": 1, "output": 2, "cost_usd": None},
    {"kind": "retry", "attempt": 4, "of": 10, "status": 429, "message": "rate limited"},
    {"kind": "question", "id": "q", "text": "May I?", "choices": ["yes", "no"]},
    {"kind": "notice", "text": "Edit was denied"},
    {"kind": "invented later", "text": "as it is"},
    {"kind": "final", "ok": True, "text": "Done."},
    {"kind": "final", "ok": False, "text": "no credit"},
]
SHOWN = [
    "· session s-1, model sonnet", "I look at", r"the file.\x1b[2J", "→ Bash ls -l /tmp", "  ✓ 2 files",
    "  ✗ denied", "· tokens 1,200 (+30 cached) in, 45 out · $0.0137 · sonnet",
    "· tokens 1 in, 2 out · cost unknown · new", "· waiting for the API, try 4 of 10, HTTP 429 rate limited",
    "? May I? [yes / no]", "! Edit was denied", "invented later: as it is", "✓ done",
    "✗ ended with an error: no credit",
]  # fmt: skip


def transcript(**changes: Any) -> OutputPage:
    text = "".join(json.dumps(event) + "\n" for event in EVENTS)
    return page(text, format="events", **changes)


def test_an_agent_is_shown_as_what_it_says_and_does(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer(PATH, transcript())
    assert spl("task", "logs", "T", "0").out.splitlines() == SHOWN


def test_json_of_an_agent_is_a_line_an_event(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer(PATH, transcript())
    lines = [json.loads(line) for line in spl("task", "logs", "T", "0", "-o", "json").out.splitlines()]
    about = {"object": "output.event", "index": 0, "attempt": 1}
    assert lines[:-1] == [{**about, **event} for event in EVENTS]
    assert lines[-1]["object"] == "output.state"


def test_raw_asks_for_an_agents_own_bytes(spl: Spl, streams: Callable[..., Streams]) -> None:
    asked = streams(page("{}\n"), event("output", page("{}\n"))).asked
    assert spl("task", "logs", "T", "0", "--raw").code == 0
    assert spl("task", "logs", "T", "0", "--raw", "-f", "--attempt", "1").code == 0
    assert all("raw=true" in query for query, _ in asked)


def test_a_transcript_that_is_still_being_made_is_waited_for(
    spl: Spl, streams: Callable[..., Streams]
) -> None:
    first, rest = json.dumps(EVENTS[3]) + "\n", json.dumps(EVENTS[4]) + "\n"
    streams(
        page(first, format="events", ended=False),
        page("", len(first), format="events", ended=False),
        page(rest, len(first), format="events"),
    )
    assert spl("task", "logs", "T", "0").out == "  ✓ 2 files\n  ✗ denied\n"
