"""A real daemon process in a home that lasts for one test; it is ended by its own id."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import syncropel
from syncropel.settings.home import Home
from tests.fork_server import ForkedDaemon, ForkServer

LIMIT_SECS = 90.0


@dataclass
class Ended:
    """How a daemon ended, and what it said on stderr."""

    code: int
    err: str


class Daemon:
    """One process. `operator()` is a client on its Unix socket, `tcp()` one without a token.

    `forks`: where it comes from; None: it is started as anywhere.
    """

    def __init__(self, home: Home, *flags: str, forks: ForkServer | None = None, **environ: str) -> None:
        self.home = home
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SPL_", "SYNCROPEL_"))}
        folder = home.path.parent
        places = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "share")}
        words = [sys.executable, "-m", "syncropel.daemon", "--home", str(home.path), "--port", "0", *flags]
        env = {**kept, "PYTHONPATH": python_path(), **places, **environ}
        self._said = Path(tempfile.mkdtemp(prefix="said-", dir=folder))
        self.process: subprocess.Popen[bytes] | ForkedDaemon
        with (self._said / "out").open("wb") as out, (self._said / "err").open("wb") as err:
            if forks is None:
                self.process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=folder
                )
            else:
                streams = {"stdout": out.fileno(), "stderr": err.fileno()}
                self.process = ForkedDaemon(forks, words, env=env, cwd=folder, **streams)

    def ready(self) -> Daemon:
        """Wait until it answers on its socket."""

        def look() -> bool:
            assert self.process.poll() is None, self.ended().err
            with socket.socket(socket.AF_UNIX) as probe:  # httpx leaves its own open when nobody listens
                if probe.connect_ex(str(self.home.socket)) != 0:
                    return False
            with suppress(httpx.TransportError), self.operator() as client:
                return bool(client.get("/v1/engine/health").json().get("pid") == self.process.pid)
            return False

        until(look)
        return self

    def operator(self) -> httpx.Client:
        return httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.home.socket), verify=False),
            base_url="http://spl",
            timeout=LIMIT_SECS,
        )

    def tcp(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=LIMIT_SECS, trust_env=False, verify=False)

    @property
    def url(self) -> str:
        with self.operator() as client:
            return str(client.get("/v1/fleet/status").json()["coordinator_url"])

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def ended(self) -> Ended:
        """Wait for its end."""
        code = self.process.wait(LIMIT_SECS)
        assert (self._said / "out").read_bytes() == b""
        return Ended(code, (self._said / "err").read_text(encoding="utf-8"))

    def stop(self) -> Ended:
        self.signal()
        return self.ended()

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.home.log.read_text(encoding="utf-8").splitlines()]

    def logged(self, words: str) -> bool:
        return self.home.log.exists() and any(words in line["message"] for line in self.log())

    def post(self, count: int, **fields: Any) -> list[str]:
        """Post so many records; gives their ids."""
        whole = {"thread": "t", "actor": "a", "act": "KNOW", **fields}
        with self.operator() as client:
            answers = [client.post("/v1/records", json={**whole, "body": {"n": n}}) for n in range(count)]
        assert all(answer.status_code == 201 for answer in answers)
        return [answer.json()["id"] for answer in answers]


def python_path() -> str:
    """Where the processes of this test find the package that is tested."""
    return os.pathsep.join([str(Path(syncropel.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])


def until(look: Callable[[], Any]) -> Any:
    """Look again until it is true; gives what was seen."""
    deadline = time.monotonic() + LIMIT_SECS
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)
    return seen


@pytest.fixture
def home() -> Iterator[Home]:
    # A short path: a Unix socket's address holds about a hundred bytes.
    with tempfile.TemporaryDirectory(prefix="spl-", ignore_cleanup_errors=True) as folder:
        yield Home(Path(folder) / "home")


Start = Callable[..., Daemon]


@pytest.fixture
def start(home: Home, fork_server: ForkServer | None) -> Iterator[Start]:
    """Run a daemon at the test's home with these flags and this environment."""
    with _daemons(home, fork_server) as one:
        yield one


@pytest.fixture
def started(home: Home) -> Iterator[Start]:
    """As `start`, where it is told how a process starts, or with what it was started."""
    with _daemons(home, None) as one:
        yield one


@contextmanager
def _daemons(home: Home, forks: ForkServer | None) -> Iterator[Start]:
    with ExitStack() as stack:

        def one(*flags: str, **environ: str) -> Daemon:
            daemon = Daemon(home, *flags, forks=forks, **environ)
            stack.callback(_end, daemon)
            return daemon

        yield one


def _end(daemon: Daemon) -> None:
    daemon.process.kill()
    daemon.process.wait()
