"""Copy the log of a stopped daemon: `python -m syncropel.daemon.copy_tool --home PATH --to|--from PLACE`.

`spl store copy` runs it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from syncropel.daemon.log_opening import address_of
from syncropel.daemon.tool_errors import told
from syncropel.daemon.tool_progress import ToolProgress
from syncropel.settings.config import Settings, load_settings
from syncropel.settings.home import Home
from syncropel.store.copying.copying import Copied, copy
from syncropel.store.copying.file import FileToCopy
from syncropel.store.lock import StoreLock

if TYPE_CHECKING:
    from syncropel.store.copying.copying import Place


def main(argv: Sequence[str] | None = None) -> int:
    """Gives the exit status: 0 copied, 1 not, with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="python -m syncropel.daemon.copy_tool", description="Copy a log.")
    parser.add_argument("--home", required=True)
    either = parser.add_mutually_exclusive_group(required=True)
    either.add_argument("--to", default="")
    either.add_argument("--from", dest="source", default="")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    home = Home(Path(args.home).absolute())
    return told(partial(_run, home, args.source, args.to, args.json), home.store, as_json=args.json)


def _run(home: Home, source: str, to: str, as_json: bool) -> int:
    settings = load_settings(home, os.environ)
    own = _place(settings.store.url or str(home.store), settings)
    other = _place(source or to, settings)
    with ExitStack() as stack:
        progress = stack.enter_context(ToolProgress())
        lock = StoreLock(home.store)  # while no daemon of this home runs
        stack.callback(lock.release)
        copied = copy(other, own, progress) if source else copy(own, other, progress)
    at = own if source else other
    if as_json:
        print(json.dumps(_document(copied, at)))  # noqa: T201
    else:
        print(_told(copied, at, source))  # noqa: T201
    return 0


def _place(named: str, settings: Settings) -> Place:
    """The log at a URL or a path. Raises SetupError."""
    if "://" not in named:
        return FileToCopy(Path(named).expanduser().absolute())
    settings = replace(settings, store=replace(settings.store, url=named))
    address = address_of(settings, os.environ)
    from syncropel.store.copying.database import DatabaseToCopy

    return DatabaseToCopy(address)


def _document(copied: Copied, at: Place) -> dict[str, object]:
    return {"object": "copy", "to": at.shown, "records": copied.records, "digest": copied.digest}


def _told(copied: Copied, at: Place, source: str) -> str:
    done = f"✓ copied {copied.records} records to {at.shown}, and read them back"
    done += f"\n  digest {copied.digest[:16] or 'of no record'}"
    if source:
        return f"{done}\n  start the daemon: spl serve"
    return f'{done}\n  to use it: [store] url = "…" in config.toml (none for hub.db), then spl serve'


if __name__ == "__main__":
    sys.exit(main())
