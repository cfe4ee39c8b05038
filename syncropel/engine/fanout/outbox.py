"""The outbox: every result, and whatever else the coordinator has to hear of an attempt, is sent to it until
it is acknowledged, even across a crash.

Its contents follow from the log: what has no acknowledgement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from syncropel.engine.fanout.delivery import post_locally
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import DaemonUnreachable
from syncropel.folds.fanout import additions, talk
from syncropel.folds.fanout.asked import tells
from syncropel.folds.fanout.child import ANSWER, HANDLED, MESSAGE, QUESTION, SUBTASK, ChildIntend, ChildResult
from syncropel.folds.fanout.state import CHILD_DONE
from syncropel.folds.fanout.told import FACTS
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


_NEWS: Final = {
    QUESTION: talk.QUESTION,
    ANSWER: talk.DECIDED,
    MESSAGE: talk.MESSAGE_STATE,
    SUBTASK: additions.ASKED,
}
_TOLD: Final = ("question", "decision", "message", "state", "subtask", "at")


def news(intend: ChildIntend, observation: Record, worker: str) -> Record:
    """KNOW for the parent thread about what an attempt says. It has no clock: sent again, it gets the one
    that it has in the coordinator's log.
    """
    body: dict[str, Any] = {
        "topic": _NEWS[observation.topic],
        "index": intend.body["index"],
        "attempt": intend.attempt,
        "child_thread": intend.thread,
        "child_intend": intend.record,
        "worker": worker,
        "namespace": intend.body.get("namespace"),
    }
    body |= {key: observation.body[key] for key in _TOLD if key in observation.body}
    return Record(intend.body["parent_thread"], worker, "KNOW", body, None, (intend.body["parent_intend"],))


def _settled(records: Sequence[Record], outcomes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The outcomes, with a taken clock interpreted: the existing record may say the same in another version's
    words, or it may be somebody else's, and then this result is not reported.
    """
    return [_settle(record, outcome) for record, outcome in zip(records, outcomes, strict=True)]


def _settle(record: Record, outcome: dict[str, Any]) -> dict[str, Any]:
    error = outcome.get("error")
    message = str(error.get("message", "")) if isinstance(error, dict) else ""
    if not message.startswith("DuplicateClock"):
        return outcome
    known = outcome.get("known")
    if not isinstance(known, dict):
        known = {}
    if record.topic in FACTS:
        if known:
            return {"status": "duplicate"}  # told before, in other words
        return {"status": "error", "error": {"message": "its clock was taken meanwhile"}}
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
        live, store = self._ingest.live, self._ingest.store
        live.acknowledged(await store.acknowledged(list(live.unreported)))
        results: dict[str, tuple[ChildIntend, ChildResult]] = {}
        for thread in dict.fromkeys(live.unreported.values()):
            if (child := live.children.get(thread)) is not None:
                results |= {result.record: (intend, result) for intend, result in child.reportable()}
        for record in list(live.unreported):
            if record in results:
                self._add(*results[record])
            elif (stored := await store.get(record)) is not None and tells(stored.record):
                self._tell(stored.record)

    def on_records(self, records: Sequence[StoredRecord]) -> None:
        for stored in records:
            record = stored.record
            if record.thread == FLEET_CONTROL:
                self._local.hurry()
                self._remote.hurry()
            if record.act != "KNOW":
                continue
            if record.id in self._ingest.live.unreported and tells(record):
                self._tell(record)
                continue
            state = self._ingest.live.children.get(record.thread)
            if state is None:
                continue
            result = state.results.get(str(record.body.get("fulfills")))
            if result is None or result.record != record.id:
                continue
            for intend in state.intends.values():
                if intend.record == result.fulfills:
                    self._add(intend, result)

    def _add(self, intend: ChildIntend, result: ChildResult) -> None:
        self._sender(intend).add(result.record, report(intend, result, self._did))

    def _tell(self, observation: Record) -> None:
        """Send what was observed of a question, a message, or a subtask that is asked for."""
        child = self._ingest.live.children.get(str(observation.body.get("child_thread")))
        about = observation.body.get("child_intend")
        for intend in child.intends.values() if child is not None else ():
            if intend.record == about:
                self._sender(intend).add(observation.id, news(intend, observation, self._did))

    def _sender(self, intend: ChildIntend) -> Sender:
        local = intend.body.get("coordinator") == self._did or not self._coordinator_url
        return self._local if local else self._remote

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
