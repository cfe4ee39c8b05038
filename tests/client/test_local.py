"""A client on the daemon's Unix socket: what comes over it, and what is said when nothing does."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from socket import AF_UNIX, SHUT_WR, socket

import pytest

from syncropel.client import calls
from syncropel.client.lines import Request
from syncropel.client.local import LocalLine
from syncropel.client.target import Target
from syncropel.client.transport import Client, request_of
from syncropel.errors import DaemonNotRunning, DaemonUnreachable, RemoteError

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
        read = b""
        while b"\r\n\r\n" not in read and (part := connection.recv(10_000)):
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


def test_a_query_is_part_of_the_path() -> None:
    call = replace(calls.health(), query={"a b": "ü&", "yes": True, "n": 3})
    assert request_of(call, Target(), 1).path == "/health?a+b=%C3%BC%26&yes=true&n=3"


def test_a_local_command_does_without_httpx() -> None:
    """Importing it takes longer than a short command's own work."""
    program = "import sys; from syncropel.client import Client, calls; print('httpx' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT_SECS)
    assert (ran.stdout, ran.stderr) == ("False\n", "")
