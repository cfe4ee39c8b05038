"""Counts of connection events, for the health report and, now and then, for the log."""

from __future__ import annotations

import logging
from collections import Counter, deque
from typing import Final

log = logging.getLogger("syncropel.door")

TOLD_EVERY_SECS: Final = 60.0
"""The log mentions each kind at most this often, however many connections there are."""
TOLD_EACH: Final = 20
"""Individually logged events in that time."""

CLOSED_FOR_ROOM: Final = "closed_for_room"
REFUSED: Final = "refused"
LATE_HEADS: Final = "late_heads"
SLOW_BODIES: Final = "slow_bodies"
ACCEPT_ERRORS: Final = "accept_errors"
TOO_MANY_AT_ONCE: Final = "too_many_at_once"
HANDSHAKES: Final = "failed_handshakes"
GOALS_REFUSED: Final = "goals_refused"
UNKNOWN_CALLERS: Final = "unknown_callers"
_WORDS: Final = {
    CLOSED_FOR_ROOM: "closed {} connections to make room for new ones",
    REFUSED: "refused {} connections: all that are open have a request under way",
    LATE_HEADS: "closed {} connections that did not send a whole request head in time",
    SLOW_BODIES: "closed {} connections that sent a request body too slowly",
    ACCEPT_ERRORS: "could not accept connections, {} times: out of descriptors or memory",
    TOO_MANY_AT_ONCE: "refused {} connections of other hosts: too many at once from one address",
    HANDSHAKES: "ended {} connections of other hosts without a TLS handshake",
    GOALS_REFUSED: "refused {} more requests of goals",
    UNKNOWN_CALLERS: "refused {} more requests of unknown callers on the Unix socket",
}


class Tally:
    """Counts by kind since the start, and how many connections there may be."""

    def __init__(self) -> None:
        self.descriptors = 0
        """The most descriptors that this process may have open."""
        self.tcp_limit = 0
        self.tcp = 0
        self.unix = 0
        self._counts: Counter[str] = Counter(dict.fromkeys(_WORDS, 0))
        self._untold: Counter[str] = Counter()
        self._told_at: dict[str, float] = {}
        self._each: deque[float] = deque()

    def note(self, kind: str, count: int = 1) -> None:
        self._counts[kind] += count
        self._untold[kind] += count

    def note_each(self, kind: str, now: float, words: str) -> None:
        """Count an event and log it individually, unless there were too many lately."""
        while self._each and now - self._each[0] >= TOLD_EVERY_SECS:
            self._each.popleft()
        if len(self._each) >= TOLD_EACH:
            self.note(kind)
            return
        self._each.append(now)
        self._counts[kind] += 1
        log.warning("%s", words)

    def tell(self, now: float) -> None:
        """Log what is new, each kind once a minute. `now`: seconds of a monotonic clock."""
        for kind in [kind for kind in self._untold if self._due(kind, now)]:
            self._told_at[kind] = now
            what = _WORDS[kind].format(self._untold.pop(kind))
            log.warning("%s; %d of at most %d TCP connections are open", what, self.tcp, self.tcp_limit)

    def _due(self, kind: str, now: float) -> bool:
        return now - self._told_at.get(kind, -TOLD_EVERY_SECS) >= TOLD_EVERY_SECS

    def counts(self) -> dict[str, int]:
        """For the health report: open connections, the limits, and the counts by kind."""
        return {
            "tcp": self.tcp,
            "tcp_limit": self.tcp_limit,
            "unix": self.unix,
            "descriptors": self.descriptors,
            **self._counts,
        }
