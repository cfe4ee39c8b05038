"""Whom a worker accepts as its coordinator after its `coordinator_url` was changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncropel.engine.fleet.repointing import Repointing
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.settings.keyring import Keyring, bearer_hash

OLD, NEW = "did:sync:instance:00000000000000c0", "did:sync:instance:00000000000000c1"
HERE, THERE = "http://127.0.0.1:9100", "http://127.0.0.1:9201"
FIRST, SECOND = "ab" * 32, "cd" * 32


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    home = Home(tmp_path / "home")
    make_home(home)
    return Keyring(home)


@pytest.mark.parametrize(
    ("known_at", "said", "sha256", "asks", "then"),
    [
        (HERE, NEW, SECOND, True, (NEW, THERE)),
        (HERE, NEW, "", True, (OLD, HERE)),
        (HERE, NEW, "x" * 64, True, (OLD, HERE)),
        (HERE, "somebody", SECOND, True, (OLD, HERE)),
        (HERE, "", SECOND, True, (OLD, HERE)),
        # The same coordinator at another port keeps its secret, whatever an answer says.
        (HERE, OLD, SECOND, True, (OLD, THERE)),
        # Whoever answers at the address where it was all along does not take its place.
        (THERE, NEW, SECOND, False, (OLD, THERE)),
        # Introduced by an older version: nobody knows whether the address was changed.
        ("", NEW, SECOND, False, (OLD, "")),
        ("", OLD, "", False, (OLD, THERE)),
    ],
)
def test_the_config_decides_whether_another_may_take_its_place(
    keyring: Keyring, known_at: str, said: str, sha256: str, asks: bool, then: tuple[str, str]
) -> None:
    keyring.trust(OLD, FIRST, known_at)
    repointing = Repointing(keyring, THERE)
    assert repointing.asks is asks
    for _ in range(2):
        repointing.heard(said, sha256)
        assert (keyring.coordinator, keyring.coordinator_url) == then


def test_the_new_ones_secret_counts_and_the_old_ones_no_longer(keyring: Keyring, tmp_path: Path) -> None:
    other = Keyring(Home(tmp_path / "other"))
    make_home(Home(tmp_path / "other"))
    secrets = {did: other.make_towards(did, did) for did in (OLD, NEW)}
    keyring.trust(OLD, secrets[OLD], HERE)
    Repointing(keyring, THERE).heard(NEW, secrets[NEW])
    assert keyring.coordinator_of(other.towards(NEW)) == NEW
    assert keyring.coordinator_of(other.towards(OLD)) == ""


@pytest.mark.parametrize("url", ["", THERE])
def test_nobody_is_accepted_who_was_not_introduced(keyring: Keyring, url: str) -> None:
    repointing = Repointing(keyring, url)
    assert not repointing.asks
    for said in (NEW, ""):
        repointing.heard(said, SECOND)
    assert not keyring.knows_coordinator


def test_a_secret_that_two_make_at_once_is_one(keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    first = keyring.make_towards(NEW, OLD)
    with monkeypatch.context() as late:  # another looked before the first one had written
        late.setattr(keyring, "towards", lambda did: "")
        keyring.make_towards(NEW, OLD)
    assert bearer_hash(keyring.towards(NEW)) == first
    assert keyring.make_towards(NEW, OLD, anew=True) != first


def test_what_cannot_be_noted_is_tried_again(
    keyring: Keyring, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keyring.trust(OLD, FIRST, HERE)
    repointing = Repointing(keyring, THERE)
    with monkeypatch.context() as full:
        full.setattr("syncropel.settings.keyring.write_private", refuse)
        repointing.heard(NEW, SECOND)
    assert (keyring.coordinator, repointing.asks) == (OLD, True)
    assert "cannot note who the coordinator is: No space left on device" in caplog.text
    repointing.heard(NEW, SECOND)
    assert (keyring.coordinator, repointing.asks) == (NEW, False)


def refuse(*_: object) -> None:
    raise OSError(28, "No space left on device")
