"""What a coordinator has to say on one link: control before work, and only what the worker keeps up with."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.errors import DaemonUnreachable
from syncropel.peer.link.frames import encoded, numbered
from syncropel.peer.link.protocol import (
    CONTROL_BYTES,
    MOST_ASKS,
    MOST_BYTES,
    MOST_FRAMES,
    STUCK_SECS,
    Lane,
)

_LANES: Final[tuple[Lane, ...]] = ("control", "work", "ask")


@dataclass(slots=True, eq=False)
class Outgoing:
    """One frame. `data`: its JSON without the number; `limit_secs`: how long its sender waits."""

    lane: Lane
    event: str
    data: str
    limit_secs: float
    answered: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    n: int = 0
    sent_at: float = 0.0
    size: int = 0
    """In bytes."""

    def __post_init__(self) -> None:
        data = self.data
        self.size = len(data) if data.isascii() else len(data.encode("utf-8", "backslashreplace"))

    def answer(self, content: Any) -> None:
        """Give its sender the answer, if that still waits."""
        if not self.answered.done():
            self.answered.set_result(content)

    def fail(self, why: str) -> None:
        """Tell its sender that there will be no answer."""
        if not self.answered.done():
            self.answered.set_exception(DaemonUnreachable(why, "it is sent again when the link is back"))
            self.answered.exception()  # nobody may be waiting any more


class Window:
    """The frames of one link: those that wait, lane by lane, and those that were sent and not answered.

    A frame whose sender has given up still counts until the worker answers it: a worker that is slow gets no
    more for being slow.
    """

    def __init__(self) -> None:
        self._waiting: dict[Lane, deque[Outgoing]] = {lane: deque() for lane in _LANES}
        self._sent: dict[int, Outgoing] = {}
        self._next = 1

    def add(self, frame: Outgoing) -> None:
        """Put a frame behind the others of its lane."""
        self._waiting[frame.lane].append(frame)

    def withdraw(self, frame: Outgoing) -> None:
        """Its sender has given up: it is not sent any more, if it was not yet."""
        if not frame.n and frame in self._waiting[frame.lane]:
            self._waiting[frame.lane].remove(frame)

    def take(self, now: float) -> bytes | None:
        """The next frame that may be sent, as bytes; None when there is none, or none may. `now`: monotonic
        seconds.
        """
        for lane in _LANES:
            waiting = self._waiting[lane]
            if waiting and self._may_go(waiting[0]):
                frame = waiting.popleft()
                frame.n, frame.sent_at = self._next, now
                self._next += 1
                self._sent[frame.n] = frame
                return encoded(frame.event, numbered(frame.n, frame.data))
        return None

    def _may_go(self, frame: Outgoing) -> bool:
        counted = [one for one in self._sent.values() if (one.lane == "ask") == (frame.lane == "ask")]
        if frame.lane == "ask":
            return len(counted) < MOST_ASKS
        held = sum(one.size for one in counted)
        if frame.lane == "control":
            # A freeze does not wait until work is acknowledged, however large that was.
            alone = all(one.lane == "work" for one in counted)
            return len(counted) < MOST_FRAMES and (alone or held + frame.size <= MOST_BYTES)
        room = MOST_BYTES - CONTROL_BYTES
        return len(counted) < MOST_FRAMES - 1 and (not counted or held + frame.size <= room)

    def answered(self, n: int) -> Outgoing | None:
        """The frame with this number, which was sent and not answered before; None for any other number."""
        return self._sent.pop(n, None)

    def sent(self, n: int) -> Outgoing | None:
        """The frame with this number, while it was sent and not answered."""
        return self._sent.get(n)

    def stuck(self, now: float) -> Outgoing | None:
        """A frame that has not been answered for much too long."""
        late = (one for one in self._sent.values() if now - one.sent_at > one.limit_secs + STUCK_SECS)
        return next(late, None)

    def unanswered(self) -> int:
        """How many frames were sent and not answered."""
        return len(self._sent)

    def fail(self, why: str) -> None:
        """Nothing of this is answered any more."""
        for frame in self._all():
            frame.fail(why)
        self._sent.clear()
        for waiting in self._waiting.values():
            waiting.clear()

    def _all(self) -> Iterator[Outgoing]:
        yield from list(self._sent.values())
        for waiting in self._waiting.values():
            yield from list(waiting)
