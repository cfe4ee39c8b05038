"""Keeps the lineage of an open log: follows its commits, and writes them down a little later."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from syncropel.store.lineage.digest import RunningDigest
from syncropel.store.lineage.lineage import Lineage, LineageFile, Point

log = logging.getLogger("syncropel.store")

LAG_SECS: Final = 0.5
"""Delay between a commit and its mention in the file beside the log."""
COPY_SECS: Final = 10.0
"""The file with the backups is written no more often than this."""


class LineageKeeper:
    """The lineage of one log while it is open. Thread-safe.

    Call `took` before a record is answered, `write` at any time after: the file only ever describes what is
    durable. A failed write is logged once, and retried with the next commit.

    Until the digest has reached the end of a long log (`behind`), the lineage describes the log up to there,
    and `took` changes nothing: `follow` comes by those records, too.
    """

    def __init__(
        self, files: LineageFile, lineage: Lineage, digest: RunningDigest, last: tuple[str, float]
    ) -> None:
        """`last`: id and time of the record that `digest` ends with."""
        self._files = files
        self._lineage = lineage
        self._digest = digest
        self._last, self._last_at = last
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._changed = True
        self._copied_at = float("-inf")
        self._told = ""
        self.behind = False
        """Whether the log has records that the digest has not come to. Changed only between two commits."""

    @property
    def lineage(self) -> Lineage:
        """What is known now, written or not."""
        with self._lock:
            return self._now()

    @property
    def sequence(self) -> int:
        """How many records the digest covers."""
        return self._digest.sequence

    @property
    def dirty(self) -> bool:
        """Whether there is something that the file does not say yet."""
        return self._changed

    def took(self, ids: Sequence[str], at: float) -> None:
        """These records are now durably in the log, after the previous ones. `at`: unix seconds."""
        if not self.behind:
            self.follow(ids, at)

    def follow(self, ids: Sequence[str], at: float) -> None:
        """These records follow in the log on those that the digest covers. `at`: when the last of them came,
        in unix seconds.
        """
        if not ids:
            return
        with self._lock:  # called at each commit: everything else is computed when it is written
            self._digest.add(ids)
            self._last, self._last_at = ids[-1], at
            self._changed = True

    def checkpointed(self, main: tuple[int, int], *, whole: bool) -> None:
        """The log's own file now has this size and mtime (ns); `whole`: it has everything that
        `took` named."""
        with self._lock:
            lineage = replace(self._now(), main=main)
            head = lineage.head
            if whole and not self.behind and head.sequence and not _is_known(lineage.points, head):
                lineage = lineage.with_point(head)
            self._change(lineage)

    def copied(self, point: Point) -> None:
        """A copy of the log was made, which ends here."""
        with self._lock:
            self._change(self._now().with_point(point))

    def accept_altered(self, hashes: Sequence[str]) -> None:
        """Altered records that an operator accepts in their current form, by `altered_hash`."""
        with self._lock:
            accepted = tuple(sorted({*self._lineage.accepted, *hashes}))
            self._change(replace(self._now(), accepted=accepted))

    def write(self, now: float, *, everywhere: bool = False) -> None:
        """Write what is not written yet; never raises. `now`: any clock in seconds that only goes forward."""
        with self._writing:
            everywhere = everywhere or now - self._copied_at >= COPY_SECS
            with self._lock:
                if not self._changed and not everywhere:
                    return
                self._lineage = lineage = replace(self._now(), serial=self._lineage.serial + 1)
                self._changed = False
            try:
                self._files.write(lineage, everywhere=everywhere)
            except OSError as error:
                self._changed = True
                if str(error) != self._told:
                    log.error("cannot write the lineage of the log: %s", error)
                self._told = str(error)
                return
            self._told = ""
            if everywhere:
                self._copied_at = now

    def _now(self) -> Lineage:
        digest = self._digest
        if self._lineage.head.sequence == digest.sequence:
            return self._lineage
        head = Point(digest.sequence, self._last, digest.value(), self._last_at)
        return replace(self._lineage, head=head, begun=digest.begun)

    def _change(self, lineage: Lineage) -> None:
        self._lineage = lineage
        self._changed = True


def _is_known(points: Sequence[Point], head: Point) -> bool:
    """Whether the log's own file was already complete here."""
    return any(
        not one.backup and one.sequence == head.sequence and one.digest == head.digest for one in points
    )
