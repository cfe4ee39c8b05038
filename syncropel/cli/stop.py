"""`spl stop`: end the daemon of this home gracefully."""

from __future__ import annotations

from argparse import Namespace

from syncropel.cli.connect import import_client, this_home
from syncropel.cli.parsing import Parser
from syncropel.cli.terminal import complain, say
from syncropel.settings import Home


def configure(parser: Parser) -> None:
    parser.set_defaults(run=run)


def run(_: Namespace) -> int:
    return stop(this_home())


def stop(home: Home) -> int:
    """Stop the home's daemon and wait for its end. 1 when none runs, or when it does not end in time."""
    import_client()
    from syncropel.fleet.process import STOP_LIMIT_SECS, clear_stale_pid, find_daemon, signal_stop, wait_gone

    pid = find_daemon(home)
    if pid is None:
        stale = clear_stale_pid(home)
        told = f" (removed a stale PID file that named {stale})" if stale is not None else ""
        complain(f"not running at {home.display()}{told}", "start it: spl serve")
        return 1
    signal_stop(pid)
    if wait_gone([pid]):
        complain(
            f"PID {pid} has not ended within {STOP_LIMIT_SECS:g}s",
            f"see {home.log}; as the last resort: kill -9 {pid}",
        )
        return 1
    say(f"✓ stopped (PID {pid})")
    return 0
