"""The `bash` adapter: the goal is a script, run under a supervisor and in a folder of its own.

It exists only on an instance whose own config enables it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from syncropel.adapters.base import CutShort, Held, Job, Observe, Outcome
from syncropel.adapters.cost_file import LOOK_SECS, CostFile, open_plain, touch_plain
from syncropel.adapters.other_user import OtherUser
from syncropel.adapters.preflight import available_memory, tell_memory
from syncropel.adapters.supervised import PATIENCE_SECS, Ending, Supervised
from syncropel.adapters.taking_back import group_of, start_time, take_back
from syncropel.adapters.worktree import head, left_in
from syncropel.errors import SyncropelError
from syncropel.folds.fanout.child import NOT_STARTED, REATTACHED, SESSION, STREAM_EVENT
from syncropel.folds.fanout.state import ACCEPT
from syncropel.peer.runtime import Runtime
from syncropel.supervisor.decide import ORPHANED, START_FAILED, TIMEOUT, Limits
from syncropel.supervisor.words import Spec

INT_GRACE_SECS: Final = 0.5
TERM_GRACE_SECS: Final = 2.0
LEFTOVER_GRACE_SECS: Final = 0.2
KILL_LIMIT_SECS: Final = 5.0
START_SECS: Final = 15.0
ORPHAN_SECS: Final = 30.0
SUMMARY_LINES: Final = 5
SUMMARY_CHARS: Final = 500
TAIL_BYTES: Final = 16 * 1024
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")

# The script's own first word closes the pipe by which its supervisor learns that it has begun. It stands on
# the goal's first line, so that bash counts lines as the goal does.
_TELL_START: Final = "exec 3>&-; "


class BashAdapter:
    """Runs goals with bash. Exit status 0 accepts, any other fails; the full output is kept in a file."""

    name = "bash"

    def __init__(
        self,
        work: Path,
        cwd: Path | None,
        runtime: Runtime,
        runs: Path | None = None,
        orphan_secs: Callable[[], float] = lambda: ORPHAN_SECS,
        user: OtherUser | None = None,
    ) -> None:
        self._work = work
        self._runs = runs or work.with_name("run")
        self._cwd = cwd
        self._runtime = runtime
        self._orphan_secs = orphan_secs
        self._user = user
        self._leaving = False

    async def run(self, job: Job, observe: Observe) -> Outcome:
        folder = self._work / _folder_name(job.child_thread)
        output = folder / f"attempt-{job.attempt}.log"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            script = self._script(job)
            cwd = self._cwd or script.parent / "cwd"
            self._prepare(script, cwd, job.goal)
            base = await head(cwd) if self._cwd or (cwd / ".git").exists() else None
            tell_memory(available_memory())
            output.unlink(missing_ok=True)  # an earlier goal may have put anything there
            with output.open("xb") as sink:
                run = await self._launch(job, script, cwd, sink, base)
        except (OSError, ValueError) as error:  # a hint with a NUL in it is no variable
            return Outcome("failed", f"cannot start bash: {error}")
        job.remains.forget = run.forget
        try:
            session = {"pid": run.pid, "process_started_at": start_time(run.pid), "cwd": str(cwd)}
            named = {"run": run.folder.name, "supervisor": run.supervisor, "output": str(output)}
            await observe(SESSION, {"adapter": self.name, **session, **named})
            if not await job.gate(run):
                raise Held
            outcome = await self._watch(
                run, job, observe, output, CostFile(cost_file(script), job.cost_offset)
            )
        except Held:
            await run.stop(gently=False)
            with contextlib.suppress(SyncropelError):
                await observe(NOT_STARTED, {"pid": run.pid, "run": run.folder.name})
            raise
        finally:
            await self._end(run, job)
        return replace(outcome, worktree=await left_in(cwd, base)) if base else outcome

    async def take_back(self, wanted: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        return dict(await take_back(self._runs, wanted))

    def goes_on(self, taken: Supervised) -> bool:
        return not taken.over

    async def resume(self, taken: Supervised, job: Job, observe: Observe) -> Outcome:
        folder = self._work / _folder_name(job.child_thread)
        output = folder / f"attempt-{job.attempt}.log"
        costs = CostFile(cost_file(self._script(job)), job.cost_offset)
        job.remains.forget = taken.forget
        try:
            with contextlib.suppress(SyncropelError):  # a freeze that takes no word does not end what runs
                await observe(REATTACHED, {"pid": taken.pid, "run": taken.folder.name, "output": str(output)})
            outcome = await self._watch(taken, job, observe, output, costs)
        finally:
            await self._end(taken, job)
        base, cwd = taken.about.get("base"), Path(taken.spec.cwd)
        return replace(outcome, worktree=await left_in(cwd, base)) if base else outcome

    def _script(self, job: Job) -> Path:
        place = self._work if self._user is None else self._user.goals
        return place / _folder_name(job.child_thread) / f"attempt-{job.attempt}.sh"

    def _prepare(self, script: Path, cwd: Path, goal: str) -> None:
        """Write the script and what is beside it, and follow no link that the goal's user has put there."""
        folder = script.parent
        folder.mkdir(mode=0o777 if self._user is None else 0o700, parents=True, exist_ok=True)
        if self._user is not None:
            os.chown(folder, os.geteuid(), -1, follow_symlinks=False)  # ours while we write
        script.unlink(missing_ok=True)
        script.write_text(f"{_TELL_START}{goal}\n", encoding="utf-8")
        touch_plain(cost_file(script))
        cwd.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            for path in (script, cost_file(script), *([] if cwd == self._cwd else [cwd]), folder):
                self._user.own(path)

    def leave_running(self) -> None:
        self._leaving = True

    async def _launch(
        self, job: Job, script: Path, cwd: Path, sink: BinaryIO, base: str | None
    ) -> Supervised:
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("SPL_")},
            **(self._user.environment() if self._user else {}),
            "SPL_SCRIPT": str(script),
            "SPL_ATTEMPT": str(job.attempt),
            "SPL_HINT": job.hint,
            "SPL_TASK_FILE": job.content,
            "SPL_CHILD_THREAD": job.child_thread,
            "SPL_COST_FILE": str(cost_file(script)),
            "SPL_BUDGET_USD": "" if job.budget_usd is None else f"{job.budget_usd:g}",
        }
        limits = Limits(
            run=job.timeout_secs,
            interrupt=INT_GRACE_SECS,
            term=TERM_GRACE_SECS,
            leftover=LEFTOVER_GRACE_SECS,
            kill=KILL_LIMIT_SECS,
            orphan=self._orphan_secs(),
            start=START_SECS,
        )
        command = [shutil.which("bash") or "bash", str(script)]
        user = self._user.numbers if self._user else None
        spec = Spec(command, str(cwd), limits, tells_start=True, user=user)
        return await Supervised.launch(self._runs, spec, environment, sink.fileno(), {"base": base})

    async def _watch(
        self, run: Supervised, job: Job, observe: Observe, output: Path, costs: CostFile
    ) -> Outcome:
        try:
            ending = await self._ended(run, job, costs, observe)
        finally:
            await self._end(run, job)
            await _observe_costs(costs, observe)
        exit_ = _exit(run.pid, ending)
        if not ending.why:
            told = f"{ending.error}; what it left was ended"
            return Outcome("failed", told, 0.0, str(output), exit_, "supervisor_killed")
        if ending.why == ORPHANED:
            raise CutShort
        if ending.why == START_FAILED:
            return Outcome("failed", f"cannot start bash: {ending.error}", 0.0, str(output))
        if ending.why == TIMEOUT:
            told = f"over its time limit of {job.timeout_secs:g}s"
            return Outcome("timeout", told, 0.0, str(output), exit_)
        tail = await asyncio.to_thread(last_lines, output)
        if ending.exit_code == 0:
            return Outcome(ACCEPT, tail, 0.0, str(output), exit_)
        told = f"exit status {ending.exit_code}"
        if ending.signal is not None:
            told = f"ended by {signal.Signals(ending.signal).name}"
        return Outcome("failed", f"{tail}\n{told}".strip(), 0.0, str(output), exit_)

    async def _ended(self, run: Supervised, job: Job, costs: CostFile, observe: Observe) -> Ending:
        """Wait for the run's end, telling what it spends meanwhile. A supervisor that does not keep the time
        limit is overruled."""
        ending = asyncio.ensure_future(run.ending())
        until = self._runtime.monotonic() + job.timeout_secs + run.limits.ending + PATIENCE_SECS
        try:
            while not ending.done() and (left := until - self._runtime.monotonic()) > 0:
                await asyncio.wait({ending}, timeout=min(left, LOOK_SECS))
                await _observe_costs(costs, observe)
        finally:
            if not ending.done():
                ending.cancel()
        if ending.done() and not ending.cancelled():
            return ending.result()
        return replace(await run.stop(gently=False), why=TIMEOUT)

    async def _end(self, run: Supervised, job: Job) -> None:
        """End what runs on, and know what is left of it; or leave it to the next daemon."""
        if self._leaving and not run.ended:
            job.remains.forget = _keep
            run.leave()
            return
        ending = await run.stop(gently=True)
        job.remains.proven, job.remains.left = ending.proven, ending.left

    async def end_orphan(self, session: dict[str, Any]) -> None:
        if group := group_of(session):
            _signal_group(group, signal.SIGKILL)


def _keep() -> None:
    """The next daemon has to find the run."""


def _folder_name(thread: str) -> str:
    # A thread may have any name, but nothing is written outside of the work folder.
    return thread if _PLAIN.fullmatch(thread) else hashlib.sha256(thread.encode()).hexdigest()


def cost_file(script: Path) -> Path:
    """Where the script of an attempt says what it spends."""
    return script.with_suffix(".cost")


async def _observe_costs(costs: CostFile, observe: Observe) -> None:
    before = costs.offset
    spent = costs.read()
    if spent > 0:
        try:
            await observe(STREAM_EVENT, {"cost_usd": spent, "cost_offset": costs.offset})
        except SyncropelError:
            costs.offset = before  # refused, as by a freeze: the next look tries again


def _exit(pid: int, ending: Ending) -> dict[str, Any]:
    return {
        "pid": pid,
        "exit_code": ending.exit_code,
        "signal": ending.signal,
        "runtime_ms": ending.runtime_ms,
    }


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def last_lines(path: Path) -> str:
    """The last non-empty lines of a file, short enough for a summary; none when a goal has put it away."""
    try:
        with open_plain(path) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            text = file.read(TAIL_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
    printable = "".join(char if char.isprintable() or char in "\n\t" else " " for char in text)
    lines = [line.rstrip() for line in printable.splitlines() if line.strip()]
    return "\n".join(lines[-SUMMARY_LINES:])[-SUMMARY_CHARS:]
