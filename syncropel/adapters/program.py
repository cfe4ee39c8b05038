"""Adapters whose goals are programs: each attempt runs under a supervisor, and may outlive this daemon.

A subclass says what to run (`prepare`), and which reader follows its output (`reader`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

from syncropel.adapters.base import CutShort, Held, Job, Observe, Outcome
from syncropel.adapters.contract import Place
from syncropel.adapters.cost_file import LOOK_SECS, CostFile
from syncropel.adapters.course import Course, ports
from syncropel.adapters.enclosure import Enclosure, migrate_left
from syncropel.adapters.files import Files
from syncropel.adapters.following import Following
from syncropel.adapters.preflight import available_memory, tell_memory
from syncropel.adapters.program_left import observe_costs, outcome_of
from syncropel.adapters.program_parts import Conversing, Excess, Program
from syncropel.adapters.reading import OutputReader
from syncropel.adapters.sandbox import Inside
from syncropel.adapters.silence import Silence
from syncropel.adapters.supervised import PATIENCE_SECS, Ending, Supervised
from syncropel.adapters.taking_back import group_of, start_time, take_back
from syncropel.adapters.workspace import Worktree, read_record, record_path
from syncropel.adapters.worktree import head, left_in
from syncropel.errors import SyncropelError
from syncropel.folds.fanout.child import NOT_STARTED, REATTACHED, SESSION
from syncropel.settings.adapters import SANDBOX
from syncropel.supervisor.decide import EXIT, ORPHANED, START_FAILED, STOPPED, TIMEOUT, Limits
from syncropel.supervisor.words import Spec
from syncropel.system.clean_git import GitFailed
from syncropel.system.interruptible import in_thread

INT_GRACE_SECS: Final = 0.5
TERM_GRACE_SECS: Final = 2.0
LEFTOVER_GRACE_SECS: Final = 0.2
KILL_LIMIT_SECS: Final = 5.0
START_SECS: Final = 15.0
IDLE: Final = "idle"
"""Why a run was ended: its program wrote nothing for longer than its adapter allows."""


class ProgramAdapter(ABC):
    """Runs a program for each attempt; the next daemon finds it in `runs`."""

    interrupt_secs = INT_GRACE_SECS
    """How long a program that is being ended has after SIGINT."""

    def __init__(self, name: str, place: Place, cwd: Path | None = None, idle_secs: float = 0.0) -> None:
        self.name = name
        self.runs = place.runs
        self.place = place
        self.cwd = cwd
        """Where programs run; None gives each subtask a folder of its own."""
        self._idle_secs = idle_secs
        self._leaving = False

    @abstractmethod
    def prepare(self, job: Job, files: Files, cwd: Path) -> Program:
        """Write the program's input files, and return what to run. Raises OSError, ValueError,
        SyncropelError.
        """

    def output(self, files: Files) -> Path:
        """The file that stdout goes to."""
        return files.stdout

    def reader(self, job: Job) -> OutputReader | None:
        """A new reader of this attempt's output; None when only its end is read, once it has ended."""
        return None

    def following(self, run: Supervised, job: Job, reader: OutputReader, output: Path) -> Following:
        """Observes what the reader reports while the run continues."""
        name = run.folder.name
        return Following(output, reader, name, job.events.get(name, 0), self.place.runtime.monotonic)

    def conversing(
        self, run: Supervised, job: Job, reader: OutputReader | None, read: Callable[[], Awaitable[None]]
    ) -> Conversing | None:
        """Who talks to the program, for one whose stdin is a pipe. `read` reads its output on."""
        return None

    def limits_of(self, job: Job, reader: OutputReader | None) -> Excess | None:
        """A limit of the adapter's own that the run now exceeds, for which it is ended."""
        return None

    def waits(self, job: Job) -> bool:
        """Whether its program is quiet because it waits for somebody else."""
        return False

    def told(self, reader: OutputReader | None) -> dict[str, Any] | None:
        """The program's own data so far, for `Outcome.agent`."""
        return None

    def home_of(self, files: Files) -> dict[str, str]:
        """Variables that say whose program it is, where it is not simply the daemon's."""
        if self.place.sandbox is not None:
            return self.place.sandbox.environment(files.home)
        return self.place.user.environment() if self.place.user else {}

    def variables(self, job: Job, files: Files) -> dict[str, str]:
        """Variables about its attempt that every program gets."""
        return {
            **self.home_of(files),
            "SPL_ATTEMPT": str(job.attempt),
            "SPL_HINT": job.hint,
            "SPL_MODEL": job.model,
            "SPL_TASK_FILE": job.content,
            "SPL_CHILD_THREAD": job.child_thread,
            "SPL_COST_FILE": str(files.costs),
            "SPL_BRIEFING": str(files.briefing) if job.briefing else "",
            **ports(job),
            "SPL_BUDGET_USD": "" if job.budget_usd is None else f"{job.budget_usd:g}",
        }

    def shown(self, files: Files, environment: Mapping[str, str]) -> Inside:
        """What a program with these variables sees in a sandbox, besides its own files. Blocks."""
        return Inside()

    async def run(self, job: Job, observe: Observe) -> Outcome:
        files = Files.of(job, self.place.work, self.place.user)
        try:
            return await self._run(job, files, observe)
        finally:
            self.place.workspaces.release_ports(job)

    async def _run(self, job: Job, files: Files, observe: Observe) -> Outcome:
        course: Course | None = None
        made: Worktree | None = None
        cwd, output = self.cwd or files.cwd, self.output(files)
        try:
            files.make(cwd)
            files.brief(job.briefing)
            if self.place.sandbox is not None:
                await in_thread(self.place.sandbox.check)
            if job.repo:
                made = await in_thread(self.place.workspaces.prepare, job, files)
                job, cwd = replace(job, port_base=made.ports), Path(made.path)
                course = Course(self.place, files, job, made, self._limits)
                job, failed = await course.set_up()
                if failed is not None:
                    return await course.over(failed)
            program = await in_thread(self._contained, self.prepare(job, files, cwd), files, made)
            base = await head(cwd) if self.cwd or (cwd / ".git").exists() else None
            tell_memory(available_memory())
            for path in (output, program.stderr, files.gate):
                if path is not None:
                    path.unlink(missing_ok=True)  # an earlier goal may have put anything there
            with output.open("xb") as sink:
                run = await self._launch(program, job, sink, base)
        except (OSError, ValueError, GitFailed) as error:  # a hint that contains a NUL cannot be a variable
            failed = Outcome("failed", f"cannot start {self.name}: {error}")
            return failed if course is None else await course.over(failed)
        except SyncropelError as error:
            failed = Outcome("failed", f"cannot start {self.name}: {error.message}")
            return failed if course is None else await course.over(failed)
        job.remains.forget = run.forget
        try:
            await observe(SESSION, self._session(run, program, output))
            if not await job.gate(run):
                raise Held
            outcome = await self._watch(run, job, observe, files)
        except Held:
            await run.stop(gently=False)
            with contextlib.suppress(SyncropelError):
                await observe(NOT_STARTED, {"pid": run.pid, "run": run.folder.name})
            raise
        finally:
            await self._end(run, job)
            await self._migrate(run, job, files)
        return await self._settled(run, job, files, outcome, observe, cwd, base)

    def _contained(self, program: Program, files: Files, worktree: Worktree | None) -> Program:
        enclosure = Enclosure.of(self.place, files, program.cwd, worktree)
        return enclosure.goal(program, self.shown(files, program.environment)) if enclosure else program

    async def _migrate(self, run: Supervised, job: Job, files: Files) -> None:
        # However it ended: what a goal in a sandbox has committed is to be in its repository.
        if job.repo and run.ended:
            await asyncio.shield(asyncio.to_thread(migrate_left, self.place, files))

    async def _settled(
        self,
        run: Supervised,
        job: Job,
        files: Files,
        outcome: Outcome,
        observe: Observe,
        cwd: Path,
        base: str | None,
    ) -> Outcome:
        """The outcome with what is left in the worktree; a worktree of its own first passes its gate."""
        job.remains.settling = True
        own = read_record(record_path(files)) if job.repo else None
        if own is None:
            return replace(outcome, worktree=await left_in(cwd, base)) if base else outcome
        job = replace(job, port_base=own.ports)
        return await Course(self.place, files, job, own, self._limits).settled(
            run, outcome, observe, self._end
        )

    def _session(self, run: Supervised, program: Program, output: Path) -> dict[str, Any]:
        session: dict[str, Any] = {
            "adapter": self.name,
            "pid": run.pid,
            "process_started_at": start_time(run.pid),
            "cwd": str(program.cwd),
            "run": run.folder.name,
            "supervisor": run.supervisor,
            "output": str(output),
        }
        if program.stderr is not None:
            session["stderr"] = str(program.stderr)
        if program.sandboxed:
            session["isolation"] = SANDBOX
        if program.session:
            session["session"] = program.session
        return {**program.about, **session}

    async def take_back(self, wanted: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        return dict(await take_back(self.runs, wanted))

    def goes_on(self, taken: Supervised) -> bool:
        return not taken.over

    async def resume(self, taken: Supervised, job: Job, observe: Observe) -> Outcome:
        try:
            return await self._resume(taken, job, observe)
        finally:
            self.place.workspaces.release_ports(job)

    async def _resume(self, taken: Supervised, job: Job, observe: Observe) -> Outcome:
        files = Files.of(job, self.place.work, self.place.user)
        job.remains.forget = taken.forget
        if job.repo and (made := read_record(record_path(files))) is not None:
            self.place.workspaces.hold_ports(made, job)
        try:
            with contextlib.suppress(SyncropelError):  # a freeze that takes no word does not end what runs
                told = {"pid": taken.pid, "run": taken.folder.name, "output": str(self.output(files))}
                await observe(REATTACHED, told)
            outcome = await self._watch(taken, job, observe, files)
        finally:
            await self._end(taken, job)
            await self._migrate(taken, job, files)
        cwd, base = Path(taken.spec.cwd), taken.about.get("base")
        return await self._settled(taken, job, files, outcome, observe, cwd, base)

    def leave_running(self) -> None:
        self._leaving = True

    async def _launch(self, program: Program, job: Job, sink: BinaryIO, base: str | None) -> Supervised:
        spec = Spec(
            program.command,
            str(program.cwd),
            self._limits(job),
            tells_start=program.tells_start,
            stdin="null" if program.stdin is None else str(program.stdin),
            stderr="" if program.stderr is None else str(program.stderr),
            user=self.place.user.numbers if self.place.user else None,
            sandboxed=program.sandboxed,
        )
        return await Supervised.launch(
            self.place.runs, spec, program.environment, sink.fileno(), {"base": base, **program.kept}
        )

    def _limits(self, job: Job) -> Limits:
        return limits_of_run(job.timeout_secs, self.place.orphan_secs(), self.interrupt_secs)

    async def _watch(self, run: Supervised, job: Job, observe: Observe, files: Files) -> Outcome:
        output, errors = self.output(files), Path(run.spec.stderr) if run.spec.stderr else None
        costs = CostFile(files.costs, job.cost_offset)
        live = self.reader(job)
        following = self.following(run, job, live, output) if live else None
        silence = Silence([output, errors], self._idle_secs, self.place.runtime)
        excess: Excess | None = None

        async def read() -> None:
            await observe_costs(costs, observe)
            if following is not None:
                await following.read_on(observe)

        talk = self.conversing(run, job, live, read)

        def limit() -> Excess | None:
            nonlocal excess
            waits = self.waits(job) or (talk is not None and talk.waits)
            excess = self._silent(silence, waits=waits) or self.limits_of(job, live)
            return excess

        try:
            ending = await self._ended(run, job, read, talk, limit)
        finally:
            if talk is not None and not self._leaving:
                await talk.hang_up()
            await self._end(run, job)
            if talk is not None:
                await talk.leave()
            await observe_costs(costs, observe)
            if following is not None and not self._leaving:
                await following.finish(observe)
            job.remains.agent = self.told(live)
        if ending.why == ORPHANED:
            raise CutShort
        if ending.why == START_FAILED:
            return Outcome("failed", f"cannot start {self.name}: {ending.error}", output=str(output))
        if excess is None and ending.why == EXIT:
            excess = self.limits_of(job, live)  # its usage may be known only now
        outcome = await self._judged(ending, job, excess, partial(outcome_of, live, output, errors, ending))
        outcome = replace(outcome, output=str(output), exit=ending.as_exit(run.pid))
        if following is not None:
            cost = outcome.cost_usd + following.unobserved_usd
            outcome = replace(outcome, unread=following.unread, cost_usd=cost)
        return outcome

    async def _judged(
        self, ending: Ending, job: Job, excess: Excess | None, said: Callable[[], Outcome]
    ) -> Outcome:
        """The outcome of a run that has begun; what its program says counts if it ended by itself."""
        if not ending.why:
            told = f"{ending.error}; what it left was ended"
            return Outcome("failed", told, reason="supervisor_killed")
        if ending.why == TIMEOUT:
            return Outcome("timeout", f"over its time limit of {job.timeout_secs:g}s")
        if excess is not None and ending.why in (EXIT, STOPPED):
            return Outcome("failed", excess.told, reason=excess.reason)
        return await asyncio.to_thread(said)

    async def _ended(
        self,
        run: Supervised,
        job: Job,
        read: Callable[[], Awaitable[None]],
        talk: Conversing | None,
        limit: Callable[[], Excess | None],
    ) -> Ending:
        """Wait for the run's end, reading on meanwhile. A supervisor that exceeds the time limit is
        overruled.
        """
        ending = asyncio.ensure_future(run.ending())
        runtime = self.place.runtime
        until = runtime.monotonic() + job.timeout_secs + run.limits.ending + PATIENCE_SECS
        try:
            while not ending.done() and (left := until - runtime.monotonic()) > 0:
                await asyncio.wait({ending}, timeout=min(left, talk.look_secs if talk else LOOK_SECS))
                await read()
                if talk is not None:
                    await talk.advance()
                if limit() is not None or (talk is not None and talk.overdue):
                    if talk is not None:
                        await talk.hang_up()
                    return await run.stop(gently=True)
        finally:
            if not ending.done():
                ending.cancel()
        if ending.done() and not ending.cancelled():
            return ending.result()
        return replace(await run.stop(gently=False), why=TIMEOUT)

    def _silent(self, silence: Silence, *, waits: bool) -> Excess | None:
        if waits:
            silence.restart()
            return None
        return Excess(IDLE, f"wrote nothing for {self._idle_secs:g}s") if silence.lasts() else None

    async def _end(self, run: Supervised, job: Job) -> None:
        """End a run, and find out what is left of it; or leave it to the next daemon."""
        if self._leaving and not run.ended:
            job.remains.forget = lambda: None  # the next daemon has to find the run
            run.leave()
            return
        ending = await run.stop(gently=True)
        job.remains.proven, job.remains.left = ending.proven, ending.left

    async def end_orphan(self, session: dict[str, Any]) -> None:
        if group := group_of(session):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)


def limits_of_run(run_secs: float, orphan_secs: float, interrupt_secs: float = INT_GRACE_SECS) -> Limits:
    """The limits of a supervised run that may take so long, and go on for so long without a daemon."""
    return Limits(
        run=run_secs,
        interrupt=interrupt_secs,
        term=TERM_GRACE_SECS,
        leftover=LEFTOVER_GRACE_SECS,
        kill=KILL_LIMIT_SECS,
        orphan=orphan_secs,
        start=START_SECS,
    )
