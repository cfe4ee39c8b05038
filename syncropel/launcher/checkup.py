"""The checks of `spl doctor`: what of an instance's files, process and machine is not as it should be.

Each looks and changes nothing, and needs no daemon: it is asked when something is wrong.
"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote

import psutil
from platformdirs import user_data_path

from syncropel.client import Client, Target, calls
from syncropel.client.clock_text import clock_words, is_off
from syncropel.errors import SetupError, SyncropelError
from syncropel.launcher.process import answering_pid, find_daemon, written_pid
from syncropel.settings.config import HOST, Home, load_settings
from syncropel.settings.identity import read_identity
from syncropel_console import OURS, RIVAL, damage, rival

if TYPE_CHECKING:
    from syncropel.wire import EngineHealth, FleetStatus

State = Literal["ok", "warn", "fail"]
_GIB: Final = 1024**3
_OLD_BACKUP_SECS: Final = 7 * 86400.0
_TAIL_BYTES: Final = 256 * 1024
_TROUBLE: Final = {
    "refused": "{} were refused",
    "closed_for_room": "{} were closed to make room",
    "accept_errors": "accepting one failed {} times",
}
"""Counts of the health that an operator has to know of, and how they are told."""
_NOT_OPERATOR: Final = {
    "goals_refused": "{} requests of goals that may only read",
    "unknown_callers": "{} requests of unknown callers",
}

_HEARD: Final = frozenset({"live", "draining"})


@dataclass(frozen=True)
class Finding:
    """What one look at `about` showed, and, unless all is well, what to do."""

    about: str
    state: State
    told: str
    hint: str = ""


@dataclass(frozen=True)
class Patient:
    """What is looked at. `deep`: read the whole store, page by page."""

    home: Home
    data: Path
    deep: bool = False


def examine(patient: Patient) -> list[Finding]:
    """Every finding, from the folder up to the machine; only the first when there is no home at all."""
    home = list(_home(patient))
    if any(one.state == "fail" for one in home):
        return home
    return [*home, *(finding for look in _LOOKS for finding in look(patient))]


def _home(patient: Patient) -> Iterator[Finding]:
    path = patient.home.path
    if not path.is_dir():
        yield Finding("home", "fail", f"{path} is not there", "make it: spl init; or set SYNCROPEL_HOME")
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


def _store(patient: Patient) -> Iterator[Finding]:
    store = patient.home.store
    if not store.exists():
        yield Finding("store", "warn", f"no {store.name} yet", "made at the first start: spl serve")
        return
    try:
        told = _looked_into(store, patient.deep)
    except sqlite3.Error as error:
        yield Finding(
            "store",
            "fail",
            f"{store} is damaged or no store: {error}",
            f"stop the daemon, move {store.name} and its -wal and -shm aside, copy a backup to {store}",
        )
        return
    yield Finding("store", "ok", told)
    arriving = store.with_name(store.name + ".arriving")
    if arriving.exists() and find_daemon(patient.home) is None:
        yield Finding(
            "store", "warn", "a bundle was not restored to its end", "the next start takes in the rest"
        )


def _looked_into(store: Path, deep: bool) -> str:
    uri = f"file:{quote(str(store))}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=5.0)) as log:
        records = log.execute("SELECT coalesce(max(sequence), 0) FROM records").fetchone()[0]
        if not deep:
            return f"{records} records; not read through (--deep does)"
        found = log.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
    return f"{records} records; every page is sound"


def _disk(patient: Patient) -> Iterator[Finding]:
    free = shutil.disk_usage(patient.home.path).free
    told = f"{free / _GIB:.1f} GiB free"
    if free < 0.2 * _GIB:
        yield Finding("disk", "fail", told, "free some: without room the log takes no record")
    elif free < _GIB:
        yield Finding("disk", "warn", told, "free some before the log needs it")
    else:
        yield Finding("disk", "ok", told)


def _backup(patient: Patient) -> Iterator[Finding]:
    try:
        identity = read_identity(patient.home)
    except SetupError:
        return
    if identity is None:
        return
    folder = user_data_path("syncropel") / "backups" / f"instance-{identity.did.rpartition(':')[2]}"
    newest = max((one.stat().st_mtime for one in folder.glob("hub.db.bak*")), default=None)
    if newest is None:
        yield Finding("backup", "warn", f"none in {folder}", "one is made at each start with records")
        return
    age = time.time() - newest
    told = f"{age / 86400:.0f} days old in {folder}" if age >= 86400 else f"from today in {folder}"
    old = age > _OLD_BACKUP_SECS
    hint = "it is made at a start; copy the store elsewhere as docs/operations.md says" if old else ""
    yield Finding("backup", "warn" if old else "ok", told, hint)


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
    if answering_pid(home) != running:
        yield Finding(
            "daemon",
            "fail",
            f"PID {running} runs and does not answer on {home.socket}",
            f"see {home.log}; then: spl stop",
        )
        return
    yield Finding("daemon", "ok", f"PID {running} answers")


def _door(patient: Patient) -> Iterator[Finding]:
    home = patient.home
    if answering_pid(home) is None:
        return
    try:
        with Client(Target(socket=home.socket, home=home.display()), timeout=2.0) as client:
            details = client.send(calls.engine_health(details=True)).details or {}
    except SyncropelError:
        return
    counts = details.get("connections")
    if not isinstance(counts, dict):
        return  # an older daemon
    told = f"{counts.get('tcp', 0)} of at most {counts.get('tcp_limit', 0)} TCP connections"
    trouble = [words.format(counts[kind]) for kind, words in _TROUBLE.items() if counts.get(kind)]
    if trouble:
        hint = f"who connects? ss -tnp; more room: a higher ulimit -n; see {home.log}"
        yield Finding("connections", "warn", f"{told}; since the start {', '.join(trouble)}", hint)
    else:
        yield Finding("connections", "ok", told)
    refused = [words.format(counts[kind]) for kind, words in _NOT_OPERATOR.items() if counts.get(kind)]
    if refused:
        told = f"refused on the Unix socket since the start: {', '.join(refused)}"
        yield Finding("goals", "warn", told, "which ones: spl logs --level WARN")
    for part, look in (("reports", _reports), ("writers", _writers)):
        if isinstance(found := details.get(part), dict):
            yield from look(found)


def _reports(told: Mapping[str, Any]) -> Iterator[Finding]:
    """Results that are finished and not reported yet."""
    waiting, problems, refused = told.get("waiting"), told.get("problems"), told.get("refused")
    if waiting and isinstance(problems, list) and problems:
        yield Finding(
            "reports",
            "warn",
            f"{waiting} results wait to be reported: {problems[0]}",
            "they are sent until they are taken; see at the coordinator: spl task diagnose NAME",
        )
    if refused:
        yield Finding(
            "reports",
            "warn",
            f"{refused} reports of attempts were refused",
            "which and why: spl logs --level WARN; spl task diagnose NAME",
        )


def _writers(told: Mapping[str, Any]) -> Iterator[Finding]:
    """Callers that may write in a name that is not proven to be their own."""
    if free := told.get("any_actor"):
        yield Finding(
            "accounts",
            "warn",
            f"{free} older service accounts may write as any actor but an instance",
            "which ones: spl token list; restrict one: spl token grant ACCOUNT --actor PATTERN",
        )
    if isinstance(shared := told.get("unverified"), list) and shared:
        yield Finding(
            "credentials",
            "warn",
            f"unverified, with only the fleet's shared token: {', '.join(map(str, shared))}",
            "stop them, then: spl fleet start, which gives each a credential of its own",
        )


def _fleet(patient: Patient) -> Iterator[Finding]:
    home = patient.home
    if answering_pid(home) is None:
        return
    try:
        with Client(Target(socket=home.socket, home=home.display()), timeout=2.0) as client:
            health = client.send(calls.engine_health())
            status = client.send(calls.fleet_status())
    except SyncropelError:
        return
    yield from _heartbeats(health, status)
    yield from _clocks(health, status)


def _heartbeats(health: EngineHealth, status: FleetStatus) -> Iterator[Finding]:
    """Heartbeats that a coordinator refuses, as either side sees them, and what a worker does without."""
    if health.takes_no_work:
        yield Finding(
            "work",
            "warn",
            f"takes none: {health.takes_no_work}",
            "let it in again, at its coordinator: spl fleet start; after a revocation with --reissue NAME",
        )
    hint = "it hears of no freeze: stop it: spl stop; or give it its credential back: spl fleet start"
    if health.coordinator_refuses:
        told = f"the coordinator refuses this worker's: {health.coordinator_refuses}"
        yield Finding("heartbeats", "warn", told, hint)
    for one in status.instances:
        if one.refused:
            yield Finding("heartbeats", "warn", f"refused of {one.alias or one.did}: {one.refused}", hint)


def _clocks(health: EngineHealth, status: FleetStatus) -> Iterator[Finding]:
    ahead = {one.alias: one.clock_ahead_secs for one in status.instances if one.status in _HEARD}
    if health.role == "worker":
        ahead = {health.alias: health.clock_ahead_secs}
    elif len(ahead) < 2:
        return  # a coordinator's clock is the fleet's
    off = [f"{name} is {clock_words(secs)}" for name, secs in ahead.items() if is_off(secs)]
    unknown = sorted(name for name, secs in ahead.items() if secs is None)
    if off:
        yield Finding("clocks", "warn", ", ".join(off), "set them by a time server: timedatectl set-ntp true")
    elif unknown:
        yield Finding(
            "clocks", "warn", f"not measured yet: {', '.join(unknown)}", "the next heartbeat measures it"
        )
    else:
        largest = max((abs(secs) for secs in ahead.values() if secs is not None), default=0.0)
        yield Finding("clocks", "ok", f"within {largest:.2f} s of the coordinator's")


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
    _identity,
    _permissions,
    _store,
    _disk,
    _backup,
    _data,
    _process,
    _door,
    _fleet,
    _log,
    _memory,
)
