"""One merge: branch after branch into a commit that nothing points to, the gate on it, then the target moves.

The target is moved once, at the end, and only from the commit that the merge began at. So a merge that stops
anywhere leaves it exactly as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncropel.adapters.command_run import CommandRun, Judged
from syncropel.adapters.enclosure import enclose_in
from syncropel.adapters.gate_files import CommandFiles, command_files, not_allowed
from syncropel.adapters.merging.branches import Branches, Joined
from syncropel.adapters.merging.checkouts import checkouts
from syncropel.adapters.merging.merged_tree import make_tree, remove_tree
from syncropel.adapters.merging.stopped import Stopped
from syncropel.adapters.sandbox import Sandbox
from syncropel.engine.dispatch.starting import StartGate
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.merging.steps import Job, Steps
from syncropel.folds.control.freezes import Freeze
from syncropel.folds.tasks.merges import (
    BISECTED,
    CHECKED,
    FROZEN,
    GATE_FAILED,
    GATE_PASSED,
    GATE_STARTED,
    MERGED,
    MOVED,
    MOVING,
    NOTHING_NEW,
    REFUSED,
    STARTED,
)
from syncropel.peer.runtime import Runtime
from syncropel.settings.workspace import Repo
from syncropel.supervisor.decide import Limits
from syncropel.system.clean_git import GitFailed, Repository
from syncropel.system.interruptible import in_thread

RUN_KIND: Final = "merge"
"""How the runs of these gates begin in the folder of runs."""
_NOTHING_MOVED: Final = "nothing was moved"


@dataclass(frozen=True)
class MergeTools:
    """What every merge of an instance needs. `runs`: the folder of supervised runs.

    `may_run`: whether an operator has allowed the files of this repository with this digest to run.
    """

    ingest: Ingest
    runtime: Runtime
    author: str
    runs: Path
    limits: Callable[[], Limits]
    may_run: Callable[[str, str], bool]
    sandbox: Sandbox | None = None
    """What contains gates, which run code that goals have written."""


class MergeRun:
    """Carries out one merge. `tree`: where the merged commit is checked out for its gate."""

    def __init__(
        self, job: Job, main: Repository, repo: Repo, tree: Path, steps: Steps, tools: MergeTools
    ) -> None:
        self._job = job
        self._main = main
        self._repo = repo
        self._tree = tree
        self._steps = steps
        self._tools = tools
        self._branches = Branches(main, tools.author)
        self._judging: asyncio.Task[Judged] | None = None
        self._ended_by: Freeze | None = None
        """The freeze that ended its gate."""
        self._gates = 0

    def enforce(self) -> None:
        """End a gate that may no longer run."""
        if self._judging is None or self._ended_by is not None:
            return
        if (freeze := self._ending_freeze()) is not None:
            self._ended_by = freeze  # it may be lifted before the gate has ended
            self._judging.cancel()

    async def outcome(self) -> Stopped:
        """Carry it out; how it ended. Raises GitFailed, OSError."""
        try:
            return await self._carried_out()
        except Stopped as stopped:
            return stopped
        finally:
            await asyncio.shield(asyncio.to_thread(remove_tree, self._main, self._tree))

    async def _carried_out(self) -> Stopped:
        asked, branches = self._job.request, self._branches
        into = await in_thread(branches.target, asked.into, self._repo.base)
        start = await in_thread(branches.commit, into)
        await in_thread(branches.check, asked.branches)
        await in_thread(checkouts, self._main, into)
        files = await self._gate_files(start)
        gate = {"gate": list(self._repo.gate)} if self._repo.gate else {}
        await self._steps.write(self._job, STARTED, into=into, old=start, **gate)
        joined: list[Joined] = []
        for one in asked.branches:
            self._go_on()
            tip = joined[-1].commit if joined else start
            joined.append(await in_thread(branches.join, start, tip, one, joined, asked.mode, into))
            made = joined[-1].commit
            what = NOTHING_NEW if made == tip else MERGED
            about = {"index": one.index, "attempt": one.attempt, "branch": one.branch, "commit": one.commit}
            await self._steps.write(self._job, what, **about, made=made)
        tip = joined[-1].commit
        if tip == start:
            return Stopped(CHECKED if asked.dry_run else MERGED, f"{into} has all of it already")
        if asked.dry_run:
            gate_told = "; its gate was not run" if self._repo.gate else ""
            return Stopped(CHECKED, f"all of it can be merged into {into}{gate_told}", made=tip)
        if self._repo.gate:
            await self._pass_gate(files, into, start, joined)
        behind = await self._move(into, start, tip)
        late = "".join(f"; {one['path']} could not follow: {one['problem']}" for one in behind)
        return Stopped(MERGED, f"{into} is at {tip[:12]} now{late}", new=tip)

    def _go_on(self) -> None:
        """Raise Stopped when nothing may begin in the task's namespace, or a freeze has ended the gate."""
        live = self._tools.ingest.live
        freezes = (self._ended_by,) if self._ended_by else live.control.covering(self._job.namespace)
        if freezes and freezes[-1] is not None:
            why = f"the {freezes[-1].level} freeze of {freezes[-1].namespace!r}"
        elif live.holds(self._job.namespace, self._job.thread):
            why = live.standing.why or "a record of its task that was altered"
        else:
            return
        raise Stopped(FROZEN, f"stopped by {why}; {_NOTHING_MOVED}")

    def _ending_freeze(self) -> Freeze | None:
        control = self._tools.ingest.live.control
        covering = control.covering(self._job.namespace)
        return next((one for one in covering if one.terminate or control.is_over(one)), None)

    async def _gate_files(self, start: str) -> CommandFiles:
        """The files that the gate runs, of the commit that the merge begins at. Raises Stopped if nobody has
        allowed them.
        """
        files = await in_thread(command_files, self._main, self._repo.gate, start, self._repo.gate_files)
        if self._job.request.dry_run or not files.digest:
            return files
        if not self._tools.may_run(self._repo.name, files.digest):
            told = not_allowed("gate", self._repo.name, files)
            raise Stopped(REFUSED, told, digest=files.digest)
        return files

    async def _pass_gate(self, files: CommandFiles, into: str, start: str, joined: Sequence[Joined]) -> None:
        """Raise Stopped unless the gate passes on the merged tree; a failure is traced to a branch."""
        verdict = await self._judge(files, joined[-1].commit, joined[-1].branch.index)
        if verdict.passed:
            return
        new = [one for before, one in zip((None, *joined), joined, strict=False)
               if one.commit != (before.commit if before else start)]  # fmt: skip
        if len(new) == 1:
            one = new[0].branch
            told = f"the gate fails with subtask {one.index} merged: {verdict.told}"
            about = {"index": one.index, "branch": one.branch, "tail": verdict.tail}
            raise Stopped(GATE_FAILED, f"{told}; {_NOTHING_MOVED}", **about)
        await self._bisect(files, into, start, new, verdict)

    async def _bisect(
        self, files: CommandFiles, into: str, start: str, new: Sequence[Joined], verdict: Judged
    ) -> None:
        """Find the first branch with which the gate fails; with all of `new` it does. Raises Stopped."""
        green, red = -1, len(new) - 1  # the last prefix that passes, as far as is known, and one that fails
        while red - green > 1:
            middle = (green + red) // 2
            found = await self._judge(files, new[middle].commit, new[middle].branch.index)
            if found.passed:
                green = middle
            else:
                red, verdict = middle, found
        if red == 0:
            alone = await self._judge(files, start, None)
            if not alone.passed:
                told = f"the gate fails on {into} by itself, without any branch: {alone.told}"
                raise Stopped(GATE_FAILED, f"{told}; {_NOTHING_MOVED}", tail=alone.tail)
        guilty = new[red].branch
        about = {"index": guilty.index, "branch": guilty.branch, "tail": verdict.tail}
        await self._steps.write(self._job, BISECTED, **about)
        told = f"the gate fails from subtask {guilty.index} on ({guilty.branch}): {verdict.told}"
        raise Stopped(GATE_FAILED, f"{told}; {_NOTHING_MOVED}", **about)

    async def _judge(self, files: CommandFiles, commit: str, index: int | None) -> Judged:
        """Run the gate on a commit. `index`: the last subtask in it. Raises Stopped under a freeze."""
        self._go_on()
        await asyncio.to_thread(make_tree, self._main, self._tree, commit)
        own = await in_thread(Repository.find, self._tree)
        await in_thread(files.put, own)
        about = {"commit": commit, **({} if index is None else {"index": index})}
        await self._steps.write(self._job, GATE_STARTED, **about)
        self._gates += 1
        output = self._tree.with_name(f"gate-{self._gates}.log")
        output.unlink(missing_ok=True)
        tools = self._tools
        enclose = enclose_in(tools.sandbox, own) if tools.sandbox is not None else None
        gate = CommandRun(
            "gate", RUN_KIND, self._repo.gate, self._tree, output, tools.runs, tools.limits(), enclose=enclose
        )
        door = StartGate[Job](self._tools.ingest, lambda job: not self._held())
        judging = asyncio.ensure_future(
            gate.judge(self._tools.runtime, lambda run: door.let_through(self._job, run))
        )
        self._judging = judging
        try:
            verdict = await judging
        except asyncio.CancelledError:
            self._go_on()
            raise
        finally:
            self._judging = None
        if verdict.passed is None:
            self._go_on()
            raise Stopped(GATE_FAILED, f"{verdict.told}; {_NOTHING_MOVED}", **verdict.facts())
        what = GATE_PASSED if verdict.passed else GATE_FAILED
        await self._steps.write(self._job, what, **about, **verdict.facts())
        return verdict

    def _held(self) -> bool:
        return self._tools.ingest.live.holds(self._job.namespace, self._job.thread)

    async def _move(self, into: str, start: str, tip: str) -> list[dict[str, str]]:
        """Move the target, and the files of whoever has it checked out. Returns the `path` and `problem` of
        those that could not follow.
        """
        held = await in_thread(checkouts, self._main, into)
        for one in held:
            await in_thread(one.may_move, start, tip)
        await in_thread(self._branches.check, self._job.request.branches)
        about = {"into": into, "old": start, "new": tip}
        self._go_on()
        await self._steps.write(self._job, MOVING, **about)
        try:
            async with self._tools.ingest.undisturbed():  # no freeze comes in between
                self._go_on()
                told = f"syncropel: merge {self._job.id[:12]}"
                await in_thread(self._branches.move, into, start, tip, told)
        except GitFailed as error:
            if await in_thread(self._branches.commit, into) == start:
                raise  # nobody moved it: git could not
            told = (
                f"{into} was moved by somebody else meanwhile, and was left as it is; merge again ({error})"
            )
            raise Stopped(REFUSED, told) from None
        behind = []
        for one in held:
            try:
                await in_thread(one.move, start, tip)
            except GitFailed as error:
                behind.append({"path": one.path, "problem": str(error)})
        await self._steps.write(self._job, MOVED, **about, **({"behind": behind} if behind else {}))
        return behind
