"""Strangers who connect and say nothing: the operator and the fleet's own are served all the same."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from syncropel.listening.connection import HEAD_LIMIT_SECS
from syncropel.settings.home import Home

from .conftest import LIMIT_SECS, Daemon, Start, until

DESCRIPTORS = 512
STRANGERS = 700


@pytest.fixture
def daemon(started: Start) -> Iterator[Daemon]:
    """A daemon that may have few descriptors, with a soft limit that it has to raise first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    daemon = started()
    # At once, before it looks at its limit: that comes after the imports.
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (256, DESCRIPTORS))
    daemon.ready()
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2048), hard))
    yield daemon
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert daemon.stop().code == 0


def connections(daemon: Daemon) -> dict[str, Any]:
    with daemon.operator() as client:
        found: dict[str, Any] = client.get("/v1/engine/health?details=true").json()["details"]["connections"]
    return found


@contextlib.contextmanager
def strangers(daemon: Daemon, count: int = STRANGERS) -> Iterator[list[socket.socket]]:
    """Connections to the TCP port that say nothing."""
    port = daemon.port
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(count):
            one = stack.enter_context(socket.socket())
            one.settimeout(LIMIT_SECS)
            one.connect(("127.0.0.1", port))
            made.append(one)
        yield made


def closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_the_operator_is_served_whoever_else_is_connected(daemon: Daemon) -> None:
    assert resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)[0] == DESCRIPTORS
    with strangers(daemon) as crowd:
        until(lambda: connections(daemon)["closed_for_room"] > STRANGERS // 2)
        began = time.monotonic()
        with daemon.operator() as client:
            body = {"level": "soft", "namespace": "docs", "reason": "a flood"}
            assert client.post("/v1/fleet/freeze", json=body).status_code == 201
        assert time.monotonic() - began < HEAD_LIMIT_SECS, "it did not wait for the strangers to be late"
        counts = connections(daemon)
        assert counts["descriptors"] == DESCRIPTORS
        assert counts["tcp"] <= counts["tcp_limit"] < DESCRIPTORS
        assert (counts["refused"], counts["accept_errors"]) == (0, 0)
        # The oldest had to go, the newest are there.
        assert closed(crowd[0])
        assert not closed(crowd[-1])
    until(lambda: daemon.logged("to make room for new ones"))


def test_a_caller_with_a_token_is_not_pushed_out_by_strangers(daemon: Daemon) -> None:
    with daemon.operator() as client:
        account = {"sa_id": "sa-worker", "scopes": ["records:read"]}
        token = client.post("/v1/service-accounts", json=account).json()["token"]
    limits = httpx.Limits(keepalive_expiry=60)
    transport = httpx.HTTPTransport(limits=limits)
    with httpx.Client(base_url=daemon.url, transport=transport, timeout=LIMIT_SECS) as worker:
        worker.headers["authorization"] = f"Bearer {token}"
        assert worker.get("/v1/whoami").status_code == 200
        [pooled] = transport._pool.connections
        with strangers(daemon):
            until(lambda: connections(daemon)["closed_for_room"] > STRANGERS // 2)
            assert worker.get("/v1/whoami").status_code == 200
            assert transport._pool.connections == [pooled], "on the connection that it had"
            # A worker that connects anew while it is crowded gets in, too.
            with daemon.tcp() as fresh:
                assert fresh.get("/v1/whoami", headers=worker.headers).status_code == 200


def test_a_head_has_ten_seconds(daemon: Daemon) -> None:
    began = time.monotonic()
    with strangers(daemon, 3) as (silent, dribbling, halfway), daemon.operator() as operator:
        assert operator.get("/health").status_code == 200
        halfway.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n")

        def is_closed() -> bool:
            with contextlib.suppress(ConnectionError):
                dribbling.sendall(b"\r\n")
            return closed(dribbling)

        until(is_closed)
        assert time.monotonic() - began > HEAD_LIMIT_SECS - 1
        for one in (silent, halfway):
            one.settimeout(LIMIT_SECS)
        assert silent.recv(1) == b""
        answer = halfway.recv(65536)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"TOO_SLOW"' in answer
        assert connections(daemon)["late_heads"] == 3
        assert operator.get("/health").status_code == 200, "what waits for a request may wait longer"


def test_a_limit_that_is_lowered_meanwhile_costs_strangers_and_not_the_operator(daemon: Daemon) -> None:
    with strangers(daemon, 60), daemon.operator() as operator:
        assert operator.get("/health").status_code == 200
        until(lambda: connections(daemon)["tcp"] == 60)
        lowest = len(os.listdir(f"/proc/{daemon.process.pid}/fd")) - 10
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (lowest, DESCRIPTORS))
        with daemon.operator() as another:
            assert another.get("/v1/fleet/status").status_code == 200
        counts = connections(daemon)
        assert counts["accept_errors"] > 0
        assert counts["closed_for_room"] > 0
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    until(lambda: daemon.logged("could not accept connections"))


def test_an_account_cannot_take_every_connection(daemon: Daemon) -> None:
    with daemon.operator() as client:
        tokens = []
        for name in ("sa-greedy", "sa-worker"):
            account = {"sa_id": name, "scopes": ["records:read"]}
            tokens.append(client.post("/v1/service-accounts", json=account).json()["token"])
        limit = connections(daemon)["tcp_limit"]
    head = f"GET /v1/records/watch HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {tokens[0]}\r\n\r\n"
    with strangers(daemon, limit) as greedy:
        for one in greedy:
            one.sendall(head.encode())
        until(lambda: connections(daemon)["closed_for_room"] >= limit // 2)
        until(lambda: connections(daemon)["tcp"] <= limit // 2)  # it is counted anew at the next tick
        with daemon.tcp() as worker:
            bearer = {"authorization": f"Bearer {tokens[1]}"}
            assert worker.get("/v1/whoami", headers=bearer).status_code == 200


def test_a_low_limit_leaves_the_operator_a_share(started: Start, home: Home) -> None:
    daemon = started()
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (128, 128))
    daemon.ready()
    with strangers(daemon, 200):
        until(lambda: connections(daemon)["closed_for_room"] > 100)
        with contextlib.ExitStack() as stack:
            consoles = [stack.enter_context(daemon.operator()) for _ in range(20)]
            assert {one.get("/v1/fleet/status").status_code for one in consoles} == {200}
    assert daemon.stop().code == 0
