"""The socket for other hosts: TLS and a token, or nothing; limits as on any other."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from syncropel.daemon import certificate
from syncropel.listening.connection import HEAD_LIMIT_SECS
from syncropel.listening.network import BURST, AddressLimiter
from syncropel.listening.served import Served
from syncropel.settings.certificates import make_server
from syncropel.settings.config import ServerSettings
from syncropel.settings.home import Home
from syncropel.settings.trust import trusting
from tests.api.conftest import until as until_true
from tests.certificates import home_with_ca
from tests.daemon.conftest import LIMIT_SECS, Daemon, Start, until
from tests.daemon.test_refusals import Refused, refused

__all__ = ["refused"]


@pytest.fixture
def port(home: Home) -> int:
    """A port that the daemon listens on for other hosts, with a certificate for 127.0.0.1."""
    home_with_ca(home.path, time.time())
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        found = int(probe.getsockname()[1])
    home.config.write_text(f'[server]\nlisten = "0.0.0.0:{found}"\n')
    return found


@pytest.fixture
def daemon(port: int, start: Start) -> Iterator[Daemon]:
    daemon = start().ready()
    yield daemon
    assert daemon.stop().code == 0


@contextlib.contextmanager
def other_host(daemon: Daemon, port: int, token: str = "") -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    url, context = f"https://127.0.0.1:{port}", trusting(daemon.home.fleet_ca)
    with httpx.Client(
        base_url=url,
        headers=headers,
        verify=context,
        timeout=LIMIT_SECS,
        trust_env=False,
    ) as client:
        yield client


def _token(daemon: Daemon) -> str:
    with daemon.operator() as client:
        answer = client.post("/v1/service-accounts", json={"sa_id": "sa-x", "scopes": ["records:read"]})
    return str(answer.json()["token"])


def test_nothing_is_anonymous_and_names_are_checked(daemon: Daemon, port: int) -> None:
    token = _token(daemon)
    with other_host(daemon, port) as nobody, other_host(daemon, port, token) as known:
        for path in ("/health", "/.well-known/syncropel", "/v1/whoami", "/v1/threads", "/", "/openapi.json"):
            answer = nobody.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED"), path
        assert known.get("/health").status_code == 200
        assert known.get("/v1/whoami").json()["name"] == "sa-x"
        assert known.post("/v1/records", json={}).status_code == 403
        for host in (
            "evil.example",
            "evil.example:9443",
            "",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
        ):
            answer = known.get("/health", headers={"host": host})
            assert (answer.status_code, answer.json()["code"]) == (421, "WRONG_HOST"), host
        assert known.get("/health", headers={"host": f"LOCALHOST:{port}"}).status_code == 200
    with daemon.tcp() as here:  # on loopback all is as before
        assert here.get("/health").status_code == 200


def test_the_shared_fleet_token_counts_on_this_machine_alone(home: Home, port: int, start: Start) -> None:
    shared = f"spl_prod_sa-fleet_{'ab' * 24}"
    home.fleet_token.write_text(shared)
    daemon = start().ready()
    with other_host(daemon, port, shared) as stranger:
        answer = stranger.post("/v1/fleet/heartbeat", json={})
    assert answer.status_code == 403
    assert "this machine alone" in answer.json()["message"]


def test_plain_http_is_told_to_use_https(daemon: Daemon, port: int) -> None:
    answer = httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (400, "SPEAKS_TLS")


async def test_a_new_certificate_is_taken_up_and_a_broken_one_told_of_once(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home_with_ca(home.path, time.time())
    served = Served(home, ServerSettings(), time.time())
    looks = Looks(served, monkeypatch)
    caplog.set_level("INFO")
    keeping = asyncio.ensure_future(certificate.keep_certificate(served))
    try:
        make_server(home, ["other.example"], time.time())
        await _until(lambda: served.certificate.is_for("other.example"))
        home.server_key.chmod(0o644)
        await _until(lambda: "may be read by others" in caplog.text)
        home.server_key.touch()
        before = looks.count
        await _until(lambda: looks.count > before + 2)
    finally:
        keeping.cancel()
    assert caplog.text.count("may be read by others") == 1
    assert served.certificate.is_for("other.example")


async def test_a_look_that_fails_does_not_end_the_looking(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home_with_ca(home.path, time.time())
    looks = Looks(Served(home, ServerSettings(), time.time()), monkeypatch, fails=2)
    keeping = asyncio.ensure_future(certificate.keep_certificate(looks.served))
    try:
        await _until(lambda: looks.count > 4)
    finally:
        keeping.cancel()
    assert [one.levelname for one in caplog.records if "cannot check the certificate" in one.message] == [
        "ERROR"
    ] * 2


class Looks:
    """Counts the looks at a certificate, many a second, of which the first `fails` raise an error."""

    def __init__(self, served: Served, monkeypatch: pytest.MonkeyPatch, fails: int = 0) -> None:
        self.served, self.count, self._fails, self._look = served, 0, fails, served.look
        monkeypatch.setattr(certificate, "LOOK_SECS", 0.001)
        monkeypatch.setattr(served, "look", self._counted)

    def _counted(self, now: float) -> bool:
        self.count += 1
        if self.count <= self._fails:
            raise ValueError("no such key")
        return self._look(now)


async def _until(look: Callable[[], bool]) -> None:
    async def looked() -> bool:
        return look()

    await until_true(looked)


def test_who_says_nothing_or_half_a_handshake_is_ended_and_makes_room(daemon: Daemon, port: int) -> None:
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.create_connection(("127.0.0.1", port), LIMIT_SECS))
        half = stack.enter_context(socket.create_connection(("127.0.0.1", port), LIMIT_SECS))
        half.sendall(b"\x16\x03\x01\x02\x00\x01")
        encrypted = stack.enter_context(
            trusting(daemon.home.fleet_ca).wrap_socket(
                stack.enter_context(socket.create_connection(("127.0.0.1", port), LIMIT_SECS)),
                server_hostname="127.0.0.1",
            )
        )
        encrypted.sendall(b"GET /health HTTP/1.1\r\nhost: 127.0")
        began = time.monotonic()
        assert encrypted.recv(65536).startswith(b"HTTP/1.1 408")
        for one in (silent, half):
            with contextlib.suppress(ConnectionResetError):
                assert one.recv(65536) == b""
        assert time.monotonic() - began > HEAD_LIMIT_SECS / 2  # nobody was ended before its time
    assert until(lambda: _counts(daemon)["tcp"] == 0)
    assert _counts(daemon)["failed_handshakes"] == 2


def _counts(daemon: Daemon) -> dict[str, int]:
    with daemon.operator() as client:
        found: dict[str, int] = client.get("/v1/engine/health?details=true").json()["details"]["connections"]
    return found


def test_one_address_cannot_have_the_daemon_shake_hands_all_day() -> None:
    limiter = AddressLimiter(per_sec=10.0, burst=BURST, most=3)
    assert sum(limiter.take("10.0.0.1", 0.0) for _ in range(500)) == BURST
    assert limiter.take("10.0.0.2", 0.0)  # others do not pay for it
    assert sum(limiter.take("10.0.0.1", 1.0) for _ in range(500)) == 10
    for number in range(100):
        limiter.take(f"10.1.0.{number}", 1.0)
    assert len(limiter) == 3


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ('[server]\nlisten = "0.0.0.0:9443"\n', ["needs TLS", "spl fleet tls init"]),
        ('[server]\nlisten = "9443"\n', ["[server] listen", "0.0.0.0:9443"]),
        ('[server]\nlisten = "0.0.0.0:99999"\n', ["[server] listen"]),
        (
            '[server]\nlisten = "0.0.0.0:9443"\n[auth]\nrequired = false\n',
            ["refused to listen on 0.0.0.0:9443", "auth off"],
        ),
    ],
)
def test_no_address_is_open_without_tls_and_auth(
    refused: Refused, home: Home, config: str, words: list[str]
) -> None:
    home.path.mkdir(parents=True)
    home.config.write_text(config)
    refused(*words)


def test_auth_is_not_left_out_for_other_hosts_by_a_flag(refused: Refused, home: Home, port: int) -> None:
    refused("auth off", "--insecure-localhost", flags=("--port", "0", "--insecure-localhost"))


def test_a_stop_does_not_wait_for_an_idle_client(daemon: Daemon, port: int) -> None:
    with other_host(daemon, port, _token(daemon)) as idle:
        assert idle.get("/health").status_code == 200
        assert daemon.stop().code == 0
    assert not daemon.logged("graceful shutdown exceeded")


def test_a_given_certificate_is_served(home: Home, port: int, start: Start, tmp_path: Path) -> None:
    elsewhere = home_with_ca(tmp_path / "pki", time.time())
    cert, key = elsewhere.server_certificate, elsewhere.server_key
    home.config.write_text(f'{home.config.read_text()}tls_cert = "{cert}"\ntls_key = "{key}"\n')
    start().ready()
    with httpx.Client(verify=trusting(elsewhere.fleet_ca), trust_env=False) as client:
        assert client.get(f"https://127.0.0.1:{port}/health").status_code == 401
