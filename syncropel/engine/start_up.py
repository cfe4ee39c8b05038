"""How far a start has come: records read, of the log's total."""

from __future__ import annotations


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
