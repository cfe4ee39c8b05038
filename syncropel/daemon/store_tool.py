"""Work on a store that needs no daemon: `python -m syncropel.daemon.store_tool verify --home PATH`.

`spl store verify` runs it; `spl doctor` runs it with the verb `look`.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

from platformdirs import user_data_path

from syncropel.daemon.tool_errors import told
from syncropel.errors import NotFound, SyncropelError
from syncropel.settings.home import Home
from syncropel.settings.identity import read_identity
from syncropel.store.lineage.judging import judge, log_id
from syncropel.store.lineage.lineage import Lineage
from syncropel.store.sqlite.backup import backup_path, lineage_files
from syncropel.store.sqlite.connection import corrupt, explain, read_only
from syncropel.store.sqlite.integrity import Walked, walk_records
from syncropel.store.sqlite.schema import check

_LOOKED_THROUGH_BYTES: Final = 256 * 1024 * 1024


def main(argv: Sequence[str] | None = None) -> int:
    """Gives the exit status: 0 all is sound, 1 it is not, or cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m syncropel.daemon.store_tool", description="Check a store."
    )
    parser.add_argument("verb", choices=["verify", "look"])
    parser.add_argument("--home", required=True)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    home = Home(Path(args.home).absolute())
    job = partial(_look if args.verb == "look" else _verify, home, args.json)
    return told(job, home.store, as_json=args.json)


def _look(home: Home, as_json: bool) -> int:
    print(json.dumps(look(home)))  # noqa: T201
    return 0


def _verify(home: Home, as_json: bool) -> int:
    found = verify(home)
    problems = found["problems"]
    if as_json:
        print(json.dumps(found))  # noqa: T201
    elif problems:
        print(*(f"✗ {one}" for one in problems), sep="\n")  # noqa: T201
    else:
        print(f"✓ {found['records']} records, each as its id says; digest {found['digest'][:16]}")  # noqa: T201
        print(*(f"  {one}" for one in found["unknown"]), sep="\n", end="\n" if found["unknown"] else "")  # noqa: T201
    return 1 if problems else 0


def verify(home: Home) -> dict[str, Any]:
    """Read the whole store: `records`, `digest`, `problems`, and what is `unknown`. Raises SyncropelError."""
    if not home.store.exists():
        raise NotFound(f"there is no store at {home.display()}", "is SYNCROPEL_HOME right?")
    known, problems = _lineages(home)
    unknown = [] if known else ["there is no lineage: what the log had before is unknown"]
    try:
        with closing(read_only(home.store)) as log:
            # One snapshot: the daemon may go on writing.
            log.execute("BEGIN")
            check(log, home.store)
            pages = log.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if pages != "ok":
                problems.append(f"{home.store.name} is damaged: {pages}")
            accepted = {hash_ for one in known for hash_ in one.accepted}
            walked = walk_records(log, wanted=[one.head.sequence for one in known], accepted=accepted)
            own = log_id(log)
    except sqlite3.Error as error:
        raise explain(error, home.store) from error
    problems += _of_records(walked) + [problem for one in known if (problem := _of_lineage(walked, own, one))]
    return {
        "records": walked.end.sequence,
        "digest": walked.end.digest,
        "log": own,
        "problems": problems,
        "unknown": unknown,
        "altered": [one.id for one in walked.altered],
    }


def look(home: Home) -> dict[str, Any]:
    """Whether `spl serve` would take the store: `records`, and what speaks against it in `problem`, `hint`.

    `whole`: whether every page was looked at, which is done for files that are not too large.
    """
    try:
        known, unreadable = _lineages(home)
        with closing(read_only(home.store)) as log:
            log.execute("BEGIN")
            check(log, home.store)
            whole = home.store.stat().st_size <= _LOOKED_THROUGH_BYTES
            if whole and (pages := log.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise corrupt(home.store, str(pages))
            records = int(log.execute("SELECT coalesce(max(sequence), 0) FROM records").fetchone()[0])
            found = judge(log, known, time.time())
    except sqlite3.Error as error:
        return _told(explain(error, home.store))
    except SyncropelError as error:
        return _told(error)
    seen = {"records": records, "whole": whole, "problem": "; ".join(unreadable), "hint": ""}
    return seen | ({"problem": found.told, "hint": found.hint} if found.told else {})


def _told(error: SyncropelError) -> dict[str, Any]:
    return {"records": None, "whole": False, "problem": error.message, "hint": error.hint}


def _lineages(home: Home) -> tuple[list[Lineage], list[str]]:
    identity = read_identity(home)
    key = "" if identity is None else f"instance-{identity.did.rpartition(':')[2]}"
    return lineage_files(home.lineage, backup_path(user_data_path("syncropel"), key)).read()


def _of_records(walked: Walked) -> list[str]:
    gone = [f"record {one} is missing" for one in walked.gaps]
    altered = [
        f"record {one.sequence} ({one.id[:12]}…, thread {one.thread}) was altered: {one.found[:80]}"
        for one in walked.altered
    ]
    return [*gone, *altered]


def _of_lineage(walked: Walked, own: str, lineage: Lineage) -> str:
    """What a lineage says against the log; empty when it says nothing."""
    known = lineage.head
    if own and own != lineage.log:
        return f"this is another log ({own[:8]}) than the one that was here ({lineage.log[:8]})"
    if walked.end.sequence < known.sequence:
        return f"{known.sequence - walked.end.sequence} of {known.sequence} records are gone"
    if known.sequence and walked.digests.get(known.sequence) != known.digest:
        return (
            f"the first {known.sequence} records are not those that were acknowledged: their digest differs"
        )
    return ""


if __name__ == "__main__":
    sys.exit(main())
