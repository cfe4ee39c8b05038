"""Appends records: guard, store, live folds, watchers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Final

from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.denials import Denials
from syncropel.engine.ingest.judge import Judge
from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.ingest.outcomes import Outcomes
from syncropel.engine.ingest.refused_reports import RefusedReports
from syncropel.engine.ingest.shared_lock import SharedLock
from syncropel.engine.ingest.telling import Listener, Telling, slices
from syncropel.engine.ingest.turns import needs_quiet, own_turn_end, term_with, turn_end
from syncropel.errors import SyncropelError, Unavailable
from syncropel.folds.fanout.asked import tells
from syncropel.peer.runtime import Runtime
from syncropel.policy.authority import ENGINE, Writer
from syncropel.policy.clocks import Given, PastCeiling, placed_report
from syncropel.policy.guard import long_expression
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import RESERVED, RULING
from syncropel.store.base import Appended, Judged, Keep, Outcome, RecordStore
from syncropel.store.bundle.format import Bundled
from syncropel.store.refusals import Moved, OutcomeUnknown

log = logging.getLogger("syncropel.engine.ingest")

JUDGED_AT_MOST: Final = 5
"""How often records are judged while others keep ruling over them before they are written."""


class Ingest:
    """Takes records in. When `append` returns, the record is durable and every live fold has it.

    Records that rule over others are written alone: no record that the guard judged before one of them
    follows it in the log, so whatever follows a freeze there was judged under it. The store is told up to
    which of them a record was judged, keeps that with it, and refuses it when there are later ones. A
    fan-out's first record is
    written alone too: the guard allows a task only one, and two judged together would both pass.
    """

    def __init__(
        self, store: RecordStore, live: LiveFolds, broadcast: Broadcast, did: str, runtime: Runtime
    ) -> None:
        self.store = store
        self._runtime = runtime
        self.live = live
        self.broadcast = broadcast
        self.denials = Denials(did, runtime, partial(self.append, ruled=False))
        self._judge = Judge(store, live, did, runtime, self.denials, lambda: self.enforcing())
        self.enforcing: Callable[[], Collection[str]] = tuple
        """The other instances that enforce this one's permission rules, by DID."""
        self.total = 0
        self.outcomes = Outcomes()
        self._under_way: dict[object, tuple[Sequence[Record], float]] = {}
        self.open = True
        self._telling = Telling(broadcast)
        self.refused_reports = RefusedReports()
        self._order = SharedLock()
        self._past_ceiling = PastCeiling()
        self._refolding: asyncio.Task[None] | None = None
        self._one_restore = asyncio.Lock()
        self._closed: frozenset[str] = frozenset()
        self._opened = asyncio.Event()

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with every group of new records, after the live folds have applied them and before
        their `append` returns. Calls that shared a commit are one group.
        """
        self._telling.subscribe(listener)

    async def append(
        self,
        records: Sequence[Record],
        *,
        ruled: bool = True,
        together: bool = False,
        whole: bool = False,
        writer: Writer = ENGINE,
    ) -> list[Outcome]:
        """Append in order, each judged against the state left by those before it (`engine.ingest.turns`).

        A record that the guard or the log refuses gets its error; the others are appended.

        `writer`: how these records got here, which decides what they may be. `ruled` is False for what no
        operator's rule may keep out: audit records, a fleet's control records. `together`: these are the
        engine's own and independent of each other, so one turn and one commit suffice for all, unless others
        follow a ruling record; the same goes for those that are not ruled. `whole`: with `together`, if one
        is refused none is appended, and all get its error. Raises Unavailable when the daemon is stopping or
        cannot load its folds, StoreError when the disk refuses, Moved when ruling records came before each of
        several attempts; if that happens after some are in the log, it is the outcome of each of the others.
        """
        if not self.open:
            raise Unavailable("the daemon is stopping", "send the records again after the restart")
        if self.live.problem and not all(record.thread in RESERVED for record in records):
            # What rules over others is in memory, and a freeze has to work.
            raise Unavailable(self.live.problem, "restart the daemon: it builds its views anew from the log")
        if (unsettled := self.store.unsettled) is not None:  # some turn may not end before that does
            raise unsettled
        call = object()
        self._under_way[call] = (records, self._runtime.monotonic())
        try:
            outcomes = await self._append(records, ruled, together, whole, writer)
        except SyncropelError:
            self.outcomes.note_failed(records)
            raise
        finally:
            del self._under_way[call]
        self.outcomes.note(records, outcomes)
        return outcomes

    def waiting(self) -> Iterator[tuple[str, float]]:
        """The thread of each record that is being judged and written, with the time when its call began."""
        for records, since in self._under_way.values():
            for record in records:
                yield record.thread, since

    async def _append(
        self, records: Sequence[Record], ruled: bool, together: bool, whole: bool, writer: Writer
    ) -> list[Outcome]:
        for record in records:
            if (compiling := long_expression(record)) is not None:
                await self._judge.compile(compiling)
        if whole or len(records) == 1:
            return await self._append_turn(records, ruled, writer, whole)
        outcomes: list[Outcome] = []
        while (start := len(outcomes)) < len(records):
            if together or not ruled:
                end = own_turn_end(records, start)
            else:
                end = turn_end(records, start, self.live)
            try:
                outcomes += await self._append_turn(records[start:end], ruled, writer, whole)
            except SyncropelError as error:
                if not outcomes:
                    raise
                outcomes += [error] * (len(records) - start)
        return outcomes

    async def _append_turn(
        self, records: Sequence[Record], ruled: bool, writer: Writer, whole: bool, attempt: int = 1
    ) -> list[Outcome]:
        """Append records that are judged together; judge them again if somebody ruled over them meanwhile."""
        leave = await self._enter(records)
        known = self.live.ruled
        try:
            refused = await self._judge.objections(records, ruled, writer)
        except BaseException:
            leave()
            raise
        if whole and (error := next(filter(None, refused), None)) is not None:
            leave()
            return [error] * len(records)
        given: Given = set()
        passed = [
            self._placed(record, writer, given)
            for record, error in zip(records, refused, strict=True)
            if error is None
        ]
        settled = False

        def take(outcomes: list[Outcome]) -> None:
            nonlocal settled
            settled = True
            try:
                self._take([one.stored for one in outcomes if isinstance(one, Appended) and one.created])
            except Exception:
                # The records are in the log, and the writer must continue; the self-check repairs the fold.
                log.exception("a fold or a listener failed on new records")
            finally:
                if self._refolding is None:
                    leave()
                else:  # a stale thread tells nothing yet to those who want it alone
                    self._refolding.add_done_callback(lambda _: leave())

        try:
            judged = Judged(term_with(passed, self.live), known)
            outcomes = iter(await self.store.append(passed, take, judged))
        except (asyncio.CancelledError, OutcomeUnknown):
            raise  # the turn ends when the store knows: what is queued is written anyway
        except Moved:
            if attempt == JUDGED_AT_MOST:
                raise
            return await self._append_turn(records, ruled, writer, whole, attempt + 1)
        except BaseException:
            if not settled:
                leave()
            raise
        self._telling.rest()
        if self._refolding is not None:
            await asyncio.shield(self._refolding)
        results = [error or next(outcomes) for error in refused]
        self.refused_reports.look(records, results)
        return results

    def _placed(self, record: Record, writer: Writer, given: Given) -> Record:
        """The record with its clock, where that is not simply the next one."""
        if writer.author == "engine":
            record = self._past_ceiling.place(record, self.live, self._runtime.now())
        return placed_report(record, self.live, given)

    async def _enter(self, records: Sequence[Record]) -> Callable[[], None]:
        """Wait for the turn of these records; return what ends it."""
        shared_lock = self._order
        enter, leave = shared_lock.enter, shared_lock.leave
        if any(needs_quiet(record, self.live) for record in records):
            enter, leave = shared_lock.alone, shared_lock.leave_alone
        await enter()
        while self._closed and not self._closed.isdisjoint(record.thread for record in records):
            leave()
            await self._opened.wait()
            await enter()
        return leave

    async def restore(self, bundled: Sequence[Bundled], keep: Keep, *, tell: bool) -> list[Outcome]:
        """Take in records of another log, all or none, as `RecordStore.restore`.

        Meanwhile writers on the same threads wait; everyone does when one of these rules over records.
        Freezes, namespaces, and rules judge them before the first is written; the guard's other checks
        concern requests, not history. `tell`: whether the engine is to act on them; on records of reserved
        threads it always does, and watchers hear of all. Cancelling the caller does not stop it. Raises the
        first refusal, with the line.
        """
        work = asyncio.ensure_future(self._restore(bundled, keep, tell))
        work.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(work)

    async def _restore(self, bundled: Sequence[Bundled], keep: Keep, tell: bool) -> list[Outcome]:
        if not self.open:
            raise Unavailable("the daemon is stopping", "restore after the restart")
        threads = frozenset(one.record.thread for one in bundled)
        async with self._one_restore:
            self._closed = threads
            try:
                outcomes, fresh = await self._take_in(bundled, keep, alone=not threads.isdisjoint(RULING))
                self.outcomes.note([one.record for one in bundled], outcomes)
                await self._settle(fresh, tell)
            finally:
                self._closed = frozenset()
                self._opened.set()
                self._opened = asyncio.Event()
            heard = fresh if tell else [one for one in fresh if one.record.thread in RESERVED]
            for part in slices(heard):
                self._telling.listeners(part)
                await asyncio.sleep(0)
        return outcomes

    async def _take_in(
        self, bundled: Sequence[Bundled], keep: Keep, *, alone: bool
    ) -> tuple[list[Outcome], list[StoredRecord]]:
        """Write the records, on threads where nobody else writes now; `alone`: nobody writes anywhere.

        Live folds and watchers get each as soon as it is written; returns the outcomes and what was new.
        """
        fresh: list[StoredRecord] = []

        def arrived(part: list[StoredRecord]) -> None:
            self.live.arriving = self._closed
            fresh.extend(part)
            self._take(part, act=False)

        await self._order.alone()
        if not alone:
            self._order.leave_alone()  # those who were writing on these threads are done
        try:
            await self._judge.restored(bundled)
            timed = await asyncio.to_thread(lambda: [(one.record, one.received_at) for one in bundled])
            return await self.store.restore(timed, keep, arrived), fresh
        finally:
            if alone:
                self._order.leave_alone()

    async def _settle(self, fresh: list[StoredRecord], tell: bool) -> None:
        """After everything is written: refold what came out of order, and report nothing a second time."""
        records = (one.record for one in fresh)
        results = [one.id for one in records if isinstance(one.body.get("fulfills"), str) or tells(one)]
        if results and not tell:
            await self.store.acknowledge(results)  # they were reported where they came from
            self.live.acknowledged(results)
        self.live.arrived()
        await self.live.refold(self.store)

    @contextlib.asynccontextmanager
    async def undisturbed(self) -> AsyncIterator[Callable[[], bool]]:
        """Inside, no control record is written: what the live folds say about freezes stays true.

        Yields a function that says whether one is waiting, so be quick. Do not append in here: that would
        wait for the control record, and the control record for this.
        """
        await self._order.enter()
        try:
            yield lambda: self._order.wanted
        finally:
            self._order.leave()

    async def append_one(self, record: Record, *, writer: Writer = ENGINE) -> Appended:
        """Append one record; raise the error that `append` would return."""
        (outcome,) = await self.append([record], writer=writer)
        if isinstance(outcome, SyncropelError):
            raise outcome
        return outcome

    def _take(self, fresh: list[StoredRecord], *, act: bool = True) -> None:
        """Apply what was just written and announce it: to watchers, and to the engine if it is to `act`."""
        if not fresh:
            return
        self.total += len(fresh)
        for stored in fresh:
            self.live.apply(stored)
        self._judge.pass_time()
        if self.live.has_stale or self._refolding is not None:
            self._telling.rest()
            before = self._refolding
            self._refolding = asyncio.ensure_future(self._refold(fresh, act, before))
        elif act:
            self._telling.soon(fresh)
        else:
            self._telling.rest()
            self._telling.now(fresh, act=False)

    async def _refold(self, fresh: list[StoredRecord], act: bool, before: asyncio.Task[None] | None) -> None:
        """Refold stale threads before anyone hears of these records, round after round."""
        if before is not None:
            await before
        try:
            await self.live.refold(self.store)
        except SyncropelError as error:
            log.error("cannot refold a thread: %s", error.message)
        self._telling.now(fresh, act=act)
        if self._refolding is asyncio.current_task():
            self._refolding = None
