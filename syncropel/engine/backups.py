"""The backup that is taken behind a daemon that serves already."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from syncropel.store.sqlite.backup import STOPPED, BackupResult, backup

log = logging.getLogger("syncropel.engine.backups")

State = Literal["waiting", "running", "ok", "kept", "stopped"]
"""`kept`: the store was not copied, because what the backup has is better or nothing can be copied."""


class Backups:
    """Takes the startup backup of the store at `store` to `place`, on a thread of its own."""

    def __init__(
        self,
        store: Path,
        place: Path,
        copy: Callable[[Path, Path, Callable[[], bool]], BackupResult] = backup,
    ) -> None:
        self._store = store
        self._place = place
        self._copy = copy
        self._stop = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self._state: State = "waiting"
        self._result: BackupResult | None = None

    def begin(self) -> None:
        """Begin to copy. Nobody waits for it."""
        self._task = asyncio.create_task(self._run(), name="startup-backup")

    async def over(self) -> None:
        """Wait until the copy that was begun has ended."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def stop(self) -> None:
        """End a copy that is under way, which leaves the former backup as it was. Idempotent."""
        self._stop.set()
        await self.over()

    async def _run(self) -> None:
        self._state = "running"
        try:
            saved = await asyncio.to_thread(self._copy, self._store, self._place, self._stop.is_set)
        except Exception:
            log.exception("the startup backup failed")
            self._state = "kept"
            return
        self._result = saved
        if saved.refused == STOPPED:
            self._state = "stopped"
        elif saved.refused:
            self._state = "kept"
            log.warning("backup %s, %d records (left as it is: %s)", saved.path, saved.records, saved.refused)
        else:
            self._state = "ok"
            log.info("backup %s, %d records", saved.path, saved.records)
        if saved.kept is not None:
            log.warning("%s keeps an earlier backup, with records that this log lacks", saved.kept)

    def told(self) -> dict[str, Any]:
        """What the health says of it; `records` is None while that is not known."""
        result = self._result
        return {
            "state": self._state,
            "path": str(self._place),
            "records": None if result is None else result.records,
            "problem": "" if result is None else result.refused,
            "kept": None if result is None or result.kept is None else str(result.kept),
        }
