"""Sends one request for each item of a list, a few at a time, and then reads back what became of each.

It sends about what is on the list and nothing else, each item at most once, and asks before each one whether
it may still be sent. It can be stopped: what is on its way is waited for, the rest is not reached.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from syncropel.errors import DaemonNotRunning, SyncropelError
from tui.model.bulk_steps import Progress, Step
from tui.model.request_state import Stage, failed

WIDTH: Final = 8
"""Requests on their way at the same time: a daemon has others to answer, too."""
ROUNDS: Final = 8
"""What has not come about is read again so often: an instance has to hear of it first."""
ROUND_SECS: Final = 1.0
_UNAUTHORIZED: Final = 401


@dataclass(frozen=True)
class Seen:
    """What was read back about an item: whether it came about, and how it stands."""

    done: bool
    words: str


class Bulk(Protocol):
    """What is to be done to each item."""

    def stopped(self) -> str:
        """Why nothing more can be sent from here; empty while it can."""

    def left_out(self, key: str) -> str:
        """Why this item is not sent, as things stand now; empty when it is."""

    async def send(self, key: str) -> None:
        """Send the request about an item. Raises SyncropelError."""

    async def read_back(self, keys: Sequence[str]) -> Mapping[str, Seen]:
        """How these items stand now, according to the daemon. Raises SyncropelError."""


class BulkRun:
    """One run over a list. `on_change` is called whenever an item has got further."""

    def __init__(
        self,
        keys: Sequence[str],
        bulk: Bulk,
        on_change: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.progress = {key: Progress() for key in keys}
        self.is_over = False
        self.stop_asked = ""
        """Why no more is sent; empty while the run goes on."""
        self._bulk, self._on_change, self._sleep = bulk, on_change, sleep
        self._waiting = iter(keys)
        self._taken: set[str] = set()
        """What the daemon has answered."""

    def stop(self, why: str) -> None:
        """Send nothing more. What is on its way is waited for."""
        if not self.stop_asked:
            self.stop_asked = why
            self._on_change()

    async def run(self) -> None:
        """Until each item has an outcome."""
        async with asyncio.TaskGroup() as some:
            for _ in range(WIDTH):
                some.create_task(self._work())
        for key, one in self.progress.items():
            if one.step is Step.WAITING:
                self._put(key, Step.NOT_REACHED, self.stop_asked)
        await self._read_back()
        self.is_over = True
        self._on_change()

    async def look_again(self) -> None:
        """Read back again what is not known yet, after a run: nothing is sent."""
        for key, one in self.progress.items():
            if one.step in (Step.UNKNOWN, Step.UNSEEN) and key in self._taken:
                self.progress[key] = Progress(Step.SENT)
        await self._read_back()
        self._on_change()

    async def _work(self) -> None:
        for key in self._waiting:
            if why := self._bulk.stopped():
                self.stop(why)
            if self.stop_asked:
                self._put(key, Step.NOT_REACHED, self.stop_asked)
            elif why := self._bulk.left_out(key):
                self._put(key, Step.LEFT_OUT, why)
            else:
                await self._send(key)

    async def _send(self, key: str) -> None:
        self._put(key, Step.SENDING)
        try:
            await self._bulk.send(key)
        except SyncropelError as error:
            outcome = failed(error, 0.0, "")
            self._put(key, Step.REFUSED if outcome.stage is Stage.REFUSED else Step.UNKNOWN, error.message)
            if isinstance(error, DaemonNotRunning) or getattr(error, "status", 0) == _UNAUTHORIZED:
                self.stop(error.message)  # it would be the same for each
        except Exception as error:  # noqa: BLE001 - the others go on, and this one has an outcome, too
            self._put(key, Step.UNKNOWN, f"unexpected {type(error).__name__}: {error}")
        else:
            self._taken.add(key)
            self._put(key, Step.SENT)

    async def _read_back(self) -> None:
        """Say of each that was sent, or may have been, what the daemon says of it now."""
        trouble = ""
        for number in range(ROUNDS):
            open_ = [key for key, one in self.progress.items() if one.step in (Step.SENT, Step.UNKNOWN)]
            if not open_:
                return
            if number:
                await self._sleep(ROUND_SECS)
            try:
                seen = await self._bulk.read_back(open_)
            except SyncropelError as error:
                trouble = error.message
                continue
            trouble = ""
            for key, found in seen.items():
                step = self.progress[key].step
                unsure = f"no answer came; it is {found.words}" if step is Step.UNKNOWN else found.words
                self.progress[key] = (
                    Progress(Step.DONE, found.words) if found.done else Progress(step, unsure)
                )
            self._on_change()
        for key, one in self.progress.items():
            if one.step is Step.SENT and trouble:
                self._put(key, Step.UNKNOWN, f"sent; how it stands could not be read: {trouble}")
            elif one.step is Step.SENT:
                self._put(key, Step.UNSEEN, f"sent, and still {one.words}" if one.words else "sent")

    def _put(self, key: str, step: Step, words: str = "") -> None:
        self.progress[key] = Progress(step, words)
        self._on_change()
