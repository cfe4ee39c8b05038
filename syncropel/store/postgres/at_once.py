"""Reads of one thread on the calling thread, for folds that are loaded while they are asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import psycopg

from syncropel.errors import StoreError
from syncropel.record.model import StoredRecord
from syncropel.store.postgres.address import Address
from syncropel.store.postgres.connection import Session
from syncropel.store.postgres.explaining import explain
from syncropel.store.postgres.reading import thread_through

_LIMIT_SECS: Final = 2.0
_REST_SECS: Final = 1.0
"""After a failure the next one comes at once for so long: the caller may be the event loop."""


class ReaderAtOnce:
    """A connection that any thread may read from, one at a time."""

    def __init__(self, open_session: Callable[[], Session], address: Address) -> None:
        self._open_session = open_session
        self._address = address
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._failed: tuple[float, StoreError] | None = None

    def thread(self, thread: str, through: int) -> list[StoredRecord]:
        """The records of a thread up to this sequence, by sequence. Raises StoreError."""
        with self._lock:
            if self._failed is not None and time.monotonic() < self._failed[0]:
                raise self._failed[1]
            try:
                try:
                    return self._read(thread, through)
                except psycopg.Error:
                    if self._session is None or self._session.is_usable:
                        raise
                    return self._read(thread, through)  # the server had ended an idle connection
            except psycopg.Error as error:
                told = explain(error, self._address)
                self._failed = time.monotonic() + _REST_SECS, told
                raise told from error

    def _read(self, thread: str, through: int) -> list[StoredRecord]:
        if self._session is None or not self._session.is_usable or self._session.has_ended:
            if self._session is not None:
                self._session.close()
                self._session = None
            self._session = self._open_session()
        session = self._session
        ending = threading.Timer(_LIMIT_SECS, session.sever)
        ending.daemon = True
        ending.start()
        try:
            return thread_through(session.log, thread, through)
        finally:
            ending.cancel()

    def close(self) -> None:
        """Close the connection, after the read that runs on it. Safe to call twice."""
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None
