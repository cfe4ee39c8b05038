"""Home and identity: made once, kept, private, and clear about what is wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from syncropel.errors import SetupError
from syncropel.settings.config import Settings, load_settings
from syncropel.settings.home import Home
from syncropel.settings.identity import Identity, load_or_create_identity, read_identity

from .conftest import Ran


def test_init_creates_and_then_shows(spl: Callable[..., Ran], home: Path) -> None:
    first, second = spl("init"), spl("init")
    did = load_or_create_identity(Home(home / ".syncro")).did
    assert (first.code, second.code) == (0, 0)
    assert f"✓ created ~/.syncro\n  identity: {did}\n" in first.out
    assert f"✓ found ~/.syncro\n  identity: {did} (existing)\n" in second.out
    assert "spl serve" in first.out
    assert spl("init", "-o", "json").json == {"home": str(home / ".syncro"), "did": did, "created": False}


def test_secrets_are_private(spl: Callable[..., Ran], home: Path) -> None:
    spl("init")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (home / ".syncro").iterdir()}
    assert {modes["keys"], modes["secrets"], modes["run"]} == {0o700}
    assert (home / ".syncro" / "keys" / "instance.key").stat().st_mode & 0o777 == 0o600


def test_init_keeps_settings_and_says_when_they_are_broken(spl: Callable[..., Ran], home: Path) -> None:
    spl("init")
    config = home / ".syncro" / "config.toml"
    assert load_settings(Home(home / ".syncro"), {}) == Settings()
    config.write_text("[server]\nport = 'x'\n")
    ran = spl("init")
    assert ran.code == 1
    assert "[server] port must be a int" in ran.err
    assert config.read_text() == "[server]\nport = 'x'\n"


def test_an_identity_outlives_its_process(tmp_path: Path) -> None:
    home = Home(tmp_path / "h")
    assert read_identity(home) is None
    made = load_or_create_identity(home)
    again = load_or_create_identity(home)
    assert (made.created, again.created) == (True, False)
    assert (made.did, made.public_key) == (again.did, again.public_key)
    assert made.did.startswith("did:sync:instance:")


def test_one_identity_is_made_however_many_ask_at_once(tmp_path: Path) -> None:
    home, made = Home(tmp_path / "h"), list[Identity]()
    threads = [threading.Thread(target=lambda: made.append(load_or_create_identity(home))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.did for one in made}) == 1
    assert [path.name for path in home.keys.iterdir()] == ["instance.key"]


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff" * 64, b"00" * 31])
def test_a_damaged_key_is_never_replaced(tmp_path: Path, content: bytes) -> None:
    home = Home(tmp_path / "h")
    load_or_create_identity(home)
    key = home.keys / "instance.key"
    key.write_bytes(content)
    with pytest.raises(SetupError) as caught:
        load_or_create_identity(home)
    assert "damaged" in caught.value.message
    assert "backup" in caught.value.hint
    assert key.read_bytes() == content


def test_a_file_in_the_homes_place(tmp_path: Path) -> None:
    (tmp_path / "h").write_text("")
    with pytest.raises(SetupError, match="as a home"):
        load_or_create_identity(Home(tmp_path / "h"))
