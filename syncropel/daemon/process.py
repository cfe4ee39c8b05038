"""The daemon process: its arguments, its log, and its exit.

`spl serve` and the fleet launcher start `python -m syncropel.daemon --home PATH`.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from syncropel.environment import take_secret
from syncropel.errors import SetupError, SyncropelError, complaint
from syncropel.logs.lines import LEVELS, log_nowhere, set_level, start_logging
from syncropel.logs.ring import LogRing
from syncropel.settings.config import Settings, load_settings, without_itself
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.system.importing import not_installed, quickly

log = logging.getLogger("syncropel.daemon")

SWITCH_INTERVAL_SECS: Final = 0.0005
YOUNG_OBJECTS: Final = 10_000
"""How many new containers there are before the collector looks at them. Python's 700 are those of a few
requests: it would look at each request under way again and again, and take it for something that stays."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one daemon until it is told to stop. Returns the exit status: 0 stopped normally, 1
    could not run."""
    bootstrap_secret = take_secret("SPL_BOOTSTRAP_TOKEN")
    take_secret("SPL_TOKEN")  # those of whoever started us; a daemon makes no calls with them
    args = _parse(argv)
    home = Home(Path(args.home).absolute())
    # Python's default of 5 ms lets a busy event loop starve the thread that commits.
    sys.setswitchinterval(SWITCH_INTERVAL_SECS)
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    log_nowhere()
    ring = LogRing()
    try:
        make_home(home)
        _start_logging(home, to_stderr=args.foreground, ring=ring)
        settings = _settings(args, home)
        _server()(home, settings, ring, bootstrap_secret)
    except SyncropelError as error:
        return _complain(error)
    except Exception as error:  # noqa: BLE001 - what nobody foresaw belongs in the log, whole
        told = SetupError(f"the daemon failed: {error or type(error).__name__}", f"see the log: {home.log}")
        return _complain(told, cause=error)
    return 0


def _server() -> Callable[[Home, Settings, LogRing, str], None]:
    """Import everything that serves: a fleet starts as fast as its daemons do."""
    with quickly():
        from syncropel.daemon.serving import serve
    not_installed("sniffio")  # httpcore asks it four times a request which event loop this is
    gc.freeze()  # it is never garbage: no collection needs to visit it while the daemon serves
    return serve


def _complain(error: SyncropelError, cause: Exception | None = None) -> int:
    log.error("%s", error.message, exc_info=cause, extra={"on_screen": True})
    print(*complaint(error.message, error.hint), sep="\n", file=sys.stderr)  # noqa: T201
    return 1


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m syncropel.daemon", description="Run one daemon.")
    parser.add_argument("--home", required=True)
    parser.add_argument("--shown-as", help="only there to be found in the table of processes")
    parser.add_argument("--port", type=int)
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--insecure-localhost", action="store_true")
    parser.add_argument("--foreground", action="store_true")
    return parser.parse_args(argv)


def _settings(args: argparse.Namespace, home: Home) -> Settings:
    settings = load_settings(home, os.environ)
    if settings.log.level not in LEVELS:
        raise SetupError(
            f"{home.config}: [log] level {settings.log.level!r} is unknown", f"one of {', '.join(LEVELS)}"
        )
    set_level(settings.log.level)
    if args.port is not None:
        settings = replace(settings, server=replace(settings.server, port=args.port))
    if args.echo:
        settings = replace(settings, dispatch=replace(settings.dispatch, adapter="echo"))
    if args.insecure_localhost:
        settings = replace(settings, auth=replace(settings.auth, required=False))
    return without_itself(settings)


def _start_logging(home: Home, *, to_stderr: bool, ring: LogRing) -> None:
    try:
        start_logging(home.log, to_stderr=to_stderr, also=ring)
    except OSError as error:
        raise SetupError(
            f"cannot write the log {home.log}: {error.strerror}", "check its owner and its permissions"
        ) from None
