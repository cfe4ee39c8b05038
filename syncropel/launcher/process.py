"""Daemon processes of this machine: starts one detached, finds a home's daemon, stops exactly that one.

A PID alone proves nothing, since the system reuses numbers: a process counts as a home's daemon only when it
looks like one, and was there before the PID file was written.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from syncropel.client import Client, Target, calls
from syncropel.errors import SetupError, SyncropelError
from syncropel.settings.config import HOST, STOP_KEEPING_WORK
from syncropel.settings.home import Home, lock_of
from syncropel.settings.identity import make_home

if TYPE_CHECKING:
    from syncropel.wire import Start

STOP_LIMIT_SECS: Final = 20.0
"""How long a stop waits for a daemon to finish its work."""
_POLL_SECS: Final = 0.05
_ERROR: Final = "error: "
_CLOCK_SLACK_SECS: Final = 2.0

_started: list[subprocess.Popen[bytes]] = []
"""Kept so that Python does not complain about a daemon that outlives this process."""


@dataclass(frozen=True)
class Started:
    """A daemon process that this program has just started."""

    home: Home
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def died(self) -> SetupError | None:
        """Its last words, as an error, if it has ended; otherwise None."""
        if self.process.poll() is None:
            return None
        message, hint = last_words(self.home)
        return SetupError(
            message or f"it ended with exit status {self.process.returncode}", hint or f"see: {self.home.log}"
        )


def spawn(home: Home, flags: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> Started:
    """Start the home's daemon, detached from this terminal. Its stderr goes to `logs/stderr.log`.

    Raises SetupError when the home cannot be used or the process cannot be started.
    """
    make_home(home)
    environ = os.environ if environ is None else environ
    # `pgrep -af "spl serve"` finds it, as an operator looks for it.
    shown = ["--shown-as", "spl serve"]
    command = [sys.executable, "-P", "-m", "syncropel.daemon", "--home", str(home.path), *shown, *flags]
    try:
        with _stderr_file(home).open("wb") as errors:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
                cwd=home.path,
                env={**environ, "SYNCROPEL_HOME": str(home.path)},
            )
    except OSError as error:
        raise SetupError(f"cannot start a daemon: {error}", "see: spl status") from None
    _started.append(process)
    return Started(home, process)


def ask_start(home: Home) -> Start | None:
    """How far the home's daemon is; None when none answers, or an older one does."""
    if not home.socket.exists():
        return None
    try:
        with Client(Target(socket=home.socket, home=home.display()), timeout=2.0) as client:
            return client.send(calls.start())
    except SyncropelError:
        return None


def answering_pid(home: Home) -> int | None:
    """The PID of the daemon that serves on the home's socket; None when none does, or still reads its log."""
    if not home.socket.exists():
        return None
    if (start := ask_start(home)) is not None:
        return start.pid if start.state != "reading" else None
    try:
        with Client(Target(socket=home.socket, home=home.display()), timeout=2.0) as client:
            return client.send(calls.engine_health()).pid
    except SyncropelError:
        return None


def written_pid(home: Home) -> int | None:
    """The content of the PID file, true or not; None when it is missing or holds no number."""
    return _number_in(home.pid_file)


def _number_in(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return int(text[0]) if text and text[0].isdecimal() and int(text[0]) > 0 else None


def find_daemon(home: Home) -> int | None:
    """The PID of the home's running daemon: from its PID file; when that is lost, from the lock of its store,
    or by asking its socket.
    """
    for path in (home.pid_file, lock_of(home.store)):
        pid = _number_in(path)
        if pid is not None and _is_daemon(pid, home, path):
            return pid
    return answering_pid(home)


def listening_port(pid: int) -> int | None:
    """The TCP port on 127.0.0.1 that a daemon listens on, according to the system; None when that cannot be
    found out.
    """
    try:
        for connection in psutil.Process(pid).net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.ip == HOST:
                return int(connection.laddr.port)
    except psutil.Error:
        pass
    return None


def clear_stale_pid(home: Home) -> int | None:
    """Remove a PID file whose process is gone or is not this home's daemon; return the PID it named."""
    pid = written_pid(home)
    if pid is None or _is_daemon(pid, home, home.pid_file):
        return None
    home.pid_file.unlink(missing_ok=True)
    return pid


def signal_stop(pid: int, *, keep_work: bool = False) -> None:
    """Ask a daemon to finish and end. One that is already gone is fine.

    `keep_work`: running work continues, and the home's next daemon takes it back. Raises SetupError when the
    process belongs to somebody else.
    """
    try:
        psutil.Process(pid).send_signal(STOP_KEEPING_WORK if keep_work else signal.SIGTERM)
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied:
        raise SetupError(f"PID {pid} belongs to another user", "stop it as that user") from None


def wait_gone(pids: Sequence[int], limit_secs: float = STOP_LIMIT_SECS) -> list[int]:
    """Wait until these processes have ended; return those that still run when the limit passes."""
    deadline = time.monotonic() + limit_secs
    left = list(pids)
    while left := [pid for pid in left if not is_gone(pid)]:
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECS)
    return left


def last_words(home: Home) -> tuple[str, str]:
    """The last error that the home's daemon wrote to stderr: its message, and the hint below it."""
    try:
        with _stderr_file(home).open("rb") as errors:
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - 4096))
            text = errors.read().decode("utf-8", "replace")
    except OSError:
        return "", ""
    lines = [line for line in text.splitlines() if line.strip()]
    told = [number for number, line in enumerate(lines) if line.startswith(_ERROR)]
    if not told:
        return (lines[-1].strip() if lines else ""), ""
    message, *hint = lines[told[-1] :]
    below = [line.removeprefix("hint:").strip() for line in hint]
    return message.removeprefix(_ERROR).strip(), "\n".join(below)


def _stderr_file(home: Home) -> Path:
    return home.log.with_name("stderr.log")


def _is_daemon(pid: int, home: Home, written_in: Path) -> bool:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        older = process.create_time() <= written_in.stat().st_mtime + _CLOCK_SLACK_SECS
        return older and serves(process.cmdline(), home)
    except (psutil.Error, OSError):
        return False


def serves(words: Sequence[str], home: Home) -> bool:
    """Whether a command line is that of this home's daemon."""
    if "--home" in words[:-1]:
        named = words[list(words).index("--home") + 1]
        return "syncropel.daemon" in words and Path(named) == home.path
    in_foreground = "serve" in words and any(Path(word).name in ("spl", "main.py") for word in words[:4])
    return in_foreground or "syncropel.daemon" in words or "syncropel.cli.main" in words


def is_gone(pid: int) -> bool:
    """Whether this process has ended."""
    for process in _started:
        if process.pid == pid:
            return process.poll() is not None
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
