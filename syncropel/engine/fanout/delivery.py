"""Delivers child INTENDs to their instances, until each has acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from syncropel.engine.control.propagation import ControlPropagation
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.refused_reports import known_result
from syncropel.errors import DaemonUnreachable, SyncropelError
from syncropel.folds.fanout.progress import Progress
from syncropel.peer.peers import Peers
from syncropel.peer.runtime import Runtime
from syncropel.peer.sender import Sender
from syncropel.record.model import Record

_UNTAKEN_KEPT: Final = 10_000


async def post_locally(ingest: Ingest, records: Sequence[Record]) -> list[dict[str, Any]]:
    """The answer of a batch post to this same instance."""
    return [
        {"status": "error", "error": outcome.envelope(), "known": known_result(record, ingest.live)}
        if isinstance(outcome, SyncropelError)
        else {"status": "created" if outcome.created else "duplicate"}
        for record, outcome in zip(records, await ingest.append(records), strict=True)
    ]


def end_key(intend: str) -> str:
    """The key under which the end of the attempt with this INTEND is sent."""
    return f"{intend} end"


class Delivery:
    """One sender per instance. Acknowledgements are remembered only to save traffic: after a restart every
    INTEND without a result is sent again, and the worker answers that it has it.
    """

    def __init__(
        self,
        ingest: Ingest,
        peers: Peers,
        propagation: ControlPropagation,
        did: str,
        runtime: Runtime,
        spawn: Callable[[Any, str], Any],
    ) -> None:
        self._propagation = propagation
        self._ingest = ingest
        self._peers = peers
        self._did = did
        self._runtime = runtime
        self._spawn = spawn
        self._senders: dict[str, Sender] = {}
        self._sent: dict[str, tuple[str, str]] = {}
        self._by_thread: dict[str, set[str]] = {}
        self._untaken: dict[str, None] = {}
        self._ends: dict[str, dict[str, tuple[int, int]]] = {}
        """By thread, the attempts that were told to end: INTEND and slot."""
        self._position: dict[str, tuple[Progress, int]] = {}
        """By thread, how many of the attempts that began were looked at here."""

    def knows(self, key: str) -> bool:
        """Whether this INTEND was sent or is being sent."""
        return key in self._sent

    def begun(self, thread: str, progress: Progress) -> list[int]:
        """The subtasks that began to run since `caught_up`; all, after something was forgotten."""
        known, position = self._position.get(thread, (progress, 0))
        return progress.started[position if known is progress else 0 :]

    def caught_up(self, thread: str, progress: Progress) -> None:
        """Everything that runs in this fan-out was passed to `send`, if it was not known."""
        self._position[thread] = (progress, len(progress.started))

    def sends_for(self, thread: str) -> bool:
        """Whether anything of this fan-out was sent or is being sent."""
        return thread in self._by_thread

    def send(self, thread: str, key: str, instance: str, intend: Record) -> None:
        """Send this INTEND until its instance has it. `key` is its id in the parent's log."""
        self._sent[key] = (instance, thread)
        self._by_thread.setdefault(thread, set()).add(key)
        self._sender(instance).add(key, intend)

    def end(
        self,
        thread: str,
        slot: tuple[int, int],
        intend: str,
        instance: str,
        end: Record,
        *,
        superseded: bool,
    ) -> None:
        """Tell an instance not to run this attempt any more. `intend`: the id of its INTEND, which is no
        longer sent when the attempt is superseded; one that counts is still needed for its result.
        """
        key = end_key(intend)
        if superseded and intend in self._sent:
            self._sender(instance).drop(intend)
        if key not in self._sent:
            self.send(thread, key, instance, end)
            self._ends.setdefault(thread, {})[intend] = slot

    def ends(self, thread: str) -> dict[str, tuple[int, int]]:
        """The attempts of this fan-out that were told to end: the id of the INTEND, and the slot."""
        return dict(self._ends.get(thread, ()))

    def withdraw_end(self, intend: str) -> None:
        """Cancel a pending `end` for this attempt: it may continue."""
        key = end_key(intend)
        known = self._sent.get(key)
        if known is not None and self._sender(known[0]).waits(key):
            self._sender(known[0]).drop(key)
            del self._sent[key]
            self._by_thread[known[1]].discard(key)
            self._ends[known[1]].pop(intend, None)

    def resend(self, instance: str) -> None:
        """Forget what this instance acknowledged: it came back, possibly with less than it had."""
        for key, (did, thread) in list(self._sent.items()):
            if did == instance and not self._sender(instance).waits(key):
                del self._sent[key]
                self._by_thread[thread].discard(key)
                self._position.pop(thread, None)

    def forget(self, thread: str, keep: Collection[str] = ()) -> None:
        """Stop sending for a fan-out that is over, but for what has these keys."""
        self._position.pop(thread, None)
        if not keep:
            self._ends.pop(thread, None)
        sent = self._by_thread.pop(thread, set())
        if kept := sent.intersection(keep):
            self._by_thread[thread] = kept
        for key in sent - kept:
            instance, _ = self._sent.pop(key)
            if self._sender(instance).waits(key):
                self._untaken[key] = None
            self._sender(instance).drop(key)
        while len(self._untaken) > _UNTAKEN_KEPT:
            del self._untaken[next(iter(self._untaken))]

    def untaken(self, key: str) -> bool:
        """Whether sending this INTEND stopped before its instance confirmed it, because its fan-out was over.
        Not known any more after a restart.
        """
        return key in self._untaken

    def waiting(self) -> dict[str, tuple[int, str]]:
        """How many INTENDs wait for each instance, and the error of the last try."""
        return {did: (len(sender), sender.problem) for did, sender in self._senders.items() if len(sender)}

    def hurry(self, instance: str) -> None:
        """This instance can be reached again: try now."""
        if instance in self._senders:
            self._senders[instance].hurry()

    def senders(self) -> list[Sender]:
        """What sends to each instance."""
        return list(self._senders.values())

    def _sender(self, instance: str) -> Sender:
        sender = self._senders.get(instance)
        if sender is None:

            async def post(records: Sequence[Record]) -> list[dict[str, Any]]:
                return await self._post(instance, records)

            async def taken(_: list[str]) -> None:
                await asyncio.sleep(0)

            sender = Sender(f"delivery to {instance}", post, taken, self._runtime)
            self._senders[instance] = sender
            self._spawn(sender.run(), sender.name)
        return sender

    async def _post(self, instance: str, records: Sequence[Record]) -> list[dict[str, Any]]:
        if self._ingest.live.standing.fenced is not None:
            raise DaemonUnreachable(self._ingest.live.standing.why, "see: spl leader show")
        if instance == self._did:
            return await post_locally(self._ingest, records)
        known = self._ingest.live.registry.instances.get(instance)
        if known is None:
            raise DaemonUnreachable(f"{instance} is not in the registry", "wait until it joins")
        if self._ingest.live.credentials.is_revoked(instance):
            raise DaemonUnreachable(f"{known.alias} was revoked", "see: spl fleet list")
        # Work never overtakes a freeze: an instance has the control state before it is assigned anything.
        await self._propagation.ensure(instance)
        return await self._peers.post_records(known.endpoint, records, instance)
