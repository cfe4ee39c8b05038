"""The listening sockets: TCP on 127.0.0.1, and the Unix socket in a private folder."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from syncropel.errors import SetupError
from syncropel.settings.config import HOST

_BACKLOG: Final = 2048


@contextlib.contextmanager
def listen_tcp(port: int) -> Iterator[socket.socket]:
    """Listen on 127.0.0.1; port 0 takes any free one. Raises SetupError when the port is not available."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(_BACKLOG)
        except (OSError, OverflowError) as error:
            told = getattr(error, "strerror", None) or str(error)
            raise SetupError(
                f"cannot listen on {HOST}:{port}: {told}",
                f"is another daemon there? see: ss -tlnp | grep {port}; or choose another with --port",
            ) from None
        listener.setblocking(False)
        yield listener


class UnixDoor:
    """A socket file, 0600 in a 0700 folder, and its listener.

    An existing file is assumed to be left by a dead daemon: the caller holds the home's lock. Raises
    SetupError when the folder is not exclusively ours, or the socket cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made = False
        self.listener = self._listen()

    def _listen(self) -> socket.socket:
        path, listener = self._path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._made = _make_private(path.parent) or self._made
            path.unlink(missing_ok=True)
            before = os.umask(0o177)
            try:
                listener.bind(str(path))
            finally:
                os.umask(before)
            listener.listen(_BACKLOG)
            self._file = path.lstat()
        except BaseException as error:
            listener.close()
            if isinstance(error, OSError):
                told = f"cannot listen on {path}: {error.strerror or error}"
                raise SetupError(told, f"check {path.parent}") from None
            raise
        listener.setblocking(False)
        return listener

    def is_there(self) -> bool:
        """Whether the file still leads here: whoever may remove it may replace it."""
        try:
            return os.path.samestat(self._path.lstat(), self._file)
        except OSError:
            return False

    def renew(self) -> socket.socket:
        """Listen at the same path again. Close the former listener once nobody waits there any more."""
        self.listener = self._listen()
        return self.listener

    def close(self) -> None:
        """Stop listening, and remove the file."""
        self.listener.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
            if self._made:
                self._path.parent.rmdir()


@contextlib.contextmanager
def listen_unix(path: Path) -> Iterator[UnixDoor]:
    """Open a `UnixDoor` at this path, and close it at the end. Raises SetupError."""
    with contextlib.closing(UnixDoor(path)) as door:
        yield door


def _make_private(folder: Path) -> bool:
    """Make a folder private to this user; return whether that changed it. Raises SetupError, OSError."""
    try:
        folder.mkdir(mode=0o700, parents=True)
        return True
    except FileExistsError:
        pass
    # lstat: in a folder that others may write to, the name could be a link to anywhere.
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise SetupError(f"{folder} is not a folder of this user", "remove it, or shorten the home's path")
    folder.chmod(0o700)
    return False
