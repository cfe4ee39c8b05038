"""The worker's end of its link: connects, does what comes, answers, and connects again."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import httpx

from syncropel.engine.linking.handling import Door, Handling
from syncropel.errors import DaemonUnreachable, InvalidRecord
from syncropel.peer.link.frames import BrokenFrame, Frame, FrameReader
from syncropel.peer.link.protocol import (
    SILENCE_SECS,
    WAIT_SECS,
    challenge,
)
from syncropel.peer.link.reconnects import Reconnects
from syncropel.peer.link.report import LinkReport
from syncropel.peer.peers import Peers
from syncropel.peer.runtime import Runtime
from syncropel.record.canonical import parse_json
from syncropel.wire.version import PROTOCOL

log = logging.getLogger("syncropel.engine.link")

BARREN_STREAMS: Final = 2
"""So many streams in a row without a byte, while heartbeats are answered: something buffers them."""
POLLING_SECS: Final = 600.0
"""How long polls are used before a stream is tried again."""
_MOST_ANSWER_BYTES: Final = 64 * 1024


class LinkEnded(Exception):
    """Raised when a link cannot be made or has ended. `retry_after`: seconds, as the coordinator asked."""

    def __init__(self, why: str, retry_after: float = 0.0) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after = retry_after


@dataclass(frozen=True)
class Trust:
    """How a worker knows its coordinator. `proves`: whether whoever is called by this DID proved it over this
    message; `in_touch`: whether heartbeats are answered at present.
    """

    proves: Callable[[str, str, str], bool]
    in_touch: Callable[[], bool]


class WorkerLink:
    """One worker's link to the coordinator at `url`. `run` for as long as the worker lives."""

    def __init__(
        self, peers: Peers, url: str, did: str, trust: Trust, runtime: Runtime, protocol: int = PROTOCOL
    ) -> None:
        self._peers = peers
        self._url = url
        self._did = did
        self._trust = trust
        self._runtime = runtime
        self._protocol = protocol
        self._incarnation = secrets.token_hex(8)
        self._door: asyncio.Future[Door] | None = None
        self._given: Door | None = None
        self._barren = 0
        self._polls_until = 0.0
        self._linked = False
        """Whether the present try has led to a link."""
        self._report = LinkReport("down", problem="not connected yet")

    def report(self) -> LinkReport:
        """The state of the link, for who asks this worker."""
        return self._report

    def open_to(self, door: Door) -> None:
        """What comes over the link goes through this door; before, no link is made."""
        self._given = door
        if self._door is not None and not self._door.done():
            self._door.set_result(door)

    @property
    def _transport(self) -> Literal["stream", "poll"]:
        return "poll" if self._runtime.monotonic() < self._polls_until else "stream"

    async def run(self) -> None:
        """Be linked, for ever."""
        self._door = asyncio.get_running_loop().create_future()
        door = self._given or await self._door
        reconnects = Reconnects(self._runtime.share)
        wait = reconnects.first()
        while True:
            await self._runtime.sleep(wait)
            began = self._runtime.monotonic()
            retry_after = await self._once(door)
            lived = self._runtime.monotonic() - began
            wait = reconnects.after(lived if self._linked else 0.0, retry_after)

    async def _once(self, door: Door) -> float:
        """One link, from its first byte to its end; return what the coordinator asked to wait."""
        self._linked = False
        transport = self._transport
        try:
            await (self._stream(door) if transport == "stream" else self._poll(door))
        except LinkEnded as error:
            why, retry_after = error.why, error.retry_after
        except (DaemonUnreachable, BrokenFrame) as error:
            why, retry_after = str(error), 0.0
        else:
            why, retry_after = "the coordinator ended it", 0.0
        if self._report.state != "down" or why != self._report.problem:
            log.warning("the link to the coordinator is down: %s", why)
            self._report = LinkReport("down", since=self._runtime.now(), problem=why)
        return retry_after

    async def _stream(self, door: Door) -> None:
        nonce, reader = secrets.token_hex(16), FrameReader()
        heard = False
        try:
            async with self._peers.link(self._url, self._query(nonce), SILENCE_SECS) as response:
                await _refuse_others(response)
                chunks = response.aiter_bytes()
                hello, rest = await _first(chunks, reader)
                heard = True
                handling = self._handling(door, hello, nonce)
                await handling.during(_follow(chunks, reader, rest, handling))
        except DaemonUnreachable:
            if not heard:
                self._note_barren()
            raise

    async def _poll(self, door: Door) -> None:
        nonce = secrets.token_hex(16)
        hello = await self._polled(nonce, "")
        handling = self._handling(door, hello, nonce)
        await handling.during(self._keep_polling(nonce, handling))

    async def _keep_polling(self, nonce: str, handling: Handling) -> None:
        while True:
            frame = await self._polled(nonce, handling.link)
            _end_at_bye(frame)
            handling.take(frame)

    async def _polled(self, nonce: str, link: str) -> Frame:
        query = {**self._query(nonce), "wait": WAIT_SECS, **({"link": link} if link else {})}
        async with self._peers.link(self._url, query, WAIT_SECS + SILENCE_SECS) as response:
            await _refuse_others(response)
            reader = FrameReader()
            async for chunk in response.aiter_bytes():
                if frames := reader.feed(chunk):
                    return frames[0]
        raise LinkEnded("a poll was answered without a frame")

    def _query(self, nonce: str) -> dict[str, Any]:
        return {"protocol": self._protocol, "incarnation": self._incarnation, "nonce": nonce}

    def _note_barren(self) -> None:
        """A stream gave nothing. If heartbeats are answered meanwhile, something on the way keeps streams."""
        self._barren = self._barren + 1 if self._trust.in_touch() else 0
        if self._barren >= BARREN_STREAMS:
            self._barren = 0
            self._polls_until = self._runtime.monotonic() + POLLING_SECS
            log.warning("no byte comes through a stream: polling the coordinator instead")

    def _handling(self, door: Door, hello: Frame, nonce: str) -> Handling:
        """What handles the frames of a link whose coordinator has proven who it is. Raises LinkEnded."""
        link, leader, proof = (str(hello.data.get(key, "")) for key in ("link", "leader", "proof"))
        if hello.event == "bye":
            _end_at_bye(hello)
        if hello.event != "hello" or not link:
            raise LinkEnded("the coordinator's first frame is no hello")
        if not self._trust.proves(leader, challenge(nonce, self._did, link), proof):
            who = leader or "whoever answers"
            raise LinkEnded(f"{who} does not prove that it is this worker's coordinator")
        self._barren, self._linked = 0, True
        now = self._runtime.now()
        self._report = LinkReport("up", self._transport, now, protocol=self._protocol)
        log.info("linked to the coordinator (%s)", self._transport)

        async def answer(route: str, body: dict[str, Any]) -> None:
            await self._peers.link_answer(self._url, route, {"link": link, **body})

        return Handling(link, leader, door, answer)


def _end_at_bye(frame: Frame) -> None:
    if frame.event == "bye":
        millis = frame.data.get("retry_after_ms", 0)
        secs = millis / 1000 if isinstance(millis, int | float) else 0.0
        raise LinkEnded(str(frame.data.get("why") or "the coordinator ended it"), secs)


async def _follow(chunks: Any, reader: FrameReader, rest: list[Frame], handling: Handling) -> None:
    """Pass on the frames of a stream until it ends."""
    for frame in rest:
        _end_at_bye(frame)
        handling.take(frame)
    async for chunk in chunks:
        for frame in reader.feed(chunk):
            _end_at_bye(frame)
            handling.take(frame)


async def _first(chunks: Any, reader: FrameReader) -> tuple[Frame, list[Frame]]:
    """The first frame of a stream, and those that came with it."""
    async for chunk in chunks:
        if frames := reader.feed(chunk):
            return frames[0], frames[1:]
    raise LinkEnded("the link ended before its first frame")


async def _refuse_others(response: httpx.Response) -> None:
    """Raise LinkEnded for an answer that is no link."""
    if response.status_code == httpx.codes.OK:
        return
    held = b""
    async for chunk in response.aiter_bytes():
        held += chunk
        if len(held) > _MOST_ANSWER_BYTES:
            break
    try:
        answer = parse_json(held)
    except InvalidRecord:
        answer = None
    told = str(answer.get("message", "")) if isinstance(answer, dict) else ""
    asked = response.headers.get("retry-after", "")
    retry_after = float(asked) if asked.isascii() and asked.isdigit() else 0.0
    raise LinkEnded(f"HTTP {response.status_code} {told}".rstrip(), retry_after)
