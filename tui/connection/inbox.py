"""Reads what waits for the operator whenever the fleet's stream says that it may have changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from syncropel.client import question_calls
from syncropel.errors import RemoteError, SyncropelError
from tui.connection.coalescing_poller import CoalescingPoller
from tui.model import inbox

if TYPE_CHECKING:
    from syncropel.wire import FleetStatus, InboxItem
    from tui.connection.stream_follower import Asks

_INTERNAL: Final = 500


class InboxReader:
    """One request for any number of changes. `on_read` gets the items, `on_trouble` why there are none.

    It never asks by itself: a daemon that is away is heard of again by its stream.
    """

    def __init__(
        self,
        asks: Asks,
        on_read: Callable[[list[InboxItem]], None],
        on_trouble: Callable[[str], None],
        is_live: Callable[[], bool],
        *,
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float],
    ) -> None:
        self._asks, self._is_live = asks, is_live
        self._on_read, self._on_trouble = on_read, on_trouble
        self._grounds: object = None
        self._revision = -1
        self._poller = CoalescingPoller(self._read, self._unread, sleep=sleep, jitter=jitter)

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._poller.run()

    def heard(self, status: FleetStatus, *, again: bool, closely: bool) -> None:
        """The fleet's stream said this. `again`: it is the first word after a silence; `closely`: somebody is
        looking, so any change of a task matters, such as another question of a subtask that asks already.
        """
        before, self._grounds = self._grounds, inbox.grounds(status)
        revision, self._revision = self._revision, status.tasks_revision
        if again or before != self._grounds or (closely and revision != self._revision):
            self._poller.ask()

    def ask(self) -> None:
        """Something was done from here: what waits may have changed."""
        self._poller.ask()

    async def _read(self) -> None:
        if not self._is_live():
            return
        try:
            page = await self._asks.send(question_calls.inbox())
        except RemoteError as error:
            if error.status >= _INTERNAL:
                raise
            self._unread(error)  # it would say the same again, until something changes
            return
        self._on_read(page.data)

    def _unread(self, error: SyncropelError) -> None:
        self._on_trouble(f"{error.message} → {error.hint}" if error.hint else error.message)
