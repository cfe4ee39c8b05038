"""The backups of one instance: the same whether its daemon takes them, or a command while none runs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncropel.daemon.belongings.beside import Beside, owner_of
from syncropel.engine.backups import Backups, CopiedStore, outcome
from syncropel.peer.runtime import Runtime
from syncropel.settings.config import Settings
from syncropel.settings.home import Home
from syncropel.store.lineage.lineage import Lineage
from syncropel.store.sqlite.backup import BackupResult, Progress, lineage_files, quiet


@dataclass(frozen=True, slots=True)
class Saved:
    """Whose backups. `place`: where its newest one is, there or not."""

    home: Home
    did: str
    place: Path


def backups_of(
    instance: Saved,
    settings: Settings,
    environ: Mapping[str, str],
    store: CopiedStore,
    runtime: Runtime | None = None,
    progress: Progress = quiet,
) -> Backups:
    """Its backups, at its own place and where the settings send them, too. `progress` hears how far one
    is.
    """
    place, to = instance.place, settings.backup.to
    # A folder of its own for each instance: several may name the same one.
    second = Path(to).expanduser().absolute() / place.parent.name / place.name if to else None
    owner = owner_of(instance.home, instance.did, settings, environ)
    beside = Beside(owner, place.parent, settings.backup.passphrase_file)
    return Backups(
        store,
        place,
        settings.backup,
        runtime,
        beside=beside,
        second=second,
        archived=owner.folders,
        progress=progress,
    )


def take_now(
    instance: Saved,
    settings: Settings,
    environ: Mapping[str, str],
    folder: Path | None,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Take a backup of a store that no daemon has open, as `outcome` tells it; `folder`: only into this one.
    `progress` hears how far it is.

    Raises SetupError.
    """
    store = _ClosedStore(instance)
    backups = backups_of(instance, settings, environ, store, progress=progress)
    return asyncio.run(_taken(backups, folder))


async def _taken(backups: Backups, folder: Path | None) -> dict[str, Any]:
    try:
        return outcome(await backups.now(folder))
    finally:
        await backups.stop()  # after Ctrl-C a copy is under way


@dataclass(frozen=True, slots=True)
class _ClosedStore:
    """A store that no process has open."""

    instance: Saved

    @property
    def path(self) -> Path:
        return self.instance.home.store

    @property
    def lineage(self) -> Lineage | None:
        known, _ = lineage_files(self.instance.home.lineage, self.instance.place).read()
        return known[0] if known else None

    async def copying(self, job: Callable[[sqlite3.Connection | None], BackupResult]) -> BackupResult:
        return await asyncio.to_thread(job, None)

    def copied(self, result: BackupResult) -> None:
        """Nothing: the lineage is written by whoever has the store open."""
