"""Stops instances of a local fleet: workers first, so that they can still sign off with the coordinator."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from syncropel.errors import NotFound, SyncropelError
from syncropel.launcher import process
from syncropel.launcher.leftovers import end_runs
from syncropel.launcher.plan import COORDINATOR
from syncropel.settings.config import load_settings
from syncropel.settings.home import Home
from syncropel.settings.identity import read_identity


@dataclass(frozen=True)
class Local:
    """An instance of this machine, running or not."""

    alias: str
    home: Home


def local_workers(coordinator: Home) -> list[Local]:
    """The workers whose homes are beside the coordinator's, in order of their aliases."""
    prefix = f"{coordinator.path.name}-worker-"
    try:
        folders = [path for path in coordinator.path.parent.iterdir() if path.name.startswith(prefix)]
    except OSError:
        return []
    names = {path.name.removeprefix(f"{coordinator.path.name}-"): path for path in folders if path.is_dir()}
    order = sorted(names, key=lambda name: (len(name), name))
    return [Local(name, Home(names[name])) for name in order]


def find_local(coordinator: Home, name: str) -> Local:
    """The instance of this machine with that alias or DID. Raises NotFound."""
    every = [Local(COORDINATOR, coordinator), *local_workers(coordinator)]
    for one in every:
        if name in (one.alias, one.home.path.name, *_names(one.home)):
            return one
    known = ", ".join(one.alias for one in every)
    raise NotFound(f"no instance {name!r} on this machine", f"known here: {known}")


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


def is_running(instance: Local) -> bool:
    """Whether its daemon runs."""
    return process.find_daemon(instance.home) is not None


def _names(home: Home) -> list[str]:
    names = []
    try:
        if home.config.exists():
            names.append(load_settings(home, {}).fleet.alias)
        if (identity := read_identity(home)) is not None:
            names.append(identity.did)
    except SyncropelError:
        pass  # a broken home can still be stopped by its folder's name
    return names
