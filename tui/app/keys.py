"""Keys one after another: the next is looked at when the one before has done all that it does.

Textual gives a key to what has the focus when it comes. Over a slow line many come at once, and what is typed
behind `/` or `F` would still go to the table: lost, or taken for other keys.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from textual import events
from textual.message_pump import MessagePump

GIVES_UP_SECS = 1.0
"""A key whose end is not heard of for so long is not waited for any more."""


class Keys:
    """Holds keys back. `give` hands a key to Textual and gives the node that it went to."""

    def __init__(
        self, give: Callable[[events.Key], Awaitable[MessagePump]], clock: Callable[[], float]
    ) -> None:
        self._give, self._clock = give, clock
        self._waiting: deque[events.Key] = deque()
        self._since: float | None = None

    async def take(self, key: events.Key) -> None:
        """A key has come."""
        self._waiting.append(key)
        if self._since is None:
            await self._next()
        else:
            await self.look()

    async def look(self) -> None:
        """Go on without a key that was waited for too long. To be called now and then: no key may follow."""
        if self._since is not None and self._clock() - self._since >= GIVES_UP_SECS:
            await self._next()

    async def _next(self) -> None:
        if not self._waiting:
            self._since = None
            return
        self._since = self._clock()
        node = await self._give(self._waiting.popleft())
        await self._follow(node, node)

    async def _follow(self, node: MessagePump, again: MessagePump | None) -> None:
        """Behind the key from node to node, as it bubbles: each handles first what came first.

        Then once more from `again`, behind what the key has given rise to, such as a line that was entered.
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
