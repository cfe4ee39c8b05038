"""Commits groups of appends, and finds out what became of those whose answer was lost.

An answer is given only after a commit that the server confirmed without a word. After anything else (a lost
connection, a warning, a server that shuts down) the same group is sent once more on a connection that works:
the log then either takes it, or has it already, and that too is told only after a commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import psycopg

from syncropel.backoff import Backoff
from syncropel.errors import StoreError
from syncropel.store.calls import Call, Committed
from syncropel.store.head import Head
from syncropel.store.postgres.address import Address
from syncropel.store.postgres.appending import Group, HighestClocks, build, send
from syncropel.store.postgres.connection import DEADLINE_SECS, Connection, Log, Session
from syncropel.store.postgres.explaining import FENCED, MOVED, OUTDATED, RULED, explain
from syncropel.store.refusals import LogWentBack, OutcomeUnknown, StoreReplaced

_LONGEST_WAIT_SECS: Final = 1.0
_NO_ANSWER: Final = "the database went away in the middle of a commit, and does not answer"
_HEAD: Final = """
    SELECT log_id::text, last, ruled, term, leader, address,
        (SELECT encode(id, 'hex') FROM syncropel.records WHERE sequence = %s)
    FROM syncropel.log_head
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """A record that is known to be in the log: whoever has it has all before it. 0 and "" for none."""

    sequence: int = 0
    id: str = ""


class _Lost(Exception):
    """The connection was lost. `sent`: after the group was sent, so that it may be in the log."""

    def __init__(self, cause: psycopg.Error, *, sent: bool) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.sent = sent


class _Again(Exception):
    """The outcome is still unknown: it has to be asked for again."""


@dataclass
class _Attempt:
    calls: Sequence[Call]
    group: Group | None = None
    unsettled: bool = False


class Writer:
    """Owns the connection that appends. `head` and `mark`: of the log when it was opened."""

    def __init__(
        self,
        open_session: Callable[[], Session],
        address: Address,
        log_id: str,
        incarnation: str,
        head: Head,
        mark: Mark,
    ) -> None:
        self._open_session = open_session
        self._address = address
        self._log_id = log_id
        self._incarnation = incarnation
        # These three are used on the connection's thread: a commit may outlive those who wait for it.
        self._head = head
        self._highest = HighestClocks()
        self.mark = mark
        """The last record whose commit was confirmed."""
        self.stopped: StoreError | None = None
        """Why nothing is written any more, for as long as this process lives."""
        self.unsettled: OutcomeUnknown | None = None
        """Set while the outcome of a group is not known."""
        self.deadline_secs = DEADLINE_SECS
        """How long one round trip may take."""
        self.share: Callable[[], float] = random.random
        """Of each wait before another look, see `Backoff`."""
        self._closing = asyncio.Event()
        self._connection = Connection(self._checked, "store-writer")

    async def commit(self, calls: Sequence[Call]) -> Committed:
        """See GroupCommit. Raises StoreError when nothing was written, OutcomeUnknown at the end of the
        process.
        """
        attempt, backoff, lost = _Attempt(calls), Backoff(_LONGEST_WAIT_SECS, self.share), 0
        while True:
            if self.stopped is not None:
                raise self.stopped
            try:
                committed = await self._connection.run(
                    partial(self._attempt, attempt=attempt), self.deadline_secs
                )
                self.unsettled = None
                return committed
            except _Again:
                pass
            except _Lost as error:
                lost += 1
                if not attempt.unsettled and lost > 1:
                    raise explain(error.cause, self._address) from error
                if not attempt.unsettled:
                    continue  # an idle connection that the server had ended: a new one may be as good as any
            except psycopg.Error as error:  # there is no connection
                if not attempt.unsettled:
                    raise explain(error, self._address) from error
            except StoreError as error:
                if isinstance(error, (LogWentBack, StoreReplaced)):
                    self.stop(error)
                elif attempt.unsettled:
                    await self._pause(backoff)
                    continue
                raise
            self.unsettled = OutcomeUnknown(_NO_ANSWER)
            await self._pause(backoff)

    def stop(self, error: StoreError) -> None:
        """Write nothing any more."""
        if self.stopped is None:
            self.stopped = error

    async def close(self) -> None:
        """End the connection."""
        await self._connection.close()

    def give_up(self) -> None:
        """Do not wait any more for a database that does not answer: the process ends."""
        self._closing.set()

    async def _pause(self, backoff: Backoff) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), backoff.failed())
        if self._closing.is_set():
            raise OutcomeUnknown(_NO_ANSWER)

    def _attempt(self, session: Session, attempt: _Attempt) -> Committed:
        """Send the group; on the connection's thread. Raises _Lost, _Again, StoreError."""
        log, head = session.log, self._head
        try:
            if attempt.group is None:
                attempt.group = build(log, attempt.calls, self._highest, head)
            last, ruled = head.last, head.ruled
            if attempt.unsettled:
                last, ruled = self._look(log)
        except psycopg.Error as error:
            raise self._meaning(session, error, sent=False) from error
        session.warned.clear()
        try:
            answer = send(log, attempt.group, self._incarnation, last, ruled)
        except psycopg.Error as error:
            meaning = self._meaning(session, error, sent=True)
            attempt.unsettled |= isinstance(meaning, _Lost)
            if attempt.unsettled and not isinstance(meaning, (_Lost, LogWentBack, StoreReplaced)):
                # The commit before may still be at work, or waits for a standby.
                raise _Again from error
            raise meaning from error
        if session.warned:  # it is here, and maybe nowhere else
            attempt.unsettled = True
            raise _Again
        committed = attempt.group.committed(answer)
        self._highest.committed(attempt.group.threads, attempt.group.clocks)
        self._head = committed.head
        if committed.ids:
            self.mark = Mark(committed.head.last, committed.ids[-1])
        return committed

    def _meaning(self, session: Session, error: psycopg.Error, *, sent: bool) -> Exception:
        """What an error of a statement means: the connection is lost, or the database has refused."""
        state = error.sqlstate or ""
        if not session.is_usable or session.warned or not state or state.startswith(("08", "57P")):
            session.close()
            return _Lost(error, sent=sent)
        if state in (FENCED, OUTDATED):
            return explain(error, self._address)
        if state in (MOVED, RULED):
            try:
                self._look(session.log)
            except (psycopg.Error, StoreError) as found:
                return found if isinstance(found, StoreError) else _Lost(error, sent=sent)
        return explain(error, self._address)

    def _checked(self) -> Session:
        """A new session, to a log that has all that was confirmed. Raises psycopg.Error, StoreError."""
        session = self._open_session()
        try:
            self._look(session.log)
        except BaseException:
            session.close()
            raise
        return session

    def _look(self, log: Log) -> tuple[int, int]:
        """Where the log ends now: its last sequence and newest ruling record. Raises StoreReplaced for
        another log, LogWentBack for one that has lost what it had confirmed.
        """
        mark = self.mark
        row = log.execute(_HEAD, (mark.sequence,)).fetchone()
        if row is None or row[0] != self._log_id:
            raise StoreReplaced(
                f"{self._address.shown} has another log now: nothing is written", "see what happened there"
            )
        _, last, ruled, _, _, _, found = row
        if mark.sequence and found != mark.id:
            raise went_back(self._address, mark, last)
        return last, ruled


def went_back(address: Address, mark: Mark, last: int) -> LogWentBack:
    """The error for a log that lacks a record which it had confirmed."""
    has = f"ends at record {last}" if last < mark.sequence else f"has another record {mark.sequence}"
    return LogWentBack(
        f"{address.shown} has lost records: it had confirmed record {mark.sequence}, and {has}",
        "bring back the server that has them; to go on without them: spl stop, spl serve, "
        "then spl store accept-loss",
    )
