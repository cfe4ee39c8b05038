"""The joining host's side: whom it trusts, what it sends to whom, and what is left after an interruption."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from syncropel.errors import DaemonUnreachable, RemoteError, SetupError, SyncropelError
from syncropel.launcher.joining import Joiner
from syncropel.settings.certificates import pin_of
from syncropel.settings.config import load_settings
from syncropel.settings.home import Home
from syncropel.settings.join_line import JoinLine
from syncropel.settings.keyring import Keyring, bearer_hash
from syncropel.wire.version import PROTOCOL
from tests.certificates import home_with_ca, shows

COORDINATOR = "did:sync:instance:00000000000000c0"
DOWN = "d" * 64
INVITE, SECRET = "0123456789ab", "s" * 43


def _response(status: int, document: Any) -> bytes:
    content = json.dumps(document).encode() if not isinstance(document, bytes) else document
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n"
    return head.encode() + b"connection: close\r\n\r\n" + content


def _refused(code: str) -> bytes:
    told = {"object": "error", "type": "auth_error", "code": code, "message": code.lower(), "hint": ""}
    return _response(403, told)


@dataclass
class Coordinator:
    """What a coordinator answers, and what it was sent. `ca`: what it says is its CA."""

    ca: str
    info: dict[str, Any] = field(default_factory=dict)
    answers: list[bytes] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: bytes) -> bytes:
        if request.startswith(b"GET /v1/fleet/join "):
            return _response(
                200, {"ca": self.ca, "protocol": PROTOCOL, "oldest_protocol": PROTOCOL} | self.info
            )
        assert request.startswith(b"POST /v1/fleet/join ")
        self.asked.append(json.loads(request.partition(b"\r\n\r\n")[2]))
        if self.answers:
            return self.answers.pop(0)
        return _response(
            200, {"coordinator": COORDINATOR, "alias": "laptop-a", "sha256": DOWN, "protocol": PROTOCOL}
        )


@pytest.fixture
def there(tmp_path: Path) -> Home:
    return home_with_ca(tmp_path / "there", time.time())


@pytest.fixture
def here(tmp_path: Path) -> Home:
    return Home(tmp_path / "here")


@contextlib.contextmanager
def up(shown: Home, coordinator: Coordinator) -> Iterator[Callable[..., JoinLine]]:
    """A coordinator that shows this home's certificate; gives what makes a line for it."""
    with shows(shown, coordinator.answer) as port:

        def line(pin: str) -> JoinLine:
            return JoinLine((f"127.0.0.1:{port}",), pin, INVITE, SECRET)

        yield line


def pem(home: Home) -> str:
    return home.fleet_ca.read_text()


def join(here: Home, line: JoinLine, said: list[str] | None = None) -> str:
    told = said if said is not None else []
    return Joiner(here, line, told.append, told.append).run()


def test_a_new_host_has_all_that_it_needs(here: Home, there: Home) -> None:
    coordinator = Coordinator(pem(there))
    with up(there, coordinator) as line_of:
        line = line_of(pin_of(pem(there)))
        assert join(here, line) == "laptop-a"
    settings, keyring = load_settings(here, {}), Keyring(here)
    assert settings.role == "worker"
    assert (settings.fleet.alias, settings.fleet.coordinator_url) == ("laptop-a", f"https://{line.hosts[0]}")
    assert (settings.fleet.isolated_after_secs, settings.fleet.link, settings.server.port) == (300.0, True, 0)
    assert here.fleet_ca.read_text() == pem(there)
    assert (keyring.coordinator, keyring.coordinator_url) == (COORDINATOR, f"https://{line.hosts[0]}")
    (asked,) = coordinator.asked
    assert asked["sha256"] == bearer_hash(keyring.own())
    assert keyring.own() not in str(asked), "the node's own secret never leaves it"
    assert {path.stat().st_mode & 0o077 for path in (*here.keys.iterdir(), *here.secrets.iterdir())} == {0}


def test_another_ca_gets_nothing(here: Home, there: Home, tmp_path: Path) -> None:
    other = home_with_ca(tmp_path / "other", time.time())
    coordinator = Coordinator(pem(other))
    with up(other, coordinator) as line_of, pytest.raises(SetupError) as caught:
        join(here, line_of(pin_of(pem(there))))
    assert caught.value.code == "WRONG_CA"
    assert caught.value.message.startswith("wrong_ca: ")
    assert coordinator.asked == []
    assert not here.fleet_ca.exists()
    assert not here.config.exists()


@pytest.mark.parametrize("smuggled", [False, True], ids=["the true CA", "its own CA beside it"])
def test_who_is_in_between_and_shows_the_true_ca_does_not_get_the_secret(
    here: Home, there: Home, tmp_path: Path, smuggled: bool
) -> None:
    between = home_with_ca(tmp_path / "between", time.time())
    coordinator = Coordinator(pem(there) + (pem(between) if smuggled else ""))
    with up(between, coordinator) as line_of, pytest.raises(DaemonUnreachable) as caught:
        join(here, line_of(pin_of(pem(there))))
    assert caught.value.code == "CERTIFICATE_UNKNOWN_CA"
    assert coordinator.asked == []
    assert here.fleet_ca.read_text() == pem(there)


@pytest.mark.parametrize(
    ("info", "code"),
    [
        ({"protocol": PROTOCOL + 5, "oldest_protocol": PROTOCOL + 4}, "TOO_OLD"),
        ({"protocol": PROTOCOL - 1, "oldest_protocol": PROTOCOL - 1}, "TOO_NEW"),
    ],
)
def test_versions_are_compared_before_the_secret_is_sent(
    here: Home, there: Home, info: dict[str, Any], code: str
) -> None:
    coordinator = Coordinator(pem(there), info)
    with up(there, coordinator) as line_of, pytest.raises(SetupError) as caught:
        join(here, line_of(pin_of(pem(there))))
    assert (caught.value.code, coordinator.asked) == (code, [])


@pytest.mark.parametrize("lost", [b"", b"HTTP/1.1 200 OK\r\ncontent-le", _response(200, b"{")])
def test_a_lost_answer_is_asked_for_again_with_the_same_credential(
    here: Home, there: Home, lost: bytes
) -> None:
    coordinator = Coordinator(pem(there), answers=[lost] * 3)
    with up(there, coordinator) as line_of:
        line = line_of(pin_of(pem(there)))
        with pytest.raises(SyncropelError) as caught:
            join(here, line)
        assert SECRET not in str(caught.value) + caught.value.hint
        assert not here.config.exists()
        coordinator.answers.clear()
        assert join(here, line) == "laptop-a"
        assert join(here, line) == "laptop-a", "and once more, when all was done"
    assert len({asked["sha256"] for asked in coordinator.asked}) == 1
    assert len({asked["did"] for asked in coordinator.asked}) == 1


@pytest.mark.parametrize("step", ["_pin", "_ask", "_configure"])
def test_a_join_that_was_killed_at_a_step_goes_on_with_the_same_line(
    here: Home, there: Home, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    coordinator = Coordinator(pem(there))
    with up(there, coordinator) as line_of:
        line = line_of(pin_of(pem(there)))
        with monkeypatch.context() as patched:

            def dies(*_: Any, **__: Any) -> None:
                raise KeyboardInterrupt

            patched.setattr(Joiner, step, dies)
            with pytest.raises(KeyboardInterrupt):
                join(here, line)
        assert join(here, line) == "laptop-a"
    assert load_settings(here, {}).fleet.alias == "laptop-a"
    assert len({asked["sha256"] for asked in coordinator.asked}) == 1


def test_a_host_that_was_shut_out_makes_another_secret(here: Home, there: Home) -> None:
    coordinator = Coordinator(pem(there))
    with up(there, coordinator) as line_of:
        line = line_of(pin_of(pem(there)))
        join(here, line)
        coordinator.answers.append(_refused("SECRET_REVOKED"))
        said: list[str] = []
        join(here, line, said)
    assert any("another secret" in one for one in said)
    before, refused, after = (asked["sha256"] for asked in coordinator.asked)
    assert before == refused != after == bearer_hash(Keyring(here).own())


@pytest.mark.parametrize("code", ["INVITE_EXPIRED", "INVITE_USED", "ALIAS_TAKEN", "INVITE_UNKNOWN"])
def test_a_refusal_is_told_by_its_name_and_asked_once(here: Home, there: Home, code: str) -> None:
    coordinator = Coordinator(pem(there), answers=[_refused(code)])
    with up(there, coordinator) as line_of, pytest.raises(RemoteError) as caught:
        join(here, line_of(pin_of(pem(there))))
    assert caught.value.code == code
    assert len(coordinator.asked) == 1
    assert not here.config.exists()


@pytest.mark.parametrize(
    "answer", [b"<html>", b"[]", b'{"ca": 1}', b"x" * 200_000], ids=["html", "list", "ca", "much"]
)
def test_what_is_no_coordinator_is_told(here: Home, there: Home, answer: bytes) -> None:
    def anything(_: bytes) -> bytes:
        return _response(200, answer)

    with shows(there, anything) as port, pytest.raises(DaemonUnreachable, match="no coordinator"):
        join(here, JoinLine((f"127.0.0.1:{port}",), "p" * 43, INVITE, SECRET))


def test_the_next_host_of_the_line_is_tried_and_that_is_told(here: Home, there: Home) -> None:
    with up(there, Coordinator(pem(there))) as line_of:
        line = line_of(pin_of(pem(there)))
        both = JoinLine(("127.0.0.1:1", *line.hosts), line.pin, INVITE, SECRET)
        said: list[str] = []
        assert join(here, both, said) == "laptop-a"
    assert said[0].startswith("warning: 127.0.0.1:1: ")


def test_a_home_of_another_fleet_is_left_as_it_is(here: Home, there: Home, tmp_path: Path) -> None:
    line = JoinLine(("127.0.0.1:1",), "p" * 43, INVITE, SECRET)
    with pytest.raises(SetupError, match="a fleet CA of its own"):
        join(there, line)
    here.path.mkdir(parents=True)
    here.store.write_bytes(b"")
    with pytest.raises(SetupError, match="home of a coordinator"):
        join(here, line)
    here.config.write_text('[fleet]\ncoordinator_url = "https://10.0.0.1:9443"\n')
    with pytest.raises(SetupError, match="belongs to the fleet") as caught:
        join(here, line)
    assert "SYNCROPEL_HOME=" in caught.value.hint
    assert not here.fleet_ca.exists()
