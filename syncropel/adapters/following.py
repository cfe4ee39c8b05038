"""One attempt's output while it is written: fed to its reader, and what the log has to know of it observed.

The log is told of sessions, usage and questions, each with the run's name, the number of such events so far
and the byte behind the line that said it. A daemon that comes back reads the output from its start, so that
its reader knows what the former one knew, and passes over as many events as the log holds of this run.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any, Final

from syncropel.adapters.base import Observe
from syncropel.adapters.reading import Event, OutputReader, Question, Session, Usage
from syncropel.adapters.tail import Tail
from syncropel.errors import InvalidRecord, SyncropelError
from syncropel.folds.fanout.child import AGENT_SESSION, QUESTION, STREAM_EVENT

log = logging.getLogger("syncropel.engine.adapters.following")

_CHUNKS_A_LOOK: Final = 16
"""So that whoever looks also comes to look at time limits and costs."""
_KINDS: Final = {Session: AGENT_SESSION, Usage: STREAM_EVENT, Question: QUESTION}


class Following:
    """Reads on from where it is whenever it is asked. `known`: events of this run that the log holds."""

    def __init__(self, output: Path, reader: OutputReader, run: str, known: int) -> None:
        self._tail = Tail(output)
        self._reader = reader
        self._run = run
        self._known = known
        self._events = 0
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        self._broken = 0
        self._finished = False
        self._one_at_a_time = Lock()  # a step whose run was cancelled goes on in its thread

    @property
    def offset(self) -> int:
        """Bytes of the output that were read."""
        return self._tail.offset

    @property
    def unread(self) -> int:
        """Lines that were too long, or made no sense."""
        return self._tail.dropped + self._reader.unread + self._broken

    @property
    def unobserved_usd(self) -> float:
        """US dollars that the log has not taken."""
        return sum(float(body.get("cost_usd", 0.0)) for _, body in self._waiting)

    async def read_on(self, observe: Observe) -> None:
        """Read what is new, but no more than a part of what a fast program writes, and observe it.

        While the log refuses that, nothing more is read.
        """
        for _ in range(_CHUNKS_A_LOOK):
            if not (await self._tell(observe) and await asyncio.to_thread(self._step)):
                return

    async def finish(self, observe: Observe) -> None:
        """Read the rest, and its last line even without a newline. What the log refuses is left out of it."""
        while await asyncio.to_thread(self._step):
            await self._tell(observe)
        if not self._finished:
            self._finished = True
            await asyncio.to_thread(self._end)
        await self._tell(observe)

    def _step(self) -> bool:
        """Feed one chunk. False at the end of the file."""
        with self._one_at_a_time:
            before = self._tail.offset
            for offset, line in self._tail.read():
                self._take(self._fed(line), offset)
            return self._tail.offset > before

    def _end(self) -> None:
        with self._one_at_a_time:
            if (line := self._tail.last()) is not None:
                self._take(self._fed(line), self._tail.offset)
            try:
                self._take(self._reader.finish(), self._tail.offset)
            except Exception:  # noqa: BLE001 - a reader of a plug-in may raise anything
                self._breaks()

    def _fed(self, line: bytes) -> list[Event]:
        try:
            return self._reader.feed(line)
        except Exception:  # noqa: BLE001 - a reader of a plug-in may raise anything
            self._breaks()
            return []

    def _breaks(self) -> None:
        if not self._broken:
            log.exception("the reader of run %s broke; the line is left out", self._run)
        self._broken += 1

    def _take(self, events: list[Event], offset: int) -> None:
        for event in events:
            if (kind := _KINDS.get(type(event))) is None:
                continue
            self._events += 1
            if self._events > self._known:
                where = {"run": self._run, "events": self._events, "output_offset": offset}
                self._waiting.append((kind, {**_told(event), **where}))

    async def _tell(self, observe: Observe) -> bool:
        """Observe what waits. False when the log refuses it: the next look tries again."""
        while self._waiting:
            told = self._waiting.popleft()
            try:
                await observe(*told)
            except InvalidRecord:  # no log will ever take it, and what comes after it is not to wait for it
                self._broken += 1
            except SyncropelError:
                self._waiting.appendleft(told)
                return False
        return True


def _told(event: Event) -> dict[str, Any]:
    if isinstance(event, Session):
        return {"session": event.id, "model": event.model}
    if isinstance(event, Usage):
        usage = asdict(event)
        cost = usage.pop("cost_usd")
        return {"usage": usage} | ({} if cost is None else {"cost_usd": cost})
    return asdict(event)
