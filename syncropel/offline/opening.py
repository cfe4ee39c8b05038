"""Turns a bundle's file into an engine that answers from it: read, checked, folded, and never run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from starlette.types import ASGIApp

from syncropel.api.read_only import create_read_only_app
from syncropel.engine.ingest.collector import uncollected
from syncropel.engine.instance import Instance
from syncropel.engine.lifecycle import Lifecycle
from syncropel.errors import InvalidBundle, NotFound, SetupError, SyncropelError
from syncropel.folds.fleet.registry import Registry
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord
from syncropel.settings.config import Settings
from syncropel.settings.home import Home
from syncropel.store.bundle.format import MAX_LINE_BYTES, read_bundle, read_header
from syncropel.store.memory import MemoryStore

if TYPE_CHECKING:
    from syncropel.engine.engine import Engine

_EACH: Final = 500
"""Records between two progress reports."""
_CHECKED: Final = 0.9
"""The share of the time spent on checking; folding takes the rest."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An application over a bundle, and its facts. `as_of`: unix seconds of the last record."""

    app: ASGIApp
    as_of: float
    records: int
    threads: int


@dataclass(slots=True)
class Opening:
    """A file being read, on the reading thread. `note` receives the progress, from 0 to 1; `stopped` says
    whether nobody waits for it any more.
    """

    path: Path
    note: Callable[[float], None]
    stopped: Callable[[], bool]
    records: list[tuple[Record, float]] = field(default_factory=list)
    registry: Registry = field(default_factory=Registry)

    async def run(self) -> Opened:
        """Read, check, and fold the file. Raises as `OfflineClient.open`."""
        with uncollected():
            engine = await self._engine()
            app = create_read_only_app(engine, self.path.name)
        self.note(1.0)
        as_of, threads = engine.runtime.now(), engine.ingest.live.index.count
        return Opened(app, as_of, engine.store.count, threads)

    async def _engine(self) -> Engine:
        try:
            with self.path.open("rb") as file:
                self._read(file, self.path.stat().st_size)
        except FileNotFoundError:
            raise NotFound(
                f"no file {self.path}", "write one with: spl thread snapshot --all --out F"
            ) from None
        except OSError as error:
            raise SetupError(
                f"{self.path} cannot be read: {error.strerror or error}", "is it a file of yours?"
            ) from error
        as_of = max((received_at for _, received_at in self.records), default=0.0)
        store = MemoryStore(clock=lambda: as_of)
        outcomes = await store.restore(self.records, lambda _: True, lambda _: None)
        for line, outcome in enumerate(outcomes, start=2):
            if isinstance(outcome, SyncropelError):
                raise InvalidBundle(
                    f"line {line}: {outcome.message}", "no log holds both: take another snapshot"
                )
        instance = Instance(self._coordinator(), Home(self.path), "")
        return await Lifecycle(store, instance, Settings(), Runtime(now=lambda: as_of)).start_still()

    def _read(self, file: IO[bytes], size: int) -> None:
        header = read_header(file.readline(MAX_LINE_BYTES + 1))
        for bundled in read_bundle(header, _lines(file)):
            self.records.append((bundled.record, bundled.received_at))
            self.registry.apply(StoredRecord(bundled.record, bundled.line, bundled.received_at))
            if bundled.line % _EACH == 0:
                if self.stopped():
                    raise asyncio.CancelledError
                self.note(_CHECKED * file.tell() / max(size, 1))

    def _coordinator(self) -> str:
        """The DID whose log this most likely was: what it wrote is shown as the engine's."""
        known = self.registry.instances.values()
        return next((one.did for one in known if one.role == "coordinator"), "")


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE_BYTES + 1):
        yield line
