"""The process at the other end of a Unix socket, according to the kernel rather than the caller."""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
from dataclasses import dataclass
from typing import Final

from syncropel.system.ancestry import SHORTAGES, Unreadable

_LINUX = sys.platform == "linux"
_SO_PEERPIDFD: Final = 77
_SOL_LOCAL, _LOCAL_PEERCRED, _LOCAL_PEERPID = 0, 1, 2
"""Constants of macOS, for which Python has no names."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected, and its user at that time. `handle`: a descriptor of the process itself, or
    -1.
    """

    pid: int
    uid: int
    handle: int = -1

    def lives(self) -> bool:
        """Whether it still runs; without a handle that is unknown, and assumed."""
        if self.handle < 0:
            return True
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        """Close the handle."""
        if self.handle >= 0:
            os.close(self.handle)


def peer_of(connection: socket.socket) -> Peer:
    """The other end of a connection that was just accepted; the caller closes it.

    Raises Unreadable when the kernel does not say, or when the process that connected has ended; OSError when
    resources are short.
    """
    try:
        pid, uid = _credentials(connection)
    except (OSError, struct.error) as error:
        raise Unreadable(f"the system does not say who connected: {error}") from None
    if pid <= 0:
        raise Unreadable("the caller runs in a PID namespace that this daemon does not see")
    return Peer(pid, uid, _handle(connection))


def _credentials(connection: socket.socket) -> tuple[int, int]:
    if _LINUX:
        size = struct.calcsize("3i")
        pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        return pid, uid
    pid = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
    _, uid = struct.unpack_from("=II", connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 128))
    return pid, uid


def _handle(connection: socket.socket) -> int:
    """A descriptor of the peer's process, which pins its identity even if the PID is reused; or -1."""
    if not _LINUX:
        return -1
    try:
        return int(connection.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD))
    except ProcessLookupError:
        raise Unreadable("the process that connected has ended") from None
    except OSError as error:
        if error.errno in SHORTAGES:
            raise
        return -1  # the kernel does not know the option; one that does, and says EINVAL, means it has ended
