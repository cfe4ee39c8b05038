"""Everything that was sent to an agent, so that the daemon that takes its run over knows it.

A message is written here before it is sent, and the supervisor counts the bytes that it has taken for the
agent. So the next daemon sends the rest, each byte once, and finds which requests are open: the agent's that
have no reply here, and ours that have none in its output.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

NAME: Final = "sent.jsonl"
"""The file in a run's folder."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message. `after`: how many lines of the agent's output had been read when it was sent."""

    after: int
    message: dict[str, Any]


class NotWritten(Exception):
    """A message could not be written, so it must not be sent."""


class Journal:
    """The messages in order. Raises OSError when the file cannot be read."""

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
        self._name = path.name
        self.sent: list[Sent] = []
        self._stream = bytearray()
        self._file.seek(0)
        whole, _, torn = self._file.read().rpartition(b"\n")
        if torn:  # its daemon died while it wrote this: it was not sent
            self._file.truncate(len(whole) + 1 if whole else 0)
        for line in whole.splitlines():
            after, message = json.loads(line)
            self._keep(Sent(after, message))

    def add(self, after: int, message: Mapping[str, Any]) -> None:
        """Write a message; from then on it is to be sent. Raises NotWritten."""
        entry = Sent(after, dict(message))
        line = json.dumps([entry.after, entry.message], separators=(",", ":")).encode() + b"\n"
        size = os.fstat(self._file.fileno()).st_size
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._file.truncate(size)
            raise NotWritten(f"{self._name}: {error.strerror}") from error
        self._keep(entry)

    def _keep(self, entry: Sent) -> None:
        self.sent.append(entry)
        self._stream += json.dumps(entry.message, separators=(",", ":")).encode() + b"\n"

    @property
    def size(self) -> int:
        """Bytes of all messages as they are sent."""
        return len(self._stream)

    def since(self, taken: int) -> bytes:
        """What follows the first `taken` bytes."""
        return bytes(self._stream[taken:])

    def close(self) -> None:
        self._file.close()
