"""The checks of `spl doctor` on an instance's files, process, and machine.

Checks change nothing, and need no daemon: they are run when something is wrong.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from syncropel.errors import SetupError
from syncropel.launcher import adapter_checks, daemon_checks, store_checks, tls_checks
from syncropel.launcher.finding import Finding, Patient
from syncropel.launcher.lost_daemon import lost_daemon
from syncropel.launcher.process import answering_pid, ask_start, find_daemon, written_pid
from syncropel.settings.config import HOST, load_settings
from syncropel.settings.identity import read_identity
from syncropel_console import OURS, RIVAL, damage, rival

if TYPE_CHECKING:
    pass

_GIB: Final = 1024**3
_TAIL_BYTES: Final = 256 * 1024


def examine(patient: Patient) -> list[Finding]:
    """Every finding, from the folder up to the machine; only the first one when there is no home at all."""
    home = list(_home(patient))
    if any(one.state == "fail" for one in home):
        return home
    return [*home, *(finding for look in _LOOKS for finding in look(patient))]


def _home(patient: Patient) -> Iterator[Finding]:
    path = patient.home.path
    if not path.is_dir():
        yield Finding("home", "fail", f"{path} is not there", "make it: spl init; or set SYNCROPEL_HOME")
        if (pid := lost_daemon(patient.home)) is not None:
            told = f"PID {pid} is a daemon of this home that still runs"
            yield Finding("daemon", "fail", told, "what it writes is lost; end it: spl stop")
    elif not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("home", "fail", f"{path} cannot be written", "check its owner and its permissions")
    else:
        yield Finding("home", "ok", patient.home.display())


def _package(patient: Patient) -> Iterator[Finding]:
    if (version := rival()) is not None:
        told = f"{RIVAL} {version} is installed beside {OURS}: to update or remove it breaks spl"
        yield Finding("package", "warn", told, damage()[1])


def _config(patient: Patient) -> Iterator[Finding]:
    try:
        settings = load_settings(patient.home, os.environ)
    except SetupError as error:
        yield Finding("config", "fail", error.message, error.hint)
        return
    there = patient.home.config.exists()
    told = patient.home.config.name if there else f"no {patient.home.config.name}: every setting is a default"
    yield Finding("config", "ok", f"{told} (role {settings.role})")
    if not settings.auth.required:
        yield Finding("auth", "warn", "off: everyone on this machine may call", "[auth] required = true")


def _identity(patient: Patient) -> Iterator[Finding]:
    try:
        identity = read_identity(patient.home)
    except SetupError as error:
        yield Finding("identity", "fail", error.message, error.hint)
        return
    if identity is None:
        yield Finding("identity", "warn", "none yet", "made at the first start, or by: spl init")
    else:
        yield Finding("identity", "ok", identity.did)


def _permissions(patient: Patient) -> Iterator[Finding]:
    home = patient.home
    private = [home.keys, *_files(home.keys), home.secrets, *_files(home.secrets), home.run, home.socket]
    open_to_others = [path for path in private if path.exists() and path.lstat().st_mode & 0o077]
    for path in open_to_others:
        mode = "700" if path.is_dir() else "600"
        yield Finding("permissions", "fail", f"others may read {path}", f"chmod {mode} {path}")
    if not open_to_others:
        yield Finding("permissions", "ok", "keys, secrets and the socket are the owner's alone")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() and os.access(folder, os.R_OK | os.X_OK) else []


def _disk(patient: Patient) -> Iterator[Finding]:
    free = shutil.disk_usage(patient.home.path).free
    told = f"{free / _GIB:.1f} GiB free"
    if free < 0.2 * _GIB:
        yield Finding("disk", "fail", told, "free some: without room the log takes no record")
    elif free < _GIB:
        yield Finding("disk", "warn", told, "free some before the log needs it")
    else:
        yield Finding("disk", "ok", told)


def _data(patient: Patient) -> Iterator[Finding]:
    aliases = patient.data / "aliases.toml"
    try:
        known = tomllib.loads(aliases.read_text(encoding="utf-8")).get("aliases", {})
    except FileNotFoundError:
        yield Finding("task files", "ok", f"none in {patient.data}")
    except (OSError, ValueError) as error:
        yield Finding("task files", "warn", f"{aliases}: {error}", "mend it, or move it away")
    else:
        yield Finding("task files", "ok", f"{len(known)} aliases in {patient.data}")


def _process(patient: Patient) -> Iterator[Finding]:
    home, written = patient.home, written_pid(patient.home)
    running = find_daemon(home)
    if running is None:
        stale = f"; a stale PID file names {written}" if written is not None else ""
        told = f"no daemon runs here{stale}"
        yield Finding("daemon", "warn", told, "start it: spl serve (it removes a stale PID file)")
        yield from _port(patient)
        return
    if written != running:
        yield Finding("pid file", "warn", f"it does not name PID {running}", "spl stop finds it all the same")
    if (start := ask_start(home)) is not None and start.state == "reading":
        how_far = f"{start.records_read:,} of {start.records:,} records"
        yield Finding(
            "daemon", "warn", f"PID {running} reads its log: {how_far}", "wait; it answers after that"
        )
        return
    if answering_pid(home) != running:
        yield Finding(
            "daemon",
            "fail",
            f"PID {running} runs and does not answer on {home.socket}",
            f"see {home.log}; then: spl stop",
        )
        return
    yield Finding("daemon", "ok", f"PID {running} answers")


def _port(patient: Patient) -> Iterator[Finding]:
    try:
        port = load_settings(patient.home, os.environ).server.port
    except SetupError:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            yield Finding(
                "port", "fail", f"{port} is taken by another process", f"find it: ss -tlnp | grep {port}"
            )
        else:
            yield Finding("port", "ok", f"{port or 'any port'} is free")


def _log(patient: Patient) -> Iterator[Finding]:
    try:
        with patient.home.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            errors = [line for line in file.read().splitlines() if b'"level": "ERROR"' in line]
    except OSError:
        return
    if errors:
        yield Finding("log", "warn", f"{len(errors)} errors lately", "see them: spl logs --level ERROR")
    else:
        yield Finding("log", "ok", "no errors lately")


def _memory(_: Patient) -> Iterator[Finding]:
    if sys.platform != "linux":
        return
    free = psutil.virtual_memory().available / _GIB
    told = f"{free:.1f} GiB available"
    if free < 2:
        yield Finding("memory", "warn", told, "run one goal at a time: [dispatch] max_concurrent = 1")
    else:
        yield Finding("memory", "ok", told)


_LOOKS: Final[tuple[Callable[[Patient], Iterator[Finding]], ...]] = (
    _package,
    _config,
    adapter_checks.adapters,
    adapter_checks.isolation,
    adapter_checks.agents,
    adapter_checks.rules,
    adapter_checks.repositories,
    _identity,
    _permissions,
    tls_checks.tls,
    store_checks.store,
    _disk,
    store_checks.backups,
    _data,
    _process,
    daemon_checks.door,
    daemon_checks.fleet,
    _log,
    _memory,
)
