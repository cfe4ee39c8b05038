"""Judges records before they are appended: the guard, and the rules in the log."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence

from syncropel.engine.ingest.denials import Denials
from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.ingest.telling import SLICE
from syncropel.errors import Conflict, SyncropelError
from syncropel.peer.runtime import Runtime
from syncropel.policy.authority import Writer
from syncropel.policy.clocks import check_bundled_clock
from syncropel.policy.enforcement import refuse_write
from syncropel.policy.guard import begins_fan_out, check, check_restored
from syncropel.policy.lanes import RULES
from syncropel.policy.lockout import may_lock_out, refuse_lockout
from syncropel.record.model import Record
from syncropel.record.threads import ENGINE_CONFIG
from syncropel.store.base import RecordStore
from syncropel.store.bundle.format import Bundled


class Judge:
    """Says what speaks against records. `enforcing`: the other instances that enforce this one's permission
    rules, by DID.
    """

    def __init__(
        self,
        store: RecordStore,
        live: LiveFolds,
        did: str,
        runtime: Runtime,
        denials: Denials,
        enforcing: Callable[[], Collection[str]],
    ) -> None:
        self._store = store
        self._live = live
        self._did = did
        self._runtime = runtime
        self._denials = denials
        self._enforcing = enforcing

    async def compile(self, compiling: Callable[[], object]) -> None:
        """Compile a record's long expression elsewhere, before it is its turn."""
        # The cache keeps the result, even an error, and the guard finds it there.
        with contextlib.suppress(SyncropelError):
            await RULES.compile(compiling)

    def pass_time(self) -> None:
        """Let the graces of hard freezes begin and end."""
        if self._live.control.graces:
            self._live.control.pass_time(self._runtime.moment())

    async def objections(
        self, records: Sequence[Record], ruled: bool, writer: Writer
    ) -> list[SyncropelError | None]:
        """The objection to each record, if any, at the time at which this returns: no grace ends meanwhile
        unnoticed. `ruled`, `writer`: as in `Ingest.append`.
        """
        while True:
            self.pass_time()
            graces = len(self._live.control.graces)
            now = self._runtime.now()
            refused = [check(record, self._live, now, self._did, writer) for record in records]
            if ruled and (self._live.rules.enforced or self._live.rules.freezes_changed):
                await self._ask_rules(records, refused, now)
            for at, record in enumerate(records if ruled else ()):
                if refused[at] is None and record.thread == ENGINE_CONFIG:
                    refused[at] = await self._refuse_lockout(record, now)
            for at, record in enumerate(records if writer.author != "engine" else ()):
                if refused[at] is None and begins_fan_out(record):
                    refused[at] = await self._refuse_joined(record)
            if not graces:
                return refused
            self.pass_time()
            if len(self._live.control.graces) == graces:
                return refused

    async def _refuse_lockout(self, record: Record, now: float) -> SyncropelError | None:
        rules, elsewhere = self._live.rules, self._enforcing()
        if not may_lock_out(record, rules, elsewhere):
            return None
        return await refuse_lockout(record, rules, self._live, now, self._did, elsewhere)

    async def _refuse_joined(self, record: Record) -> SyncropelError | None:
        """Refuse a fan-out that was joined before it began: its poster knows its id, and could have declared
        it fulfilled before that was recognizable as a join.
        """
        task = self._live.tasks.get(record.thread)
        known = task is not None and task.fanout is not None
        if known or not record.id or record.thread not in self._live.index.threads:
            return None
        for stored in await self._store.thread(record.thread):
            if stored.record.act == "KNOW" and stored.record.body.get("fulfills") == record.id:
                return Conflict(
                    f"record {stored.record.id} already says that this fan-out is fulfilled",
                    "fan out on a thread of its own: spl task add, then spl task fan-out",
                )
        return None

    async def restored(self, bundled: Sequence[Bundled]) -> None:
        """Raise the first objection to records of another log, with the line."""
        ruled = self._live.rules.enforced or self._live.rules.freezes_changed
        now = self._runtime.now()
        for at, one in enumerate(bundled):
            if at % SLICE == 0:
                await asyncio.sleep(0)
                self._live.control.pass_time(self._runtime.moment())
            told = check_bundled_clock(one.record)
            refused = [told or check_restored(one.record, self._live, now, self._did)]
            if ruled:
                await self._ask_rules([one.record], refused, now)
            if (error := refused[0]) is not None:
                error.message = f"line {one.line}: {error.message}"
                raise error

    async def _ask_rules(
        self, records: Sequence[Record], refused: list[SyncropelError | None], now: float
    ) -> None:
        for at, record in enumerate(records):
            if refused[at] is None:
                refusal = await refuse_write(record, self._live, now, self._did)
                if refusal is not None:
                    refused[at] = refusal[0]
                    self._denials.note(*refusal[1:])
