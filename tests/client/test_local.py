"""A client on the daemon's Unix socket: what comes over it, and what is said when nothing does."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from socket import AF_UNIX, SHUT_WR, socket
from typing import Any

import pytest

from syncropel.client import calls
from syncropel.client.lines import Broken, NoAnswerInTime, NoSocket, Request
from syncropel.client.local import LocalLine
from syncropel.client.target import Target
from syncropel.client.transport import Client, request_of
from syncropel.errors import DaemonNotRunning, DaemonUnreachable, RemoteError
from tests.descriptors import open_files_up_to

LIMIT_SECS = 60
ERROR = b'{"type":"t","code":"NOT_FOUND","message":"no task","hint":"see: spl task list"}'
ONCE = calls.post_record({"thread": "t", "actor": "a", "act": "DO"})
"""A call that must not be sent twice."""
GET = Request("GET", "/v1/x", {"x-name": "n"}, None, LIMIT_SECS)


def answer(body: bytes, status: str = "200 OK", more: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + more + b"\r\n" + body


class Daemon:
    """Answers each request on a connection with the next of `answers`; an empty one ends the connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers: list[bytes] = []
        self.asked: list[bytes] = []
        self.connections = 0
        self.answers_once = False
        self._listener = socket(AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(8)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            connection.settimeout(LIMIT_SECS)
            self.connections += 1
            with connection, suppress(OSError):  # a client may leave before it has everything
                while head := self._read(connection):
                    if head.startswith(b"QUIT"):
                        return
                    self.asked.append(head)
                    if not (said := self.answers.pop(0)):
                        break
                    connection.sendall(said)
                    if self.answers_once:
                        break

    def _read(self, connection: socket) -> bytes:
        """A request with its body."""
        read = b""
        while b"\r\n\r\n" not in read and (part := connection.recv(10_000)):
            read += part
        if length := re.search(rb"content-length: (\d+)", read):
            whole = read.index(b"\r\n\r\n") + 4 + int(length[1])
            while len(read) < whole and (part := connection.recv(10_000)):
                read += part
        return read

    def end(self) -> None:
        with socket(AF_UNIX) as last:
            last.connect(str(self.path))
            last.sendall(b"QUIT\r\n\r\n")
            last.shutdown(SHUT_WR)
            self._thread.join(LIMIT_SECS)
        self._listener.close()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path / "s")
    yield made
    made.end()


@pytest.fixture
def line(daemon: Daemon) -> Iterator[LocalLine]:
    made = LocalLine(daemon.path, LIMIT_SECS)
    yield made
    made.close()


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    with Client(Target(socket=daemon.path, home="/home/x"), timeout=LIMIT_SECS) as made:
        yield made


def body_of(line: LocalLine, request: Request = GET) -> bytes:
    with line.stream(request) as response:
        assert response.is_success == (response.status_code == 200)
        return b"".join(response.iter_bytes())


def test_requests_follow_each_other_on_one_connection(daemon: Daemon, line: LocalLine) -> None:
    daemon.answers = [answer(b"one"), answer(b"two")]
    assert (body_of(line), body_of(line)) == (b"one", b"two")
    assert daemon.connections == 1
    head = daemon.asked[0].split(b"\r\n")
    assert head[0] == b"GET /v1/x HTTP/1.1"
    assert b"x-name: n" in [one.lower() for one in head]


def test_headers_are_found_in_any_case(daemon: Daemon, line: LocalLine) -> None:
    daemon.answers = [answer(b"", more=b"X-Some-Thing: Value\r\n")]
    with line.stream(GET) as response:
        assert response.headers.get("x-some-thing") == response.headers["X-SOME-THING"] == "Value"
        assert response.headers.get("other", "none") == "none"


def test_a_body_in_chunks_and_one_without_a_length(daemon: Daemon, line: LocalLine) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    daemon.answers = [chunked, answer(b"f")]
    assert (body_of(line), body_of(line)) == (b"abcde", b"f")
    assert daemon.connections == 1


def test_a_connection_that_the_daemon_ended_meanwhile_is_made_anew(daemon: Daemon, line: LocalLine) -> None:
    daemon.answers = [answer(b"one", more=b"Connection: close\r\n"), b"", answer(b"two")]
    assert body_of(line) == b"one"
    with pytest.raises(Exception, match=r"^Server disconnected without sending a response\.$"):
        body_of(line)
    assert body_of(line) == b"two"


def test_an_answer_that_is_not_read_to_its_end_spoils_no_other(daemon: Daemon, line: LocalLine) -> None:
    daemon.answers = [answer(b"x" * 200_000), answer(b"two")]
    with line.stream(GET) as response:
        assert response.status_code == 200
    assert body_of(line) == b"two"


def test_a_repeatable_call_is_sent_again(daemon: Daemon, client: Client) -> None:
    """And one that is not, is not."""
    daemon.answers = [b"", answer(ERROR, "404 Not Found")]
    with pytest.raises(RemoteError):
        client.send(calls.health())
    daemon.answers = [b""]
    with pytest.raises(DaemonUnreachable, match=r"the connection to .* broke: Server disconnected"):
        client.send(ONCE)
    assert len(daemon.asked) == 3


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", answer(b"[")])
def test_what_is_not_an_answer_is_told_as_such(daemon: Daemon, client: Client, said: bytes) -> None:
    daemon.answers = [said]
    daemon.answers_once = True
    with pytest.raises(DaemonUnreachable):
        client.send(ONCE)


def test_an_error_answer_is_the_daemons_own(daemon: Daemon, client: Client) -> None:
    daemon.answers = [answer(ERROR, "404 Not Found")]
    with pytest.raises(RemoteError) as caught:
        client.send(calls.health())
    assert (caught.value.code, caught.value.message) == ("NOT_FOUND", "no task")


def test_silence_is_told_as_such(daemon: Daemon) -> None:
    daemon.answers = [b"HTTP/1.1 100 Continue\r\n\r\n"]
    with (
        Client(Target(socket=daemon.path), timeout=0.05) as quick,
        pytest.raises(DaemonUnreachable, match="gave no answer in time"),
    ):
        quick.send(calls.health())


def test_where_nobody_listens_it_says_how_to_start_one(tmp_path: Path) -> None:
    with (
        Client(Target(socket=tmp_path / "none", home="/home/x")) as client,
        pytest.raises(DaemonNotRunning, match="no daemon is running at /home/x"),
    ):
        client.send(calls.health())
    with socket(AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    with (
        Client(Target(socket=tmp_path / "left")) as client,
        pytest.raises(DaemonNotRunning, match="no daemon answers at"),
    ):
        client.send(calls.health())


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "full"), BrokenPipeError(), TimeoutError(), ConnectionResetError()],
    ids=repr,
)
def test_the_readers_own_errors_are_not_the_connections(
    daemon: Daemon, line: LocalLine, client: Client, error: OSError
) -> None:
    events = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n"
    daemon.answers = [answer(b"one"), events, answer(b"two")]
    with pytest.raises(type(error)) as raised, line.stream(GET):
        raise error
    assert raised.value is error
    with pytest.raises(type(error)) as raised, client.watch("/v1/x"):
        raise error
    assert raised.value is error
    client.close()
    with pytest.raises(type(error)) as raised, client.download("/v1/x", LIMIT_SECS):
        raise error
    assert raised.value is error


def test_a_body_that_breaks_off_is_the_connections_error(daemon: Daemon, line: LocalLine) -> None:
    """An OSError would look like one of the file that the reader writes it to."""
    started = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome"
    daemon.answers = [started, started]
    with line.stream(replace(GET, patience_secs=0.05)) as response, pytest.raises(NoAnswerInTime):
        list(response.iter_bytes())
    daemon.answers_once = True
    with line.stream(GET) as response:
        body = response.iter_bytes()
        assert next(body) == b"some"
        with pytest.raises(Broken):
            next(body)


def test_a_process_without_a_free_descriptor_says_so(daemon: Daemon, line: LocalLine, client: Client) -> None:
    with open_files_up_to(0):
        with pytest.raises(NoSocket), line.stream(GET):
            pass
        with pytest.raises(
            DaemonUnreachable, match=r"cannot open a connection to .*Too many open files"
        ) as told:
            client.send(calls.health())
    assert "ulimit -n" in told.value.hint


def test_descriptors_of_any_number_are_reused(daemon: Daemon, line: LocalLine) -> None:
    """`select` takes none above 1023."""
    daemon.answers = [answer(b"one"), answer(b"two")]
    with open_files_up_to(4096), ExitStack() as opened:
        while opened.enter_context(open(os.devnull)).fileno() < 1024:
            pass
        assert (body_of(line), body_of(line)) == (b"one", b"two")
    assert daemon.connections == 1


def test_each_write_of_a_long_body_has_the_patience_of_its_own(
    daemon: Daemon, line: LocalLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sendall` counts its time over all of them."""
    taken: list[int] = []

    class Sips(socket):
        def send(self, content: Any, flags: int = 0) -> int:
            taken.append(super().send(content[:1000], flags))
            return taken[-1]

    monkeypatch.setattr("syncropel.client.local.socket.socket", Sips)
    daemon.answers = [answer(b"one")]
    content = os.urandom(9_000)
    assert body_of(line, replace(GET, method="POST", content=content)) == b"one"
    assert daemon.asked[0].endswith(content)
    assert len(taken) > 9


def test_a_query_is_part_of_the_path() -> None:
    call = replace(calls.health(), query={"a b": "ü&", "yes": True, "n": 3})
    assert request_of(call, Target(), 1).path == "/health?a+b=%C3%BC%26&yes=true&n=3"


def test_a_local_command_does_without_httpx() -> None:
    """Importing it takes longer than a short command's own work."""
    program = "import sys; from syncropel.client import Client, calls; print('httpx' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT_SECS)
    assert (ran.stdout, ran.stderr) == ("False\n", "")
