"""`spl stop`: end the daemon of this home gracefully."""

from __future__ import annotations

from argparse import Namespace

from syncropel.cli.support.connect import import_client, this_home
from syncropel.cli.support.parsing import Parser
from syncropel.cli.support.terminal import complain, say
from syncropel.settings.home import Home


def configure(parser: Parser) -> None:
    parser.add_argument(
        "--keep-work",
        action="store_true",
        help="leave running goals to the next daemon of this home; start it soon",
    )
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    return stop(this_home(), keep_work=args.keep_work)


def stop(home: Home, *, keep_work: bool = False) -> int:
    """Stop the home's daemon and wait until it has ended, or end the goals that a crashed one left.

    Returns 1 when there was nothing to end, or when the daemon does not end in time.

    `keep_work`: running work continues until the next daemon takes it back, for at most eight heartbeat
    intervals.
    """
    import_client()
    from syncropel.launcher.leftovers import end_runs
    from syncropel.launcher.lost_daemon import lost_daemon
    from syncropel.launcher.process import (
        STOP_LIMIT_SECS,
        clear_stale_pid,
        find_daemon,
        signal_stop,
        wait_gone,
    )
    from syncropel.launcher.starting import is_stopped

    pid = find_daemon(home) or lost_daemon(home)
    if pid is None:
        stale = clear_stale_pid(home)
        ended = 0 if keep_work else end_runs(home)
        if ended:
            goals = "goal" if ended == 1 else "goals"
            say(f"✓ not running; ended {ended} running {goals} that the daemon had left")
            return 0
        told = f" (removed a stale PID file that named {stale})" if stale is not None else ""
        complain(f"not running at {home.display()}{told}", "start it: spl serve")
        return 1
    signal_stop(pid, keep_work=keep_work)
    if wait_gone([pid]):
        complain(
            f"PID {pid} has not ended within {STOP_LIMIT_SECS:g}s",
            f"it is stopped (SIGSTOP), let it go on: kill -CONT {pid}"
            if is_stopped(pid)
            else f"see {home.log}; as the last resort: kill -9 {pid}",
        )
        return 1
    say(f"✓ stopped (PID {pid})")
    if keep_work:
        say("  running goals go on for 8 heartbeat intervals; start the next daemon: spl serve")
    return 0
