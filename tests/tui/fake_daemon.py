"""A daemon for the real console to talk to, over real sockets: well, slow, or telling nonsense."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from syncropel.wire import FleetStatus, InboxItem, Page, TaskSummary
from tests.tui import console_sample as sample

WATCH = "/v1/fleet/watch"
LIMIT_SECS = 60.0


@dataclass
class FakeDaemon:
    """What it answers can be changed while it runs.

    `stream` is the fleet's status, or what is sent instead; `answers` replaces other answers by path: with
    bytes as the body, or a number as the HTTP status. Every answer waits for `slow` seconds. `endless` sends
    bodies that never end.
    """

    port: int = 0
    stream: FleetStatus | bytes | int = field(default_factory=sample.status)
    answers: dict[str, bytes | int] = field(default_factory=dict)
    slow: float = 0.0
    endless: bool = False
    asked: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def says(self, status: FleetStatus) -> None:
        """Send another status to whoever follows."""
        with self.changed:
            self.stream = status
            self.changed.notify_all()

    @contextmanager
    def running(self) -> Iterator[FakeDaemon]:
        """Serve on a free port, or on the one it had before."""
        self.over.clear()
        server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        server.daemon_threads = True
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.over.set()
            with self.changed:
                self.changed.notify_all()
            server.shutdown()
            thread.join(LIMIT_SECS)
            server.server_close()


def _answer(daemon: FakeDaemon, path: str) -> bytes | int:
    if path in daemon.answers:
        return daemon.answers[path]
    if path == "/v1/tasks":
        return Page[TaskSummary](data=sample.tasks()).model_dump_json().encode()
    if path == "/v1/inbox":
        return Page[InboxItem](data=[]).model_dump_json().encode()
    if path.endswith("/join"):
        return sample.join().model_dump_json().encode()
    return 404


def _event(status: FleetStatus) -> bytes:
    return f"event: fleet.snapshot\ndata: {status.model_dump_json()}\n\n".encode()


def _handler(daemon: FakeDaemon) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            daemon.asked.append(path)
            try:
                daemon.over.wait(daemon.slow)
                if path != WATCH:
                    self._say(path, _answer(daemon, path))
                elif isinstance(stream := daemon.stream, FleetStatus):
                    self._follow()
                else:
                    self._say(path, stream)
            except OSError:
                return  # the console has gone

        def _say(self, path: str, what: bytes | int) -> None:
            status, body = (what, b"<html>an error page</html>") if isinstance(what, int) else (200, what)
            kind = "text/event-stream" if path == WATCH else "application/json"
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if body.startswith(b"<") else kind)
            self.end_headers()
            self.wfile.write(body)
            while daemon.endless and not daemon.over.is_set():
                self.wfile.write(b" " * 65536)

        def _follow(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            sent: object = None
            while not daemon.over.is_set():
                with daemon.changed:
                    if daemon.stream is sent:
                        daemon.changed.wait(LIMIT_SECS)
                        continue
                    sent = daemon.stream
                if isinstance(sent, FleetStatus):
                    self.wfile.write(_event(sent))
                    self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """A test says nothing."""

    return Handler
