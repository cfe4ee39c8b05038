"""Disable permissions in the store of a stopped daemon: recovery for operators who locked themselves out.

`python -m syncropel.daemon.unlock --home PATH` is what `spl config permissions-unlock` runs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from syncropel.errors import NotFound, StoreError, SyncropelError, complaint
from syncropel.folds.control.rules import ENABLED_TOPIC
from syncropel.record.model import Record
from syncropel.record.threads import ENGINE_CONFIG
from syncropel.settings.home import Home
from syncropel.store.sqlite.store import SqliteStore


def main(argv: Sequence[str] | None = None) -> int:
    """Write `permissions_enabled: false`. Gives the exit status: 0 done, 1 the daemon runs, or no store."""
    parser = argparse.ArgumentParser(
        prog="python -m syncropel.daemon.unlock", description="Disable permissions."
    )
    parser.add_argument("--home", required=True)
    parser.add_argument("--actor", default="did:sync:user:operator")
    args = parser.parse_args(argv)
    try:
        asyncio.run(_unlock(Home(Path(args.home).absolute()), args.actor))
    except SyncropelError as error:
        print(*complaint(error.message, error.hint), sep="\n", file=sys.stderr)  # noqa: T201
        return 1
    print("✓ permissions disabled in the store; start the daemon: spl serve")  # noqa: T201
    return 0


async def _unlock(home: Home, actor: str) -> None:
    if not home.store.exists():
        raise NotFound(f"there is no store at {home.display()}", "is SYNCROPEL_HOME right?")
    store = await SqliteStore.open(home.store, clock=time.time)
    try:
        body = {"topic": ENABLED_TOPIC, "enabled": False, "at": time.time()}
        (outcome,) = await store.append([Record(ENGINE_CONFIG, actor, "LEARN", body)])
        if isinstance(outcome, SyncropelError):
            raise StoreError(f"the store refused it: {outcome.message}", outcome.hint)
    finally:
        await store.close()


if __name__ == "__main__":
    sys.exit(main())
