"""A fleet's own CA and what it signs; and what is wrong with a certificate, by its name, whoever calls."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from syncropel.client import calls
from syncropel.client.async_transport import AsyncClient
from syncropel.client.target import Target
from syncropel.client.transport import Client
from syncropel.errors import BadRequest, DaemonUnreachable, SetupError, SyncropelError
from syncropel.listening.served import Served
from syncropel.peer.peers import Peers
from syncropel.settings import certificates
from syncropel.settings.certificates import make_ca, make_server, pin_of, read_certificates, renew_if_due
from syncropel.settings.config import ServerSettings
from syncropel.settings.home import Home
from syncropel.settings.trust import trusting
from syncropel.wire.fleet import Heartbeat
from tests.api.conftest import beat
from tests.certificates import DAY, home_with_ca, shows

NOW = time.time()
Ask = Callable[[str, Path | None], None]


def ask(url: str, ca_file: Path | None) -> None:
    with Client(Target(url=url, ca_file=ca_file)) as client:
        client.send(calls.health())


def ask_in_a_loop(url: str, ca_file: Path | None) -> None:
    async def asking() -> None:
        async with AsyncClient(Target(url=url, ca_file=ca_file)) as client:
            await client.send(calls.health())

    asyncio.run(asking())


def ask_as_an_instance(url: str, ca_file: Path | None) -> None:
    async def asking() -> None:
        peers = Peers(lambda to: [], trust=None if ca_file is None else trusting(ca_file))
        try:
            await peers.heartbeat(url, Heartbeat.model_validate(beat("a")))
        finally:
            await peers.close()

    asyncio.run(asking())


@pytest.fixture(params=[ask, ask_in_a_loop, ask_as_an_instance], ids=["spl", "console", "instance"])
def asks(request: pytest.FixtureRequest) -> Ask:
    return request.param


def refused(asks: Ask, url: str, ca_file: Path | None) -> DaemonUnreachable:
    with pytest.raises(DaemonUnreachable) as caught:
        asks(url, ca_file)
    assert url.partition("/v1")[0] in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("made", "names", "code", "words"),
    [
        (NOW - 100 * DAY, ["127.0.0.1"], "CERTIFICATE_EXPIRED", "has expired"),
        (NOW + 9 * DAY, ["127.0.0.1"], "CERTIFICATE_NOT_YET_VALID", "not valid yet"),
        (NOW, ["elsewhere.example"], "CERTIFICATE_WRONG_HOST", "another host"),
    ],
    ids=["expired", "not yet valid", "another host"],
)
def test_a_certificate_that_is_not_accepted_is_named(
    tmp_path: Path,
    asks: Ask,
    monkeypatch: pytest.MonkeyPatch,
    made: float,
    names: list[str],
    code: str,
    words: str,
) -> None:
    home = home_with_ca(tmp_path / "h", NOW)
    monkeypatch.setattr(certificates, "LOCAL_NAMES", ())
    make_server(home, names, made)  # the CA is of today: only this one is wrong
    with shows(home) as port:
        error = refused(asks, f"https://127.0.0.1:{port}", home.fleet_ca)
    assert error.code == code
    assert words in error.message


def test_a_ca_that_is_not_trusted_is_named(tmp_path: Path, asks: Ask) -> None:
    home, other = home_with_ca(tmp_path / "h", NOW), home_with_ca(tmp_path / "other", NOW)
    with shows(home) as port:
        for ca_file in (None, other.fleet_ca):
            error = refused(asks, f"https://127.0.0.1:{port}", ca_file)
            assert error.code == "CERTIFICATE_UNKNOWN_CA"
            assert "not trusted here" in error.message
            assert "ca_file" in error.hint


def test_a_port_without_tls_is_named(tmp_path: Path, asks: Ask) -> None:
    home = home_with_ca(tmp_path / "h", NOW)
    with shows(None) as port:
        error = refused(asks, f"https://127.0.0.1:{port}", home.fleet_ca)
    assert error.code == "NOT_TLS"
    assert "http://" in error.hint


@pytest.mark.parametrize("asking", [ask, ask_in_a_loop])
def test_a_ca_file_of_no_use_is_named(tmp_path: Path, asking: Ask) -> None:
    (tmp_path / "ca.pem").write_text("nonsense")
    for path, words in ((tmp_path / "ca.pem", "no certificate"), (tmp_path / "gone", "cannot read the CA")):
        with pytest.raises(SyncropelError) as caught:
            asking("https://127.0.0.1:1", path)
        assert words in caught.value.message


def test_the_fleets_own_ca_is_trusted_and_signs_for_names_and_addresses(tmp_path: Path) -> None:
    home = home_with_ca(tmp_path / "h", NOW, "fleet.example", "10.0.0.7", "fd00::7")
    server, ca = read_certificates(home.server_certificate)
    assert set(server.names) == {"fleet.example", "10.0.0.7", "fd00::7", "localhost", "127.0.0.1"}
    assert ca.pin == pin_of(home.fleet_ca.read_text())
    assert server.until - NOW == pytest.approx(90 * DAY, abs=1)
    assert NOW - server.since == pytest.approx(2 * DAY, abs=1)  # a host a day behind takes it
    for host in ("FLEET.example.", "10.0.0.7", "[fd00::7]", "fd00:0::7"):
        assert server.is_for(host)
    assert not server.is_for("evil.fleet.example")
    with shows(home) as port:
        answer = httpx.get(f"https://127.0.0.1:{port}", verify=trusting(home.fleet_ca), trust_env=False)
        assert answer.status_code == 200


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    home = home_with_ca(tmp_path / "h", NOW)
    assert {path.stat().st_mode & 0o777 for path in home.keys.iterdir()} == {0o600}


def test_a_second_init_keeps_the_ca(tmp_path: Path) -> None:
    home = home_with_ca(tmp_path / "h", NOW)
    pin = pin_of(home.fleet_ca.read_text())
    assert not make_ca(home, "test", NOW)
    assert pin_of(home.fleet_ca.read_text()) == pin


@pytest.mark.parametrize("host", ["", "a b", "http://x", "x/y", "*", "a..b", "x" * 300, "-\n"])
def test_a_name_that_no_certificate_can_be_for_is_refused(tmp_path: Path, host: str) -> None:
    home = home_with_ca(tmp_path / "h", NOW)
    with pytest.raises(BadRequest):
        make_server(home, [host], NOW)


def test_a_certificate_is_renewed_at_two_thirds_of_its_life(tmp_path: Path) -> None:
    home = home_with_ca(tmp_path / "h", NOW, "fleet.example")
    assert renew_if_due(home, NOW + 50 * DAY) is None
    made = renew_if_due(home, NOW + 70 * DAY)
    assert made is not None
    assert made.is_for("fleet.example")
    assert made.until > NOW + 150 * DAY


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    home = home_with_ca(tmp_path / "h", NOW)
    for path in (home.server_key, home.fleet_ca_key):
        path.chmod(0o644)
        with pytest.raises(SetupError, match="may be read by others") as caught:
            make_server(home, [], NOW) if path == home.fleet_ca_key else Served(home, ServerSettings(), NOW)
        assert caught.value.hint.startswith("chmod 600")
        path.chmod(0o600)


def test_a_crash_between_key_and_certificate_heals(tmp_path: Path) -> None:
    home, other = home_with_ca(tmp_path / "h", NOW), home_with_ca(tmp_path / "other", NOW)
    home.server_key.write_text(other.server_key.read_text())
    served = Served(home, ServerSettings(), NOW)
    with shows(home) as port:
        answer = httpx.get(f"https://127.0.0.1:{port}", verify=trusting(home.fleet_ca), trust_env=False)
        assert answer.status_code == 200
    assert served.certificate.is_for("localhost")


def test_what_others_see_follows_the_files(tmp_path: Path) -> None:
    home = home_with_ca(tmp_path / "h", NOW, "fleet.example")
    served = Served(home, ServerSettings(), NOW)
    assert not served.look(NOW)
    make_server(home, ["other.example"], NOW)
    assert served.look(NOW)
    assert served.certificate.is_for("other.example")
    assert served.anchor.pin == pin_of(home.fleet_ca.read_text())
    assert served.look(NOW + 80 * DAY)  # it renews by itself


def test_a_broken_change_leaves_the_certificate_as_it_was(tmp_path: Path) -> None:
    home = home_with_ca(tmp_path / "h", NOW)
    given = ServerSettings(tls_cert="keys/fleet-server.pem", tls_key="keys/fleet-server.key")
    served = Served(home, given, NOW)
    before = served.certificate
    home.server_key.write_text("nonsense")
    with pytest.raises(SetupError, match="cannot use"):
        served.look(NOW)
    assert served.certificate == before


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (ServerSettings(), "there is no certificate"),
        (ServerSettings(tls_cert="a.pem"), "go together"),
        (ServerSettings(tls_cert="a.pem", tls_key="a.key"), "cannot read"),
    ],
)
def test_a_certificate_that_is_not_there(tmp_path: Path, settings: ServerSettings, words: str) -> None:
    home = Home(tmp_path)
    with pytest.raises(SetupError, match=words):
        Served(home, settings, NOW)


def test_without_the_library_the_command_that_installs_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "find_spec", lambda name: None)
    with pytest.raises(SetupError) as caught:
        Served(Home(tmp_path), ServerSettings(), NOW)
    assert caught.value.hint == "pip install 'syncropel-console[fleet]'"


def test_nothing_older_than_tls_1_2_is_spoken(tmp_path: Path) -> None:
    home = home_with_ca(tmp_path / "h", NOW)
    assert Served(home, ServerSettings(), NOW).context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert trusting(home.fleet_ca).minimum_version == ssl.TLSVersion.TLSv1_2
