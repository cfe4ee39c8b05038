"""The gate command of a repository: it checks a goal's work before the attempt is accepted.

It executes code from the goal's worktree. It therefore runs under a supervisor, as the goal does, within the
attempt's time limit, and without the adapter's variables and secrets.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from syncropel.adapters.base import CutShort, Job, Observe, Outcome
from syncropel.adapters.environment import found, passed
from syncropel.adapters.files import Files, end_of
from syncropel.adapters.gate_files import CommandFiles
from syncropel.adapters.reading import PlainReader, how_it_ended
from syncropel.adapters.sandbox import Enclose, NoSandbox
from syncropel.adapters.supervised import PATIENCE_SECS, Ending, Supervised
from syncropel.adapters.swapping import swap_back, swap_in
from syncropel.adapters.taking_back import GATE_SUFFIX
from syncropel.errors import SyncropelError
from syncropel.folds.fanout.child import GATE
from syncropel.folds.fanout.state import ACCEPT
from syncropel.peer.runtime import Runtime
from syncropel.supervisor.decide import EXIT, ORPHANED, START_FAILED, TIMEOUT, Limits
from syncropel.supervisor.words import Spec
from syncropel.system.clean_git import GitFailed, Repository
from syncropel.system.interruptible import in_thread

GATE_FAILED: Final = "gate_failed"
"""Reason of an attempt that the gate command of its repository did not accept."""
_LEAST_SECS: Final = 1.0
"""Minimum time limit of a gate, for a goal that has used up the time limit of its attempt."""


def is_gated(outcome: Outcome) -> bool:
    """Whether the gate decides: the goal succeeded, or failed only because of denied tool calls."""
    return outcome.verdict == ACCEPT or outcome.forgiven is not None


class GateCommand:
    """The gate of one attempt. `end` ends a run and records which processes remain; it is always called.

    `scripts`: the files of the repository that it runs, of the commit that the attempt began at. `enclose`:
    contains it; None: nothing does.
    """

    def __init__(
        self,
        words: Sequence[str],
        files: Files,
        job: Job,
        end: Callable[[Supervised, Job], Awaitable[None]],
        scripts: CommandFiles,
        enclose: Enclose | None = None,
    ) -> None:
        self._enclose = enclose
        self._words = tuple(words)
        self._scripts = scripts
        self._kept = files.gate_kept
        self._run: Supervised | None = None
        self._output = files.gate
        self._job = job
        self._end = end

    async def judge(
        self,
        goal: Supervised,
        cwd: Path,
        outcome: Outcome,
        limits: Limits,
        observe: Observe,
        runtime: Runtime,
    ) -> Outcome:
        """Run the gate after this goal, or continue the one that an earlier daemon started.

        Returns the outcome with the gate's verdict. Raises CutShort if the gate was ended because its daemon
        was away for too long.
        """
        spent = (outcome.exit or {}).get("runtime_ms", 0) / 1000
        limits.run = max(_LEAST_SECS, self._job.timeout_secs - spent)
        try:
            worktree = await in_thread(Repository.find, cwd)
            await in_thread(swap_in, self._scripts, worktree, self._kept)
            try:
                return await self._judge(goal, cwd, outcome, limits, observe, runtime)
            finally:
                if self._run is None or self._run.ended:  # otherwise it runs on, with these files
                    await asyncio.shield(asyncio.to_thread(swap_back, worktree.top, self._kept))
        except (OSError, ValueError, GitFailed, NoSandbox) as error:
            return replace(outcome, **self._failed(f"cannot start the gate: {error}"))

    async def _judge(
        self,
        goal: Supervised,
        cwd: Path,
        outcome: Outcome,
        limits: Limits,
        observe: Observe,
        runtime: Runtime,
    ) -> Outcome:
        run = await self._taken(goal, cwd) or await self._launch(goal, cwd, limits, outcome.output)
        self._run = run
        remains = self._job.remains
        proven, left = remains.proven, remains.left
        remains.forget = _both(run.forget, goal.forget)
        try:
            told = {"pid": run.pid, "run": run.folder.name, "supervisor": run.supervisor}
            with suppress(SyncropelError):  # a freeze that accepts no record does not end running work
                await observe(GATE, {**told, "command": list(self._words), "gate_output": str(self._output)})
            run.go()
            ending = await ended_in_time(run, runtime)
        finally:
            await self._end(run, self._job)
            remains.proven, remains.left = remains.proven and proven, (*left, *remains.left)
        if ending.why == ORPHANED:
            raise CutShort
        return await asyncio.to_thread(self._judged, outcome, ending)

    async def _taken(self, goal: Supervised, cwd: Path) -> Supervised | None:
        """The gate that an earlier daemon started, unless the config now names another one."""
        run, goal.gate = goal.gate, None
        if run is None or (run.about.get("gate") == list(self._words) and run.spec.cwd == str(cwd)):
            return run
        await run.stop(gently=False)
        run.forget()
        return None

    async def _launch(self, goal: Supervised, cwd: Path, limits: Limits, after: str | None) -> Supervised:
        environment = passed() | ({"SPL_PORT_BASE": str(self._job.port_base)} if self._job.port_base else {})
        words = found(list(self._words), environment)
        if self._enclose is not None:
            words, environment = await in_thread(self._enclose, words, environment)
        spec = Spec(words, str(cwd), limits, sandboxed=self._enclose is not None)
        self._output.unlink(missing_ok=True)  # a goal may have put anything there
        with self._output.open("xb") as sink:
            # Its lines are shown below the goal's, and the last of those may lack a newline.
            sink.write(
                (b"\n" if after and end_of(Path(after))[-1:] not in ([], [b""]) else b"") + self._title
            )
            sink.flush()
            name, about = f"{goal.folder.name}{GATE_SUFFIX}", {"gate": list(self._words)}
            return await Supervised.launch(goal.folder.parent, spec, environment, sink.fileno(), about, name)

    @property
    def _title(self) -> bytes:
        return os.fsencode(f"gate: {shlex.join(self._words)}\n")

    def _judged(self, outcome: Outcome, ending: Ending) -> Outcome:
        gate = {
            "command": list(self._words),
            "passed": False,
            "ended": ending.why or "supervisor_killed",
            "exit_code": ending.exit_code,
            "signal": ending.signal,
            "runtime_ms": ending.runtime_ms,
            "output": str(self._output),
            "tail": (tail := self._tail()),
        }
        if not ending.why:
            told = f"{ending.error}, the gate's; what it left was ended"
            return replace(outcome, verdict="failed", summary=told, reason="supervisor_killed", gate=gate)
        if ending.why == TIMEOUT:
            told = f"over its time limit of {self._job.timeout_secs:g}s, in its gate"
            return replace(outcome, verdict="timeout", summary=told, reason="", gate=gate)
        if ending.why == START_FAILED:
            return replace(outcome, **self._failed(f"cannot start the gate: {ending.error}"), gate=gate)
        if ending.why != EXIT or ending.exit_code != 0:
            how = how_it_ended(ending.exit_code, ending.signal)
            return replace(outcome, **self._failed(f"the gate failed ({how})", "reject", tail), gate=gate)
        summary = outcome.summary if outcome.forgiven is None else outcome.forgiven
        passed = {**gate, "passed": True}
        return replace(outcome, verdict=ACCEPT, summary=summary, reason="", forgiven=None, gate=passed)

    def _failed(self, told: str, verdict: str = "failed", tail: str = "") -> dict[str, Any]:
        summary = f"{told}: {shlex.join(self._words)}\n{tail}".strip()
        return {"verdict": verdict, "summary": summary, "reason": GATE_FAILED, "forgiven": None}

    def _tail(self) -> str:
        """The last lines of its output, without the title."""
        lines = end_of(self._output)
        if self._title.rstrip(b"\n") in lines[:2]:
            lines = lines[2 if lines[0] == b"" else 1 :]
        said = PlainReader()
        for line in lines:
            said.feed(line)
        return said.tail


async def ended_in_time(run: Supervised, runtime: Runtime) -> Ending:
    """Wait for the end of the run; overrule a supervisor that exceeds the time limit."""
    ending = asyncio.ensure_future(run.ending())
    patience = run.limits.run + run.limits.ending + PATIENCE_SECS
    until = runtime.monotonic() + patience
    try:
        while not ending.done() and (left := until - runtime.monotonic()) > 0:
            await asyncio.wait({ending}, timeout=left)
        if ending.done():
            return ending.result()
    finally:
        if not ending.done():
            ending.cancel()
    return replace(await run.stop(gently=False), why=TIMEOUT)


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def forget() -> None:
        first()
        second()

    return forget
