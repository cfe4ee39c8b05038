"""Whether a log is the one that its lineage describes, and has everything that was known."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from syncropel.store.lineage.digest import BLOCK, RunningDigest
from syncropel.store.lineage.lineage import Lineage, Loss

LOG_ID: Final = "log_id"
"""Key in the store's table `meta`."""
_STEP: Final = 20_000
ACCEPT: Final = "spl store accept-loss"

State = Literal["new", "continues", "shorter", "held"]
"""`shorter`: the log is exactly an earlier copy; `held`: nobody knows what happened to it."""


@dataclass(frozen=True)
class Judgement:
    """The result of comparing a log with its lineage. `told` is for an operator, and empty when
    all is well."""

    state: State
    log: str = ""
    """The log's id; empty while it has none."""
    lineage: Lineage | None = None
    """The lineage that it was compared with."""
    loss: Loss | None = None
    told: str = ""
    hint: str = ""


def judge(log: sqlite3.Connection, known: Sequence[Lineage], now: float) -> Judgement:
    """Examine an open log. `known`: every lineage that describes it; `now`: unix seconds.

    Reads few records, unless the log is shorter than it was. Raises sqlite3.Error.
    """
    own = log_id(log)
    if not known:
        return Judgement("new", own)
    found = [_judge(log, own, one, now) for one in known]
    worst = max(found, key=lambda one: ("continues", "shorter", "held").index(one.state))
    return worst if worst.state == "held" else found[0]


def _judge(log: sqlite3.Connection, own: str, lineage: Lineage, now: float) -> Judgement:
    records, since = _end(log)
    known = lineage.head
    backup = _with_more(lineage, records)
    loss = Loss(now, known.sequence, records, since, backup)
    keep = f"bring the missing records back: {_bring_back(backup)}; or go on without them: {ACCEPT}"
    if own and own != lineage.log:
        told = f"this is another log ({own[:8]}) than the one that was here ({lineage.log[:8]})"
        return Judgement("held", own, lineage, loss, f"{told}, which had {known.sequence} records", keep)
    if records >= known.sequence:
        if _has(log, lineage):
            return Judgement("continues", own, lineage)
        told = f"record {known.sequence} of the log is not the one that was acknowledged"
        return Judgement("held", own, lineage, loss, told, keep)
    gone = known.sequence - records
    if _copied_at(log, lineage, records):
        told = (
            f"{gone} of {known.sequence} records are gone: the log is a copy from before them, and ends at "
            f"{_time(since)}"
        )
        where = f"they are in {backup}: {_bring_back(backup)}" if backup else "no known backup has them"
        return Judgement("shorter", own, lineage, loss, told, where)
    if records == 0:
        told = f"the log is empty, and {known.sequence} records were known"
    else:
        told = f"{gone} of {known.sequence} records are gone, and no copy was ever made that ends there"
    return Judgement("held", own, lineage, loss, told, keep)


def log_id(log: sqlite3.Connection) -> str:
    """The id that a log was given when its lineage began; empty when it has none yet."""
    row = log.execute("SELECT value FROM meta WHERE key = ?", (LOG_ID,)).fetchone()
    return "" if row is None else str(row[0])


def name_log(log: sqlite3.Connection, name: str) -> None:
    """Give a log its id, replacing any other."""
    log.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (LOG_ID, name))


def running_digest(log: sqlite3.Connection) -> RunningDigest:
    """The digest of the whole log."""
    running = RunningDigest()
    for ids in ids_after(log, 0):
        running.add(ids)
    return running


def _has(log: sqlite3.Connection, lineage: Lineage) -> bool:
    """Whether the log has the last known record in its place, and the rest of that block before it."""
    known = lineage.head
    if known.sequence == 0:
        return True
    start = known.sequence - known.sequence % BLOCK
    if start == known.sequence:
        start -= BLOCK
        row = log.execute("SELECT id FROM records WHERE sequence = ?", (known.sequence,)).fetchone()
        return row is not None and row[0] == known.id and known.digest == lineage.begun
    running = RunningDigest(start, lineage.begun)
    last = ""
    for ids in ids_after(log, start, known.sequence):
        running.add(ids)
        last = ids[-1]
    return last == known.id and running.value() == known.digest


def _copied_at(log: sqlite3.Connection, lineage: Lineage, records: int) -> bool:
    """Whether the whole log is exactly as it was when it was copied, or its file was complete."""
    wanted = {one.digest for one in lineage.points if one.sequence == records and one.digest}
    return bool(wanted) and running_digest(log).value() in wanted


def ids_after(log: sqlite3.Connection, after: int, until: int | None = None) -> Iterator[list[str]]:
    """The ids after this sequence, in lists and in order; `until`: the last sequence needed."""
    while True:
        end = after + _STEP if until is None else min(after + _STEP, until)
        rows = log.execute(
            "SELECT id FROM records WHERE sequence > ? AND sequence <= ? ORDER BY sequence", (after, end)
        ).fetchall()
        if not rows:
            return
        yield [row[0] for row in rows]
        after = end


def _end(log: sqlite3.Connection) -> tuple[int, float]:
    row = log.execute("SELECT sequence, received_at FROM records ORDER BY sequence DESC LIMIT 1").fetchone()
    return (0, 0.0) if row is None else (int(row[0]), float(row[1]))


def _with_more(lineage: Lineage, records: int) -> str:
    """The existing copy with the most records above this number."""
    more = [one for one in lineage.points if one.backup and one.sequence > records]
    return next((one.backup for one in reversed(more) if Path(one.backup).exists()), "")


def _bring_back(backup: str) -> str:
    return f"spl stop, then spl backup restore {backup}" if backup else "see what there is: spl backup list"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(sep=" ", timespec="seconds")
