"""The merges of this instance: one at a time in each repository, none under a freeze."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from syncropel.adapters.merging.merged_tree import remove_leftover
from syncropel.adapters.merging.stopped import Stopped
from syncropel.adapters.taking_back import end_left
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.merging.run import RUN_KIND, MergeRun, MergeTools
from syncropel.engine.merging.steps import Job, Steps
from syncropel.errors import BadRequest, SyncropelError, Unavailable
from syncropel.folds.tasks.merges import ENDED, FAILED, INTERRUPTED, MERGED, MOVED, MOVING, REFUSED, WORK
from syncropel.record.model import StoredRecord
from syncropel.record.threads import FLEET_CONTROL, merge_thread
from syncropel.settings.workspace import Repo, WorkspaceSettings
from syncropel.store.base import RecordFilter
from syncropel.system.clean_git import GitFailed, Repository
from syncropel.system.interruptible import in_thread

log = logging.getLogger("syncropel.engine.merging")

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]
TREE: Final = "tree"
"""The worktree of the merged commit, in a merge's folder."""

_ENDED: Final = "the daemon that merged was ended"


class MergeWork:
    """Takes merges on and carries them out. `folder`: has a folder for each that is not over, so that the
    next daemon finds it.
    """

    def __init__(
        self,
        ingest: Ingest,
        steps: Steps,
        tools: MergeTools,
        did: str,
        folder: Path,
        settings: WorkspaceSettings,
        spawn: Spawn,
    ) -> None:
        self._ingest = ingest
        self._steps = steps
        self._tools = tools
        self._did = did
        self._folder = folder
        self._settings = settings
        self._spawn = spawn
        self._turns: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._door = asyncio.Lock()
        """Passed in the order of asking: several entries may name one repository."""
        self._running: dict[str, MergeRun] = {}
        self._changed = asyncio.Event()
        steps.told = self._forget
        ingest.subscribe(self.on_records)

    async def take(self, body: dict[str, Any]) -> None:
        """Take a merge on; one that is known already is not taken twice.

        Raises BadRequest for a request that makes no sense, NamespaceFrozen and the like when the log does
        not take it.
        """
        try:
            job = Job.read(body)
        except ValueError as error:
            raise BadRequest(f"not a merge: {error}", "ask the coordinator: spl task merge NAME") from None
        folder = self._folder / job.id
        if folder.exists():
            return
        folder.mkdir(parents=True)
        try:
            begun = await self._ingest.append_one(job.began(self._did))
        except SyncropelError:
            folder.rmdir()
            raise
        if not begun.created:  # it was over before
            folder.rmdir()
        else:
            job.intend = begun.stored.record.id
            self._spawn(self._carry_out(job), f"merge {job.thread}")

    async def resume(self) -> None:
        """End what an earlier daemon left of its merges, and say what became of each."""
        await end_left(self._tools.runs, f"{RUN_KIND}-")
        names = sorted(one.name for one in self._folder.iterdir()) if self._folder.is_dir() else []
        for name in names:
            records = await self._ingest.store.query(RecordFilter(merge_thread(name), limit=10_000))
            job = _job_of(records)
            if job is None:  # it was not taken on
                await asyncio.to_thread(shutil.rmtree, self._folder / name, ignore_errors=True)
                continue
            await self._steps.take_up(job, records)
            if not job.ended:
                self._spawn(self._end_interrupted(job), f"merge {job.thread}")

    async def _end_interrupted(self, job: Job) -> None:
        repo = self._settings.repos.get(job.request.repo)
        if repo is not None:
            await in_thread(remove_leftover, repo.path, self._folder / job.id / TREE)
        what, at = job.last.get("what"), {}
        if what in (MOVING, MOVED):
            at = {name: job.last[name] for name in ("into", "old", "new")}
        told, moved = f"{_ENDED}; nothing was moved", what == MOVED
        if what == MOVING:
            found = await in_thread(_was_moved, repo, job) if repo is not None else None
            moved = found is True
            if found is None:
                told = f"{_ENDED}; look at {at['into']}: whether it was moved is not known"
        if not moved:
            await self._steps.write(job, ENDED, state=INTERRUPTED, told=told)
            return
        told = f"{at['into']} was moved to {at['new'][:12]} before {_ENDED}"
        if what == MOVING:
            await self._steps.write(job, MOVED, **at)
            told += "; a worktree that has it checked out may have the files of before: see its git status"
        await self._steps.write(job, ENDED, state=MERGED, told=told)

    def on_records(self, records: Sequence[StoredRecord]) -> None:
        if any(stored.record.thread == FLEET_CONTROL for stored in records):
            self.enforce()
            self._steps.sender.hurry()

    def enforce(self) -> None:
        """End what a freeze ends, and begin what none holds back any more."""
        for run in self._running.values():
            run.enforce()
        self._changed.set()
        self._changed = asyncio.Event()

    async def _carry_out(self, job: Job) -> None:
        state, facts = FAILED, {}
        try:
            told = await self._merged(job)
            state = told.state
            facts = {"told": told.told, **told.facts}
        except (Unavailable, asyncio.CancelledError):
            raise  # the daemon stops: the next one says so
        except (GitFailed, OSError) as error:
            facts = {"told": str(error)}
        except Exception as error:
            # No merge may stay open because of an error in here.
            log.exception("a merge failed", extra={"thread_id": job.thread})
            facts = {"told": f"an internal error: {type(error).__name__}"}
        with suppress(Unavailable):
            await self._steps.write(job, ENDED, state=state, **facts)

    async def _merged(self, job: Job) -> Stopped:
        """How it ended."""
        repo = self._settings.repos.get(job.request.repo)
        if repo is None:
            known = ", ".join(sorted(self._settings.repos)) or "none"
            told = f"repository {job.request.repo!r} is not in [workspace.repos] here; known: {known}"
            return Stopped(REFUSED, told)
        async with self._door:
            main = await in_thread(Repository.find, repo.path)
            turn = asyncio.create_task(self._turns[main.common].acquire())  # before the next one has its turn
        await turn
        try:
            while self._ingest.live.holds(job.namespace, job.thread):
                await self._changed.wait()
            run = MergeRun(job, main, repo, self._folder / job.id / TREE, self._steps, self._tools)
            self._running[job.id] = run
            try:
                return await run.outcome()
            finally:
                del self._running[job.id]
        finally:
            self._turns[main.common].release()

    def _forget(self, job: Job) -> None:
        shutil.rmtree(self._folder / job.id, ignore_errors=True)


def _job_of(records: Sequence[StoredRecord]) -> Job | None:
    """The merge of a thread in this log; None when it was never taken on."""
    for stored in records:
        if stored.record.act == "INTEND" and stored.record.topic == WORK:
            try:
                job = Job.read(stored.record.body)
            except ValueError:
                return None
            job.intend = stored.record.id
            return job
    return None


def _was_moved(repo: Repo, job: Job) -> bool | None:
    """Whether the target has what it was about to be moved to, or more; None when git cannot tell."""
    into, new = f"refs/heads/{job.last['into']}", str(job.last["new"])
    try:
        return Repository.find(repo.path).run("rev-list", "--max-count=1", new, f"^{into}") == ""
    except GitFailed:
        return None
