"""The worker's side of a lease: sends heartbeats, and signs off."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic import ValidationError

from syncropel.backoff import Backoff
from syncropel.errors import DaemonUnreachable, InvalidRecord, SyncropelError
from syncropel.peer.pause import Pause
from syncropel.peer.peers import Peers, RefusedByPeer, RevokedByPeer
from syncropel.peer.runtime import Runtime
from syncropel.wire.fleet import Heartbeat

log = logging.getLogger("syncropel.engine.heartbeat")

FRESH_INTERVALS: Final = 2
SHORTEST_GAP_SECS: Final = 1.0
ORPHAN_INTERVALS: Final = 8
"""A coordinator takes work from an instance that it has not heard from for 12."""
_TRIES: Final = 3


class HeartbeatSender:
    """Sends heartbeats to the coordinator every interval, and sooner after a failure, so that a coordinator
    that comes back knows its fleet at once. A coordinator itself, without a URL, is always in touch.
    """

    def __init__(
        self,
        peers: Peers,
        coordinator_url: str,
        interval_secs: float,
        beat: Callable[..., Heartbeat],
        take: Callable[[dict[str, Any]], Awaitable[bool]],
        hear_revoked: Callable[[RevokedByPeer], Awaitable[None]],
        runtime: Runtime,
    ) -> None:
        self._take = take
        self._hear_revoked = hear_revoked
        self._heard: float | None = None
        self._peers = peers
        self._url = coordinator_url
        self._interval = interval_secs
        self._beat = beat
        self._runtime = runtime
        self._problem = ""
        self._pause = Pause(runtime)
        self._draining = self._left = False
        self.clock_ahead_secs: float | None = None if coordinator_url else 0.0
        """How far the wall clock is ahead of the coordinator's; None while that is not known."""
        self.round_trip_secs: float | None = None
        """How long the latest heartbeat and its answer took; None before the first."""
        self.refused = ""
        """Why the coordinator refused the latest heartbeat; empty when it accepted it, or did not answer."""

    def soon(self) -> None:
        """There is news: send the next heartbeat early."""
        self._pause.cut()

    async def run(self) -> None:
        """Send heartbeats for ever."""
        backoff = Backoff(share=self._runtime.share)
        while True:
            if await self._once():
                backoff.succeeded()
                # However much news there is, one heartbeat a second is enough.
                rest = min(SHORTEST_GAP_SECS, self._interval)
                await self._runtime.sleep(rest)
                await self._pause.wait(self._interval - rest)
            else:
                await self._runtime.sleep(min(self._interval, backoff.failed()))

    async def drain(self) -> None:
        """Report that this instance is about to stop, now and with each heartbeat until it has stopped."""
        self._draining = True
        await self._once()

    async def leave(self) -> None:
        """The last heartbeat: this instance is draining and will not be heard from again."""
        self._left = True
        await self._once(leaving=True)

    async def refresh(self) -> None:
        """Send a heartbeat now unless the coordinator was heard from within two intervals: an instance that
        was cut off gets the control state before any work. Without an answer the last known state stays in
        force.
        """
        if self._was_away:
            await self._once()

    @property
    def interval_secs(self) -> float:
        """Seconds between two heartbeats, as the coordinator requests."""
        return self._interval

    def orphan_secs(self) -> float:
        """How long work continues without this daemon: until shortly before the coordinator moves it."""
        return ORPHAN_INTERVALS * self._interval

    async def in_touch(self, limit_secs: float) -> bool:
        """Whether work may start here: the control state is known, and the coordinator was heard from within
        the limit. A limit of 0 allows any silence.
        """
        if not self._url:
            return True
        await self.refresh()
        return limit_secs <= 0 or self.silence_secs <= limit_secs

    @property
    def _was_away(self) -> bool:
        return self.silence_secs > FRESH_INTERVALS * self._interval

    @property
    def silence_secs(self) -> float:
        """Seconds since the coordinator last answered; infinite when it never did."""
        return float("inf") if self._heard is None else self._runtime.monotonic() - self._heard

    async def _once(self, *, leaving: bool = False) -> bool:
        try:
            for _ in range(_TRIES):
                if self._left and not leaving:
                    return True  # a heartbeat after the last one would bring the instance back
                beat = self._beat(leaving=leaving, draining=self._draining, returning=self._was_away)
                answer = await self._timed(beat)
                if await self._take(answer):
                    break
                # The coordinator sent something else meanwhile, which this answer does not build on.
            else:
                raise SyncropelError("control changed meanwhile")
        except RevokedByPeer as error:
            await self._hear_revoked(error)
            return self._failed("the coordinator refuses this worker's heartbeats", error, error.message)
        except RefusedByPeer as error:
            return self._failed("the coordinator refuses this worker's heartbeats", error, error.message)
        except DaemonUnreachable as error:
            return self._failed("the coordinator does not answer", error)
        except SyncropelError as error:
            return self._failed("cannot apply what the coordinator sent", error)
        except ValidationError as error:  # a mistake of ours, and no reason to fall silent for good
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            told = InvalidRecord(f"{place}: {first['msg']}", "this is a mistake of spl: report it")
            return self._failed("this instance's heartbeat is not valid", told)
        interval = answer.get("heartbeat_interval_secs")
        if isinstance(interval, int | float) and interval > 0:
            self._interval = float(interval)
        self._heard = self._runtime.monotonic()
        self.refused = ""
        if self._problem:
            log.info("the coordinator answers again")
        self._problem = ""
        return True

    async def _timed(self, beat: Heartbeat) -> dict[str, Any]:
        """The answer to a heartbeat. The coordinator read its clock about half a round trip after it was
        sent.
        """
        sent, started = self._runtime.now(), self._runtime.monotonic()
        answer = await self._peers.heartbeat(self._url, beat)
        there, took = answer.get("now"), self._runtime.monotonic() - started
        self.round_trip_secs = round(took, 4)
        if not isinstance(there, int | float):
            self.clock_ahead_secs = None
            return answer
        if self.clock_ahead_secs is None:
            self.soon()  # the coordinator gets it with the next heartbeat
        self.clock_ahead_secs = round(sent + took / 2 - there, 3)
        return answer

    def _failed(self, what: str, error: SyncropelError, refused: str = "") -> bool:
        self.refused = refused
        if error.message != self._problem:
            log.warning("%s: %s", what, error.message)
        self._problem = error.message
        return False
