"""Records and log lines that never were, and a client that streams them on paths of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from syncropel.client import Event
from syncropel.wire import Health, LogLine, LogPage, RecordOut
from tests.tui.console_fakes import FakeClient
from tests.tui.console_sample import AT, THREAD, WORKERS

RECORDS, LOG = "/v1/records/watch", "/v1/engine/log/watch"
FIRST_LOG = 1_790_000_000_000_000


def record(number: int = 1, **changes: Any) -> RecordOut:
    facts: dict[str, Any] = {
        "id": f"{number:064x}",
        "thread": THREAD,
        "actor": WORKERS["a"],
        "act": "DO",
        "clock": number,
        "parents": [],
        "data_type": "SCALAR",
        "body": {"topic": "fanout_spawned", "goal": f"write chapter {number}"},
        "sequence": number,
        "received_at": AT + number / 10,
    }
    return RecordOut(**facts | changes)


def log_line(number: int = 1, **changes: Any) -> LogLine:
    facts: dict[str, Any] = {
        "sequence": FIRST_LOG + number,
        "at": AT + number / 10,
        "level": "INFO",
        "target": "syncropel.engine.reconciler",
        "message": f"line {number} was logged",
    }
    return LogLine(**facts | changes)


def some() -> tuple[list[RecordOut], list[LogLine]]:
    """A minute of a fleet at work."""
    records = [
        record(1, act="INTEND", body={"task": True, "goal": "Ship the 0.11 docs", "alias": "DOCS-11"}),
        record(3),
        record(5, act="KNOW", body={"topic": "", "verdict": "accept", "summary": "three pages, links fine"}),
        record(7, act="KNOW", thread="th_" + "9" * 64, body={"verdict": "failed", "summary": "status 3"}),
        record(9, act="LEARN", thread="th_fleet_control", actor="did:sync:user:ada",
               body={"topic": "freeze", "level": "hard", "namespace": "docs/v0.11", "reason": "prices"}),
        record(11, thread="music.library", actor="did:sync:user:ada", body={"note": "née ☕ 日本"}),
    ]  # fmt: skip
    lines = [
        log_line(0, message="spl 0.1.0 listens on http://127.0.0.1:7700"),
        log_line(4, level="WARN", message="DOCS-11[2] has spent 80% of its budget", thread=THREAD),
        log_line(8, level="ERROR", target="syncropel.api", message="internal error 4f: \x1b[31mred",
                 traceback="Traceback (most recent call last):\n  …\nValueError: the reason"),
        log_line(10, level="DEBUG", target="syncropel.store.writer", message="commit of 12 records"),
    ]  # fmt: skip
    return records, lines


class FeedClient(FakeClient):
    """The fleet's stream as before; records and log lines on streams that a test feeds."""

    def __init__(self, records: list[RecordOut] | None = None, log: list[LogLine] | None = None) -> None:
        super().__init__()
        self.streams: dict[str, asyncio.Queue[Event | BaseException | None]] = {
            RECORDS: asyncio.Queue(), LOG: asyncio.Queue()
        }  # fmt: skip
        self.refused: dict[str, BaseException] = {}
        self.watched: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.total(0)
        self.answers["/v1/engine/log"] = LogPage(data=log or [], next_cursor=FIRST_LOG)
        for one in records or ():
            self.tell_record(one)

    def total(self, records: int) -> None:
        """So many records are in the log."""
        self.answers["/health"] = Health(
            status="ok", version="0.1.0", records=records, store="hub.db", uptime_secs=1.0
        )

    def tell_record(self, record: RecordOut) -> None:
        data = {"id": record.id, "record": record.model_dump(mode="json")}
        self.streams[RECORDS].put_nowait(Event("record.created", data, str(record.sequence)))

    def tell_log(self, line: LogLine) -> None:
        self.streams[LOG].put_nowait(Event("log.line", line.model_dump(mode="json"), str(line.sequence)))

    def tell(self, path: str, event: Event | BaseException | None) -> None:
        self.streams[path].put_nowait(event)

    @asynccontextmanager
    async def watch(self, path: str, last_id: str = "") -> AsyncIterator[AsyncIterator[Event]]:
        if path not in self.streams:
            async with super().watch(path, last_id) as events:
                yield events
            return
        self.watched.append((path, last_id))
        if path in self.refused:
            raise self.refused[path]
        self.open.append(path)
        try:
            yield self._of(path)
        finally:
            self.open.remove(path)

    async def _of(self, path: str) -> AsyncIterator[Event]:
        while (event := await self.streams[path].get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event
