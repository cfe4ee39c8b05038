"""Handles keys one at a time: the next key waits until the previous one has been fully handled.

Textual delivers a key to the widget that has the focus when it arrives. Over a slow line many keys arrive at
once, and text typed after `/` or `F` would still go to the table: lost, or taken for commands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from textual import events
from textual.message_pump import MessagePump

from tui.model.typed import PAUSE_SECS, Typed

GIVES_UP_SECS = 1.0
"""Stop waiting for a key whose handling has not finished after this long."""


class Keys:
    """Queues keys. `give` hands a key to Textual and returns the node that received it."""

    def __init__(
        self, give: Callable[[events.Key], Awaitable[MessagePump]], clock: Callable[[], float]
    ) -> None:
        self._give, self._clock = give, clock
        self._waiting: deque[tuple[events.Key, Typed]] = deque()
        self._last, self._rested = float("-inf"), Typed()
        self.rested = Typed()
        """The last key after a pause, up to the key that was given last."""
        self._since: float | None = None

    async def take(self, key: events.Key) -> None:
        """Accept a key."""
        now, last = self._clock(), self._last
        if now - last >= PAUSE_SECS:
            self._rested = Typed(now, last)
        self._last = now
        self._waiting.append((key, self._rested))
        if self._since is None:
            await self._next()
        else:
            await self.look()

    async def look(self) -> None:
        """Give up on a key that has been waited for too long. Call it regularly: no further key
        may arrive."""
        if self._since is not None and self._clock() - self._since >= GIVES_UP_SECS:
            await self._next()

    async def _next(self) -> None:
        if not self._waiting:
            self._since = None
            return
        self._since = self._clock()
        key, self.rested = self._waiting.popleft()
        node = await self._give(key)
        await self._follow(node, node)

    async def _follow(self, node: MessagePump, again: MessagePump | None) -> None:
        """Follow the key from node to node as it bubbles; each node handles earlier messages first.

        Then do it once more, from `again`, to wait for whatever the key caused, such as a submitted line.
        """
        if not node.call_later(self._passed, node, again):
            await self._next()

    async def _passed(self, node: MessagePump, again: MessagePump | None) -> None:
        if node._parent is not None:
            await self._follow(node._parent, again)
        elif again is not None:
            await self._follow(again, None)
        else:
            await self._next()
