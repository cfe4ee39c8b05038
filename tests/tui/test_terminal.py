"""`run` on a real pseudo-terminal, against a daemon that is not there and then is."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import console_sample as sample
import pyte
import pytest

from syncropel.api.schema import Page, TaskSummary

PROGRAM = (
    "import sys; from syncropel.client import Target; from tui.app import run; from tui.setup import Setup; "
    "sys.exit(run(Setup.single(Target(url=sys.argv[1]))))"
)
PATIENCE_SECS = 20.0


class Daemon(BaseHTTPRequestHandler):
    """Answers the console's three questions; a stream stays open until the server goes."""

    over = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        if self.path == "/v1/fleet/watch":
            self.wfile.write(f"event: fleet.snapshot\ndata: {sample.status().model_dump_json()}\n\n".encode())
            self.wfile.flush()
            self.over.wait(PATIENCE_SECS)
        elif self.path == "/v1/tasks":
            self.wfile.write(Page[TaskSummary](data=sample.tasks()).model_dump_json().encode())
        else:
            self.wfile.write(sample.join().model_dump_json().encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """A test says nothing."""


class Terminal:
    """The program's terminal: what it wrote, as a screen."""

    def __init__(self, fd: int, columns: int, lines: int) -> None:
        self.fd, self.raw = fd, b""
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)

    def wait_for(self, words: str) -> None:
        """Read until the words stand on the screen."""
        until = time.monotonic() + PATIENCE_SECS
        while words not in "\n".join(self.screen.display):
            if time.monotonic() > until:
                pytest.fail(f"{words!r} never came:\n" + "\n".join(self.screen.display))
            if select.select([self.fd], [], [], 0.1)[0]:
                data = os.read(self.fd, 65536)
                self.raw += data
                self._stream.feed(data)

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())


@contextmanager
def console_at(url: str, **environment: str) -> Iterator[Terminal]:
    pid, fd = pty.fork()
    if pid == 0:
        settings = {"TERM": "xterm-256color", "COLORTERM": "truecolor"} | environment
        os.execve(sys.executable, [sys.executable, "-c", PROGRAM, url], {**os.environ, **settings})
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    try:
        terminal = Terminal(fd, 100, 30)
        yield terminal
        terminal.type("q")
        while select.select([fd], [], [], PATIENCE_SECS)[0]:
            try:
                if not os.read(fd, 65536):
                    break
            except OSError:  # the other side is closed: it has ended
                break
    finally:
        os.close(fd)
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.filterwarnings(
    "ignore:.*multi-threaded.*:DeprecationWarning"
)  # fork beside the server's threads
@pytest.mark.parametrize("colour", [{}, {"NO_COLOR": "1"}], ids=["colour", "no-colour"])
def test_the_console_waits_for_its_daemon_and_loses_it(colour: dict[str, str]) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Daemon, bind_and_activate=False)
    server.daemon_threads = True
    server.server_bind()
    Daemon.over.clear()
    with console_at(f"http://127.0.0.1:{server.server_port}", **colour) as terminal:
        terminal.wait_for("DOWN")
        assert "spl serve" in "\n".join(terminal.screen.display)
        server.server_activate()
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        terminal.type("r")
        terminal.wait_for("● LIVE")
        terminal.wait_for("◐ stale")
        terminal.type("2")
        terminal.wait_for("not joined yet")
        Daemon.over.set()
        server.shutdown()
        server.server_close()
        terminal.wait_for("DOWN")
        terminal.wait_for("DOCS-11")
        coloured = b"\x1b[38;" in terminal.raw or b";38;2" in terminal.raw
        assert coloured == (not colour)
