"""What `spl fleet tls`, `invite`, `join`, and `nodes` say where no second host is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from syncropel.settings.certificates import pin_of
from syncropel.settings.config import load_settings
from syncropel.settings.home import Home

from .conftest import Ran
from .live import daemon_home, live

__all__ = ["daemon_home", "live"]

Spl = Callable[..., Ran]


@pytest.fixture
def fresh(home: Path) -> Home:
    """A home that is not there yet."""
    return Home(home / ".syncro")


def test_certificates_are_made_once_and_issued_anew(spl: Spl, fresh: Home) -> None:
    made = spl("fleet", "tls", "init", "--host", "fleet.example", "--host", "10.0.0.7", "-o", "json").json
    assert made["created_ca"]
    assert set(made["names"]) == {"fleet.example", "10.0.0.7", "localhost", "127.0.0.1"}
    assert made["listen"] == ""
    again = spl("fleet", "tls", "init", "--listen", "0.0.0.0:9443", "-o", "json").json
    assert not again["created_ca"]
    assert again["names"] == made["names"], "those of before stay"
    assert load_settings(fresh, {}).server.listen == "0.0.0.0:9443"
    server, ca = spl("fleet", "tls", "show", "-o", "json").json["data"]
    assert ca["pin"] == pin_of(fresh.fleet_ca.read_text())
    renewed = spl("fleet", "tls", "renew", "-o", "json").json
    assert renewed["names"] == made["names"]
    assert renewed["pin"] != server["pin"], "a new key"
    assert "spl fleet invite" in spl("fleet", "tls", "init").out
    assert "the CA that other hosts pin:" in spl("fleet", "tls", "show").out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["fleet", "tls", "init", "--host", "a b"], 2, "not a host name"),
        (["fleet", "tls", "init", "--listen", "9443"], 2, "--listen must be an address and a port"),
        (["fleet", "tls", "renew"], 1, "spl fleet tls init"),
        (["fleet", "tls", "show"], 1, "spl fleet tls init"),
        (["fleet", "join", "garbage"], 2, "does not begin with spl1"),
        (["fleet", "join", "spl1.a.b.c"], 2, "4 of 5 parts"),
        (["fleet", "join", "spl9.a.b.c.d"], 2, "too_old"),
        (["fleet", "invite", "--alias", "a", "--ttl", "soon"], 2, "30m, 1h, or 2d"),
        (["fleet", "invite", "--alias", "a", "--ttl", "0m"], 2, "30m, 1h, or 2d"),
    ],
)
def test_what_makes_no_sense_is_told(spl: Spl, fresh: Home, words: list[str], code: int, told: str) -> None:
    ran = spl(*words)
    assert (ran.code, told in ran.err) == (code, True), ran.err
    assert not fresh.config.exists() or words[1] == "tls"


def test_a_coordinator_without_a_door_says_how_to_open_one(spl: Spl, live: Path) -> None:
    ran = spl("fleet", "invite", "--alias", "laptop-a")
    assert ran.code == 1
    assert "no other host can reach this coordinator" in ran.err
    assert "spl fleet tls init --listen" in ran.err
    assert spl("fleet", "uninvite", "laptop-a").code == 1
    assert spl("fleet", "nodes", "rotate", "nobody").code == 1
    assert spl("fleet", "nodes", "list").out.split() == ["ALIAS", "DID", "CREDENTIAL", "AGE", "STATUS"]
