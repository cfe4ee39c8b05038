"""What a home knows of its log in a database: which one it is, and the newest record that was confirmed.

A database that fails over may lose what it had confirmed. While a daemon runs it notices that by itself; this
file lets the next one notice.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from syncropel.errors import StoreError
from syncropel.store.base import Hold
from syncropel.store.postgres.address import Address
from syncropel.store.postgres.writer import Mark, went_back


class KnownLog:
    """The file at `path`. Losing it loses only the knowledge."""

    def __init__(self, path: Path, url: str) -> None:
        self._path = path
        self._url = url
        self._written: tuple[str, Mark] | None = None

    def read(self) -> tuple[str, Mark] | None:
        """The log's id and the newest record, or None when nothing is known. Raises StoreError."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return str(found["log"]), Mark(int(found["sequence"]), str(found["id"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"cannot read {self._path}: {error}",
                "it says what the log had; move it away to go on without that knowledge",
            ) from error

    def write(self, log_id: str, mark: Mark) -> None:
        """Remember it. Never raises: the log itself is elsewhere."""
        if (log_id, mark) == self._written:
            return
        begun = self._path.with_name(self._path.name + ".new")
        with suppress(OSError):
            begun.write_text(
                json.dumps({"url": self._url, "log": log_id, "sequence": mark.sequence, "id": mark.id})
                + "\n",
                encoding="utf-8",
            )
            os.chmod(begun, 0o600)
            os.replace(begun, self._path)
            self._written = log_id, mark


def hold_against(
    known: tuple[str, Mark] | None, log_id: str, there: str, last: int, address: Address
) -> Hold | None:
    """Why a log that was opened is not what this home knows, or None. `there`: the id of its record at the
    known sequence, empty for none.
    """
    if known is None:
        return None
    known_id, mark = known
    if known_id != log_id:
        return Hold(
            f"{address.shown} has another log than this home had before",
            "check [store] url; to go on with this log: spl store accept-loss",
        )
    if mark.sequence and there != mark.id:
        error = went_back(address, mark, last)
        return Hold(
            error.message,
            "bring back the server that has them; to go on without them: spl store accept-loss",
        )
    return None
