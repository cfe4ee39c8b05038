"""An agent's output as a file of events: one JSON document per line, made on demand.

It is made by its own reader from the output's first byte on, so that it is the same whoever asks and however
often the daemon was restarted.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Final, Protocol, runtime_checkable

from syncropel.adapters import Adapter, Job
from syncropel.adapters.output_file import identity, open_own
from syncropel.adapters.reading import Event, Gate, OutputReader
from syncropel.adapters.tail import Tail

log = logging.getLogger("syncropel.engine.output.transcripts")

MAX_TEXT: Final = 16_384
"""Longest text of an event, in characters; the rest is counted."""
STEP_BYTES: Final = 32 << 20
"""Most output read per call, so that no call takes long."""
_KEPT: Final = 32
"""Outputs whose reading position is kept; other transcripts are made anew."""


@runtime_checkable
class Readable(Protocol):
    """An adapter whose programs speak a protocol."""

    def reader(self, job: Job) -> OutputReader | None:
        """A new reader for an attempt's output; None when that is plain text."""
        ...


class Transcripts:
    """Makes and extends transcripts. `extend` blocks: call it on a thread."""

    def __init__(self, adapters: Mapping[str, Adapter]) -> None:
        self._adapters = adapters
        self._open: OrderedDict[Path, _Transcript] = OrderedDict()
        self._lock = Lock()

    def extend(
        self, output: Path, adapter: str, job: Job, gate: Path | None = None, *, ended: bool
    ) -> tuple[Path, bool] | None:
        """The transcript of this output, as far as it is made, and whether it covers the whole output so far.
        `gate`: the file of the gate command that runs after the agent; its lines follow the agent's.

        None for plain text. Raises OSError as `output_file.read_piece`.
        """
        found: object = self._adapters.get(adapter)
        reader = found.reader(job) if isinstance(found, Readable) else None
        if reader is None:
            return None
        which = identity(output)
        with self._lock:
            known = self._open.pop(output, None)
            if known is None or known.which != which:
                known = _Transcript(output, which, reader, gate)
            self._open[output] = known
            if len(self._open) > _KEPT:
                self._open.popitem(last=False)
        return known.path, known.extend(ended=ended)


class _Transcript:
    def __init__(self, output: Path, which: tuple[int, int], reader: OutputReader, gate: Path | None) -> None:
        self.which = which
        self._gate = Tail(gate) if gate is not None else None
        self.path = output.with_suffix(".events")
        self._tail = Tail(output)
        self._reader = reader
        self._begun = self._finished = False
        self._lock = Lock()

    def extend(self, *, ended: bool) -> bool:
        """Read on. Returns False when there is more to read at once."""
        with self._lock, open_own(self.path, anew=not self._begun) as sink:
            self._begun = True
            until = self._tail.offset + STEP_BYTES
            while self._tail.offset < until:
                before = self._tail.offset
                for _, line in self._tail.read():
                    self._write(sink, self._fed(line))
                if self._tail.offset == before:
                    return self._follow(sink, ended=ended)
            return False

    def _follow(self, sink: BinaryIO, *, ended: bool) -> bool:
        """What comes after all that was said until now. False when there is more to read, at once."""
        if self._gate is None or not self._gate.exists:
            if ended and not self._finished:
                self._finish(sink)
            return True
        if not self._finished:
            self._finish(sink)
        until = self._gate.offset + STEP_BYTES
        while self._gate.offset < until:
            before = self._gate.offset
            self._write(sink, [Gate(_shown(line)) for _, line in self._gate.read()])
            if self._gate.offset == before:
                if ended and (line := self._gate.last()) is not None:
                    self._write(sink, [Gate(_shown(line))])
                return True
        return False

    def _finish(self, sink: BinaryIO) -> None:
        self._finished = True
        if (line := self._tail.last()) is not None:
            self._write(sink, self._fed(line))
        try:
            self._write(sink, self._reader.finish())
        except Exception:
            log.exception("the reader of %s failed at the end", self.path)

    def _fed(self, line: bytes) -> list[Event]:
        try:
            return self._reader.feed(line)
        except Exception:  # noqa: BLE001 - the run counts these; here the line is left out
            return []

    def _write(self, sink: BinaryIO, events: list[Event]) -> None:
        for event in events:
            told = {"kind": event.kind, **{name: _cut(value) for name, value in asdict(event).items()}}
            sink.write(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace") + b"\n")


def _shown(line: bytes) -> str:
    return line.decode("utf-8", "replace")


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return f"{value[:MAX_TEXT]}… ({len(value) - MAX_TEXT:,} more characters)"
    return value
