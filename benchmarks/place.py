"""A place to measure in: a temporary home with daemons on free ports, all ended at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from syncropel.client import Client, Target, calls
from syncropel.launcher.launcher import Launcher
from syncropel.launcher.local import Local, local_workers
from syncropel.launcher.plan import FleetPlan
from syncropel.launcher.teardown import stop
from syncropel.settings.home import Home


@dataclass(frozen=True)
class Place:
    """A running fleet. `url` and `token` reach its coordinator over TCP."""

    home: Home
    environ: dict[str, str]
    client: Client
    url: str
    token: str


def _silent(*_: str) -> None:
    return


def environ_in(folder: Path) -> dict[str, str]:
    """The environment of a user whose home is `folder`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SPL_", "SYNCROPEL_"))}
    return {
        **kept,
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "share"),
        "SYNCROPEL_HOME": str(folder / ".syncro"),
    }


@contextmanager
def fleet(workers: int, adapter: str | None = None) -> Iterator[Place]:
    """A coordinator and so many workers, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="spl-bench-", ignore_cleanup_errors=True) as folder:
        home = Home(Path(folder) / ".syncro")
        environ = environ_in(Path(folder))
        plan = FleetPlan(workers=workers, adapter=adapter, port=0, worker_port=0)
        try:
            Launcher(home, plan, _silent, _silent, _silent, environ=environ).run()
            with Client(Target(socket=home.socket)) as client:
                url = client.send(calls.fleet_status()).coordinator_url
                token = client.send(
                    calls.mint_service_account("sa-bench", ["records:write"], ["did:sync:agent:bench"])
                ).token
                yield Place(home, environ, client, url, token)
        finally:
            stop(local_workers(home), _silent)
            stop([Local("coordinator", home)], _silent)


@contextmanager
def process(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process of our own (`-m` and what follows); ended by its id."""
    with subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.terminate()
            running.wait(10)
