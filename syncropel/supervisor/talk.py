"""Connections to a supervisor's socket, and the path from one of them to the goal's stdin."""

from __future__ import annotations

import os
import sys

from syncropel.supervisor.light import socket
from syncropel.supervisor.words import as_json

_CHUNK = 65536
_LONGEST_LINE = 4096
_CREDENTIALS_BYTES = 12
"""pid, uid, gid"""


class Caller:
    """One connection. It sends lines; after the line `stdin` everything is for the goal.

    `attached`: whether it has declared that it manages the run. `gone`: whether it has disconnected.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        connection.setblocking(False)
        self._kept = b""
        self.attached = False
        self.feeds = False
        self.gone = False
        self.pid = _peer_pid(connection)

    def read(self) -> bytes:
        """The bytes received; empty also when it has disconnected."""
        try:
            came = self._connection.recv(_CHUNK)
        except BlockingIOError:
            return b""
        except OSError:
            came = b""
        self.gone = self.gone or not came
        return came

    def lines(self) -> list[str]:
        """The lines received up to `stdin`; what followed that is kept for `rest`."""
        self._kept += self.read()
        found: list[str] = []
        while not self.feeds and b"\n" in self._kept:
            line, _, self._kept = self._kept.partition(b"\n")
            found.append(line.decode("utf-8", "replace"))
            self.feeds = found[-1] == "stdin"
        if not self.feeds and len(self._kept) > _LONGEST_LINE:
            self.gone = True
        return found

    def rest(self) -> bytes:
        """Bytes for the goal that arrived together with the line `stdin`."""
        if not self.feeds:
            return b""
        rest, self._kept = self._kept, b""
        return rest

    def say(self, said: str, **more: object) -> None:
        """Send it a reply; a caller that does not read misses it."""
        try:
            self._connection.sendall((as_json({"said": said, **more}) + "\n").encode())
        except OSError:
            self.gone = True

    def close(self) -> None:
        self._connection.close()


class Feed:
    """The writing end of the goal's stdin (-1: it has none). Input that the goal has not accepted yet is
    kept.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.taken = 0
        """Bytes accepted for the goal, whether or not it has read them."""
        self._kept = b""
        self._closing = False
        if descriptor >= 0:
            os.set_blocking(descriptor, False)

    @property
    def waits(self) -> bool:
        """Whether some input has not been accepted yet."""
        return bool(self._kept)

    def take(self, data: bytes = b"") -> None:
        """Pass this to the goal, after what was kept before."""
        self.taken += len(data)
        self._kept += data
        try:
            while self._kept:
                self._kept = self._kept[os.write(self.descriptor, self._kept) :]
        except BlockingIOError:
            return
        except OSError:  # the goal no longer reads, or has no stdin
            self._closing = True
        if self._closing:
            self._shut()

    def close(self) -> None:
        """Close the goal's stdin once it has read what was kept."""
        self._closing = True
        self.take()

    def _shut(self) -> None:
        self._kept = b""
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.descriptor = -1


def _peer_pid(connection: socket.socket) -> int:
    if not hasattr(socket, "SO_PEERCRED"):
        return 0
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS_BYTES)
    except OSError:
        return 0
    return int.from_bytes(raw[:4], sys.byteorder)
