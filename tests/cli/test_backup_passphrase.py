"""`spl backup` and keys: where their passphrase comes from, and what is said of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from syncropel.cli import backup as command
from syncropel.cli.support import passphrase as asking
from syncropel.wire import BackupOut

from .conftest import FakeDaemon, Ran

Spl = Callable[..., Ran]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the tool is told by the command, which gets no answer worth reading."""
    seen: list[tuple[Any, ...]] = []
    answer = {"path": "/b/keys.sealed", "also": [], "sealed": True, "unsealed": ["/b/keys.tar"]}
    monkeypatch.setattr(
        command, "_tool", lambda home, *words, secret="": seen.append((*words, secret)) or answer
    )
    return seen


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is typed at the prompts, in order."""
    typed: list[str] = []
    monkeypatch.setattr(asking, "getpass", lambda _: typed.pop(0))
    here = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(asking, "sys", SimpleNamespace(stdin=here, stderr=here))
    return typed


def test_keys_are_sealed_with_what_is_typed(
    spl: Spl, daemon: FakeDaemon, asked: list[Any], terminal: list[str]
) -> None:
    daemon.answer("/v1/backups", BackupOut(path="/b/hub.db.bak", records=5, digest="d"))
    terminal += ["right", "right"]
    done = spl("backup", "now", "--with-keys")
    assert (done.code, asked) == (0, [("keys", "--to", "/b", "right")])
    assert "keys and secrets, sealed: /b/keys.sealed" in done.out
    assert "not sealed, from before: /b/keys.tar" in done.out
    terminal += ["right", "wrong"]
    done = spl("backup", "now", "--with-keys")
    assert (done.code, "the two passphrases differ" in done.err, len(asked)) == (2, True, 1)
    terminal += [""]
    done = spl("backup", "now", "--with-keys")
    assert (done.code, "the passphrase is empty" in done.err, len(asked)) == (2, True, 1)


def test_without_a_passphrase_keys_are_left_out_or_said_to_be_open(
    spl: Spl, daemon: FakeDaemon, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = BackupOut(path="/b/hub.db.bak", records=5, digest="d", sealed_keys=False)
    daemon.answer("/v1/backups", taken)
    done = spl("backup", "now", "--with-keys")
    assert (done.code, "there is no passphrase" in done.err, daemon.requests) == (2, True, [])
    assert "keys and secrets are not: --with-keys" in spl("backup", "now").out
    done = spl("backup", "now", "--unsealed")
    assert (done.code, "add --with-keys" in done.err) == (2, True)
    monkeypatch.setattr(
        command, "_tool", lambda *_, **__: {"path": "/b/k.tar", "also": [], "sealed": False, "unsealed": []}
    )
    assert "keys and secrets, NOT sealed: /b/k.tar" in spl("backup", "now", "--with-keys", "--unsealed").out
    monkeypatch.setattr(command, "_tool", lambda *_, **__: None)
    assert spl("backup", "now", "--with-keys", "--unsealed").code == 1


@pytest.mark.parametrize(
    ("sealed_keys", "told"),
    [
        (True, "settings, task files, and sealed keys are beside it"),
        (False, "keys and secrets are not: --with-keys"),
        (None, "whether keys are is unknown"),
    ],
)
def test_whether_keys_were_saved_is_what_the_daemon_says(
    spl: Spl, daemon: FakeDaemon, home: Path, sealed_keys: bool | None, told: str
) -> None:
    taken = BackupOut(path="/b/hub.db.bak", records=5, digest="d", also=["/c/x"], sealed_keys=sealed_keys)
    daemon.answer("/v1/backups", taken)
    config = home / ".syncro" / "config.toml"
    for text in ("", '[backup]\npassphrase_file = "/p"\n', "broken ["):
        config.write_text(text)
        done = spl("backup", "now")
        assert (done.code, told in done.out, "  and in /c/x\n" in done.out) == (0, True, True)


def test_a_check_needs_no_settings(
    spl: Spl, home: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def checked(*words: str) -> tuple[int, str, Any]:
        done = spl("backup", "verify", *words, "-o", "json")
        return done.code, done.err, asked[-1][-1]

    (by_file := home / "file").write_text("of the file\n")
    by_file.chmod(0o600)
    (config := home / ".syncro" / "config.toml").parent.mkdir()
    config.write_text("broken [")
    code, err, secret = checked()
    assert (code, json.loads(err)["object"], secret) == (0, "warning", "")
    assert "no passphrase from the settings" in err
    assert checked("--passphrase-file", str(by_file)) == (0, "", "of the file")
    monkeypatch.setenv("SPL_BACKUP_PASSPHRASE", "of the environment")
    assert checked() == (0, "", "of the environment")


def test_where_a_passphrase_comes_from(
    spl: Spl, home: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch, terminal: list[str]
) -> None:
    config, by_file = home / ".syncro" / "config.toml", home / "file"
    config.parent.mkdir()
    for path, text in ((by_file, "of the file"), (home / "configured", "of the settings")):
        path.write_text(text + "\n")
        path.chmod(0o600)
    config.write_text(f'[backup]\npassphrase_file = "{home / "configured"}"\n')

    def found(*words: str) -> Any:
        spl("backup", "restore", "/b/hub.db.bak", "--with-keys", *words)
        return asked[-1][-1]

    assert found() == "of the settings"
    monkeypatch.setenv("SPL_BACKUP_PASSPHRASE", "of the environment")
    assert found() == "of the environment"
    assert found("--passphrase-file", str(by_file)) == "of the file"
    config.write_text("")
    monkeypatch.delenv("SPL_BACKUP_PASSPHRASE")
    terminal += ["typed"]
    assert found() == "typed"
    os.chmod(by_file, 0o640)
    done = spl("backup", "verify", "--passphrase-file", str(by_file))
    assert (done.code, "may be read by others" in done.err) == (1, True)


def test_a_check_and_a_restore_tell_what_is_beside(spl: Spl, monkeypatch: pytest.MonkeyPatch) -> None:
    def archive(kind: str, files: int | None) -> dict[str, Any]:
        return {"kind": kind, "files": files, "path": f"/b/{kind}"}

    told = {"records": 5, "threads": 2, "tasks": 1, "path": "/b/hub.db.bak", "manifest": True}
    monkeypatch.setattr(
        command,
        "_tool",
        lambda *_, **__: {**told, "archives": [archive("home", 2), archive("keys", None)]},
    )
    out = spl("backup", "verify").out
    assert "✓ settings and task files: 2 files, each as it was saved" in out
    assert "◇ keys and secrets are sealed; whether they are whole is unknown: no passphrase given" in out
    monkeypatch.setattr(command, "_tool", lambda *_, **__: {**told, "archives": []})
    assert "no keys are beside it" in spl("backup", "verify").out
    done = {**told, "lost": 0, "kept": ["/h/keys.2026"], "did": "did:x", "put_back": [], "others": True}
    monkeypatch.setattr(command, "_tool", lambda *_, **__: done)
    out = spl("backup", "restore", "/b/hub.db.bak").out
    assert "this instance stays did:x; the backup's own keys: --with-keys" in out
    done |= {"put_back": ["config", "keys"]}
    out = spl("backup", "restore", "/b/hub.db.bak").out
    assert "✓ restored config, keys of did:x" in out
    assert "the former keys.2026 is kept" in out
