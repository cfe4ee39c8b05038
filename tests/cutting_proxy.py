"""A TCP proxy in this process that loses connections on purpose: cut or stranded after so many bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

_CHUNK = 65536


@dataclass
class Plan:
    """What becomes of the connection that carries `marker`, from that piece of traffic on.

    So many further bytes pass in each direction: of the request from the piece with the marker on, of the
    answer from then on; None for all. Then it is `cut`, or without that it is stranded: nothing passes any
    more, and nobody is told.
    """

    marker: bytes
    request: int | None = None
    answer: int | None = None
    cut: bool = True


class CuttingProxy:
    """Listens on `port` and passes on to another port of this machine."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._plan: Plan | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.sprung = threading.Event()
        """Set once a plan has come true."""
        self.requests: list[int] = []
        """The sizes of the pieces with a marker, as they came."""
        self.refusing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def plan(self, plan: Plan) -> None:
        """Do this to the next connection that carries its marker."""
        with self._lock:
            self._plan = plan
        self.sprung.clear()

    def _taken(self, piece: bytes) -> Plan | None:
        with self._lock:
            plan = self._plan
            if plan is None or plan.marker not in piece:
                return None
            self._plan = None
            self.requests.append(len(piece))
            return plan

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.refusing:
                    client.close()
                    continue
                try:
                    server = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    client.close()
                    continue
                _Pair(self, client, server).start()

    def close(self) -> None:
        self._listener.close()
        for one in list(self._open):
            _end(one)

    def cut_all(self) -> None:
        """Cut every connection now."""
        for one in list(self._open):
            _end(one)


class _Pair:
    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._plan: Plan | None = None
        self._stranded = False
        proxy._open |= {client, server}

    def start(self) -> None:
        for job in (self._requests, self._answers):
            threading.Thread(target=job, daemon=True).start()

    def _requests(self) -> None:
        left: int | None = None
        for piece in _pieces(self._client):
            if self._plan is None and (plan := self._proxy._taken(piece)) is not None:
                self._plan, left = plan, plan.request
            if left is not None:
                piece, left = piece[:left], left - len(piece[:left])
            if self._stranded or not self._pass(self._server, piece, left):
                return
        self._over()

    def _answers(self) -> None:
        left: int | None = None
        for piece in _pieces(self._server):
            if left is None and self._plan is not None:
                left = self._plan.answer
            if left is not None:
                piece, left = piece[:left], left - len(piece[:left])
            if self._stranded or not self._pass(self._client, piece, left):
                return
        self._over()

    def _over(self) -> None:
        """One side has gone: the other hears of it, unless it is stranded."""
        if not self._stranded:
            self._end()

    def _pass(self, to: socket.socket, piece: bytes, left: int | None) -> bool:
        """Pass a piece on; return whether the connection goes on."""
        try:
            to.sendall(piece)
        except OSError:
            self._end()
            return False
        if left != 0:
            return True
        assert self._plan is not None
        self._stranded = not self._plan.cut
        if self._plan.cut:
            self._end()
        self._proxy.sprung.set()
        return False

    def _end(self) -> None:
        _end(self._client)
        _end(self._server)
        self._proxy._open -= {self._client, self._server}


def _pieces(source: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        while piece := source.recv(_CHUNK):
            yield piece


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
