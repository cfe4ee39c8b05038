"""A real daemon behind the command line, one for a module of tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncropel.cli.main import main
from tests.commands import daemons_from
from tests.fork_server import ForkServer


@pytest.fixture(scope="module")
def daemon_home(tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer | None) -> Iterator[Path]:
    """A home in which a daemon runs."""
    home = tmp_path_factory.mktemp("live")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SPL_URL", "SPL_TOKEN", "SPL_CONTEXT", "SPL_FLEET_COORDINATOR_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("HOME", str(home))
        patch.setenv("SYNCROPEL_HOME", str(home / "h"))
        with daemons_from(fork_server):
            assert main(["serve", "--port", "0", "--echo"]) == 0
        yield home / "h"
        assert main(["stop"]) == 0


@pytest.fixture
def live(daemon_home: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands of this test talk to the running daemon."""
    monkeypatch.setenv("SYNCROPEL_HOME", str(daemon_home))
    return daemon_home
