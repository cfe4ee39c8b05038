"""What reaches the daemon before any of its routes: raw bytes on both sockets."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Daemon, Start


@pytest.fixture
def daemon(start: Start) -> Iterator[Daemon]:
    """At the end it still answers, and has printed nothing."""
    daemon = start().ready()
    yield daemon
    with daemon.tcp() as client:
        assert client.get("/health").status_code == 200
    ended = daemon.stop()
    assert (ended.code, ended.err) == (0, "")


def say(daemon: Daemon, raw: bytes, *, over_tcp: bool) -> tuple[int, dict[str, Any]]:
    """Status and JSON of the answer; the connection is closed by the daemon."""
    kind = socket.AF_INET if over_tcp else socket.AF_UNIX
    with socket.socket(kind) as connection:
        connection.settimeout(60)
        connection.connect(("127.0.0.1", daemon.port) if over_tcp else str(daemon.home.socket))
        connection.sendall(raw)
        answer = b""
        try:
            while part := connection.recv(65536):
                answer += part
        except ConnectionResetError:  # it closed while bytes of ours were under way
            pass
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_what_is_no_http_is_refused_with_the_envelope(daemon: Daemon) -> None:
    for raw in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the beginning of TLS
        b"nonsense\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /health HTTP/9.9\r\nhost: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nbad header\r\n\r\n",
        b"POST /v1/records HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/records HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    ):
        for over_tcp in (True, False):
            status, body = say(daemon, raw, over_tcp=over_tcp)
            assert (status, body["object"], body["code"]) == (400, "error", "BAD_REQUEST"), raw


def test_headers_have_a_limit(daemon: Daemon) -> None:
    line = b"x: " + b"y" * 1000 + b"\r\n"
    head = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
    assert say(daemon, head + line * 60 + b"\r\n", over_tcp=True)[0] == 200
    for raw in (head + line * 70, head + b"x: " + b"y" * 70_000, b"GET /" + b"y" * 70_000):
        status, body = say(daemon, raw, over_tcp=True)
        assert status == 400
        assert "65536" in body["hint"]


def test_a_connection_may_carry_any_number_of_requests(daemon: Daemon) -> None:
    body = {"thread": "th", "actor": "did:sync:agent:x", "act": "DO", "body": {"text": "y" * 50_000}}
    with daemon.operator() as client:
        assert [client.post("/v1/records", json=body).status_code for _ in range(5)] == [201] * 5
        assert {client.get("/health").status_code for _ in range(600)} == {200}


def test_a_request_in_small_pieces_and_a_pipeline_are_answered(daemon: Daemon) -> None:
    with socket.socket() as connection:
        connection.connect(("127.0.0.1", daemon.port))
        for byte in b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n":
            connection.sendall(bytes([byte]))
        last = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        connection.sendall(b"GET /nope HTTP/1.1\r\nhost: x\r\n\r\n" + last)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"401", b"200"]


def test_a_path_with_bytes_that_are_no_text_is_not_found(daemon: Daemon) -> None:
    raw = b"GET /v1/threads/%ff%00/state HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    status, body = say(daemon, raw, over_tcp=False)
    assert (status, body["code"]) == (404, "NOT_FOUND")


def test_an_upgrade_is_not_taken(daemon: Daemon) -> None:
    raw = (
        b"GET /v1/records/watch HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    )
    with socket.socket() as connection:
        connection.settimeout(60)
        connection.connect(("127.0.0.1", daemon.port))
        connection.sendall(raw)
        assert connection.recv(65536).startswith(b"HTTP/1.1 401")
