"""The coordinator's ends of all links: whom it reaches, and what it says there.

`Links.post_records` and `Links.ask` keep the contract of `Peers`: an answer, or DaemonUnreachable. So who
sends work or control does not know how an instance is reached.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.errors import DaemonUnreachable
from syncropel.peer.link.admission import Admission
from syncropel.peer.link.batches import kind_of, parts_of
from syncropel.peer.link.copies import Copies
from syncropel.peer.link.frames import as_text, encoded
from syncropel.peer.link.outgoing import Outgoing, Window
from syncropel.peer.link.protocol import (
    ACK_SECS,
    CONTROL,
    FRAME_BYTES,
    PING_SECS,
    SILENCE_SECS,
    Lane,
    version_problem,
)
from syncropel.peer.link.refusals import LinkRefused, ManyLinks, NotTaken
from syncropel.peer.link.report import LinkReport, Transport
from syncropel.peer.pause import Pause
from syncropel.peer.runtime import Runtime
from syncropel.wire.version import PROTOCOL

log = logging.getLogger("syncropel.engine.links")

_BYE_SECS: Final = 1.0
_NO_LINK: Final = "the worker connects by itself; on its machine: spl doctor"


@dataclass(frozen=True, slots=True)
class Caller:
    """A worker that wants a link. `incarnation`: of its process; `sha256`: of the credential it presented."""

    did: str
    sha256: str
    incarnation: str
    protocol: int
    transport: Transport = "stream"


@dataclass(slots=True, eq=False)
class Link:
    """One link. `since`, `heard_at`: unix seconds, the latter of the last byte from the worker."""

    caller: Caller
    pause: Pause
    since: float
    heard_at: float
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    window: Window = field(default_factory=Window)
    hello: bytes | None = None
    """What has to be said first, and was not yet."""
    ended: str = ""
    """Why it has ended; empty while it lives."""
    retry_after: float = 0.0
    polls: int = 0
    """Polls that wait now."""
    polled: float = 0.0
    """When the last one ended, or the link was opened; monotonic seconds."""


@dataclass(slots=True)
class _Place:
    """What is known of the links of one worker."""

    link: Link | None = None
    copies: Copies = field(default_factory=Copies)
    since: float | None = None
    """Since when it has none, unix seconds."""
    problem: str = ""
    """Why it has none."""


class Links:
    """All links of one coordinator. `hello` gives what a worker is told first, beside what the link itself
    says; `changed` is called when something visible has changed, and `up` when a worker can be reached.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        hello: Callable[[], dict[str, Any]],
        changed: Callable[[], None],
        protocol: int = PROTOCOL,
        admission: Admission | None = None,
    ) -> None:
        self._runtime = runtime
        self._hello = hello
        self._changed = changed
        self._protocol = protocol
        self._admission = admission or Admission()
        self._places: dict[str, _Place] = {}
        self.up: Callable[[str], None] = lambda did: None
        self.speaks_as: Callable[[], str] = str
        """The term and the DID for which this coordinator speaks; empty when it was never promoted."""

    def __len__(self) -> int:
        return sum(place.link is not None for place in self._places.values())

    # from the worker's side

    def open(self, caller: Caller, prove: Callable[[str], str]) -> Link:
        """Take on a link. `prove`: by the link's id, the proof that this is the coordinator.

        Raises ManyLinks when too many come at once, LinkRefused for a version that does not fit and for a
        second process with the same credential.
        """
        place = self._places.setdefault(caller.did, _Place())
        now = self._runtime.monotonic()
        if wait := self._admission.wait_secs(now):
            raise ManyLinks(wait)
        if problem := version_problem(caller.protocol, self._protocol):
            self._note(place, f"it speaks link protocol {caller.protocol}, this coordinator {self._protocol}")
            hint = "upgrade that worker" if problem == "TOO_OLD" else "upgrade the coordinator first"
            raise LinkRefused(f"cannot link: {place.problem}", hint, code=problem)
        if place.copies.refuses(caller.sha256):
            raise self._second_home(caller.did)
        before = place.link
        if before is not None and before.caller.incarnation != caller.incarnation:
            told = "another process presents its credential: was its home copied?"
            log.warning("%s: %s", caller.did, told)
            self.end(caller.did, told)
            if place.copies.taken_over(caller.sha256, now):
                self._note(place, "two processes present its credential; neither gets a link")
                raise self._second_home(caller.did)
        elif before is not None:
            self.end(caller.did, "it has connected anew")
        wall = self._runtime.now()
        link = Link(caller, Pause(self._runtime), wall, wall, polled=now)
        hello = {"link": link.id, "protocol": self._protocol, "fleet_now": wall, "proof": prove(link.id)}
        link.hello = encoded("hello", as_text({**self._hello(), **hello}))
        place.link, place.problem, place.since = link, "", None
        log.info("%s is linked (%s)", caller.did, caller.transport, extra={"actor": caller.did})
        if caller.protocol < self._protocol:
            log.warning("%s speaks link protocol %d, one behind", caller.did, caller.protocol)
        self._changed()
        self.up(caller.did)
        return link

    def _second_home(self, did: str) -> LinkRefused:
        return LinkRefused(
            f"two processes present the credential of {did}",
            "end the one with the copied home; then at the coordinator: spl fleet relink NAME",
            code="SECOND_HOME",
        )

    async def stream(self, link: Link) -> AsyncIterator[bytes]:
        """The frames of a link until it ends, with a ping where there is nothing else to say."""
        spoke = self._runtime.monotonic()
        try:
            while not link.ended:
                frame, rest = self._next(link), spoke + PING_SECS - self._runtime.monotonic()
                if frame is None and rest > 0:
                    await link.pause.wait(rest)
                    continue
                spoke = self._runtime.monotonic()
                yield frame or self._ping()
            yield self._bye(link)
        finally:
            self._gone(link, "its connection has ended")

    async def poll(self, link: Link, wait_secs: float) -> bytes:
        """One frame, as soon as there is one."""
        until = self._runtime.monotonic() + wait_secs
        link.polls += 1
        try:
            while not link.ended:
                if (frame := self._next(link)) is not None:
                    return frame
                left = until - self._runtime.monotonic()
                if left <= 0:
                    return self._ping()
                await link.pause.wait(left)
            return self._bye(link)
        finally:
            link.polls -= 1
            link.polled = self._runtime.monotonic()

    def polled(self, did: str, link_id: str) -> Link:
        """The link that this worker polls. Raises LinkRefused when it has ended."""
        link = self._of(did, link_id)
        self._hear(link)
        return link

    def acknowledge(self, did: str, link_id: str, n: int, outcomes: Any) -> None:
        """The worker has answered a frame of records: their outcomes, or the HTTP status and the error for
        which it took none. Raises LinkRefused for a link or a frame that is not waiting for this.
        """
        self._answered(did, link_id, n, "records").answer(outcomes)

    def answer(self, did: str, link_id: str, n: int, status: int, body: dict[str, Any]) -> None:
        """The worker has answered a request. Raises LinkRefused as `acknowledge` does."""
        self._answered(did, link_id, n, "ask").answer((status, body))

    def _answered(self, did: str, link_id: str, n: int, event: str) -> Outgoing:
        link = self._of(did, link_id)
        self._hear(link)
        frame = link.window.sent(n)
        if frame is None or frame.event != event:
            told = f"nothing with the number {n} waits for this"
            raise LinkRefused(told, "it was answered before, or never sent", code="UNKNOWN_FRAME")
        link.window.answered(n)
        link.pause.cut()
        return frame

    def _of(self, did: str, link_id: str) -> Link:
        place = self._places.get(did)
        if place is None or place.link is None or place.link.id != link_id:
            raise LinkRefused("this link has ended", "connect again", code="UNKNOWN_LINK")
        return place.link

    def heard(self, did: str) -> None:
        """Something else came from this worker, such as a heartbeat."""
        place = self._places.get(did)
        if place is not None and place.link is not None:
            self._hear(place.link)

    def _hear(self, link: Link) -> None:
        link.heard_at = self._runtime.now()

    # from the coordinator's side

    async def post_records(self, did: str, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send records (as posted) to a worker; return one outcome per record once it has written them.

        Raises DaemonUnreachable when there is no link, or no valid answer within 10 seconds; NotTaken, which
        is one, when the worker refuses them all.
        """
        outcomes: list[dict[str, Any]] = []
        kind = kind_of(records)
        lane: Lane = "control" if kind == "control" else "work"
        term = as_text(self.speaks_as())
        for part in parts_of(records):
            data = f'{{"term":{term},"kind":"{kind}","records":[{",".join(part)}]}}'
            found = await self._send(did, lane, "records", data, ACK_SECS)
            if isinstance(found, tuple):
                raise NotTaken(did, *found)
            if len(found) != len(part) or not all(isinstance(one, dict) for one in found):
                raise DaemonUnreachable(f"{did} gave an invalid answer to a batch", "see that instance's log")
            outcomes += found
        return outcomes

    async def ask(
        self, did: str, method: str, path: str, query: str, body: Any, limit_secs: float
    ) -> tuple[int, dict[str, Any]]:
        """Have a worker answer a request; return the HTTP status and the JSON. Raises DaemonUnreachable."""
        lane: Lane = "control" if (method, path) == CONTROL else "ask"
        asked = {"term": self.speaks_as(), "method": method, "path": path, "query": query, "body": body}
        status, answer = await self._send(did, lane, "ask", as_text(asked), limit_secs)
        return status, answer

    async def _send(self, did: str, lane: Lane, event: str, data: str, limit_secs: float) -> Any:
        place = self._places.get(did)
        if place is None or place.link is None:
            why = (place.problem if place is not None else "") or "it has no link to this coordinator"
            raise DaemonUnreachable(f"{did} cannot be reached: {why}", _NO_LINK)
        frame, link = Outgoing(lane, event, data, limit_secs), place.link
        if frame.size > FRAME_BYTES:
            raise DaemonUnreachable(f"{frame.size} bytes are too many for a link", f"at most {FRAME_BYTES}")
        link.window.add(frame)
        link.pause.cut()
        waiting = asyncio.ensure_future(self._runtime.sleep(limit_secs))
        try:
            await asyncio.wait({frame.answered, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not frame.answered.done():
                raise DaemonUnreachable(f"{did} has not answered for {limit_secs:g} s", "is its link alive?")
            return frame.answered.result()
        finally:
            waiting.cancel()
            link.window.withdraw(frame)

    # ends

    def end(self, did: str, why: str, retry_after: float = 0.0) -> None:
        """End the link of this worker, if it has one."""
        place = self._places.get(did)
        if place is not None and place.link is not None:
            place.link.retry_after = retry_after
            self._gone(place.link, why)

    def _gone(self, link: Link, why: str) -> None:
        if link.ended:
            return
        link.ended = why
        link.window.fail(f"the link to {link.caller.did} has ended: {why}")
        link.pause.cut()
        place = self._places[link.caller.did]
        if place.link is link:
            place.link, place.since = None, self._runtime.now()
            self._note(place, why)
            log.info("the link of %s has ended: %s", link.caller.did, why, extra={"actor": link.caller.did})

    def _note(self, place: _Place, problem: str) -> None:
        place.problem = problem
        self._changed()

    def sweep(self) -> None:
        """End links that only seem alive. Call this every second."""
        now = self._runtime.monotonic()
        for did, place in self._places.items():
            link = place.link
            if link is None:
                continue
            if link.window.stuck(now) is not None:
                self.end(did, "it does not answer what it is sent")
            elif now - link.polled > SILENCE_SECS and self._is_left(link):
                self.end(did, f"it has not asked for a frame for {SILENCE_SECS:g} s")

    def _is_left(self, link: Link) -> bool:
        """Whether nobody waits for its frames: between two polls, or as its connection ended at once."""
        return not link.polls and (link.caller.transport == "poll" or link.hello is not None)

    def review(self, is_valid: Callable[[str, str], bool]) -> None:
        """End the links whose credential (DID, SHA-256) is not valid any more."""
        for did, place in self._places.items():
            if place.link is not None and not is_valid(did, place.link.caller.sha256):
                self.end(did, "its credential was revoked or replaced")

    def close(self) -> None:
        """End all: this coordinator stops."""
        for did in self._places:
            self.end(did, "the coordinator stops", _BYE_SECS)

    def forgive(self, did: str) -> bool:
        """An operator has looked at a worker that was refused as a second home; return whether it was."""
        place = self._places.get(did)
        if place is None or not place.copies.refused_of:
            return False
        place.copies.forget()
        self._note(place, "an operator has allowed it again")
        return True

    # what is shown

    def report(self, did: str) -> LinkReport:
        """The state of a worker's link."""
        place = self._places.get(did)
        if place is None:
            return LinkReport("down", problem="it has not connected since this daemon started")
        if place.copies.refused_of:
            return LinkReport("refused", since=place.since, problem=place.problem)
        link = place.link
        if link is None:
            return LinkReport("down", since=place.since, problem=place.problem)
        problem = ""
        if place.copies.suspected(self._runtime.monotonic()):
            problem = "another process presented its credential a moment ago: was its home copied?"
        elif link.caller.protocol < self._protocol:
            problem = f"speaks link protocol {link.caller.protocol}, one behind: upgrade it"
        return LinkReport(
            "up",
            link.caller.transport,
            link.since,
            link.heard_at,
            link.caller.protocol,
            link.window.unanswered(),
            problem,
        )

    def _next(self, link: Link) -> bytes | None:
        if link.hello is not None:
            hello, link.hello = link.hello, None
            return hello
        return link.window.take(self._runtime.monotonic())

    def _ping(self) -> bytes:
        return encoded("ping", as_text({"fleet_now": self._runtime.now()}))

    def _bye(self, link: Link) -> bytes:
        return encoded("bye", as_text({"why": link.ended, "retry_after_ms": round(link.retry_after * 1000)}))
