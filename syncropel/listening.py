"""Where a daemon listens: TCP on this machine, and a Unix socket that is the operator's own door."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from syncropel import __version__
from syncropel.api.auth import OperatorDoor
from syncropel.api.schema.version import HEADER
from syncropel.errors import BadRequest, SetupError
from syncropel.settings import HOST

DRAIN_LIMIT_SECS: Final = 10
"""How long a stop waits for answers that are under way."""
KEEP_ALIVE_SECS: Final = 75
"""Longer than clients keep an idle connection, so that it never closes in the face of a request."""
HEAD_LIMIT_BYTES: Final = 64 * 1024
"""The most that the target and the headers of one request may have."""
_BACKLOG: Final = 2048


@contextlib.contextmanager
def listen_tcp(port: int) -> Iterator[socket.socket]:
    """Listen on 127.0.0.1; port 0 takes any free one. Raises SetupError when the port is not to be had."""
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


@contextlib.contextmanager
def listen_unix(path: Path) -> Iterator[socket.socket]:
    """Listen on a socket file, 0600 in a 0700 folder, and remove it at the end.

    A file that is there already is taken for one that a dead daemon left: the caller holds the home's lock.
    Raises SetupError when the folder is not ours alone, or the socket cannot be made.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            made = _make_private(path.parent)
            path.unlink(missing_ok=True)
            before = os.umask(0o177)
            try:
                listener.bind(str(path))
            finally:
                os.umask(before)
            listener.listen(_BACKLOG)
        except OSError as error:
            raise SetupError(
                f"cannot listen on {path}: {error.strerror or error}", f"check {path.parent}"
            ) from None
        listener.setblocking(False)
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)
            if made:
                with contextlib.suppress(OSError):
                    path.parent.rmdir()


def _make_private(folder: Path) -> bool:
    """Make a folder private to this user; gives whether it was made now. Raises SetupError, OSError."""
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


class Server(uvicorn.Server):
    """Serves one app on TCP and, as the operator's, on the Unix socket. Signals are the caller's business."""

    def __init__(self, app: ASGIApp, unix: socket.socket) -> None:
        super().__init__(_config(app))
        self._operator = _config(OperatorDoor(app))
        self._unix = unix

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._operator.load()
        server = await asyncio.get_running_loop().create_unix_server(
            lambda: _Protocol(config=self._operator, server_state=self.server_state, app_state={}),
            sock=self._unix,
            backlog=_BACKLOG,
        )
        self.servers.append(server)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        headers=[(HEADER, __version__)],
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECS,
        timeout_graceful_shutdown=DRAIN_LIMIT_SECS,
    )


class _HeadTooLong(Exception):
    """Raised within the parser, which turns it into its own kind of error."""


class _Protocol(HttpToolsProtocol):
    """Limits what a request may send before its body, and refuses with the envelope what is no HTTP."""

    _received = 0
    """Bytes since the last request ended, at the most those of one head while `_in_head`."""
    _in_head = True

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        # A header that does not end is with the parser, which tells of whole ones only.
        if self._in_head and self._received > HEAD_LIMIT_BYTES and not self.transport.is_closing():
            self.send_400_response("")

    def on_headers_complete(self) -> None:
        head_bytes = len(self.url) + sum([len(name) + len(value) for name, value in self.headers])
        if head_bytes > HEAD_LIMIT_BYTES:
            raise _HeadTooLong
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._received = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        told = BadRequest(
            "the request is not HTTP as this daemon reads it",
            f"the target and the headers may have {HEAD_LIMIT_BYTES} bytes; escape what is not ASCII",
        )
        content = json.dumps(told.envelope()).encode()
        head = (
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[400] + head.encode() + content)
        self.transport.close()
