"""A PostgreSQL server of the tests' own: in a temporary folder, on a free port, ended by its process id."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_LIMIT_SECS = 60.0
_CONF = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
fsync = {fsync}
full_page_writes = {fsync}
max_connections = 60
shared_buffers = 32MB
max_wal_senders = 4
autovacuum_naptime = 1d
log_min_messages = fatal
lc_messages = 'C'
"""


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, or None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: int(one.parts[-3]))
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    return None if there is None else Path(os.path.realpath(there)).parent


def needed() -> Path:
    """The same, for a test that cannot do without."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed here: .ci/packages installs it")
    return found


def _unprivileged() -> dict[str, Any]:
    """How a process runs as somebody else than root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return {}


def _ending_with_us() -> list[str]:
    """What ends a process with the one that starts it, also one that is killed; nothing without the tool."""
    setpriv = shutil.which("setpriv")
    return [] if setpriv is None else [setpriv, "--pdeathsig", "QUIT"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Server:
    """One cluster. `durable`: whether it writes through to the disk, as tests of crashes need."""

    def __init__(self, bin_folder: Path, *, durable: bool = False) -> None:
        self._bin = bin_folder
        self.folder = Path(tempfile.mkdtemp(prefix="spl-pg-"))
        self._who = _unprivileged()
        if self._who:
            os.chown(self.folder, self._who["user"], self._who["group"])
        self.data = self.folder / "data"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._run(
            "initdb", "-D", str(self.data), "-U", "syncropel", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"
        )
        on = "on" if durable else "off"
        conf = _CONF.format(port=self.port, folder=self.folder, fsync=on)
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(conf)

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *words], capture_output=True, cwd=self.folder, check=False, **self._who
        )
        assert done.returncode == 0, done.stderr.decode()

    def url(self, database: str = "postgres", user: str = "syncropel", port: int = 0) -> str:
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it lets this process in."""
        process = self.start_without_looking()
        ends = time.monotonic() + _LIMIT_SECS
        while not self._answers():
            assert process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < ends, "PostgreSQL does not start"
            time.sleep(0.02)

    def start_without_looking(self) -> subprocess.Popen[bytes]:
        """Start it: whoever connects must wait."""
        assert self._process is None
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_ending_with_us(), str(self._bin / "postgres"), "-D", str(self.data)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                start_new_session=True,
                **self._who,
            )
        return self._process

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def execute(self, statement: str, database: str = "postgres", *, user: str = "syncropel") -> list[Any]:
        """Run one statement; return its rows."""
        import psycopg

        with psycopg.connect(self.url(database, user), autocommit=True) as log:
            cursor = log.execute(statement)
            return cursor.fetchall() if cursor.description is not None else []

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT ends its sessions first, SIGQUIT does not wait, SIGKILL tells nobody."""
        if self._process is None:
            return
        process, self._process = self._process, None
        children = _children(process.pid) if how == signal.SIGKILL else []
        process.send_signal(how)
        process.wait(_LIMIT_SECS)
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        for child in children:
            while Path(f"/proc/{child}").exists():
                time.sleep(0.01)

    def close(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def _children(parent: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A server for all tests of this process, which lose nothing but time when the machine crashes."""
    server = Server(needed())
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres_url(postgres_server: Server) -> str:
    """The URL of a database in which no log is."""
    postgres_server.execute("DROP SCHEMA IF EXISTS syncropel CASCADE")
    return postgres_server.url()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server for one test, which may end it; it writes through to the disk."""
    server = Server(needed(), durable=True)
    try:
        server.start()
        yield server
    finally:
        server.close()
