"""Daemon processes for tests, forked from one that has imported the package.

To start Python, to import all that serves and to analyse the routes is most of what a daemon costs when it
starts, and tests start hundreds. What is forked is a process of its own from there on: its session, home,
ports, environment and end are those of a daemon that was started. Where the start itself is what is tested,
none of this is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

WORDS_BYTES = 4096
"""How much room there is for the command line that the system shows of a daemon."""
_MODULE = "syncropel.daemon"
_MESSAGE_BYTES = 1 << 20
_POLL_SECS = 0.01


class ForkServer:
    """A process that forks daemons when it is told to. It ends when nobody holds the other end any more."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-P", __file__, str(theirs.fileno()), " " * WORDS_BYTES]
            package = Path(__file__).parents[1]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd=package,
                env={**os.environ, "PYTHONPATH": str(package)},
            )

    def ask(self, asked: Mapping[str, Any], descriptors: Sequence[int] = ()) -> Any:
        """Its answer to a request, see `_serve`. It gets copies of these descriptors."""
        socket.send_fds(self._socket, [json.dumps(asked).encode()], descriptors)
        return json.loads(self._socket.recv(_MESSAGE_BYTES))

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self._process.wait()


class ForkedDaemon:
    """As much of `Popen` as is used of a daemon. The server is its parent, and knows how it ended."""

    def __init__(
        self,
        server: ForkServer,
        words: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdout: int,
        stderr: int,
    ) -> None:
        assert _MODULE in words
        self._server = server
        self.returncode: int | None = None
        self.pid: int = server.ask({"fork": list(words), "env": dict(env), "cwd": str(cwd)}, [stdout, stderr])

    def poll(self) -> int | None:
        """The exit status, that of a signal negative; None while it runs."""
        if self.returncode is None:
            self.returncode = self._server.ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status once it has ended. Raises `subprocess.TimeoutExpired`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(_POLL_SECS)
        return code

    def send_signal(self, number: int) -> None:
        """As `Popen.send_signal`: nothing is sent to one that has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL it."""
        self.send_signal(signal.SIGKILL)


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer | None]:
    """None where a process cannot change the command line that the system shows: daemons are then started."""
    if not sys.platform.startswith("linux"):
        yield None
        return
    server = ForkServer()
    yield server
    server.close()


def _serve(door: socket.socket) -> None:
    """Answer requests: `fork` with the command line of a daemon is answered with its PID, `ended` of a PID
    with its exit status, or null while it runs. Forked are daemons that have all but started."""
    from tests.known_routes import routes_remembered

    with routes_remembered():
        _warm_up()
        _answer(door)


def _warm_up() -> None:
    """Do once what every daemon does when it starts: import all that serves, and analyse the routes."""
    from syncropel.api.app import create_routes
    from syncropel.daemon import process, serving
    from syncropel.engine.instance import Instance
    from syncropel.engine.lifecycle import Lifecycle
    from syncropel.peer.peers import trusted_roots
    from syncropel.settings.config import Settings, load_settings
    from syncropel.settings.home import Home
    from syncropel.settings.identity import make_home
    from syncropel.store.memory import MemoryStore

    process._server()

    async def made(home: Home, *, running: bool) -> None:
        store, instance = MemoryStore(clock=time.time), Instance("did:sync:instance:0", home, "")
        lifecycle = Lifecycle(store, instance, Settings())
        create_routes(await (lifecycle.start() if running else lifecycle.start_still()))
        if running:
            await lifecycle.stop()

    def run_one(home: Home) -> None:
        load_settings(home, {})
        with asyncio.Runner(loop_factory=serving._loop) as runner:
            runner.run(made(home, running=True))

    with tempfile.TemporaryDirectory(prefix="spl-") as folder:
        home = Home(Path(folder) / "home")
        make_home(home)
        # An engine that runs has threads, which no fork has: another process tells what one imports.
        for name in _told_by_another(lambda: run_one(home)):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        asyncio.run(made(home, running=False))
    trusted_roots()
    assert threading.active_count() == 1
    gc.collect()


def _told_by_another(act: Callable[[], None]) -> list[str]:
    """The modules that a forked process has once it has done this."""
    ours, theirs = os.pipe()
    if os.fork() == 0:
        try:
            act()
            os.write(theirs, " ".join(sys.modules).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as told:
        names = told.read().split()
    os.wait()
    return [name for name in names if name not in sys.modules]


def _answer(door: socket.socket) -> None:
    codes: dict[int, int] = {}

    def reap(*_: object) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            codes[pid] = os.waitstatus_to_exitcode(status)

    signal.signal(signal.SIGCHLD, reap)
    while True:
        message, streams, _, _ = socket.recv_fds(door, _MESSAGE_BYTES, 2)
        if not message:
            return
        asked = json.loads(message)
        answer = codes.get(asked["ended"]) if "ended" in asked else _fork(asked, door, streams)
        for stream in streams:
            os.close(stream)
        door.send(json.dumps(answer).encode())


def _fork(asked: Mapping[str, Any], door: socket.socket, streams: Sequence[int]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            door.close()
            _become(asked, streams)
            code = _run(asked["fork"])
        except BaseException:  # noqa: BLE001 - nothing may come back into the server's loop
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return pid


def _become(asked: Mapping[str, Any], streams: Sequence[int]) -> None:
    """Take what a process gets from who starts it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    _find_packages(asked["env"].get("PYTHONPATH", ""))
    time.tzset()
    _show(asked["fork"])


def _find_packages(path: str) -> None:
    """Find what is installed in further folders, such as adapters of a test's own."""
    if further := [place for place in path.split(os.pathsep) if place and place not in sys.path]:
        from syncropel.adapters.registry import installed

        sys.path += further
        installed.cache_clear()


def _show(words: Sequence[str]) -> None:
    """Let the system show these words as this process's command line."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    text = b"\0".join(os.fsencode(word) for word in words) + b"\0"
    assert len(text) < end - start, "WORDS_BYTES is too small"
    ctypes.memmove(start, text.ljust(end - start, b"\0"), end - start)


def _run(words: Sequence[str]) -> int:
    from syncropel.daemon.process import main

    sys.argv = [_MODULE, *words[words.index(_MODULE) + 1 :]]
    return main()


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
