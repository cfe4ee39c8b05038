"""Connections to PostgreSQL on threads of their own. A deadline shuts the socket: nothing is ever cancelled.

A cancelled commit that waits for a standby is answered as if it had reached it. asyncio never touches a
connection here, and so nobody's cancellation reaches the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import select
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo

from syncropel.store.postgres.address import Address
from syncropel.store.postgres.explaining import unsuitable

CONNECT_SECS: Final = 3
DEADLINE_SECS: Final = 5.0
"""How long one round trip may take."""
OLDEST: Final = 140000
"""The oldest server that can be used, as it numbers itself."""
_SETTINGS: Final = {
    "connect_timeout": str(CONNECT_SECS),
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "2",
    "tcp_user_timeout": "5000",
    "application_name": "syncropel",
    "client_encoding": "utf8",
}

_Result = TypeVar("_Result")
Log = psycopg.Connection[tuple[Any, ...]]


class Session:
    """One open connection, which the calling thread uses and any thread can end."""

    def __init__(self, address: Address, *, writes: bool) -> None:
        """Connect. Raises psycopg.Error, StoreError."""
        keywords = dict(_SETTINGS)
        if writes:
            keywords["target_session_attrs"] = "read-write"
        # No prepared statements: a pooler that gives each transaction another server does not have them.
        given = make_conninfo("", **keywords, **address.keywords())
        self.log: Log = psycopg.connect(given, autocommit=True, prepare_threshold=None)
        try:
            self._socket = socket.socket(fileno=os.dup(self.log.fileno()))
        except BaseException:
            self.log.close()
            raise
        self.warned: list[str] = []
        """What the server warned of since this was last emptied."""
        self.log.add_notice_handler(self._noticed)
        try:
            self._settle(address)
        except BaseException:
            self.close()
            raise

    def _settle(self, address: Address) -> None:
        if self.log.info.server_version < OLDEST:
            raise unsuitable(address, f"PostgreSQL {_version(self.log.info.server_version)} is too old")
        encoding = self.log.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise unsuitable(address, f"the database has the encoding {encoding}, not UTF8")
        # A role's time limit would cancel a commit that waits for a standby.
        self.log.execute("SET statement_timeout = 0")

    def _noticed(self, notice: psycopg.errors.Diagnostic) -> None:
        if (notice.sqlstate or "").startswith(("01", "57")) or notice.severity_nonlocalized == "WARNING":
            self.warned.append(notice.message_primary or "a warning")

    def sever(self) -> None:
        """End the connection from any thread: whoever waits for the server wakes up with an error."""
        with contextlib.suppress(OSError):  # it has ended already
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it. Safe to call twice."""
        self.log.close()
        self._socket.close()

    @property
    def is_usable(self) -> bool:
        """Whether the last round trip left it in order."""
        return not self.log.closed and not self.log.broken

    @property
    def has_ended(self) -> bool:
        """Whether the server has said something unasked: that it ends the session, most likely. What has not
        been sent yet then goes out on a new one, and its outcome is no riddle.
        """
        readable = select.poll()  # not `select`, which knows no descriptor above 1023
        readable.register(self._socket, select.POLLIN)
        return bool(readable.poll(0))


class Connection:
    """A thread with at most one session, which runs a whole function at a time.

    `connect` opens a session when there is none, or none that can be used.
    """

    def __init__(self, connect: Callable[[], Session], name: str) -> None:
        self._connect = connect
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._session: Session | None = None
        self._running: object = None
        # A process that fails before it closes its store must end anyway.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[Session], _Result], deadline: float = DEADLINE_SECS) -> _Result:
        """Run `job` on the thread; end its session when it has run for so many seconds, up to twice as long.

        Cancelling the caller does not stop it. Raises what the job raises, and psycopg.Error when there is no
        connection.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_Result] = loop.create_future()
        finished = threading.Event()

        def work() -> None:
            self._running = work
            try:
                outcome = partial(_set_result, answer, job(self._opened()))
            except BaseException as error:  # noqa: BLE001 - whatever it is, who waits must hear of it
                outcome = partial(_set_exception, answer, error)
            self._running = None
            finished.set()
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(outcome)

        def watch() -> None:
            if finished.is_set():
                return
            if self._running is work and self._session is not None:
                self._session.sever()
            loop.call_later(deadline, watch)

        self._jobs.put(work)
        timer = loop.call_later(deadline, watch)
        try:
            return await answer
        finally:
            if finished.is_set():
                timer.cancel()

    async def close(self) -> None:
        """Close the session and end the thread, after the jobs before. A server that does not answer is left
        alone.
        """
        self._jobs.put(None)
        if not await asyncio.to_thread(_ended, self._thread, DEADLINE_SECS):
            if (session := self._session) is not None:
                session.sever()
            await asyncio.to_thread(_ended, self._thread, DEADLINE_SECS)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
        if self._session is not None:
            self._session.close()

    def _opened(self) -> Session:
        session = self._session
        if session is None or not session.is_usable or session.has_ended:
            if session is not None:
                self._session = None
                session.close()
            session = self._session = self._connect()
        return session


def _ended(thread: threading.Thread, secs: float) -> bool:
    thread.join(secs)
    return not thread.is_alive()


def _set_result(answer: asyncio.Future[_Result], result: _Result) -> None:
    if not answer.done():
        answer.set_result(result)


def _set_exception(answer: asyncio.Future[_Result], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)


def _version(number: int) -> str:
    return f"{number // 10000}.{number % 10000}"
