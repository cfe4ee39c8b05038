"""The runs left by an earlier daemon of this instance: each is matched with its attempt, or ended."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from syncropel.adapters.strays import end_marked
from syncropel.adapters.supervised import MARK, PROGRAM, Supervised
from syncropel.supervisor import tree
from syncropel.supervisor.cgroup import Cgroup
from syncropel.supervisor.decide import EXIT, START_FAILED, TIMEOUT

log = logging.getLogger("syncropel.engine.dispatch")

GATE_SUFFIX: Final = "-gate"
"""How the run of a gate command is named after its goal's."""
ANSWER_SECS: Final = 5.0
"""How long a supervisor may take to answer a daemon that comes back."""
_START_TIME_TOLERANCE_SECS: Final = 2.0
_LARGEST_PID: Final = 2**31 - 1
RESULTS: Final = frozenset({EXIT, TIMEOUT, START_FAILED})
"""Ends that count as a result. Any other cut the run short."""


async def take_back(runs: Path, wanted: Mapping[str, dict[str, Any]]) -> dict[str, Supervised]:
    """Take over those of the runs in this folder that are wanted (their session's body by name); end others.

    The supervisor's answer decides: either the run continues, with a daemon again, or it was already ending,
    and is ended. The run of a gate command is wanted when its goal's is, and is attached to that.
    """
    wanted = {**wanted, **{f"{name}{GATE_SUFFIX}": {} for name in wanted}}
    folders = [folder for folder in runs.iterdir() if folder.is_dir()] if runs.is_dir() else []
    looked = await asyncio.gather(*[_look_at(folder, wanted.get(folder.name)) for folder in folders])
    await asyncio.to_thread(_end_lost, runs, wanted)
    found = {run.folder.name: run for run in looked if run is not None}
    for name in [name for name in found if name.endswith(GATE_SUFFIX)]:
        gate, goal = found.pop(name), found.get(name.removesuffix(GATE_SUFFIX))
        if goal is not None:
            goal.gate = gate
        else:  # its goal runs again, and so does its gate
            await gate.stop(gently=False)
            gate.forget()
    return found


async def end_left(runs: Path, prefix: str) -> None:
    """End the runs of this folder whose names begin so: nobody waits for their result any more."""
    folders = [folder for folder in runs.glob(f"{prefix}*") if folder.is_dir()] if runs.is_dir() else []
    await asyncio.gather(*[_look_at(folder, None) for folder in folders])


async def _look_at(folder: Path, session: dict[str, Any] | None) -> Supervised | None:
    try:
        run = await Supervised.reach(folder, ANSWER_SECS)
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("run %s cannot be taken over: %s", folder.name, error)
        group = Cgroup.find(folder.name)
        if group is not None:
            group.kill()
        await asyncio.to_thread(end_marked, f"{MARK}={folder.name}", group_of(session or {}))
        if group is not None:
            group.remove()
        shutil.rmtree(folder, ignore_errors=True)
        return None
    if session is not None and not run.over and not run.ends_as:
        return run
    ending = await (run.ending() if run.over else run.stop(gently=False))
    if session is not None and ending.why in RESULTS:
        return run
    if ending.left:
        log.error("run %s left processes: pid %s", folder.name, ", ".join(map(str, ending.left)))
    run.forget()
    return None


def group_of(session: dict[str, Any]) -> int:
    """The process group of a session's goal, 0 unless it certainly still belongs to that goal.

    A session is only a record: groups 0 and 1 would mean this daemon and everybody. The group may outlive its
    leader: a missing leader proves nothing, another process in its place does, and so does a later boot.
    """
    pid, started = session.get("pid"), session.get("process_started_at")
    if type(pid) is not int or not 1 < pid <= _LARGEST_PID or not isinstance(started, int | float):
        return 0
    actual = start_time(pid)
    if actual is not None and abs(actual - started) > _START_TIME_TOLERANCE_SECS:
        return 0
    return pid if psutil.boot_time() < started + _START_TIME_TOLERANCE_SECS else 0


def start_time(pid: int) -> float | None:
    """When a process started (unix seconds); None when it does not exist."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def _end_lost(runs: Path, wanted: Mapping[str, dict[str, Any]]) -> None:
    """End what nobody could ever reach: a supervisor of this home, or a wanted goal, whose folder is gone."""
    names = set(wanted)
    for pid in tree.look():
        words = tree.arguments(pid)
        if str(PROGRAM) in words[:-1]:
            folder = Path(words[words.index(str(PROGRAM)) + 1])
            names |= {folder.name} if folder.parent == runs else set()
    for name in names:
        if not (runs / name).exists():
            end_marked(f"{MARK}={name}", group_of(wanted.get(name, {})))
