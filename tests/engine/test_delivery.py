"""Delivery: what began is sent once, and again when its instance came back or the fan-out was revived."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from types import SimpleNamespace
from typing import Any

from syncropel.engine.fanout.delivery import Delivery
from syncropel.engine.fanout.spawn import child_intend
from syncropel.folds.fanout.progress import progress_of
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record
from tests.folds.build import COORDINATOR, THREAD, WORKER_A, WORKER_B, fold, parent, spawned, subtask


class Line:
    """Delivery to instances that take everything; `sent` is what was posted, by instance and thread."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.runners: list[asyncio.Task[Any]] = []
        instances = {did: SimpleNamespace(endpoint="", alias="") for did in (WORKER_A, WORKER_B)}
        live = SimpleNamespace(
            registry=SimpleNamespace(instances=instances),
            credentials=SimpleNamespace(is_revoked=lambda _: False),
            standing=SimpleNamespace(fenced=None),
        )
        ingest: Any = SimpleNamespace(live=live)
        peers: Any = SimpleNamespace(post_records=self.take)
        propagation: Any = SimpleNamespace(ensure=self.ensure)
        self.delivery = Delivery(ingest, peers, propagation, COORDINATOR, Runtime(), self.spawn)

    def spawn(self, work: Coroutine[Any, Any, None], _: str) -> None:
        self.runners.append(asyncio.ensure_future(work))

    async def ensure(self, _: str) -> None:
        return

    async def take(self, _: str, records: Sequence[Record], did: str) -> list[dict[str, Any]]:
        self.sent += [(did, record.thread) for record in records]
        return [{"status": "created"} for _ in records]

    async def settled(self) -> None:
        """Wait until everything was taken."""
        while self.delivery.waiting():  # noqa: ASYNC110 - a sender tells nobody
            await asyncio.sleep(0)


async def test_what_began_is_looked_at_once_until_its_instance_comes_back() -> None:
    state = fold(parent([subtask(), subtask()]), spawned(0, 1), spawned(1, 2, instance=WORKER_B))
    fanout = state.fanout
    assert fanout is not None
    line = Line()

    async def deliver() -> list[int]:
        """As the reconciler does."""
        progress = progress_of(fanout)
        begun = line.delivery.begun(THREAD, progress)
        for index in begun:
            child = progress.child(index)
            assert child.spawn is not None
            if not line.delivery.knows(child.spawn.child_intend):
                intend = child_intend(fanout, child, child.spawn.key[0], COORDINATOR)
                line.delivery.send(THREAD, child.spawn.child_intend, child.spawn.instance, intend)
        line.delivery.caught_up(THREAD, progress)
        await line.settled()
        return begun

    assert await deliver() == [0, 1]
    assert [did for did, _ in line.sent] == [WORKER_A, WORKER_B]
    assert await deliver() == []
    line.delivery.resend(WORKER_B)
    assert await deliver() == [0, 1]
    assert [did for did, _ in line.sent] == [WORKER_A, WORKER_B, WORKER_B]
    line.delivery.forget(THREAD)
    assert await deliver() == [0, 1]
    assert [did for did, _ in line.sent[3:]] == [WORKER_A, WORKER_B]
    fanout.progress = None  # as after a refold: another state of the same thread
    assert await deliver() == [0, 1]
    assert len(line.sent) == 5
    for runner in line.runners:
        runner.cancel()
