"""Applies the control records that a worker gets from its coordinator.

The worker repeats each one on its own log, in its own name: no clock of another log can block it, and what it
enforces follows from its log alone, even after a restart. What it enforces and its coordinator no longer
knows, it revokes. Then it answers with the digest of what it enforces.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from syncropel.engine.ingest.door import Ingest
from syncropel.errors import SyncropelError
from syncropel.folds.base.provenance import AUTHOR, SOURCE, original_author
from syncropel.folds.control.drains import DRAIN
from syncropel.folds.control.effect import CONTROL_THREADS, STRICT, ControlState, Slot, digest, effects, words
from syncropel.folds.control.freezes import FREEZE, UNFREEZE
from syncropel.folds.control.grace import HEARD, Heard
from syncropel.folds.control.namespaces import STRICT_TOPIC, WITHDRAWN_TOPIC
from syncropel.folds.control.rules import PERMISSION
from syncropel.folds.fanout.child import is_child_end
from syncropel.folds.fanout.state import number
from syncropel.folds.fleet.credentials import REVOKED
from syncropel.freeze_levels import DEFAULT_GRACE_SECS, EMERGENCY, EVERYWHERE, HARD
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord, parse_record
from syncropel.record.threads import FLEET_CONTROL, NAMESPACE_REGISTRY

log = logging.getLogger("syncropel.engine.control_adoption")

_TAKEN_BACK: Final = "the coordinator does not know it"


class ControlAdoption:
    """Applies control messages of the coordinator, one after the other."""

    def __init__(self, ingest: Ingest, did: str, runtime: Runtime) -> None:
        self._ingest = ingest
        self._did = did
        self._runtime = runtime
        self._one_at_a_time = asyncio.Lock()
        self._last = (0, "")
        ingest.subscribe(self._on_records)

    async def load(self) -> None:
        """Read the control threads, at start."""
        for thread in CONTROL_THREADS:
            self._on_records(await self._ingest.store.thread(thread))

    def _on_records(self, records: Sequence[StoredRecord]) -> None:
        for stored in records:
            if stored.record.thread in CONTROL_THREADS:
                self._last = max(self._last, (stored.sequence, stored.record.id))

    def nobody_told(self, records: Sequence[StoredRecord]) -> bool:
        """Whether control changed here without the coordinator; its next message corrects that."""
        ours = self._one_at_a_time.locked()
        return not ours and any(one.record.thread in CONTROL_THREADS for one in records)

    @property
    def version(self) -> str:
        """The newest control record of this log. A message names the one it builds on, so that a delayed
        message has no effect.
        """
        return self._last[1]

    def state(self) -> dict[str, Any]:
        """What this instance enforces, in the form of its answer: `version`, `digest`, and `grace`: the
        remaining seconds of each, by the freeze's record.
        """
        live, now = self._ingest.live, self._runtime.moment()
        live.control.pass_time(now)
        return {"version": self.version, "digest": digest(live), "grace": live.control.lefts(now)}

    async def take(self, message: Mapping[str, Any]) -> bool:
        """Enforce the message (fields of the wire model `ControlMessage`); return False, having done nothing,
        when it builds on another version than this. Raises StoreError when the log accepts nothing.

        `base` is None in the answers of coordinators that predate versions.
        """
        async with self._one_at_a_time:
            if message.get("base") not in (None, self.version):
                return False
            records = list(_read(message.get("records", ())))
            own = self._own_words([one for one in records if one.thread in CONTROL_THREADS], message)
            ends = [one for one in records if is_child_end(one)]
            for outcome in await self._ingest.append([*ends, *own], ruled=False) if own or ends else ():
                if isinstance(outcome, SyncropelError):
                    # Its digest will show that it is not in effect here.
                    log.error("cannot apply the coordinator's message: %s", outcome.message)
            for record, left in _lefts(message).items():
                self._ingest.live.control.shorten(record, left, self._runtime.moment())
            return True

    def _own_words(self, told: Sequence[Record], message: Mapping[str, Any]) -> list[Record]:
        """The records to write so that the message is in effect; none for what already is."""
        state = ControlState()
        for record in told:
            state.apply(StoredRecord(record, 0, 0.0))
        want, have = effects(state), effects(self._ingest.live)
        spoken = words(state)
        by_id = {record.id: record for record in told}
        slots = sorted(want.keys() | have.keys() if message.get("replace") is True else spoken.keys())
        changed = [slot for slot in slots if want.get(slot) != have.get(slot)]
        # What stops something comes before what lets it continue.
        changed.sort(key=lambda slot: slot not in want)
        return [
            self._again(by_id[spoken[slot]], _lefts(message)) if slot in spoken else self._taken_back(slot)
            for slot in changed
        ]

    def _again(self, record: Record, lefts: Mapping[str, float]) -> Record:
        author, source = original_author(record)
        body = {AUTHOR: author, **record.body, SOURCE: source}
        body.pop(HEARD, None)
        if record.topic == FREEZE and record.body.get("level") == HARD:
            # From here on it is measured by this machine's clocks.
            grace = number(record.body.get("grace_secs", DEFAULT_GRACE_SECS))
            body[HEARD] = Heard(min(grace, lefts.get(source, grace)), self._runtime.moment()).body()
        # It repeats the coordinator's record, and no record of this log.
        body.pop("rule", None)
        return Record(record.thread, self._did, "LEARN", body)

    def _taken_back(self, slot: Slot) -> Record:
        kind, name = slot
        thread, body = FLEET_CONTROL, dict[str, Any]()
        if kind == "freeze":
            level = {"level": EMERGENCY} if name == EVERYWHERE else {}
            body = {"topic": UNFREEZE, **level, "namespace": name, "reason": _TAKEN_BACK}
        elif kind == "drain":
            body = {"topic": DRAIN, "instance": name, "state": "stop", "reason": _TAKEN_BACK}
        elif kind == "credential":
            body = {"topic": REVOKED, "did": name, "withdrawn": True, "reason": _TAKEN_BACK}
        elif kind == "rule":
            body = {"topic": PERMISSION, "name": name, "removed": True, "withdrawn": True}
        elif slot == STRICT:
            thread, body = NAMESPACE_REGISTRY, {"topic": STRICT_TOPIC, "strict": False}
        else:
            thread, body = NAMESPACE_REGISTRY, {"topic": WITHDRAWN_TOPIC, "namespace": name}
        return Record(thread, self._did, "LEARN", {**body, "at": self._runtime.now()})


def _lefts(message: Mapping[str, Any]) -> dict[str, float]:
    """The remaining graces at the coordinator, in seconds, by the freeze's record."""
    told = message.get("grace")
    pairs = told.items() if isinstance(told, dict) else ()
    return {str(record): max(0.0, number(left)) for record, left in pairs}


def _read(wired: Iterable[Any]) -> Iterable[Record]:
    for one in wired:
        try:
            record = parse_record(one)
        except SyncropelError as error:
            # An unreadable record must not keep the others out: a freeze may be among them.
            log.error("the coordinator sent an invalid record: %s", error.message)
            continue
        if record.clock is not None:
            yield record
