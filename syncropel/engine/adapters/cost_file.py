"""The cost file: how a script says what it spends.

A script appends a line with a number of US dollars to the file that `SPL_COST_FILE` names, whenever it has
spent that much more: `echo 0.12 >> "$SPL_COST_FILE"`. It may do so as often as it likes; the file is read
while the script runs. A line that is not a number above 0 counts nothing and is logged once.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Final

log = logging.getLogger("syncropel.engine.adapters.cost_file")

LOOK_SECS: Final = 0.1
"""How often the file is looked at."""
_CHUNK_BYTES: Final = 1 << 20


class CostFile:
    """Reads on from an offset in bytes; only whole lines are taken."""

    def __init__(self, path: Path, offset: int) -> None:
        self._path = path
        self._warned = False
        self.offset = offset

    def read(self) -> float:
        """US dollars in the lines that are new. An unreadable file counts nothing."""
        try:
            with self._path.open("rb") as file:
                file.seek(self.offset)
                whole, newline, _ = file.read(_CHUNK_BYTES).rpartition(b"\n")
        except OSError:
            return 0.0
        self.offset += len(whole) + len(newline)
        return math.fsum(self._amount(line) for line in whole.splitlines())

    def _amount(self, line: bytes) -> float:
        try:
            value = float(line)
        except ValueError:
            value = -1.0 if line.strip() else 0.0
        if 0 <= value < math.inf:
            return value
        if not self._warned:
            self._warned = True
            log.warning("%s: not an amount of US dollars: %r", self._path, line[:60])
        return 0.0
