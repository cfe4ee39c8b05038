"""Which processes of this machine hold the other end of a TCP connection, from the system's tables."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

Address = tuple[str, int]
_TABLE: Final = "/proc/net/tcp"
_LOCAL, _REMOTE, _UID, _INODE = 1, 2, 7, 9
"""Columns of the table."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds an end of a connection. `pids`: those that the system shows to us; `uid`: who made it."""

    uid: int
    pids: tuple[int, ...]


def can_tell() -> bool:
    """Whether this system has the tables."""
    return os.path.exists(_TABLE)


def owner_of(near: Address, far: Address) -> Owner | None:
    """Who holds the end `near` of the connection with `far`, both IPv4. None when nobody does any more.

    Looks at every descriptor of every process: some ten milliseconds, so not for an event loop.
    """
    wanted = _hex(near), _hex(far)
    with open(_TABLE, encoding="ascii") as table:
        rows = [line.split() for line in table]
    for row in rows[1:]:
        if (row[_LOCAL], row[_REMOTE]) == wanted and row[_INODE] != "0":
            return Owner(int(row[_UID]), tuple(_holders(f"socket:[{row[_INODE]}]")))
    return None


def _hex(address: Address) -> str:
    (packed,) = struct.unpack("=I", socket.inet_aton(address[0]))
    return f"{packed:08X}:{address[1]:04X}"


def _holders(name: str) -> Iterator[int]:
    for entry in os.listdir("/proc"):
        if entry.isdecimal() and _holds(entry, name):
            yield int(entry)


def _holds(pid: str, name: str) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        descriptors = os.listdir(folder)
    except OSError:
        return False  # it has ended, or is another user's
    for descriptor in descriptors:
        try:
            if os.readlink(f"{folder}/{descriptor}") == name:
                return True
        except OSError:
            continue
    return False
