"""One attempt's output while it is written: fed to its reader, with observations for the log.

Sessions, usage, and questions are observed, each with the run's name, the number of such events so far, and
the offset after the line that contained it. A daemon that comes back reads the output from its start, so that
its reader knows what the previous one knew, and skips as many events as the log has of this run.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
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

MOST_RECORDS: Final = 1000
"""Observations of one run that are logged individually; a program may invent more than the log can hold."""
REST_SECS: Final = 10.0
"""How often usage is logged after that, summed up."""
SEVERAL: Final = "several"
"""The model name for usage summed over all models."""
_CHUNKS_A_LOOK: Final = 16
"""So that whoever looks also comes to look at time limits and costs."""
KINDS: Final[Mapping[type, str]] = {Session: AGENT_SESSION, Usage: STREAM_EVENT, Question: QUESTION}
"""The logged events, and their observation kinds."""


class Following:
    """Reads on from its position whenever it is called. `known`: events of this run that the log has."""

    def __init__(
        self,
        output: Path,
        reader: OutputReader,
        run: str,
        known: int,
        clock: Callable[[], float] = time.monotonic,
        kinds: Mapping[type, str] = KINDS,
    ) -> None:
        self._clock = clock
        self._told_at = -math.inf
        self._tail = Tail(output)
        self._reader = reader
        self._run = run
        self._known = known
        self._kinds = kinds
        self._events = 0
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        self._sum: tuple[Usage, dict[str, Any]] | None = None
        """Usage to be logged together, and the position up to which it counts."""
        self._broken = 0
        self._finished = False
        self._one_at_a_time = Lock()  # a step whose run was cancelled continues in its thread

    @property
    def offset(self) -> int:
        """Bytes of the output that were read."""
        return self._tail.offset

    @property
    def unread(self) -> int:
        """Lines that were too long, or could not be parsed."""
        return self._tail.dropped + self._reader.unread + self._broken

    @property
    def unobserved_usd(self) -> float:
        """US dollars that the log has not accepted."""
        summed = self._sum[0].cost_usd if self._sum is not None else None
        return (summed or 0.0) + sum(float(body.get("cost_usd", 0.0)) for _, body in self._waiting)

    async def read_on(self, observe: Observe) -> None:
        """Read what is new, up to a limit for fast programs, and observe it.

        While the log refuses that, nothing more is read.
        """
        for _ in range(_CHUNKS_A_LOOK):
            if not (await self._tell(observe) and await asyncio.to_thread(self._step)):
                return

    async def finish(self, observe: Observe) -> None:
        """Read the rest, including a last line without a newline. What the log refuses is omitted."""
        while await asyncio.to_thread(self._step):
            await self._tell(observe)
        if not self._finished:
            self._finished = True
            await asyncio.to_thread(self._end)
        await self._tell(observe, at_once=True)

    def _step(self) -> bool:
        """Feed one chunk. Returns False at the end of the file."""
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
            log.exception("the reader of run %s failed; the line is omitted", self._run)
        self._broken += 1

    def _take(self, events: list[Event], offset: int) -> None:
        for event in events:
            if (kind := self._kinds.get(type(event))) is None:
                continue
            self._events += 1
            if self._events > self._known:
                where = {"run": self._run, "events": self._events, "output_offset": offset}
                self._add(event, kind, where, self._events)

    def _add(self, event: Event, kind: str, where: dict[str, Any], number: int) -> None:
        """Log an event. After the first thousand, usage is summed up, and sessions and questions are dropped:
        no agent has so many.
        """
        if number <= MOST_RECORDS:
            self._waiting.append((kind, {**_told(event), **where}))
        elif not isinstance(event, Usage):
            self._broken += 1
        elif self._sum is None:
            self._sum = (event, where)
        else:
            try:
                self._sum = (_together(self._sum[0], event), where)
            except TypeError:  # a plug-in's reader may return anything
                self._breaks()

    def _release(self, *, at_once: bool) -> None:
        now = self._clock()
        with self._one_at_a_time:
            if self._sum is not None and (at_once or now - self._told_at >= REST_SECS):
                (event, where), self._sum, self._told_at = self._sum, None, now
                self._waiting.append((STREAM_EVENT, {**_told(event), **where}))

    async def _tell(self, observe: Observe, *, at_once: bool = False) -> bool:
        """Observe what waits. Returns False when the log refuses it: the next look tries again."""
        self._release(at_once=at_once)
        while self._waiting:
            told = self._waiting.popleft()
            try:
                await observe(*told)
            except InvalidRecord:  # no log will ever accept it, and it must not block what follows
                self._broken += 1
            except SyncropelError:
                self._waiting.appendleft(told)
                return False
        return True


def _together(one: Usage, other: Usage) -> Usage:
    """Usage summed up. If one cost is unknown, so is the sum."""
    costs = (one.cost_usd, other.cost_usd)
    known = [cost for cost in costs if cost is not None]
    return Usage(
        one.model if one.model == other.model else SEVERAL,
        one.input + other.input,
        one.cached_input + other.cached_input,
        one.cache_write + other.cache_write,
        one.output + other.output,
        one.reasoning + other.reasoning,
        sum(known) if len(known) == len(costs) else None,
    )


def _told(event: Event) -> dict[str, Any]:
    if isinstance(event, Session):
        return {"session": event.id, "model": event.model}
    if isinstance(event, Usage):
        usage = asdict(event)
        cost = usage.pop("cost_usd")
        return {"usage": usage} | ({} if cost is None else {"cost_usd": cost})
    return asdict(event)
