"""What a heartbeat's answer brings is taken, whatever else comes with it."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.engine.broadcast import Broadcast
from syncropel.engine.ingest import Ingest
from syncropel.engine.live import LiveFolds
from syncropel.engine.peer import wire
from syncropel.engine.reach import take_control
from syncropel.engine.runtime import Runtime
from syncropel.folds.freezes import FREEZE
from syncropel.store.memory import MemoryStore
from syncropel.threads import FLEET_CONTROL
from tests.folds.build import WORKER_A, record

_BODY = {"topic": FREEZE, "level": "soft", "namespace": "docs", "reason": "x"}
FREEZE_DOCS = wire(record("LEARN", 0, _BODY, thread=FLEET_CONTROL))


@pytest.mark.parametrize(
    "other",
    ["no record", {}, {**FREEZE_DOCS, "act": "WISH"}, wire(record("LEARN", 0, {}, thread="th_elsewhere"))],
)
async def test_a_freeze_is_taken_beside_what_cannot_be_read(other: Any) -> None:
    store = MemoryStore(clock=lambda: 0.0)
    ingest = Ingest(store, LiveFolds(), Broadcast(), WORKER_A, Runtime())
    await take_control(ingest, [other, FREEZE_DOCS])
    assert list(ingest.live.control.freezes) == ["docs"]
    assert store.count == 1
