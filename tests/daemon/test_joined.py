"""What is written in one turn of the event loop goes out together, in order, and before the end."""

from __future__ import annotations

import asyncio
from typing import cast

from syncropel.listening.joined import JoinedWrites


class Wire:
    """A transport that notes each of its calls that would be one to the system."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.ended = ""

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def writelines(self, parts: tuple[bytes, ...]) -> None:
        self.sent.append(b"".join(parts))

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


def joined() -> tuple[Wire, JoinedWrites]:
    wire = Wire()
    return wire, JoinedWrites(cast("asyncio.Transport", wire), asyncio.get_running_loop())


async def test_head_and_body_are_sent_together() -> None:
    wire, transport = joined()
    transport.write(b"head ")
    assert wire.sent == []
    transport.write(b"body")
    assert wire.sent == [b"head body"]
    await asyncio.sleep(0)
    assert wire.sent == [b"head body"]


async def test_a_head_without_a_body_does_not_wait_for_one() -> None:
    wire, transport = joined()
    transport.write(b"head of a stream")
    await asyncio.sleep(0)
    assert wire.sent == [b"head of a stream"]
    transport.write(b"event")
    await asyncio.sleep(0)
    assert wire.sent == [b"head of a stream", b"event"]


async def test_many_parts_stay_in_order() -> None:
    wire, transport = joined()
    for part in b"abcdefg":
        transport.write(bytes([part]))
    transport.write(b"")
    await asyncio.sleep(0)
    assert b"".join(wire.sent) == b"abcdefg"


async def test_what_was_written_is_sent_before_the_end() -> None:
    wire, transport = joined()
    transport.write(b"refused")
    transport.close()
    assert (wire.sent, wire.ended) == ([b"refused"], "closed")
    assert transport.is_closing()


async def test_nothing_is_written_to_a_connection_that_was_dropped() -> None:
    wire, transport = joined()
    transport.write(b"head")
    transport.abort()
    await asyncio.sleep(0)
    assert (wire.sent, wire.ended) == ([], "aborted")


async def test_everything_else_is_the_transports_own() -> None:
    _, transport = joined()
    assert transport.get_extra_info("peername") == "the peername"
