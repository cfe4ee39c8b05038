"""Walks through a copied log in a process of its own: `python -P -m syncropel.store.sqlite.apart PATH`.

A thread of the daemon would hold up its event loop for as long as it hashes, and keep the memory that it
used.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from syncropel.errors import StoreError
from syncropel.store.base import Altered
from syncropel.store.lineage.lineage import Point
from syncropel.store.sqlite.connection import read_only
from syncropel.store.sqlite.integrity import Walked, walk_records

_LOOK_SECS: Final = 0.05
_NICE: Final = 10
_MOST_TOLD: Final = 50
_DIGITS: Final = 20
"""Of a sequence in that file."""
_MOST_CHARS: Final = 500
"""Told of what the walker wrote before it failed."""


def walk_apart(
    path: Path,
    accepted: Collection[str],
    stopping: Callable[[], bool],
    progress: Callable[[int], None] = lambda _: None,
) -> Walked | None:
    """Read every record of this file, and report what is wrong, at most the first fifty of each kind;
    `accepted`: hashes of altered records that an operator accepted. None when `stopping` said so meanwhile.
    `progress` hears the sequence that it has come to. Blocks. Raises StoreError when it cannot be read.
    """
    with tempfile.TemporaryFile() as place:
        return _walk_apart(path, accepted, stopping, progress, place.fileno())


def _walk_apart(
    path: Path,
    accepted: Collection[str],
    stopping: Callable[[], bool],
    progress: Callable[[int], None],
    place: int,
) -> Walked | None:
    words = [sys.executable, "-P", "-m", "syncropel.store.sqlite.apart", str(path), str(place)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, pass_fds=(place,)
    ) as walker:
        try:
            assert walker.stdin is not None
            with suppress(BrokenPipeError):  # it ended: its exit status says why
                json.dump(sorted(accepted), walker.stdin)
            while not stopping():
                progress(_come_to(place))
                # Reads while it waits, as a walker that fills its pipe waits for a reader.
                with suppress(subprocess.TimeoutExpired):
                    found, errors = walker.communicate(timeout=_LOOK_SECS)
                    if walker.returncode:
                        raise StoreError(
                            f"cannot check {path}: {_why(walker.returncode, errors)}", "try again"
                        )
                    progress(_come_to(place))
                    return _from_json(json.loads(found))
            return None
        finally:
            walker.kill()


def _come_to(place: int) -> int:
    """The sequence that a walker has written into the file that both have open."""
    return int(os.pread(place, _DIGITS, 0) or b"0")


def _why(code: int, errors: str) -> str:
    """Why a walker failed: its exit status as `Popen` has it, and what it wrote."""
    said = errors.strip()[-_MOST_CHARS:]
    if code > 0 and said:
        return said
    ended = f"the check was ended by signal {-code}" if code < 0 else f"the check ended with status {code}"
    return f"{ended}: {said}" if said else ended


def _from_json(found: dict[str, Any]) -> Walked:
    altered = [Altered(**one) for one in found["altered"]]
    return Walked(Point(**found["end"]), altered, found["gaps"])


def main() -> int:
    """Tells on stdout what was found, as JSON; which hashes are accepted comes on stdin."""
    with suppress(OSError):
        os.nice(_NICE)
    accepted, place = set(json.load(sys.stdin)), int(sys.argv[2])

    def tell(at: int) -> None:
        os.pwrite(place, b"%0*d" % (_DIGITS, at), 0)

    try:
        with closing(read_only(Path(sys.argv[1]))) as log:
            walked = walk_records(log, accepted=accepted, pause=tell)
    except sqlite3.Error as error:
        sys.stderr.write(str(error))
        return 1
    # The first few suffice to refuse a copy.
    altered = [asdict(one) for one in walked.altered[:_MOST_TOLD]]
    told = {"end": asdict(walked.end), "altered": altered, "gaps": walked.gaps[:_MOST_TOLD]}
    sys.stdout.write(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
