"""How far a start has come: records read, of the log's total."""

from __future__ import annotations

import os
from typing import Literal

from syncropel import __version__
from syncropel.errors import Unavailable
from syncropel.wire.start import Start
from syncropel.wire.start_words import STARTING


class StartUp:
    """Fed with the number of records read so far; read by whoever answers meanwhile."""

    def __init__(self) -> None:
        self.total = 0
        """Records that have to be read; 0 while that is not known."""
        self.read = 0
        self.done = False
        """Whether the log has been read; before that nothing runs and nothing is written."""

    def begin(self, total: int) -> None:
        """Reading begins, of so many records."""
        self.total, self.read = total, 0

    def seen(self, read: int) -> None:
        """So many have been read by now."""
        self.read = read

    @property
    def words(self) -> str:
        """`312,000 of 1,000,000 records`."""
        return f"{self.read:,} of {max(self.total, self.read):,} records"

    def told(self, state: Literal["reading", "serving"]) -> Start:
        """How far it is, for those who ask."""
        return Start(
            state=state,
            pid=os.getpid(),
            version=__version__,
            records_read=self.read,
            records=self.total,
        )

    def refusal(self, meanwhile: str = "") -> Unavailable:
        """The answer to whoever has to wait. `meanwhile`: what is answered already."""
        return Unavailable(
            f"the daemon starts: it has read {self.words} of its log",
            f"wait: it answers when all are read{meanwhile and f'; until then {meanwhile}'}",
            code=STARTING,
        )
