"""Work on views that needs no daemon: `python -m syncropel.daemon.views_tool status|build|drop --home PATH`.

`spl views` runs it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from syncropel.daemon.log_opening import address_of, open_log
from syncropel.daemon.tool_errors import told
from syncropel.daemon.tool_progress import ToolProgress
from syncropel.engine.views.opening import open_views, start_folds
from syncropel.errors import NotFound
from syncropel.settings.config import load_settings
from syncropel.settings.home import Home
from syncropel.store.lock import StoreLock
from syncropel.store.sqlite.connection import explain, read_only
from syncropel.store.sqlite.schema import check
from syncropel.store.views.views import ViewsError, drop, views_path


def main(argv: Sequence[str] | None = None) -> int:
    """Gives the exit status: 0 done, or the views are up with the log; 1 they are not, or cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m syncropel.daemon.views_tool", description="Work on the views of a log."
    )
    parser.add_argument("verb", choices=["status", "build", "drop"])
    parser.add_argument("--home", required=True)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    home = Home(Path(args.home).absolute())
    return told(partial(_run, home, args.verb, args.json), home.store, as_json=args.json)


def _run(home: Home, verb: str, as_json: bool) -> int:
    if not load_settings(home, os.environ).store.url and not home.store.exists():
        raise NotFound(f"there is no store at {home.display()}", "is SYNCROPEL_HOME right?")
    verbs = {"status": status, "build": build, "drop": drop_views}
    found = verbs[verb](home)
    if as_json:
        print(json.dumps(found))  # noqa: T201
    else:
        print(_told(verb, found))  # noqa: T201
    return 1 if verb == "status" and found["problem"] else 0


def status(home: Home) -> dict[str, Any]:
    """How far the views contain the log: `through` and `records` (sequences), and the `problem` when they
    lack some. Views that are not of this log, or are damaged, contain nothing of it. Changes nothing. Raises
    SyncropelError.
    """
    file = views_path(home.store)
    through, at_record = _position(file)
    records, known = _log_at(home, through)
    through = through if known == at_record else 0
    problem = ""
    if through < records:
        problem = f"{records - through} of {records} records are not in {file}; the next start adds them"
    return {"object": "views", "through": through, "records": records, "problem": problem}


def _log_at(home: Home, sequence: int) -> tuple[int, str]:
    """How many records the log has, and the id of the one at a sequence, empty for none. Raises
    SyncropelError.
    """
    settings = load_settings(home, os.environ)
    if settings.store.url:
        address = address_of(settings, os.environ)
        from syncropel.store.postgres import checking

        with checking.looking_at(address) as database:
            return checking.look(database, address, home.known_log)[0], checking.id_at(database, sequence)
    try:
        with closing(read_only(home.store)) as log:
            check(log, home.store)
            records = int(log.execute("SELECT coalesce(max(sequence), 0) FROM records").fetchone()[0])
            row = log.execute("SELECT id FROM records WHERE sequence = ?", (sequence,)).fetchone()
    except sqlite3.Error as error:
        raise explain(error, home.store) from error
    return records, "" if row is None else str(row[0])


def _position(file: Path) -> tuple[int, str]:
    try:
        with closing(read_only(file)) as views:
            meta = dict(views.execute("SELECT key, value FROM meta"))
    except sqlite3.Error:  # none, or damaged
        return 0, ""
    return int(meta.get("position", 0)), meta.get("at_record", "")


def build(home: Home) -> dict[str, Any]:
    """Bring the views up with the log, and tell the progress on stderr; answers as `status` does, with the
    `bytes` and the `file`. Raises SyncropelError.
    """
    return asyncio.run(_built(home))


async def _built(home: Home) -> dict[str, Any]:
    store = await open_log(home, load_settings(home, os.environ), os.environ)
    try:
        views = await open_views(store)
        try:
            if views.path is None:
                raise ViewsError(views.displaced, "mend that, then build again")
            with ToolProgress() as progress:
                started = await start_folds(store, views, lambda at: progress("folding", at, store.count))
                await started.projector.flush()
            position = started.projector.position
        finally:
            await views.close()
        size = sum(one.stat().st_size for one in views.path.parent.glob(f"{views.path.name}*"))
        done = {"object": "views", "through": position, "records": store.count, "problem": ""}
        return {**done, "bytes": size, "file": str(views.path)}
    finally:
        await store.close()


def drop_views(home: Home) -> dict[str, Any]:
    """Remove the views; `dropped` says whether there were any. Raises SyncropelError."""
    file, lock = views_path(home.store), StoreLock(home.store)
    try:
        return {"object": "views", "dropped": drop(file), "file": str(file)}
    finally:
        lock.release()


def _told(verb: str, found: dict[str, Any]) -> str:
    if verb == "drop":
        return f"✓ dropped {found['file']}" if found["dropped"] else f"there are no views at {found['file']}"
    if found["problem"]:
        return f"✗ the views contain {found['through']} of {found['records']} records\n  {found['problem']}"
    size = f"; {found['bytes'] / 1e6:.1f} MB in {found['file']}" if verb == "build" else ""
    return f"✓ the views contain {found['through']} of {found['records']} records{size}"


if __name__ == "__main__":
    sys.exit(main())
