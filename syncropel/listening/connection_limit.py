"""The connections of one socket, and which of them is closed when there is no room."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Protocol


class LimitedConnection(Protocol):
    """A connection."""

    def turn_away(self) -> None:
        """Close at once, whatever is in progress."""
        ...


_ORDER: Final = ((False, False), (False, True), (True, False))
"""The order of closing: (known, busy)."""
_Queue = OrderedDict[LimitedConnection, None]


class ConnectionLimiter:
    """At most `limit` connections. Each is known or a stranger, and busy with a request or idle.

    To make room, the longest idle are closed first: idle strangers, then busy strangers, then known idle
    ones. Known busy ones are closed only if their own account has more than half of the room.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._queues: Final[dict[tuple[bool, bool], _Queue]] = {
            (known, busy): OrderedDict() for known in (False, True) for busy in (False, True)
        }
        self._place: dict[LimitedConnection, tuple[bool, bool]] = {}
        self._account: dict[LimitedConnection, str] = {}
        self._accounts: dict[str, _Queue] = {}

    def __len__(self) -> int:
        return len(self._place)

    def __contains__(self, connection: LimitedConnection) -> bool:
        return connection in self._place

    @property
    def strangers(self) -> int:
        return len(self._queues[False, False]) + len(self._queues[False, True])

    def enter(self, connection: LimitedConnection, *, known: bool = False) -> None:
        """Count a new connection, which waits for its first request."""
        self._put(connection, (known, False))

    def leave(self, connection: LimitedConnection) -> None:
        """Forget a connection; an unknown one is fine."""
        place = self._place.pop(connection, None)
        if place is not None:
            del self._queues[place][connection]
            self._forget_account(connection)

    def recognise(self, connection: LimitedConnection, account: str) -> int:
        """It has proved whose it is; return how many others of the same account were closed for
        it, 0 or 1."""
        if connection not in self._place:
            return 0
        self._move(connection, known=True)
        self._forget_account(connection)
        self._account[connection] = account
        fellows = self._accounts.setdefault(account, OrderedDict())
        fellows[connection] = None
        if len(fellows) <= max(1, self.limit // 2):
            return 0
        self._turn_away(next(iter(fellows)))
        return 1

    def _forget_account(self, connection: LimitedConnection) -> None:
        account = self._account.pop(connection, None)
        if account is not None:
            fellows = self._accounts[account]
            del fellows[connection]
            if not fellows:
                del self._accounts[account]

    def demote(self, connection: LimitedConnection) -> None:
        """It turned out to be a stranger."""
        self._move(connection, known=False)

    def mark(self, connection: LimitedConnection, *, busy: bool) -> None:
        """It has sent a request's head, or has received its answer."""
        self._move(connection, busy=busy)

    def make_room(self) -> int | None:
        """Close as many as needed for one more; return their number, or None when there is no room."""
        gone = 0
        while len(self._place) >= self.limit:
            if not self.shed():
                return None
            gone += 1
        return gone

    def shed(self) -> bool:
        """Close the one that is first in order; return False when none may be closed."""
        for place in _ORDER:
            if queue := self._queues[place]:
                self._turn_away(next(iter(queue)))
                return True
        return False

    def _turn_away(self, connection: LimitedConnection) -> None:
        self.leave(connection)
        connection.turn_away()

    def _move(
        self, connection: LimitedConnection, known: bool | None = None, busy: bool | None = None
    ) -> None:
        place = self._place.get(connection)
        if place is None:
            return  # it was closed, and has not noticed yet
        del self._queues[place][connection]
        self._put(connection, (place[0] if known is None else known, place[1] if busy is None else busy))

    def _put(self, connection: LimitedConnection, place: tuple[bool, bool]) -> None:
        self._place[connection] = place
        self._queues[place][connection] = None
