"""Acts on the end of a hard freeze's grace at that moment, not at the next tick."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from syncropel.engine.ingest.door import Ingest
from syncropel.peer.pause import Pause
from syncropel.peer.runtime import Runtime
from syncropel.record.model import StoredRecord
from syncropel.record.threads import FLEET_CONTROL

_IDLE_SECS: Final = 60.0
_SHORTEST_SECS: Final = 0.001


class Graces:
    """Waits for the next end of a grace. `elsewhere`: the remaining graces on other instances, in seconds."""

    def __init__(
        self,
        ingest: Ingest,
        runtime: Runtime,
        elsewhere: Callable[[], Iterable[float]],
        ended: Callable[[], None],
    ) -> None:
        self._ingest = ingest
        self._runtime = runtime
        self._elsewhere = elsewhere
        self._ended = ended
        self._pause = Pause(runtime)
        ingest.subscribe(self._on_records)

    def _on_records(self, records: Sequence[StoredRecord]) -> None:
        if any(one.record.thread == FLEET_CONTROL for one in records):
            self._pause.cut()

    async def run(self) -> None:
        """Call `ended` whenever a grace may be over; never returns."""
        while True:
            here = self._ingest.live.control.lefts(self._runtime.moment()).values()
            lefts = (left for left in (*here, *self._elsewhere()) if left > 0)
            secs = min(lefts, default=_IDLE_SECS)
            await self._pause.wait(max(_SHORTEST_SECS, min(secs, _IDLE_SECS)))
            self._ended()
