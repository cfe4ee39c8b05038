"""What comes before and after a goal in a worktree of its own: setup, then gate, commit, and teardown.

Setup and teardown are commands of the repository's entry, as its gate is: supervised, without the adapter's
secrets, and only with files that an operator has allowed. Nothing of them starts under a freeze.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from syncropel.adapters.base import Held, Job, Observe, Outcome, Startable
from syncropel.adapters.command_run import CommandRun, Judged
from syncropel.adapters.contract import Place
from syncropel.adapters.enclosure import Enclosure, migrate
from syncropel.adapters.files import Files
from syncropel.adapters.gate_command import GateCommand, is_gated
from syncropel.adapters.sandbox import Enclose
from syncropel.adapters.supervised import Supervised
from syncropel.adapters.swapping import swap_back, swap_in
from syncropel.adapters.workspace import Leak, What, Worktree, leaked, not_committed
from syncropel.supervisor.decide import Limits
from syncropel.system.clean_git import GitFailed, Repository
from syncropel.system.interruptible import in_thread

log = logging.getLogger("syncropel.engine.adapters.workspace")

SETUP_FAILED: Final = "setup_failed"
"""Reason of an attempt whose goal did not begin, because the setup of its repository failed."""
TEARDOWN_SECS: Final = 60.0
"""Time limit of a teardown: what it ends holds a slot until then."""
_LEAST_SECS: Final = 1.0

LimitsOf = Callable[[Job], Limits]


class Course:
    """One attempt in its worktree. `limits`: of a run of this job."""

    def __init__(self, place: Place, files: Files, job: Job, worktree: Worktree, limits: LimitsOf) -> None:
        self._place = place
        self._files = files
        self._job = job
        self._worktree = worktree
        self._limits = limits
        self._enclosure = Enclosure.of(place, files, Path(worktree.path), worktree)

    async def set_up(self) -> tuple[Job, Outcome | None]:
        """Run the setup; the job with what is left of its time, and the outcome if the goal must not begin.

        Raises Held when a freeze keeps the setup from starting.
        """
        judged = await self._run("setup", self._job.gate)
        if judged is None:
            return self._job, None
        if not judged.started:
            raise Held
        left = max(_LEAST_SECS, self._job.timeout_secs - judged.runtime_ms / 1000)
        if judged.passed:
            return replace(self._job, timeout_secs=left), None
        told = f"{judged.told}\n{judged.tail}".strip()
        return self._job, Outcome("failed", told, reason=SETUP_FAILED)

    async def tear_down(self) -> str:
        """Run the teardown; what went wrong, in words, empty if nothing did.

        An attempt that is ended from outside is not torn down: nothing new starts there.
        """
        try:
            judged = await self._run("teardown", _open)
        except (OSError, GitFailed) as error:
            return f"its teardown could not run: {error}"
        if judged is None or judged.passed:
            return ""
        return f"its teardown did not pass: {judged.told}"

    async def _run(self, what: What, gate: Callable[[Startable], Awaitable[bool]]) -> Judged | None:
        """Run a command of the repository; None when it has none. Raises GitFailed, OSError."""
        spaces, files = self._place.workspaces, self._files
        words = spaces.command(self._worktree.repo, what)
        if not words:
            return None
        scripts = await in_thread(spaces.command_files, self._worktree, what)
        own = await in_thread(Repository.find, Path(self._worktree.path))
        output, kept = files.command(what), files.command(f"{what}-files")
        output.unlink(missing_ok=True)  # an earlier goal may have put anything there
        await in_thread(swap_back, own.top, kept)  # of a daemon that was killed
        await in_thread(swap_in, scripts, own, kept)
        limits = self._limits(self._job)
        limits.run = min(limits.run, TEARDOWN_SECS) if what == "teardown" else limits.run
        run = CommandRun(
            what, what, words, own.top, output, self._place.runs, limits, ports(self._job), self._enclose
        )
        try:
            return await run.judge(self._place.runtime, gate)
        finally:
            await asyncio.shield(asyncio.to_thread(swap_back, own.top, kept))

    async def settled(
        self,
        run: Supervised,
        outcome: Outcome,
        observe: Observe,
        end: Callable[[Supervised, Job], Awaitable[None]],
    ) -> Outcome:
        """The outcome with what is left in the worktree, once that has passed its gate and was torn down."""
        spaces, files, job, own = self._place.workspaces, self._files, self._job, self._worktree
        try:
            await in_thread(migrate, self._place, files)
        except GitFailed as error:
            outcome = not_committed(outcome, error) if is_gated(outcome) else outcome
        if (words := spaces.command(own.repo, "gate")) and is_gated(outcome):
            try:
                own = await in_thread(spaces.seal, own, files, job)
                scripts = await in_thread(spaces.command_files, own, "gate")
                gate = GateCommand(words, files, job, end, scripts, self._enclose)
                runtime, cwd = self._place.runtime, Path(own.path)
                outcome = await gate.judge(run, cwd, outcome, self._limits(job), observe, runtime)
            except Leak as leak:
                outcome = leaked(outcome, leak)
            except (GitFailed, OSError) as error:
                outcome = not_committed(outcome, error)
        with suppress(OSError):
            await in_thread(swap_back, Path(own.path), files.gate_kept)  # of a gate that is named no more
        return await self.over(await in_thread(spaces.settle, own, outcome, job))

    @property
    def _enclose(self) -> Enclose | None:
        return self._enclosure.command if self._enclosure is not None else None

    async def over(self, outcome: Outcome) -> Outcome:
        """The outcome of an attempt that is over, once its worktree is torn down."""
        if problem := await self.tear_down():
            path, about = self._worktree.path, {"thread_id": self._job.child_thread}
            log.warning("%s: %s", path, problem, extra=about)
            return replace(outcome, summary=f"{outcome.summary}\n{problem}".strip())
        return outcome


async def _open(run: Startable) -> bool:
    """What ends a running attempt may begin whenever that runs, as its gate may."""
    run.go()
    return True


def ports(job: Job) -> dict[str, str]:
    """The variable that names the attempt's own ports; none without any."""
    return {"SPL_PORT_BASE": str(job.port_base)} if job.port_base else {}
