"""Records to be restored all or nothing: a file beside the store that holds them until all are in.

Once the file has its final name the records belong to the log. Whatever happens then, the next opening writes
the missing ones, so a log never has half of a bundle.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from syncropel.errors import StoreError
from syncropel.record.model import Record
from syncropel.store.sqlite import reading
from syncropel.store.sqlite.commit import INSERT
from syncropel.store.sqlite.rows import to_row
from syncropel.system.durable import sync

_STEP: Final = 1000


class RestoreJournal:
    """The file beside the store at `store`."""

    def __init__(self, store: Path) -> None:
        self.path = store.with_name(store.name + ".arriving")

    @property
    def waiting(self) -> bool:
        """Whether records are on their way into the log."""
        return self.path.exists()

    def promise(self, records: Sequence[tuple[Record, float]]) -> None:
        """Write the file, durably. Raises StoreError; then nothing is promised."""
        begun = self.path.with_name(self.path.name + ".new")
        try:
            with begun.open("w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o600)
                for record, received_at in records:
                    file.write(json.dumps(to_row(record, received_at)) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(begun, self.path)
            sync(self.path.parent)
        except OSError as error:
            begun.unlink(missing_ok=True)
            raise StoreError(
                f"cannot write {begun}: {error.strerror}", "free some disk space; nothing was restored"
            ) from error

    def fulfilled(self) -> None:
        """All is in the log: remove the file. Raises OSError."""
        self.path.unlink(missing_ok=True)
        sync(self.path.parent)

    def finish(self, log: sqlite3.Connection) -> None:
        """Finish what a previous process promised and did not complete. Raises StoreError, sqlite3.Error."""
        self.path.with_name(self.path.name + ".new").unlink(missing_ok=True)
        if not self.waiting:
            return
        noted = reading.head(log).noted(None)
        try:
            with self.path.open(encoding="utf-8") as file:
                rows = map(json.loads, file)
                while some := list(islice(rows, _STEP)):
                    log.execute("BEGIN IMMEDIATE")
                    log.executemany(INSERT, [(*row, *noted) for row in some])
                    log.execute("COMMIT")
            self.fulfilled()
        except (OSError, ValueError) as error:
            raise StoreError(
                f"cannot take in what {self.path} holds: {error}",
                "free the disk, or move the file away and restore its bundle again",
            ) from error
