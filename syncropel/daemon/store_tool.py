"""Work on a store that needs no daemon: `python -m syncropel.daemon.store_tool verify --home PATH`.

`spl store verify` runs it; `spl doctor` runs it with the verb `look`.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

from syncropel.daemon.lineages import lineages
from syncropel.daemon.log_opening import address_of
from syncropel.daemon.tool_errors import told
from syncropel.daemon.tool_progress import ToolProgress
from syncropel.errors import SyncropelError
from syncropel.settings.config import Settings, load_settings
from syncropel.settings.home import Home
from syncropel.store.lineage.judging import judge
from syncropel.store.sqlite.connection import corrupt, explain, read_only
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
    from syncropel.daemon.verifying import Progress, verify  # with the policy, which `look` can do without

    settings = load_settings(home, os.environ)
    if settings.store.url:
        from syncropel.daemon.verifying_database import verify_database

        verifying: Callable[[Progress], dict[str, Any]] = partial(verify_database, home, settings)
    else:
        verifying = partial(verify, home)
    with ToolProgress() as progress:
        found = verifying(partial(progress, "checking"))
    problems = found["problems"]
    if as_json:
        print(json.dumps(found))  # noqa: T201
    else:
        print(*_lines(found), sep="\n")  # noqa: T201
    return 1 if problems else 0


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [f"✗ {one}" for one in found["problems"]]
    if not lines:
        lines = [f"✓ {found['records']} records, each as its id says; digest {found['digest'][:16]}"]
        if judged := found["judged"]:
            lines.append(f"✓ {judged} of them in the order in which they were judged; none got past a freeze")
    return [*lines, *(f"  unknown: {one}" for one in found["unknown"])]


def look(home: Home) -> dict[str, Any]:
    """Whether `spl serve` would take the store: `records`, and what speaks against it in `problem`, `hint`.

    `whole`: whether every page was looked at, which is done for files that are not too large.
    """
    settings = load_settings(home, os.environ)
    if settings.store.url:
        return _look_at_database(home, settings)
    try:
        known, unreadable = lineages(home)
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


def _look_at_database(home: Home, settings: Settings) -> dict[str, Any]:
    try:
        address = address_of(settings, os.environ)
        from syncropel.store.postgres import checking

        with checking.looking_at(address) as log:
            records, hold = checking.look(log, address, home.known_log)
    except SyncropelError as error:
        return _told(error)
    problem, hint = ("", "") if hold is None else (hold.told, hold.hint)
    return {"records": records, "whole": False, "problem": problem, "hint": hint}


def _told(error: SyncropelError) -> dict[str, Any]:
    return {"records": None, "whole": False, "problem": error.message, "hint": error.hint}


if __name__ == "__main__":
    sys.exit(main())
