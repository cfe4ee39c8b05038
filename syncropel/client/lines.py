"""What can go wrong between a client and a daemon, whichever library carries the bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from syncropel.system.tls_problem import TlsProblem


class LineError(Exception):
    """There is no answer, or only a part of one. `again`: another try may help."""

    again = False


class NotConnected(LineError):
    """Nobody answers at that place."""


class NoAnswerInTime(LineError):
    """The other side was silent for too long."""


class NoSocket(LineError):
    """This process cannot open one more connection: it, or the system, has too many open files."""


class Untrusted(LineError):
    """The certificate of the other side is not accepted, or only one side speaks TLS."""

    def __init__(self, problem: TlsProblem) -> None:
        super().__init__(problem.told)
        self.problem = problem


class Broken(LineError):
    """The connection ended, or what came over it is not HTTP."""

    again = True


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `path` may have a query. `patience_secs`: how long each read and write may take."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes | None
    patience_secs: float


class Response(Protocol):
    """The head of an answer, and its body in chunks. Names of headers are found in any case."""

    @property
    def status_code(self) -> int: ...
    @property
    def is_success(self) -> bool: ...
    @property
    def headers(self) -> Mapping[str, str]: ...

    def iter_bytes(self) -> Iterator[bytes]:
        """The body. Raises LineError."""
        ...


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """An answer whose body is read from the connection as it is asked for."""

    status_code: int
    headers: Mapping[str, str]
    body: Iterator[bytes]

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    def iter_bytes(self) -> Iterator[bytes]:
        return self.body


class Line(Protocol):
    """Carries requests to one daemon."""

    def stream(self, request: Request) -> AbstractContextManager[Response]:
        """Send a request; the block reads the answer, and its own errors pass. Raises LineError."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...
