"""The checks of `spl doctor` on the log and its backups. They need no daemon."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from platformdirs import user_data_path

from syncropel.client import Client, Target, calls, store_calls
from syncropel.errors import SetupError, SyncropelError
from syncropel.launcher.finding import Finding, Patient
from syncropel.launcher.process import answering_pid, find_daemon
from syncropel.settings.config import load_settings
from syncropel.settings.identity import read_identity

_OLD_BACKUP_SECS: Final = 7 * 86400.0
_LIMIT_SECS: Final = 120.0
_ACCEPT: Final = "spl store accept-loss"


def store(patient: Patient) -> Iterator[Finding]:
    path = patient.home.store
    url = _url(patient)
    if url is None:
        return  # the check of the settings says why
    if url:
        yield from _database(patient, url)
        return
    if not path.exists():
        gone = _known_before(patient)
        if gone:
            yield Finding(
                "store", "fail", f"{path} is gone, and {gone} records were known", "spl backup restore"
            )
        else:
            yield Finding("store", "warn", f"no {path.name} yet", "made at the first start: spl serve")
        return
    looked = _looked(patient)
    if looked is None:
        yield Finding("store", "warn", "it could not be looked at", "see: spl store verify")
        return
    if looked["problem"]:
        hint = _stopped_hint(looked["hint"], path)
        if find_daemon(patient.home) is None:  # which alone can go on without them
            hint = hint.replace(_ACCEPT, f"spl serve, then {_ACCEPT}")
        yield Finding("store", "fail", looked["problem"], hint)
    elif patient.deep:
        yield _deep(path, looked["records"])
    else:
        told = "every page is sound" if looked["whole"] else "not read through (--deep does)"
        yield Finding("store", "ok", f"{looked['records']} records; {told}")
    if path.with_name(f"{path.name}.arriving").exists() and find_daemon(patient.home) is None:
        yield Finding(
            "store", "warn", "a bundle was not restored to its end", "the next start takes in the rest"
        )
    yield from _as_the_daemon_says(patient)


def _url(patient: Patient) -> str | None:
    """Where the log is in a database; empty for a file, None for settings that cannot be read."""
    try:
        return load_settings(patient.home, os.environ).store.url
    except SetupError:
        return None


def _database(patient: Patient, url: str) -> Iterator[Finding]:
    looked = _looked(patient)
    if looked is None:
        yield Finding("store", "warn", f"{url} could not be looked at", "see: spl store verify")
    elif looked["problem"]:
        new = "made at the first start" in looked["hint"]
        yield Finding("store", "warn" if new else "fail", looked["problem"], looked["hint"])
    else:
        yield Finding("store", "ok", f"{looked['records']} records at {url}")
    yield from _as_the_daemon_says(patient)


def _stopped_hint(hint: str, path: Path) -> str:
    aside = f"move {path.name} and its -wal and -shm aside, copy a backup to {path}"
    damaged = f"spl stop, then: spl backup restore; or {aside}"
    return hint if "accept-loss" in hint or "upgrade" in hint or "restore" in hint else damaged


def _deep(path: Path, records: int) -> Finding:
    try:
        with closing(_opened(path)) as log:
            found = str(log.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        return Finding("store", "fail", f"{path} is damaged: {found}", _stopped_hint("", path))
    return Finding("store", "ok", f"{records} records; every page is sound")


def _looked(patient: Patient) -> dict[str, Any] | None:
    """What `spl serve` would report about the store; None when that cannot be found out."""
    # A separate process, because only the daemon's layer may open a store.
    words = [
        sys.executable,
        "-P",
        "-m",
        "syncropel.daemon.store_tool",
        "look",
        "--home",
        str(patient.home.path),
    ]
    try:
        done = subprocess.run(words, check=False, capture_output=True, timeout=_LIMIT_SECS)
        found: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return found


def _known_before(patient: Patient) -> int:
    """How many records the lineage knows of; 0 when there is none."""
    folder = _folder(patient)
    for path in (patient.home.lineage, *([] if folder is None else [folder / "lineage.json"])):
        try:
            return int(json.loads(path.read_text(encoding="utf-8"))["head"]["sequence"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return 0


def _as_the_daemon_says(patient: Patient) -> Iterator[Finding]:
    home = patient.home
    if answering_pid(home) is None:
        return
    try:
        with Client(Target(socket=home.socket, home=home.display()), timeout=2.0) as client:
            found = client.send(store_calls.store())
            details = client.send(calls.engine_health(details=True)).details
    except SyncropelError:
        return
    if found.state != "sound":
        yield Finding("log", "fail", f"{found.state}: {found.problem}", found.hint)
    for told in found.notices:
        yield Finding("log", "warn", told, "see: spl store status")
    if found.views_problem:
        mend = "free some disk space; if that does not help: spl stop, then: spl views drop"
        yield Finding("views", "warn", found.views_problem, mend)
    taken = details.backup if details is not None else None
    if taken is not None and taken.get("state") == "failed":
        yield Finding(
            "backup",
            "fail",
            f"the last one failed: {taken.get('problem')}",
            "mend that, then: spl backup now",
        )


def _folder(patient: Patient) -> Path | None:
    try:
        identity = read_identity(patient.home)
    except SetupError:
        return None
    if identity is None:
        return None
    return user_data_path("syncropel") / "backups" / f"instance-{identity.did.rpartition(':')[2]}"


def backups(patient: Patient) -> Iterator[Finding]:
    if url := _url(patient):
        told = f"none of {url} are taken here: a database has its own"
        yield Finding("backup", "warn", told, "see that somebody takes them: pg_dump, or a managed service")
        return
    folder = _folder(patient)
    if folder is None:
        return
    found = sorted(
        (one for one in folder.glob("hub.db*") if not one.name.endswith(".json")),
        key=lambda one: one.stat().st_mtime,
        reverse=True,
    )
    if not found:
        yield Finding("backup", "warn", f"none in {folder}", "take one: spl backup now")
        return
    age = time.time() - found[0].stat().st_mtime
    old = age > _OLD_BACKUP_SECS
    told = f"{found[0].name}, {_records(found[0])} records, {_age(age)} in {folder}"
    yield Finding("backup", "warn" if old else "ok", told, "take one: spl backup now" if old else "")
    for one in found[1:]:
        if one.name.startswith("hub.db.bak."):
            told = f"{one.name}, {_records(one)} records, {_age(time.time() - one.stat().st_mtime)}"
            hint = f"a later log lacked some of it: spl backup verify {one.name}"
            yield Finding("backup", "warn", told, hint)


def _age(secs: float) -> str:
    return f"{secs / 86400:.0f} days old" if secs >= 86400 else "from today"


def _records(path: Path) -> str:
    try:
        with closing(_opened(path)) as log:
            return str(log.execute("SELECT coalesce(max(sequence), 0) FROM records").fetchone()[0])
    except sqlite3.Error:
        return "unreadable, unknown"


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=5.0)
