"""A fleet's CA in a folder, and a server that shows a certificate."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from syncropel.settings.certificates import make_ca, make_server
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home

DAY = 86_400.0
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n"
ANSWER = _HEAD + b"connection: close\r\n\r\n{}"


def home_with_ca(folder: Path, now: float, *names: str) -> Home:
    """A home whose CA, and certificate for these names, were made at this time."""
    home = Home(folder)
    make_home(home)
    make_ca(home, "test", now)
    make_server(home, names, now)
    return home


Answer = Callable[[bytes], bytes]
"""What a server answers to a request."""


@contextlib.contextmanager
def shows(home: Home | None, answer: Answer = lambda _: ANSWER) -> Iterator[int]:
    """The port of a server on 127.0.0.1 that shows this home's certificate, or speaks without TLS."""
    context = None
    if home is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(home.server_certificate, home.server_key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, context, answer))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listener: socket.socket, context: ssl.SSLContext | None, answer: Answer) -> None:
    while True:
        try:
            accepted, _ = listener.accept()
        except OSError:
            return
        with accepted, contextlib.suppress(OSError):
            accepted.settimeout(10)
            if context is None:
                accepted.recv(65536)
                accepted.sendall(ANSWER)
                continue
            with context.wrap_socket(accepted, server_side=True) as wrapped:
                wrapped.sendall(answer(_request(wrapped)))


def _request(connection: socket.socket) -> bytes:
    """A whole request, with the body that it announces."""
    came = b""
    while b"\r\n\r\n" not in came:
        came += connection.recv(65536)
    head, _, body = came.partition(b"\r\n\r\n")
    length = next(
        (int(one[15:]) for one in head.lower().split(b"\r\n") if one.startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
