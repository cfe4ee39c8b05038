"""Disable permissions in the store of a stopped daemon: recovery for operators who locked themselves out.

`python -m syncropel.daemon.unlock --home PATH` is what `spl config permissions-unlock` runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from syncropel.daemon.log_opening import open_log
from syncropel.daemon.tool_errors import told
from syncropel.errors import NotFound, StoreError, SyncropelError
from syncropel.folds.control.rules import ENABLED_TOPIC
from syncropel.record.model import Record
from syncropel.record.threads import ENGINE_CONFIG
from syncropel.settings.config import load_settings
from syncropel.settings.home import Home


def main(argv: Sequence[str] | None = None) -> int:
    """Write `permissions_enabled: false`. Gives the exit status: 0 done, 1 the daemon runs, or no store."""
    parser = argparse.ArgumentParser(
        prog="python -m syncropel.daemon.unlock", description="Disable permissions."
    )
    parser.add_argument("--home", required=True)
    parser.add_argument("--actor", default="did:sync:user:operator")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    home = Home(Path(args.home).absolute())
    return told(partial(_run, home, args.actor, args.json), home.store, as_json=args.json)


def _run(home: Home, actor: str, as_json: bool) -> int:
    asyncio.run(_unlock(home, actor))
    done = json.dumps({"object": "permissions", "enabled": False})
    print(done if as_json else "✓ permissions disabled in the store; start the daemon: spl serve")  # noqa: T201
    return 0


async def _unlock(home: Home, actor: str) -> None:
    settings = load_settings(home, os.environ)
    if not settings.store.url and not home.store.exists():
        raise NotFound(f"there is no store at {home.display()}", "is SYNCROPEL_HOME right?")
    store = await open_log(home, settings, os.environ)
    try:
        body = {"topic": ENABLED_TOPIC, "enabled": False, "at": time.time()}
        (outcome,) = await store.append([Record(ENGINE_CONFIG, actor, "LEARN", body)])
        if isinstance(outcome, SyncropelError):
            raise StoreError(f"the store refused it: {outcome.message}", outcome.hint)
    finally:
        await store.close()


if __name__ == "__main__":
    sys.exit(main())
