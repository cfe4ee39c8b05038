"""A daemon that is newer than the command line: said once, on stderr, and the answer stays what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from syncropel import __version__
from syncropel.cli.support import connect
from syncropel.wire.version import HEADER

from .conftest import FakeDaemon, Ran
from .live import daemon_home, live
from .wire import task

__all__ = ["daemon_home", "live"]
Spl = Callable[..., Ran]
NEWER = f"warning: the daemon is newer (v{__version__}, this spl v0.0.1)"


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> None:
    """This command line is an old one."""
    monkeypatch.setattr(connect, "__version__", "0.0.1")


@pytest.mark.usefixtures("older")
def test_that_the_daemon_is_newer_is_said_once_on_stderr(spl: Spl, live: Path) -> None:
    assert spl("task", "add", "Write it", "--alias", "NEW-1").code == 0
    ran = spl("task", "show", "NEW-1")
    assert ran.code == 0
    assert ran.err.count(NEWER) == 1
    assert NEWER not in ran.out
    ran = spl("fleet", "status", "-o", "json")
    assert json.loads(ran.out)["version"] == __version__
    told = json.loads(ran.err)
    assert (told["object"], told["message"]) == ("warning", NEWER.removeprefix("warning: "))


@pytest.mark.usefixtures("older")
def test_also_when_the_daemon_refuses(spl: Spl, live: Path) -> None:
    ran = spl("task", "show", "NOWHERE-1")
    assert ran.code == 1
    assert NEWER in ran.err


def test_a_daemon_of_the_same_version_says_nothing_of_it(spl: Spl, live: Path) -> None:
    assert spl("task", "list").err == ""


def test_of_a_daemon_without_a_version_nothing_is_said(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/tasks/TUT-001", task())
    assert spl("task", "show", "TUT-001").err == ""


def test_every_answer_of_the_daemon_has_its_version(live: Path) -> None:
    endpoint = httpx.Client(transport=httpx.HTTPTransport(uds=str(_socket(live))), base_url="http://d")
    with endpoint as daemon:
        for path in ("/health", "/v1/tasks", "/v1/nowhere"):
            assert daemon.get(path).headers.get_list(HEADER) == [__version__]


def _socket(home: Path) -> Path:
    from syncropel.settings.home import Home

    return Home(home).socket
