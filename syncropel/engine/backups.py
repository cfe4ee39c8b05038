"""The backups of one daemon: one behind each start, others by schedule or when somebody asks."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

from syncropel.errors import Conflict, SetupError, SyncropelError, Unavailable
from syncropel.peer.runtime import Runtime
from syncropel.settings.config import BackupSettings
from syncropel.store.lineage.lineage import Lineage
from syncropel.store.sqlite.backup import STOPPED, BackupResult, Order, Progress, backup, quiet
from syncropel.store.sqlite.manifest import Kind, Rotation, read_manifest

log = logging.getLogger("syncropel.engine.backups")

State = Literal["waiting", "running", "ok", "failed", "stopped"]
"""`failed`: the store was not copied, and what is there stays as it was."""
_HOUR_SECS = 3600.0
Copy = Callable[..., BackupResult]
Beside = Callable[[Path, Rotation | None, float], bool]
"""Saves what belongs beside a backup of the log into its folder, and says whether that includes keys and
secrets, sealed; the last: unix seconds. Raises OSError, SyncropelError."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup at one place. `problem`: why it is missing, or not whole; empty when it is whole.
    `sealed_keys`: whether keys and secrets are beside it, sealed.
    """

    saved: BackupResult
    problem: str = ""
    sealed_keys: bool = False


def outcome(taken: Sequence[Taken]) -> dict[str, Any]:
    """Backups that were just taken, as a document: the first one, and in `also` where the others are."""
    saved = taken[0].saved
    manifest = read_manifest(saved.path)
    kept = next((one.saved.kept for one in taken if one.saved.kept is not None), None)
    return {
        "path": str(saved.path),
        "also": [str(one.saved.path) for one in taken[1:]],
        "records": saved.records,
        "digest": "" if manifest is None else manifest.digest,
        "kept": None if kept is None else str(kept),
        "sealed_keys": all(one.sealed_keys for one in taken),
    }


class CopiedStore(Protocol):
    """What a backup needs of a store."""

    @property
    def path(self) -> Path: ...
    @property
    def lineage(self) -> Lineage | None: ...

    async def copying(self, job: Callable[[sqlite3.Connection | None], BackupResult]) -> BackupResult: ...
    def copied(self, result: BackupResult) -> None: ...


class Backups:
    """Takes backups of a store to `place`, one at a time, on a thread of their own."""

    def __init__(
        self,
        store: CopiedStore,
        place: Path,
        settings: BackupSettings | None = None,
        runtime: Runtime | None = None,
        copy: Copy = backup,
        beside: Beside = lambda *_: False,
        second: Path | None = None,
        archived: Sequence[Path] = (),
        progress: Progress = quiet,
    ) -> None:
        """`second`: each backup goes there, too, unless somebody names a folder for it. `archived`: the
        folders that `beside` saves; a backup inside one would save itself. `progress` hears how far a copy
        is, on its thread.
        """
        self._store = store
        self._place = place
        self._settings = settings or BackupSettings()
        self._runtime = runtime or Runtime()
        self._copy = copy
        self._beside = beside
        self._regular = [place] if second is None else [place, second]
        self._archived = archived
        self._stop = threading.Event()
        self._one = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._state: State = "waiting"
        self._goes_on = False
        self._hear = progress
        self._progress: tuple[str, int, int] | None = None
        """What a copy that is under way does, how much of it is done, and of how much."""
        self._result: BackupResult | None = None
        self._at: float | None = None
        self._problem = ""
        self._problems: dict[Path, str] = {}
        """By regular place: why the last one there was not taken, or not whole."""

    def begin(self) -> None:
        """Begin to copy, and go on by the schedule. Nobody waits for it."""
        self._task = asyncio.create_task(self._run(), name="backups")

    async def stop(self) -> None:
        """End a copy that is under way, which leaves the former backup as it was. Idempotent."""
        self._stop.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        async with self._one:
            pass

    async def now(self, folder: Path | None = None) -> list[Taken]:
        """Take a backup at each regular place, or only in this folder; give what became of each.

        Raises Conflict while another one is taken, Unavailable when the daemon stops meanwhile, SetupError
        when the store cannot be copied, or what belongs beside it cannot be saved.
        """
        if self._one.locked():
            raise Conflict("a backup is being taken already", "see: spl backup list")
        self._look_for(self._place if folder is None else folder / self._place.name)
        places = self._regular if folder is None else [folder / self._place.name]
        taken = [await self._take("now", place) for place in places]
        if any(one.saved.refused == STOPPED for one in taken):
            raise Unavailable("the daemon stops: the backup was not taken", "send it again after the restart")
        problems = "; ".join(dict.fromkeys(one.problem for one in taken if one.problem))
        if not problems:
            return taken
        if all(one.saved.refused for one in taken):
            raise SetupError(f"no backup was taken: {problems}", "see: spl store verify", code="NO_BACKUP")
        whole = ", ".join(str(one.saved.path) for one in taken if not one.problem)
        told = f"{problems} (a whole backup was taken: {whole})" if whole else problems
        raise SetupError(told, "mend that, then: spl backup now", code="NO_BACKUP")

    async def _run(self) -> None:
        await self._take_everywhere("start")
        while self._settings.every_hours > 0:
            await self._runtime.sleep(self._settings.every_hours * _HOUR_SECS)
            await self._take_everywhere("schedule")

    async def _take_everywhere(self, kind: Kind) -> None:
        self._goes_on = True  # between two places it is not over
        try:
            for place in self._regular:
                if self._stop.is_set():
                    return
                await self._take(kind, place)
        finally:
            self._goes_on = False

    async def _take(self, kind: Kind, place: Path) -> Taken:
        # A thread cannot be cancelled: who is, leaves it to end and to be told of.
        work = asyncio.ensure_future(self._taken(kind, place))
        return await asyncio.shield(work)

    async def _taken(self, kind: Kind, place: Path) -> Taken:
        async with self._one:
            self._state = "running"
            lineage = self._store.lineage
            settings, regular = self._settings, place in self._regular
            rotation = Rotation(settings.keep_starts, settings.keep_days) if regular else None
            accepted = lineage.accepted if lineage is not None else ()
            order = Order(kind, self._runtime.now(), rotation, accepted, self._seen)
            try:
                self._look_for(place)
                saved = await self._store.copying(partial(self._job, place, order))
            except Exception as error:
                if not isinstance(error, SetupError):
                    log.exception("the backup failed")
                saved = BackupResult(place, 0, refused=str(error) or type(error).__name__)
            self._progress = None
            taken = (
                Taken(saved, saved.refused) if saved.refused else await self._with_belongings(saved, order)
            )
            self._tell(saved, taken.problem, place if regular else None)
            return taken

    def _seen(self, what: str, done: int, of: int) -> None:
        self._progress = (what, done, of)
        self._hear(what, done, of)

    def _look_for(self, place: Path) -> None:
        """Raise SetupError when the second folder is missing, for to create it would fill the disk below;
        and for one inside a folder that each backup saves.
        """
        root = place.parent.parent
        if place != self._place and place in self._regular and not root.is_dir():
            raise SetupError(f"there is no folder {root}: is its disk mounted?")
        for one in self._archived:
            if place.parent.resolve().is_relative_to(one.resolve()):
                raise SetupError(
                    f"{place.parent} is inside {one}, which each backup saves: it would save itself",
                    f"name a folder outside {one}",
                    code="NO_BACKUP",
                )

    async def _with_belongings(self, saved: BackupResult, order: Order) -> Taken:
        folder = saved.path.parent
        try:
            return Taken(saved, "", await asyncio.to_thread(self._beside, folder, order.rotation, order.now))
        except Exception as error:
            if not isinstance(error, (OSError, SyncropelError)):
                log.exception("the backup failed")
            told = f"the log was copied to {folder}, but not all that belongs beside it: {error}"
            return Taken(saved, told)

    def _job(self, place: Path, order: Order, source: sqlite3.Connection | None) -> BackupResult:
        return self._copy(self._store.path, place, self._stop.is_set, order, source)

    def _tell(self, saved: BackupResult, problem: str, regular: Path | None) -> None:
        """`regular`: the place, unless somebody named it for this one."""
        self._result, self._at, self._problem = saved, self._runtime.now(), problem
        if not saved.refused:
            self._store.copied(saved)
            log.info("backup %s, %d records", saved.path, saved.records)
        if regular is not None and saved.refused != STOPPED:
            self._problems.pop(regular, None)
        if saved.refused == STOPPED:
            self._state = "stopped"
            return
        if problem:
            told = "no backup: %s (%s is left as it is)" if saved.refused else "half a backup: %s (%s)"
            log.warning(told, problem, saved.path)
            if regular is not None:
                self._problems[regular] = problem
        self._state = "failed" if problem or self._problems else "ok"
        if saved.kept is not None:
            log.warning("%s keeps an earlier backup, with records that this log lacks", saved.kept)

    def told(self) -> dict[str, Any]:
        """What the health says of it; `records` and `at` (unix seconds) are None while they are not known,
        `progress` is None while nothing is copied.
        """
        result, progress = self._result, self._progress
        return {
            "progress": progress and dict(zip(("what", "done", "of"), progress, strict=True)),
            "state": "running" if self._goes_on else self._state,
            "at": self._at,
            "path": str(self._place if result is None else result.path),
            "records": None if result is None else result.records,
            "problem": "; ".join(self._problems.values()) or self._problem,
            "kept": None if result is None or result.kept is None else str(result.kept),
        }
