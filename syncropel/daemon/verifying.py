"""Reads a whole log, and says what it proves: for `spl store verify`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import Any, Final

from syncropel.daemon.lineages import lineages
from syncropel.engine.proof.proof import Proof
from syncropel.errors import NotFound
from syncropel.record.model import StoredRecord
from syncropel.settings.home import Home
from syncropel.settings.identity import read_identity
from syncropel.store.base import Entry
from syncropel.store.lineage.judging import log_id
from syncropel.store.lineage.lineage import Lineage
from syncropel.store.sqlite.connection import explain, read_only
from syncropel.store.sqlite.integrity import Walked, walk_records
from syncropel.store.sqlite.reading import intends
from syncropel.store.sqlite.rows import NOTED
from syncropel.store.sqlite.schema import check

NOTED_SINCE: Final = 2
"""The first schema version that notes how records were judged."""

Progress = Callable[[int, int], None]
"""Told how many records were read, of how many."""


def verify(home: Home, progress: Progress = lambda done, of: None) -> dict[str, Any]:
    """Read the whole store once: `records`, `digest`, `problems`, and what is `unknown`.

    `violations` are the problems of its order and its freezes one by one; `judged`, `restored` and `earlier`
    count the records whose judgement was checked, that were judged elsewhere, and that an earlier release
    wrote. Raises SyncropelError.
    """
    if not home.store.exists():
        raise NotFound(f"there is no store at {home.display()}", "is SYNCROPEL_HOME right?")
    known, problems = lineages(home)
    unknown = [] if known else ["there is no lineage: what the log had before is unknown"]
    identity = read_identity(home)
    try:
        with closing(read_only(home.store)) as log, closing(read_only(home.store)) as beside:
            # One snapshot: the daemon may go on writing.
            log.execute("BEGIN")
            version = check(log, home.store)
            pages = log.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if pages != "ok":
                problems.append(f"{home.store.name} is damaged: {pages}")
            with closing(Proof(_reader(beside), "" if identity is None else identity.did)) as proof:
                accepted = {hash_ for one in known for hash_ in one.accepted}
                wanted = [one.head.sequence for one in known]
                noted = NOTED if version >= NOTED_SINCE else "0, NULL"
                seen = told_to(proof, progress, _count(log))
                walked = walk_records(log, wanted=wanted, accepted=accepted, seen=seen, noted=noted)
            own = log_id(log)
    except sqlite3.Error as error:
        raise explain(error, home.store) from error
    of_lineages = [problem for one in known if (problem := _of_lineage(walked, own, one))]
    return proven(walked, proof, own=own, problems=problems, last=of_lineages, unknown=unknown)


def proven(
    walked: Walked,
    proof: Proof,
    *,
    problems: Sequence[str],
    unknown: Sequence[str],
    own: str = "",
    last: Sequence[str] = (),
) -> dict[str, Any]:
    """What `verify` answers. `problems` and `last`: what else is wrong with the log, told before and after
    what its records say; `own`: its id.
    """
    told = [*problems, *_of_records(walked), *(f"{one.words()}; {one.hint}" for one in proof.violations)]
    if proof.beyond:
        told.append(f"{proof.beyond} more records are not in the order in which they were judged")
    return {
        "records": walked.end.sequence,
        "digest": walked.end.digest,
        "log": own,
        "problems": [*told, *last],
        "violations": [one.fields() for one in proof.violations],
        "unknown": [*unknown, *proof.unknown()],
        "judged": proof.judged,
        "restored": proof.elsewhere,
        "earlier": proof.earlier,
        "altered": [one.id for one in walked.altered],
    }


def _count(log: sqlite3.Connection) -> int:
    return int(log.execute("SELECT coalesce(max(sequence), 0) FROM records").fetchone()[0])


def _reader(log: sqlite3.Connection) -> Callable[[str, int], Iterable[StoredRecord]]:
    return lambda thread, through: intends(log, thread, through)


def told_to(proof: Proof, progress: Progress, count: int) -> Callable[[int, Entry | None, bool], None]:
    """What tells a proof each record of a walk, and how far it has come."""

    def seen(sequence: int, entry: Entry | None, sound: bool) -> None:
        if entry is None:
            proof.unreadable(sequence)
        else:
            proof.take(entry, sound=sound)
        progress(sequence, count)

    return seen


def _of_records(walked: Walked) -> list[str]:
    return [
        f"record {one.sequence} ({one.id[:12]}…, thread {one.thread}) was altered: {one.found[:80]}"
        for one in walked.altered
    ]


def _of_lineage(walked: Walked, own: str, lineage: Lineage) -> str:
    """What a lineage says against the log; empty when it says nothing."""
    known = lineage.head
    if own and own != lineage.log:
        return f"this is another log ({own[:8]}) than the one that was here ({lineage.log[:8]})"
    if walked.end.sequence < known.sequence:
        return f"{known.sequence - walked.end.sequence} of {known.sequence} records are gone"
    if known.sequence and walked.digests.get(known.sequence) != known.digest:
        return (
            f"the first {known.sequence} records are not those that were acknowledged: their digest differs"
        )
    return ""
