"""The outbox: every result is sent to its coordinator until it is acknowledged, even across a crash.

Its contents follow from the log: results without an acknowledgement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from syncropel.engine.fanout.delivery import post_locally
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import DaemonUnreachable
from syncropel.folds.fanout.child import HANDLED, ChildIntend, ChildResult
from syncropel.folds.fanout.state import CHILD_DONE
from syncropel.peer.peers import Peers
from syncropel.peer.runtime import Runtime
from syncropel.peer.sender import Sender
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL

_REPEATED: Final = (
    "output",
    "reason",
    "exit",
    "worktree",
    "codepath",
    "failure_reason",
    "starts",
    "agent",
    "gate",
    "cost_unknown",
    "budget_usd",
    HANDLED,
)
"""Fields of a result that its report repeats."""


def report(intend: ChildIntend, result: ChildResult, worker: str) -> Record:
    """DO fanout_child_done for the parent thread. It is derived from the two records alone, including its
    clock.
    """
    body: dict[str, Any] = {
        "topic": CHILD_DONE,
        "index": intend.body["index"],
        "attempt": intend.attempt,
        "child_thread": intend.thread,
        "worker": worker,
        "verdict": result.body["verdict"],
        "summary": result.body.get("summary", ""),
        "cost_usd": result.body.get("cost_usd", 0),
        "wall_time_secs": result.body.get("wall_time_secs", 0),
        "namespace": intend.body.get("namespace"),
        "at": result.body.get("at", 0),
    }
    for key in _REPEATED:
        if key in result.body:
            body[key] = result.body[key]
    clock = intend.body.get("report_clock")
    return Record(
        thread=intend.body["parent_thread"],
        actor=worker,
        act="DO",
        body=body,
        clock=clock if type(clock) is int and clock >= 0 else None,
        parents=(intend.body["parent_intend"],),
    ).identified()


def _settled(records: Sequence[Record], outcomes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The outcomes, with a taken clock interpreted: the existing record may say the same in another version's
    words, or it may be somebody else's, and then this result is not reported.
    """
    return [_settle(record, outcome) for record, outcome in zip(records, outcomes, strict=True)]


def _settle(record: Record, outcome: dict[str, Any]) -> dict[str, Any]:
    error = outcome.get("error")
    message = str(error.get("message", "")) if isinstance(error, dict) else ""
    if outcome.get("status") != "error" or not message.startswith("DuplicateClock"):
        return outcome
    known = outcome.get("known")
    if not isinstance(known, dict):
        known = {}
    same = (known.get("worker"), known.get("verdict")) == (record.actor, record.body.get("verdict"))
    if same:
        return {"status": "duplicate"}
    told = f"it says {known['verdict']!r}" if known.get("verdict") else "it is not a result of this attempt"
    mine = f"{record.body.get('verdict')!r} of subtask {record.body.get('index')} on {record.thread}"
    return {
        "status": "error",
        "error": {"message": f"{mine} is not taken: another record has its clock, {told}"},
    }


class Outbox:
    """Reports of this instance's results."""

    def __init__(
        self, ingest: Ingest, peers: Peers, did: str, coordinator_url: str, runtime: Runtime
    ) -> None:
        self._ingest = ingest
        self._peers = peers
        self._did = did
        self._coordinator_url = coordinator_url
        self._local = Sender("outbox (local)", self._post_locally, self._taken, runtime)
        self._remote = Sender("outbox", self._post, self._taken, runtime)
        ingest.subscribe(self.on_records)

    def __len__(self) -> int:
        return len(self._local) + len(self._remote)

    def senders(self) -> list[Sender]:
        """What sends reports: to this instance itself, and to its coordinator."""
        return [self._local, self._remote]

    @property
    def runners(self) -> list[Callable[[], Any]]:
        """The loops that have to run for reports to be sent."""
        return [self._local.run, self._remote.run]

    async def flush(self) -> None:
        """Try once to send what waits."""
        await self._local.send_once()
        await self._remote.send_once()

    async def resume(self) -> None:
        """Queue every result that was never acknowledged."""
        live = self._ingest.live
        live.acknowledged(await self._ingest.store.acknowledged(list(live.unreported)))
        for thread in dict.fromkeys(live.unreported.values()):
            for intend, result in live.children[thread].reportable():
                if result.record in live.unreported:
                    self._add(intend, result)

    def on_records(self, records: Sequence[StoredRecord]) -> None:
        for stored in records:
            record = stored.record
            if record.thread == FLEET_CONTROL:
                self._local.hurry()
                self._remote.hurry()
            state = self._ingest.live.children.get(record.thread)
            if state is None or record.act != "KNOW":
                continue
            result = state.results.get(str(record.body.get("fulfills")))
            if result is None or result.record != record.id:
                continue
            for intend in state.intends.values():
                if intend.record == result.fulfills:
                    self._add(intend, result)

    def _add(self, intend: ChildIntend, result: ChildResult) -> None:
        local = intend.body.get("coordinator") == self._did or not self._coordinator_url
        (self._local if local else self._remote).add(result.record, report(intend, result, self._did))

    async def _post(self, records: Sequence[Record]) -> list[dict[str, Any]]:
        if not self._coordinator_url:
            raise DaemonUnreachable("no coordinator is configured", "set [fleet] coordinator_url")
        return _settled(records, await self._peers.post_records(self._coordinator_url, records))

    async def _post_locally(self, records: Sequence[Record]) -> list[dict[str, Any]]:
        return _settled(records, await post_locally(self._ingest, records))

    def problems(self) -> list[str]:
        """Why waiting results were not accepted at the last try."""
        return [one.problem for one in (self._local, self._remote) if len(one) and one.problem]

    async def _taken(self, keys: list[str]) -> None:
        await self._ingest.store.acknowledge(keys)
        self._ingest.live.acknowledged(keys)
