"""`spl logs` and `spl records`: list, follow, resume; what was missed is said."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from syncropel.wire import Health, LogLine, LogPage, Page, QueryPlan, QueryProgress, QueryResult, RecordOut
from tests.network import replace_network

from . import wire
from .conftest import FakeDaemon, Ran
from .live import daemon_home, live

__all__ = ["daemon_home", "live"]
Spl = Callable[..., Ran]


def line(number: int, **changes: Any) -> LogLine:
    facts: dict[str, Any] = {
        "sequence": number,
        "at": 1.0,
        "level": "INFO",
        "target": "a.b",
        "message": f"line {number}",
    }
    return LogLine(**facts | changes)


def record(number: int, **changes: Any) -> RecordOut:
    facts = wire.record().model_dump() | {"sequence": number, "id": f"{number:064x}", "act": "DO"}
    return RecordOut(**facts | changes)


def event(name: str, data: Any, cursor: int | None = None) -> str:
    head = f"id: {cursor}\n" if cursor is not None else ""
    return f"{head}event: {name}\ndata: {json.dumps(data)}\n\n"


class Streams:
    """Answers a stream's text, one a connection; the one after the last is Ctrl-C."""

    def __init__(self, path: str, *texts: str | Exception) -> None:
        self.path, self.texts = path, list(texts)
        self.cursors: list[str] = []
        self.answers: dict[str, Any] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != self.path:
            return httpx.Response(200, content=self.answers[request.url.path].model_dump_json())
        self.cursors.append(request.headers.get("last-event-id", ""))
        if not self.texts:
            raise KeyboardInterrupt
        text = self.texts.pop(0)
        if isinstance(text, Exception):
            raise text
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=text)


@pytest.fixture
def streams(daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Streams]:
    def make(path: str, *texts: str | Exception) -> Streams:
        made = Streams(path, *texts)
        replace_network(monkeypatch, httpx.MockTransport(made))
        monkeypatch.setattr("syncropel.cli.support.following.RECONNECT_SECS", 0)
        return made

    return make


# logs


def test_logs_of_a_real_daemon(spl: Spl, live: Any) -> None:
    ran = spl("logs")
    assert ran.code == 0
    assert any("INFO   syncropel.daemon  spl " in one and "listens on" in one for one in ran.out.splitlines())
    page = spl("logs", "-o", "json", "--limit", "1").json
    (newest,) = page["data"]
    later = spl("logs", "-o", "json", "--since", str(page["next_cursor"])).json["data"]
    assert newest not in later  # the daemon may have logged more meanwhile
    assert len(later) < 5
    assert "listens on" not in spl("logs", "--level", "ERROR").out


def test_a_line_has_all_that_is_known_of_it(spl: Spl, daemon: FakeDaemon) -> None:
    full = line(
        1, level="ERROR", thread="th_1", record="00", actor="did:a", traceback="Traceback\n  ValueError"
    )
    daemon.answer("/v1/engine/log", LogPage(data=[full], next_cursor=1))
    first, *rest = spl("logs").out.splitlines()
    assert first.endswith("ERROR  a.b  line 1  thread=th_1  record=00  actor=did:a")
    assert rest == ["    Traceback", "      ValueError"]


def test_what_is_asked_for_is_sent(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/engine/log", LogPage(data=[], next_cursor=1))
    assert spl("logs", "--level", "WARN", "--since", "5", "--limit", "7").code == 0
    assert dict(daemon.requests[-1].url.params) == {"level": "WARN", "since": "5", "limit": "7"}


def test_lines_that_were_missed_are_said(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/engine/log", LogPage(data=[line(9)], next_cursor=9, missed=4))
    ran = spl("logs", "--since", "4")
    assert "4 lines were not kept in memory" in ran.err
    assert "line 9" in ran.out


def test_following_goes_on_after_a_restart_and_tells_gaps(spl: Spl, streams: Callable[..., Streams]) -> None:
    made = streams(
        "/v1/engine/log/watch",
        event("log.line", line(3).model_dump(), 3) + event("server_shutdown", {"retry_after_ms": 1}),
        httpx.ConnectError("gone"),
        httpx.ConnectError("gone"),
        event("log.gap", {"missed": 2}) + event("log.line", line(6).model_dump(), 6) + event("heartbeat", {}),
    )
    made.answers["/v1/engine/log"] = LogPage(data=[line(1), line(2)], next_cursor=2)
    ran = spl("logs", "--follow", "--level", "INFO")
    assert ran.code == 130
    assert [one.rpartition(" ")[2] for one in ran.out.splitlines()] == ["1", "2", "3", "6"]
    assert made.cursors == ["2", "3", "3", "3", "6"]
    assert ran.err.count("waiting for it to come back") == 1
    assert "2 lines were not kept in memory" in ran.err


def test_following_as_json_is_a_document_a_line(spl: Spl, streams: Callable[..., Streams]) -> None:
    made = streams("/v1/engine/log/watch", event("log.line", line(2).model_dump(), 2))
    made.answers["/v1/engine/log"] = LogPage(data=[line(1)], next_cursor=1)
    ran = spl("logs", "--follow", "-o", "json")
    assert [json.loads(one)["message"] for one in ran.out.splitlines()] == ["line 1", "line 2"]


@pytest.mark.parametrize("words", [["--level", "LOUD"], ["--limit", "0"], ["--since", "yesterday"]])
def test_words_that_make_no_sense(spl: Spl, words: list[str]) -> None:
    ran = spl("logs", *words)
    assert (ran.code, ran.out) == (2, "")
    assert words[0] in ran.err


def test_without_the_scope_the_refusal_is_told(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.refuse("/v1/engine/log", 403, "FORBIDDEN", "sa-1 lacks the scope config:read", "it has: none")
    ran = spl("logs")
    assert (ran.code, ran.out) == (1, "")
    assert "config:read" in ran.err


# records


def test_records_of_a_real_daemon(spl: Spl, live: Any) -> None:
    assert spl("task", "add", "Look at it", "--alias", "LOOK-1").code == 0
    listed = spl("records", "list", "-o", "json").json["data"]
    made = next(one for one in listed if one["body"].get("alias") == "LOOK-1")
    assert [one["sequence"] for one in listed] == sorted(one["sequence"] for one in listed)
    shown = spl("records", "show", made["id"]).out
    for told in (
        f"Record: {made['id']}",
        "  Act: INTEND",
        '"alias": "LOOK-1"',
        f"  Sequence: {made['sequence']}",
    ):
        assert told in shown
    assert spl("records", "show", made["id"], "-o", "json").json == made
    (newest,) = spl("records", "list", "--limit", "1").out.splitlines()
    assert newest.startswith(f"#{listed[-1]['sequence']}  ")
    only = spl("records", "list", "--act", "INTEND", "-o", "json").json["data"]
    assert {one["act"] for one in only} == {"INTEND"}
    missing = spl("records", "show", "f" * 64)
    assert (missing.code, missing.out) == (1, "")
    assert "no record" in missing.err


def test_the_newest_come_without_since_and_pages_are_joined(spl: Spl, daemon: FakeDaemon) -> None:
    health = Health(status="ok", version="0", records=5000, store="x", uptime_secs=1.0)
    daemon.answer("/health", health)
    daemon.answer("/v1/records", Page[RecordOut](data=[record(1)], next_cursor=None))
    assert spl("records", "list", "--limit", "20").code == 0
    assert dict(daemon.requests[-1].url.params) == {"since": "4980", "limit": "20"}
    spl("records", "list", "--since", "7", "--act", "DO")
    assert dict(daemon.requests[-1].url.params) == {"since": "7", "limit": "100", "act": "DO"}


def test_watching_resumes_after_the_last_one_and_filters(spl: Spl, streams: Callable[..., Streams]) -> None:
    def created(one: RecordOut) -> str:
        return event("record.created", {"id": one.id, "record": one.model_dump()}, one.sequence)

    lagged = {"code": "lagged", "message": "too slow"}
    made = streams(
        "/v1/records/watch",
        created(record(4)) + created(record(5, act="KNOW")) + event("error", lagged),
        created(record(6)),
    )
    ran = spl("records", "watch", "--act", "DO")
    assert [one.split()[0] for one in ran.out.splitlines()] == ["#4", "#6"]
    assert made.cursors == ["", "5", "6"]
    assert "too slow" in ran.err
    streams("/v1/records/watch", created(record(7)))
    assert json.loads(spl("records", "watch", "--since", "6", "-o", "json").out)["sequence"] == 7


def test_a_daemon_that_never_was_there_is_no_reason_to_wait(spl: Spl) -> None:
    for words in (["records", "watch"], ["logs", "--follow"]):
        ran = spl(*words)
        assert (ran.code, ran.out) == (1, "")
        assert "spl serve" in ran.err


# records query


def test_a_query_of_a_real_daemon(spl: Spl, live: Any) -> None:
    assert spl("task", "add", "one", "--alias", "Q-1").code == 0
    assert spl("task", "add", "two", "--alias", "Q-2").code == 0
    wanted = json.dumps({"act": "INTEND", "body.alias": {"$like": "Q-%"}})
    first, second = spl("records", "query", wanted).out.splitlines()
    assert "one" in first
    assert "two" in second
    ran = spl("records", "query", wanted, "--sort", "body.alias", "--desc", "--limit", "1", "--explain")
    assert "two" in ran.out
    assert "one" not in ran.out
    assert "there are more: --offset 1" in ran.err
    assert "records looked at: " in ran.err
    page = spl("records", "query", wanted, "--offset", "1", "-o", "json").json
    assert [one["body"]["alias"] for one in page["data"]] == ["Q-2"]
    thread = page["data"][0]["thread"]
    ran = spl("records", "query", json.dumps({"thread": thread}), "--explain")
    assert f"records looked at: 1, on {thread}" in ran.err


def page(*numbers: int, looked_at: int, cursor: str | None = None, **changes: Any) -> QueryResult:
    facts: dict[str, Any] = {
        "data": [record(number) for number in numbers],
        "next_cursor": cursor,
        "stopped_for": "time" if cursor else None,
        "progress": QueryProgress(looked_at=looked_at, to_look_at=5_000_000),
    }
    return QueryResult(**facts | changes)


QUERY = "/v1/records/query"


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)


def test_a_long_query_goes_on_from_cursor_to_cursor(spl: Spl, daemon: FakeDaemon) -> None:
    plan = QueryPlan(walked="log", after=0, examined=7, sorted=False)
    pages = [
        page(looked_at=1_234_567, cursor="one", plan=plan),
        page(3, 5, looked_at=2_000_000, cursor="two", plan=plan),
        page(8, looked_at=5_000_000, plan=plan),
    ]
    daemon.answers_in_turn(QUERY, *pages)
    ran = spl("records", "query", "{}", "--limit", "1500", "--offset", "4", "--explain")
    assert [one.split()[0] for one in ran.out.splitlines()] == ["#3", "#5", "#8"]
    assert (ran.code, ran.err) == (0, "records looked at: 21, in the log after #0\n")
    sent = [json.loads(request.content) for request in daemon.requests]
    assert [(one.get("cursor"), one["offset"], one["limit"]) for one in sent] == [
        (None, 4, 1000), ("one", 0, 1000), ("two", 0, 1000),
    ]  # fmt: skip
    daemon.answers_in_turn(QUERY, *pages)
    merged = spl("records", "query", "{}", "-o", "json").json
    assert [one["sequence"] for one in merged["data"]] == [3, 5, 8]
    assert (merged["next_cursor"], merged["progress"]["looked_at"]) == (None, 5_000_000)
    assert merged["plan"]["examined"] == 21


def test_a_query_ends_at_its_limit_and_says_whether_there_is_more(spl: Spl, daemon: FakeDaemon) -> None:
    first = page(1, looked_at=4, cursor="one")
    daemon.answers_in_turn(QUERY, first, page(2, looked_at=8, cursor="two", stopped_for="limit"))
    assert spl("records", "query", "{}", "--limit", "2").err == "there are more: --offset 2\n"
    daemon.answers_in_turn(QUERY, first, page(2, looked_at=8, cursor="two"))
    ran = spl("records", "query", "{}", "--limit", "2", "--offset", "9999")
    assert ran.err == "there may be more: raise --limit\n"


def test_a_terminal_shows_how_far_a_query_has_come(
    spl: Spl, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_terminal(monkeypatch)
    pages = [page(looked_at=9_999, cursor="one"), page(3, looked_at=1_234_567, cursor="two")]
    daemon.answers_in_turn(QUERY, *pages, page(looked_at=5_000_000))
    told = spl("records", "query", "{}").err.split("\r\x1b[K")
    assert told == [
        "looked at 9,999 of 5.0 M records, 0 found",
        "looked at 1.2 M of 5.0 M records, 1 found",
        "",
    ]


def test_ctrl_c_ends_a_query_and_takes_its_line_away(
    spl: Spl, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_terminal(monkeypatch)
    daemon.answers_in_turn(QUERY, page(3, looked_at=9, cursor="one"))

    def interrupted(request: httpx.Request) -> httpx.Response:
        if daemon.requests:
            raise KeyboardInterrupt
        return daemon(request)

    replace_network(monkeypatch, httpx.MockTransport(interrupted))
    ran = spl("records", "query", "{}")
    assert (ran.code, ran.out.split()[0]) == (130, "#3")
    assert ran.err == "looked at 9 of 5.0 M records, 1 found\r\x1b[K"


def test_a_query_reads_its_filter_from_stdin(spl: Spl, live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"act": "MAP"}'))
    ran = spl("records", "query", "-")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_a_query_with_a_mistake_names_its_place(spl: Spl, live: Any) -> None:
    ran = spl("records", "query", '{"$or": [{"act": {"$is": 1}}]}')
    assert (ran.code, ran.out) == (2, "")
    assert "filter.$or[0].act.$is" in ran.err
    assert "$like" in ran.err


@pytest.mark.parametrize("text", ["", "{", "act=KNOW", '{"body.n": NaN}', "[" * 100_000])
def test_a_query_that_is_not_json_is_a_usage_error(spl: Spl, text: str) -> None:
    ran = spl("records", "query", text)
    assert (ran.code, ran.out) == (2, "")
    assert "FILTER" in ran.err
