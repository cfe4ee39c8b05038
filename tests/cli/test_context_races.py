"""Several `spl context` at once, as real processes: none loses what another one wrote."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from syncropel.errors import SetupError
from syncropel.settings import contexts
from syncropel.settings.home import Home

from .conftest import Ran

SPL = (sys.executable, "-m", "syncropel.cli.main", "context")
LIMIT_SECS = 60


def environ(folder: Path) -> dict[str, str]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("SPL_")}
    return plain | {"SYNCROPEL_HOME": str(folder)}


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*SPL, *words], env=environ(folder), stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )


def test_none_of_many_added_at_once_is_lost(tmp_path: Path) -> None:
    names = [f"fleet-{number}" for number in range(6)]
    running = [
        started(tmp_path, "add", name, "--url", f"https://{name}.example.org", "--token-stdin")
        for name in names
    ]
    for name, process in zip(names, running, strict=True):
        _, errors = process.communicate(f"spl_{name}_ops_0123456789abcdef\n", LIMIT_SECS)
        assert process.returncode == 0, errors
    known = tomllib.loads((tmp_path / "contexts.toml").read_text())["contexts"]
    assert {name: one["url"] for name, one in known.items()} == {
        name: f"https://{name}.example.org" for name in names
    }
    for name in names:
        assert name in (tmp_path / "secrets" / f"context-{name}.token").read_text()


def test_of_two_that_add_one_name_the_later_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    words = ("add", "prod", "--token-stdin", "--url")
    one, two = (started(tmp_path, *words, f"https://{name}.example.org") for name in ("one", "two"))
    _, errors = one.communicate("spl_one_ops_0123456789abcdef\n", LIMIT_SECS)
    assert one.returncode == 0, errors
    _, errors = two.communicate("spl_two_ops_0123456789abcdef\n", LIMIT_SECS)
    assert two.returncode == 1
    assert "there is a context 'prod' already" in errors
    assert "one.example.org" in (tmp_path / "contexts.toml").read_text()
    assert "spl_one_" in (tmp_path / "secrets" / "context-prod.token").read_text()


def test_one_that_does_not_let_go_is_told_and_reading_goes_on(
    spl: Callable[..., Ran], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Home(home / ".syncro")
    assert spl("context", "add", "prod", "--url", "https://prod.example.org").code == 0
    monkeypatch.setattr(contexts, "_PATIENCE_SECS", 0.0)
    with (here.path / "contexts.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(SetupError, match="changing the contexts"), contexts.alone(here):
            raise AssertionError("it is held by another")
        ran = spl("context", "use", "prod")
        assert (ran.code, "fuser" in ran.err) == (1, True)
        assert "prod" in spl("context", "list").out
    assert spl("context", "use", "prod").code == 0
