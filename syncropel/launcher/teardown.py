"""Stops instances of a local fleet: workers first, so that they can still sign off with the coordinator."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from syncropel.launcher import process
from syncropel.launcher.leftovers import end_runs
from syncropel.launcher.local import Local


def stop(instances: Iterable[Local], say: Callable[[str], None]) -> list[Local]:
    """Stop all of them at once and wait; return those that did not end in time.

    `say` receives a line for each that ran or had left something behind: goals, which are ended, or a PID
    file. Raises SetupError when a process belongs to another user.
    """
    running = {}
    for one in instances:
        pid = process.find_daemon(one.home)
        if pid is not None:
            running[one] = pid
        elif left := end_runs(one.home):
            process.clear_stale_pid(one.home)
            goals = "goal" if left == 1 else "goals"
            say(f"[{one.alias}] not running; ended {left} running {goals} that it had left")
        elif (stale := process.clear_stale_pid(one.home)) is not None:
            say(f"[{one.alias}] not running; removed a stale PID file (PID {stale})")
    for pid in running.values():
        process.signal_stop(pid)
    stuck = set(process.wait_gone(list(running.values())))
    for one, pid in running.items():
        if pid in stuck:
            say(f"[{one.alias}] PID {pid} still runs after {process.STOP_LIMIT_SECS:g}s; see {one.home.log}")
        else:
            say(f"[{one.alias}] stopped (PID {pid})")
    return [one for one, pid in running.items() if pid in stuck]
