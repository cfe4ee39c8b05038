"""What is done with a store's writing connection before anything is written to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from syncropel.store.base import Hold
from syncropel.store.lineage.lineage import LineageFile
from syncropel.store.lineage.writing import LineageWriter
from syncropel.store.sqlite.connection import tune_writer
from syncropel.store.sqlite.custody import Custody
from syncropel.store.sqlite.following import catch_up
from syncropel.store.sqlite.lineage_opening import Opened, begin_anew, hold_against
from syncropel.store.sqlite.restore_journal import RestoreJournal
from syncropel.store.sqlite.schema import prepare


@dataclass
class Prepared:
    """A store whose tables exist. `told`: warnings for an operator. `opened`: how it compares to its lineage;
    None when that was not requested.
    """

    custody: Custody
    told: list[str]
    opened: Opened | None

    @property
    def hold(self) -> Hold | None:
        """Why it accepts nothing but freezes; None when there is no reason."""
        return None if self.opened is None else self.opened.hold

    def accept(self, log: sqlite3.Connection, now: float) -> LineageWriter:
        """Accept the log in its current form: begin a new lineage. Runs on the writer's thread."""
        assert self.opened is not None
        opened = self.opened
        keeper = begin_anew(log, opened.files, opened.judgement, now, accepted=True)
        self.custody.keeper = opened.keeper = keeper
        return LineageWriter(keeper)


def prepared_store(
    log: sqlite3.Connection, path: Path, lineage: LineageFile | None, told: Sequence[str], now: float
) -> Prepared:
    """Prepare the tables, finish an interrupted restore, and compare the log with its lineage.

    Raises StoreCorrupt, StoreTooNew, StoreError, sqlite3.Error.
    """
    prepare(log, path)
    tune_writer(log)
    opened = None if lineage is None else hold_against(log, lineage, now)
    if opened is None or opened.hold is None:
        RestoreJournal(path).finish(log)
    custody = Custody(path, log, None)
    if opened is not None and opened.keeper is not None:
        catch_up(opened.keeper, log)
        custody.keeper = opened.keeper
    return Prepared(custody, [*told, *(opened.told if opened is not None else ())], opened)
