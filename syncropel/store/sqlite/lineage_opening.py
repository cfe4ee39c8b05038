"""Opens a log with its lineage: which files to open, what to report about them, and whether to
write to them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from syncropel.errors import StoreError
from syncropel.store.base import Hold
from syncropel.store.lineage.digest import BLOCK as _BLOCK
from syncropel.store.lineage.digest import RunningDigest
from syncropel.store.lineage.judging import Judgement, judge, name_log
from syncropel.store.lineage.keeper import LineageKeeper
from syncropel.store.lineage.lineage import Lineage, LineageFile
from syncropel.store.sqlite.connection import corrupt, explain
from syncropel.store.sqlite.following import catch_up, last_sequence
from syncropel.store.sqlite.integrity import Walked, walk

_TRIAL: Final = ".trial"


@dataclass
class Opened:
    """A log compared with its lineage. `told`: warnings for an operator."""

    files: LineageFile
    judgement: Judgement
    keeper: LineageKeeper | None
    """None while the log is held: its lineage stays as it was."""
    told: list[str] = field(default_factory=list)

    @property
    def hold(self) -> Hold | None:
        """Why nothing is written; None when there is no reason."""
        if self.keeper is not None:
            return None
        return Hold(self.judgement.told, self.judgement.hint)


def choose_files(store: Path, files: LineageFile, now: float) -> list[str]:
    """Before the store is opened: verify that a write-ahead log belongs to the file it is beside.

    In doubt, both are tried on copies, and what does not fit is kept under another name. Returns what to tell
    an operator. Raises StoreCorrupt when neither way yields a sound log; then nothing was changed.
    """
    wal = store.with_name(f"{store.name}-wal")
    shutil.rmtree(_trial(store), ignore_errors=True)
    known, _ = files.read()
    if not known or not store.exists() or not wal.exists() or wal.stat().st_size == 0:
        return []
    found = store.stat()
    if any(one.main == (found.st_size, found.st_mtime_ns) for one in known):
        return []
    wanted = [one.head.sequence for one in known]
    try:
        together = _tried(store, wal, wanted)
        if isinstance(together, Walked) and any(_goes_on(together, one) for one in known):
            return []
        alone = _tried(store, None, wanted)
    finally:
        shutil.rmtree(_trial(store), ignore_errors=True)
    if not isinstance(alone, Walked):
        raise corrupt(
            store, f"{together if isinstance(together, str) else alone}; without {wal.name}: {alone}"
        )
    kept = [_copy_aside(store, now), *move_aside(store, now)]
    names = ", ".join(path.name for path in kept)
    return [f"{wal.name} does not belong to {store.name}, which was put in its place: kept as {names}"]


def hold_against(
    log: sqlite3.Connection,
    files: LineageFile,
    now: float,
    name: Callable[[], str] = lambda: uuid4().hex,
) -> Opened:
    """Compare an open log with its lineage, and begin one where there is none. Raises sqlite3.Error."""
    known, problems = files.read()
    judgement = judge(log, known, now)
    told = [f"{problem}: it is unknown whether the log lost records before" for problem in problems]
    if judgement.state == "held":
        return Opened(files, judgement, None, told)
    if judgement.state == "continues" and judgement.lineage is not None:
        lineage = judgement.lineage
        if not judgement.log:
            name_log(log, lineage.log)
        begun = lineage.head.sequence - lineage.head.sequence % _BLOCK
        keeper = LineageKeeper(files, lineage, RunningDigest(begun, lineage.begun), ("", 0.0))
        catch_up(keeper, log)
        return Opened(files, judgement, keeper, told)
    if judgement.state == "shorter":
        told.append(judgement.told + f"; {judgement.hint}")
    return Opened(files, judgement, begin_anew(log, files, judgement, now, name), told)


def begin_anew(
    log: sqlite3.Connection,
    files: LineageFile,
    judgement: Judgement,
    now: float,
    name: Callable[[], str] = lambda: uuid4().hex,
    *,
    accepted: bool = False,
) -> LineageKeeper:
    """A lineage of the log in its current form. `judgement`: what it lacks, which is recorded; the previous
    lineage is kept under another name. `accepted`: an operator accepted it. Raises sqlite3.Error.
    """
    former = judgement.lineage
    own = judgement.log or (former.log if former is not None and not accepted else name())
    if own != judgement.log:
        name_log(log, own)
    lineage = Lineage(own)
    if former is not None:
        kept = former.points if former.log == own else ()
        last = last_sequence(log)
        points = tuple(one for one in kept if one.sequence <= last)
        losses = former.losses
        if judgement.loss is not None:
            losses = (*losses, replace(judgement.loss, accepted=accepted))
        serial = former.serial
        lineage = Lineage(own, points=points, losses=losses, accepted=former.accepted, serial=serial)
        files.set_aside(_stamp(now))
    keeper = LineageKeeper(files, lineage, RunningDigest(), ("", 0.0))
    catch_up(keeper, log)
    keeper.write(0.0, everywhere=True)
    return keeper


def _goes_on(found: Walked, lineage: Lineage) -> bool:
    """Whether a log that was walked has the last known record."""
    return lineage.head.sequence == 0 or found.digests.get(lineage.head.sequence) == lineage.head.digest


def _tried(store: Path, wal: Path | None, wanted: Sequence[int]) -> Walked | str:
    """The contents of a copy of the files, or why it is not a sound log."""
    trial = _trial(store)
    shutil.rmtree(trial, ignore_errors=True)
    trial.mkdir(mode=0o700)
    copy = trial / store.name
    try:
        shutil.copyfile(store, copy)
        if wal is not None:
            shutil.copyfile(wal, trial / wal.name)
        with closing(sqlite3.connect(copy, isolation_level=None)) as log:
            return walk(log, copy, wanted=wanted)
    except sqlite3.Error as error:
        return explain(error, store).message
    except StoreError as error:
        return error.message


def _trial(store: Path) -> Path:
    return store.with_name(store.name + _TRIAL)


def _copy_aside(store: Path, now: float) -> Path:
    kept = store.with_name(f"{store.name}.{_stamp(now)}")
    shutil.copy2(store, kept)
    os.chmod(kept, 0o600)
    return kept


def move_aside(store: Path, now: float, suffixes: Sequence[str] = ("-wal", "-shm")) -> list[Path]:
    """Rename files of a store with the time `now` (unix seconds); return the new names.

    `suffixes`: of which files, after the store's own name.
    """
    kept = []
    for suffix in suffixes:
        path = store.with_name(store.name + suffix)
        aside = path.with_name(f"{path.name}.{_stamp(now)}")
        with suppress(FileNotFoundError):
            path.rename(aside)
            kept.append(aside)
    return kept


def _stamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
