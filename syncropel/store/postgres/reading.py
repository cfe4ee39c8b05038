"""The reads of a log in PostgreSQL: each is one function that runs as a whole on a reader's thread."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, LiteralString

from syncropel.record.model import MAX_CLOCK, Record, StoredRecord
from syncropel.store.base import Altered, Entry, RecordFilter
from syncropel.store.postgres.connection import Log
from syncropel.store.postgres.rows import COLUMNS, from_row, held, id_bytes, plain, released, storable
from syncropel.store.restoring import Known
from syncropel.store.sqlite.integrity import altered_rows
from syncropel.store.sqlite.rows import NOTED

SELECT: Final = f"SELECT {COLUMNS} FROM syncropel.records"


def get(log: Log, record_id: str) -> StoredRecord | None:
    """The record with this id, or None."""
    if (wanted := id_bytes(record_id)) is None:
        return None
    row = log.execute(f"{SELECT} WHERE id = %s", (wanted,)).fetchone()
    return None if row is None else from_row(row)


def after(log: Log, sequence: int, limit: int) -> list[StoredRecord]:
    """At most `limit` records with a higher sequence, in order of sequence."""
    return rows(log, f"{SELECT} WHERE sequence > %s ORDER BY sequence LIMIT %s", (sequence, limit))


def entries_after(log: Log, sequence: int, limit: int) -> list[Entry]:
    """As `after`, with what was noted when they were appended."""
    found = log.execute(
        f"SELECT {NOTED}, {COLUMNS} FROM syncropel.records WHERE sequence > %s ORDER BY sequence LIMIT %s",
        (sequence, limit),
    )
    return [Entry(from_row(tuple(row)), term, ruled) for term, ruled, *row in found]


def thread(log: Log, thread: str) -> list[StoredRecord]:
    """Every record of one thread, by (clock, sequence)."""
    if not storable(thread):
        return []
    return rows(log, f"{SELECT} WHERE thread = %s ORDER BY clock, sequence", (held(thread),))


def thread_through(log: Log, thread: str, sequence: int) -> list[StoredRecord]:
    """The records of one thread up to this sequence, by sequence."""
    if not storable(thread):
        return []
    # Sorted here: the order of the index of sequences would tempt the planner to walk through the log.
    found = rows(log, f"{SELECT} WHERE thread = %s AND sequence <= %s", (held(thread), sequence))
    return sorted(found, key=lambda stored: stored.sequence)


def intends(log: Log, thread: str, through: int) -> list[StoredRecord]:
    """The INTENDs of one thread up to a sequence, by sequence."""
    if not storable(thread):
        return []
    where = "WHERE thread = %s AND act = 'INTEND' AND sequence <= %s"
    found = rows(log, f"{SELECT} {where}", (held(thread), through))
    return sorted(found, key=lambda stored: stored.sequence)


def query(log: Log, wanted: RecordFilter) -> list[StoredRecord]:
    """The records that match a RecordFilter. Without a thread this scans the log from `since` until `limit`
    are found.
    """
    texts: dict[LiteralString, str | None] = {
        "thread = %s": wanted.thread,
        "actor = %s": wanted.actor,
        "act = %s": wanted.act,
        "topic = %s": wanted.topic,
        "thread <> %s": wanted.without,
    }
    given: dict[LiteralString, Any] = {key: held(text) for key, text in texts.items() if text is not None}
    if not storable(*given.values()):
        if wanted.without is None or storable(wanted.thread, wanted.actor, wanted.act, wanted.topic):
            given.pop("thread <> %s", None)
        if not storable(*given.values()):
            return []
    by_clock = wanted.thread is not None
    if wanted.since is not None:
        given["clock > %s" if by_clock else "sequence > %s"] = wanted.since
    where = f" WHERE {' AND '.join(given)}" if given else ""
    order: LiteralString = "clock, sequence" if by_clock else "sequence"
    values = (*given.values(), min(max(wanted.limit, 0), MAX_CLOCK))
    return rows(log, f"{SELECT}{where} ORDER BY {order} LIMIT %s", values)


def altered_after(log: Log, sequence: int, limit: int) -> tuple[int, list[Altered]]:
    """See RecordStore."""
    statement = f"{SELECT} WHERE sequence > %s ORDER BY sequence LIMIT %s"
    found = [plain(row) for row in log.execute(statement, (sequence, limit))]
    altered = altered_rows(found)
    accepted = accepted_hashes(log, altered) if altered else set()
    return (found[-1][0] if found else sequence), [one for one in altered if one.found not in accepted]


def accepted_hashes(log: Log, altered: Sequence[Altered]) -> set[str]:
    """The hashes of those of these that an operator accepted."""
    hashes = [held(one.found) for one in altered]
    known = log.execute("SELECT found FROM syncropel.accepted WHERE found = ANY(%s::text[])", (hashes,))
    return {released(row[0]) for row in known}


def accept(log: Log, altered: Sequence[Altered]) -> None:
    """Remember that an operator accepted these."""
    hashes = [held(one.found) for one in altered]
    log.execute("INSERT INTO syncropel.accepted SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (hashes,))


def acknowledged(log: Log, record_ids: Collection[str]) -> set[str]:
    """Those of these ids that the coordinator has accepted."""
    wanted = [held(one) for one in record_ids if storable(one)]
    found = log.execute("SELECT record_id FROM syncropel.acknowledged WHERE record_id = ANY(%s)", (wanted,))
    return {released(row[0]) for row in found}


def look_up(log: Log, records: Sequence[Record]) -> tuple[Known, set[int]]:
    """Which of these the log has, and at which indexes a clock is taken, even by the same record."""
    ids = [bytes.fromhex(record.id) for record in records]
    known = log.execute(
        "SELECT encode(id, 'hex'), sequence, received_at, judged_by FROM syncropel.records"
        " WHERE id = ANY(%s)",
        (ids,),
    )
    found: Known = {row[0]: (row[1], row[2], None if row[3] is None else released(row[3])) for row in known}
    taken = log.execute(
        "SELECT wanted.at - 1 FROM unnest(%s::text[], %s::bigint[], %s::text[])"
        " WITH ORDINALITY AS wanted (thread, clock, actor, at)"
        " CROSS JOIN LATERAL (SELECT 1 FROM syncropel.records AS r"
        "  WHERE r.thread = wanted.thread AND r.clock = wanted.clock AND r.actor = wanted.actor"
        "  LIMIT 1) AS one",
        (
            [held(one.thread) for one in records],
            [one.clock for one in records],
            [held(one.actor) for one in records],
        ),
    )
    return found, {row[0] for row in taken}


def size_bytes(log: Log) -> int:
    """Bytes of the schema's tables and indexes."""
    row = log.execute(
        "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'syncropel' AND c.relkind = 'r'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def rows(log: Log, statement: LiteralString, values: Sequence[Any]) -> list[StoredRecord]:
    """The records of a statement that selects COLUMNS."""
    return [from_row(row) for row in log.execute(statement, values, binary=True)]
