"""Sends the trace of each fan-out once it is over, beside everything else.

What waits is in memory: a daemon that stops before an endpoint is back loses those traces. The log has
everything that they say.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from syncropel.backoff import Backoff
from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.traces.otlp import NotTaken
from syncropel.errors import SyncropelError
from syncropel.folds.tasks.spans import Span, spans_of
from syncropel.peer.runtime import Runtime
from syncropel.record.model import StoredRecord

log = logging.getLogger("syncropel.engine.traces")

MOST_WAITING: Final = 1_000
"""Fan-outs whose traces wait; of more the oldest are dropped, and counted."""
MOST_SPANS: Final = 500
"""Spans in one request."""
LONGEST_WAIT_SECS: Final = 120.0

Send = Callable[[Sequence[Span]], Awaitable[None]]
"""Sends spans in one request. Raises NotTaken, SyncropelError."""


@dataclass(frozen=True, slots=True)
class _Over:
    thread: str
    at: float


class Traces:
    """The traces of one engine. `texts`: with goals and summaries."""

    def __init__(self, live: LiveFolds, runtime: Runtime, send: Send, *, texts: bool = False) -> None:
        self._live = live
        self._runtime = runtime
        self._send = send
        self._texts = texts
        self._open = set(live.active)
        """The fan-outs that were not over when they were last seen."""
        self._waiting: deque[_Over] = deque()
        self._wake = asyncio.Event()
        self._backoff = Backoff(LONGEST_WAIT_SECS, runtime.share, first_secs=1.0)
        self.sent = 0
        """Traces that were taken, since the start."""
        self.dropped = 0
        """Traces that never were: refused for good, or too many waited."""
        self.problem = ""
        """Why the last request failed; empty when it did not."""

    def on_records(self, records: Sequence[StoredRecord]) -> None:
        """Note the fan-outs that these records end."""
        for stored in records:
            thread = stored.record.thread
            if thread in self._live.active:
                self._open.add(thread)
            elif thread in self._open:
                self._open.discard(thread)
                self._note(_Over(thread, stored.received_at))

    def _note(self, over: _Over) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(over)
        self._wake.set()

    async def run(self) -> None:
        """Send what waits, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                pause = await self.send_next()
                if pause > 0:
                    await self._runtime.sleep(pause)

    async def send_next(self) -> float:
        """Send the trace that waits longest; return how long to wait before the next try, in seconds."""
        over = self._waiting[0]
        state = self._live.tasks.get(over.thread)
        spans = [] if state is None else spans_of(state, over.at, self._live.names(), texts=self._texts)
        try:
            for start in range(0, len(spans), MOST_SPANS):
                await self._send(spans[start : start + MOST_SPANS])
        except NotTaken as error:
            self._tell(str(error))
            if error.again:
                return max(self._backoff.failed(), error.after)
            self.dropped += 1
        except SyncropelError as error:
            self._tell(f"{error.message}; {error.hint}")
            return self._backoff.failed()
        else:
            self._tell("")
            self.sent += bool(spans)
        self._backoff.succeeded()
        if self._waiting and self._waiting[0] is over:  # it may have been dropped meanwhile
            self._waiting.popleft()
        return 0.0

    def _tell(self, problem: str) -> None:
        if problem and problem != self.problem:
            log.warning("a trace was not taken: %s", problem)
        elif self.problem and not problem:
            log.info("traces are taken again")
        self.problem = problem

    def told(self) -> dict[str, int | str]:
        """What the health says of them."""
        return {
            "sent": self.sent,
            "waiting": len(self._waiting),
            "dropped": self.dropped,
            "problem": self.problem,
        }
