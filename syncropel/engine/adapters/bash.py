"""The `bash` adapter: the goal is a script, run in a process group and a folder of its own.

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
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psutil

from syncropel.engine.adapters.base import Job, Observe, Outcome
from syncropel.engine.adapters.cost_file import LOOK_SECS, CostFile
from syncropel.engine.adapters.preflight import available_memory, tell_memory
from syncropel.engine.adapters.worktree import head, left_in
from syncropel.engine.runtime import Runtime
from syncropel.errors import SyncropelError
from syncropel.folds.child import SESSION, STREAM_EVENT
from syncropel.folds.fanout import ACCEPT

TERM_GRACE_SECS: Final = 2.0
SUMMARY_LINES: Final = 5
SUMMARY_CHARS: Final = 500
TAIL_BYTES: Final = 16 * 1024
_START_TIME_TOLERANCE_SECS: Final = 2.0
_LARGEST_PID: Final = 2**31 - 1
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")

# The script starts only when a line comes in, which is after its process id is in the log. If this daemon
# dies before that, the pipe closes, `read` fails and nothing has run. The script itself reads /dev/null.
_GATE: Final = 'read -r _ || exit 125; exec bash "$SPL_SCRIPT" </dev/null'


class BashAdapter:
    """Runs goals with bash. Exit status 0 accepts, any other fails; the full output is kept in a file."""

    name = "bash"

    def __init__(self, work: Path, cwd: Path | None, runtime: Runtime) -> None:
        self._work = work
        self._cwd = cwd
        self._runtime = runtime

    async def run(self, job: Job, observe: Observe) -> Outcome:
        folder = self._work / _folder_name(job.child_thread)
        output = folder / f"attempt-{job.attempt}.log"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            cwd = self._cwd or folder / "cwd"
            cwd.mkdir(parents=True, exist_ok=True)
            script = folder / f"attempt-{job.attempt}.sh"
            script.write_text(job.goal + "\n", encoding="utf-8")
            cost_file(script).touch()
            base = await head(cwd) if self._cwd or (cwd / ".git").exists() else None
            tell_memory(available_memory())
            with output.open("wb") as sink:
                process = await self._start(job, script, cwd, sink.fileno())
        except (OSError, ValueError) as error:  # a hint with a NUL in it is no variable
            return Outcome("failed", f"cannot start bash: {error}")
        started = self._runtime.monotonic()
        try:
            costs = CostFile(cost_file(script), job.cost_offset)
            outcome = await self._watch(process, job, observe, output, started, str(cwd), costs)
        finally:
            await self._end_group(process)
        return replace(outcome, worktree=await left_in(cwd, base)) if base else outcome

    async def _start(self, job: Job, script: Path, cwd: Path, sink: int) -> asyncio.subprocess.Process:
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("SPL_")},
            "SPL_SCRIPT": str(script),
            "SPL_ATTEMPT": str(job.attempt),
            "SPL_HINT": job.hint,
            "SPL_TASK_FILE": job.content,
            "SPL_CHILD_THREAD": job.child_thread,
            "SPL_COST_FILE": str(cost_file(script)),
            "SPL_BUDGET_USD": "" if job.budget_usd is None else f"{job.budget_usd:g}",
        }
        return await asyncio.create_subprocess_exec(
            shutil.which("bash") or "bash",
            "-c",
            _GATE,
            stdin=asyncio.subprocess.PIPE,
            stdout=sink,
            stderr=sink,
            cwd=cwd,
            env=environment,
            start_new_session=True,
        )

    async def _watch(
        self,
        process: asyncio.subprocess.Process,
        job: Job,
        observe: Observe,
        output: Path,
        started: float,
        cwd: str,
        costs: CostFile,
    ) -> Outcome:
        session = {"pid": process.pid, "process_started_at": _start_time(process.pid), "cwd": cwd}
        await observe(SESSION, {"adapter": self.name, **session, "output": str(output)})
        assert process.stdin is not None
        with contextlib.suppress(ConnectionError):
            process.stdin.write(b"go\n")
            await process.stdin.drain()
        process.stdin.close()
        try:
            in_time = await self._ended_in_time(process, started + job.timeout_secs, costs, observe)
        finally:
            if process.returncode is None:
                await self._end_group(process)
            await _observe_costs(costs, observe)
        if not in_time:
            spent = self._runtime.monotonic() - started
            exit_ = _exit(process.pid, process.returncode, spent)
            return Outcome(
                "timeout", f"over its time limit of {job.timeout_secs:g}s", 0.0, str(output), exit_
            )
        code = process.returncode or 0
        exit_ = _exit(process.pid, code, self._runtime.monotonic() - started)
        tail = await asyncio.to_thread(last_lines, output)
        if code == 0:
            return Outcome(ACCEPT, tail, 0.0, str(output), exit_)
        ending = f"exit status {code}" if code > 0 else f"ended by {signal.Signals(-code).name}"
        return Outcome("failed", f"{tail}\n{ending}".strip(), 0.0, str(output), exit_)

    async def _ended_in_time(
        self, process: asyncio.subprocess.Process, until: float, costs: CostFile, observe: Observe
    ) -> bool:
        """Wait for the script's end, telling what it spends meanwhile; `until` on the monotonic clock."""
        ended = asyncio.ensure_future(process.wait())
        try:
            while not ended.done() and (left := until - self._runtime.monotonic()) > 0:
                await asyncio.wait({ended}, timeout=min(left, LOOK_SECS))
                await _observe_costs(costs, observe)
        finally:
            ended.cancel()
        return process.returncode is not None

    async def _end_group(self, process: asyncio.subprocess.Process) -> None:
        """TERM to the whole group; when the script has ended or its grace is over, KILL to what is left."""
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), TERM_GRACE_SECS)
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()

    async def end_orphan(self, session: dict[str, Any]) -> None:
        pid, started = session.get("pid"), session.get("process_started_at")
        # A session is only a record: groups 0 and 1 would mean this daemon and everybody.
        if type(pid) is not int or not 1 < pid <= _LARGEST_PID or not isinstance(started, int | float):
            return
        actual = _start_time(pid)
        # The group may outlive its leader: a leader that is gone proves nothing, one that is another does.
        if actual is not None and abs(actual - started) > _START_TIME_TOLERANCE_SECS:
            return
        _signal_group(pid, signal.SIGKILL)


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


def _exit(pid: int, code: int | None, secs: float) -> dict[str, Any]:
    return {
        "pid": pid,
        "exit_code": code if code is not None and code >= 0 else None,
        "signal": -code if code is not None and code < 0 else None,
        "runtime_ms": round(secs * 1000),
    }


def _start_time(pid: int) -> float | None:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def last_lines(path: Path) -> str:
    """The last non-empty lines of a file, short enough for a summary."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        text = file.read().decode("utf-8", errors="replace")
    printable = "".join(char if char.isprintable() or char in "\n\t" else " " for char in text)
    lines = [line.rstrip() for line in printable.splitlines() if line.strip()]
    return "\n".join(lines[-SUMMARY_LINES:])[-SUMMARY_CHARS:]
