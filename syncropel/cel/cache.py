"""Compiled expressions in a least-recently-used cache, with statistics for operators."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from syncropel.errors import SyncropelError

CAPACITY: Final = 1024
Compiled = TypeVar("Compiled")


@dataclass(frozen=True)
class CacheStats:
    """Counted since the process started. `avg_compile_micros`: microseconds per compilation, including failed
    ones.
    """

    hits: int
    misses: int
    compile_errors: int
    hit_rate_pct: float
    avg_compile_micros: float
    size: int
    capacity: int


class ExpressionCache(Generic[Compiled]):
    """Caches compiled expressions, and compile errors, by source. Thread-safe."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[Hashable, Compiled | SyncropelError] = OrderedDict()
        self._lock = threading.Lock()
        self._hits = self._misses = self._errors = 0
        self._secs = 0.0

    def get(self, key: Hashable, compile_: Callable[[], Compiled]) -> Compiled:
        """Return the cached result of `compile_` for this key, calling it if needed. Raises what
        it raised."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._hits += 1
                self._entries.move_to_end(key)
            else:
                self._misses += 1
        if found is None:
            found = self._compile(key, compile_)
        if isinstance(found, SyncropelError):
            raise found.with_traceback(None)
        return found

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._entries

    def _compile(self, key: Hashable, compile_: Callable[[], Compiled]) -> Compiled | SyncropelError:
        started = time.perf_counter()
        made: Compiled | SyncropelError
        try:
            made = compile_()
        except SyncropelError as error:
            made = error
        with self._lock:
            self._secs += time.perf_counter() - started
            self._errors += isinstance(made, SyncropelError)
            self._entries[key] = made
            while len(self._entries) > self._capacity:
                self._entries.popitem(last=False)
        return made

    def stats(self) -> CacheStats:
        """The counters."""
        with self._lock:
            asked = self._hits + self._misses
            return CacheStats(
                self._hits,
                self._misses,
                self._errors,
                round(100 * self._hits / asked, 2) if asked else 0.0,
                round(1e6 * self._secs / self._misses, 1) if self._misses else 0.0,
                len(self._entries),
                self._capacity,
            )
