"""The floor under POST /v1/records: an app that parses, hashes and shares commits, and does nothing else.

`python -m benchmarks.floor FILE` prints its port and serves until it is ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import sqlite3
import sys
import threading
from typing import Any

import uvicorn

Waiting = tuple[tuple[Any, ...], "asyncio.Future[None]"]


class GroupCommit:
    """One thread that writes; what arrives while it commits shares the next commit."""

    def __init__(self, path: str, loop: asyncio.AbstractEventLoop) -> None:
        self._path = path
        self._loop = loop
        self._queue: list[Waiting] = []
        self._some = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    async def append(self, row: tuple[Any, ...]) -> None:
        done = self._loop.create_future()
        with self._some:
            self._queue.append((row, done))
            self._some.notify()
        await done

    def _run(self) -> None:
        log = sqlite3.connect(self._path, isolation_level=None)
        log.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        log.execute(
            "CREATE TABLE records (sequence INTEGER PRIMARY KEY, id TEXT UNIQUE, thread TEXT, clock INTEGER,"
            " actor TEXT, act TEXT, body TEXT, UNIQUE (thread, clock, actor))"
        )
        while True:
            with self._some:
                while not self._queue:
                    self._some.wait()
                group, self._queue = self._queue, []
            log.execute("BEGIN IMMEDIATE")
            log.executemany(
                "INSERT INTO records (id, thread, clock, actor, act, body) VALUES (?, ?, ?, ?, ?, ?)",
                [row for row, _ in group],
            )
            log.execute("COMMIT")
            self._loop.call_soon_threadsafe(_answer, group)


def _answer(group: list[Waiting]) -> None:
    for _, done in group:
        done.set_result(None)


class Floor:
    """The ASGI app."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._log: GroupCommit | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._log is None:
            self._log = GroupCommit(self._path, asyncio.get_running_loop())
        message = await receive()
        record = json.loads(message["body"])
        canonical = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        record_id = hashlib.sha256(canonical.encode()).hexdigest()
        body = json.dumps(record["body"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        await self._log.append(
            (record_id, record["thread"], record["clock"], record["actor"], record["act"], body)
        )
        content = f'{{"id":"{record_id}"}}'.encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def main(path: str) -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(Floor(path), loop="uvloop", http="httptools", lifespan="off", log_level="error")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
