"""Git worktrees for goals: each attempt that names a repository works on a branch and in a folder of its own.

The first attempt at a dispatched task is on `task/<task-id>`, in `<project>-<task-id>` beside the repository;
subtask N adds `+N`, attempt K above the first `+aK`. Nothing here removes a worktree that holds work.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from syncropel.adapters.base import Job, Outcome
from syncropel.adapters.copying import SHORTEST_SECRET, blobs_of, check_copied, copy_in
from syncropel.adapters.cost_file import open_plain
from syncropel.adapters.files import Files
from syncropel.adapters.gate_files import CommandFiles, command_files, not_allowed
from syncropel.adapters.ports import NoPorts, PortBlocks
from syncropel.adapters.swapping import swap_back
from syncropel.adapters.worktree import recordable_text, subject_of
from syncropel.errors import SyncropelError
from syncropel.folds.fanout.state import ACCEPT
from syncropel.settings.workspace import Repo, WorkspaceSettings
from syncropel.system.clean_git import PLAIN_DIFF, GitFailed, Repository, Scratch
from syncropel.system.git_worktrees import add_on_branch

log = logging.getLogger("syncropel.engine.adapters.workspace")

LEAK: Final = "secret_in_commit"
"""Why a run failed: its commits contain a secret's value or a copied file."""
What = Literal["gate", "setup", "teardown"]
"""The commands that a repository may have."""
_ODD: Final = re.compile(r"[^A-Za-z0-9._+-]+|\.\.+|^[.-]+|\.lock$|[.]+$")
_LONGEST_NAME: Final = 120
_LONGEST_RECORD: Final = 64 * 1024


class NoWorktree(SyncropelError):
    """The requested worktree cannot be made."""

    code = "NO_WORKTREE"


class Leak(Exception):
    """A commit contains a secret's value or a copied file; the text says which, without the value."""


@dataclass(frozen=True)
class Worktree:
    """The worktree of one attempt, as it was made. `base`: its starting commit."""

    repo: str
    path: str
    branch: str
    base: str
    child_thread: str
    work: str
    attempt: int
    copied: tuple[str, ...] = ()
    common: str = ""
    """The git folder of the repository that it belongs to."""
    blobs: tuple[str, ...] = ()
    """The git blob ids of the copied files."""
    tip: str = ""
    """The commit of its branch when it was sealed for a gate; empty if it was not."""
    sealed: str = ""
    """The commit of the goal's work at that time; no branch points to it before the gate has passed."""
    ports: int = 0
    """The first of its own TCP ports; 0: it has none."""

    def repository(self) -> Repository:
        """Its repository. Raises GitFailed when a goal has redirected it: a commit would then go somewhere
        else.
        """
        if Path(self.path).is_symlink():
            raise GitFailed(f"{self.path} is a link now, and not the folder that was made")
        found = Repository.find(Path(self.path))
        if found.top != Path(self.path).resolve() or str(found.common) != self.common:
            raise GitFailed(f"{self.path} does not belong to the repository {self.repo!r} any more")
        return found


def record_path(files: Files) -> Path:
    """Where this instance records the worktree of an attempt."""
    return files.kept / f"{files.name}.worktree.json"


def read_record(path: Path) -> Worktree | None:
    """The worktree that was made for an attempt; None when none was, or its record is damaged."""
    try:
        with open_plain(path) as file:
            values = json.loads(file.read(_LONGEST_RECORD))
        return Worktree(**{**values, **{name: tuple(values.get(name, ())) for name in ("copied", "blobs")}})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _remember(path: Path, made: Worktree) -> None:
    path.write_text(json.dumps(asdict(made)), encoding="utf-8")


def name_of(work: str, attempt: int) -> str:
    """The base name of an attempt's branch and folder: `T-1`, `T-1+0`, `T-1+0+a2`."""
    plain = _ODD.sub("-", work)[:_LONGEST_NAME].strip("-.") or "work"
    return plain if attempt <= 1 else f"{plain}+a{attempt}"


def _begun(main: Repository, known: Worktree | None, path: Path, branch: str) -> str:
    """The commit of a branch that a daemon made for this attempt before it ended, without a worktree yet;
    empty for none. Blocks.
    """
    if known is None or (known.path, known.branch, known.common) != (str(path), branch, str(main.common)):
        return ""
    with suppress(GitFailed):
        return known.base if main.commit(f"refs/heads/{branch}") == known.base else ""
    return ""


def _check_out(main: Repository, made: Worktree) -> None:
    """Give a worktree its files, unless it has them: a daemon may end before. Blocks. Raises GitFailed."""
    own = made.repository()
    index = own.git_dir / "index"
    if index.exists():  # git writes it last
        return
    with own.scratch(made.base, index=index) as scratch:
        scratch.run("read-tree", "--reset", "-u", made.base)
    copy_in(main.top, Path(made.path), made.copied)


class Workspaces:
    """Makes and settles the worktrees of this instance. `secrets`: values by name that no commit
    may contain. `may_run`: whether an operator has allowed files of a repository, by their digest, to run.
    """

    def __init__(
        self,
        settings: WorkspaceSettings,
        secrets: Callable[[], Mapping[str, str]] = dict,
        may_run: Callable[[str, str], bool] = lambda repo, digest: False,
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._may_run = may_run
        self.ports = PortBlocks()

    def prepare(self, job: Job, files: Files) -> Worktree:
        """The worktree of this attempt; the existing one when the attempt starts again. Blocks.

        Raises NoWorktree.
        """
        repo = self._settings.repos.get(job.repo)
        if repo is None:
            known = ", ".join(sorted(self._settings.repos)) or "none"
            raise NoWorktree(f"repository {job.repo!r} is not in [workspace.repos] here; known: {known}")
        if files.user is not None:
            raise NoWorktree("goals that run as another user cannot have a worktree; unset [adapters] run_as")
        try:
            return self._prepare(job, files, repo)
        except (GitFailed, OSError) as error:
            raise NoWorktree(f"repository {repo.name!r}: {error}") from None

    def _prepare(self, job: Job, files: Files, repo: Repo) -> Worktree:
        main = Repository.find(repo.path)
        name = name_of(job.work, job.attempt)
        root = Path(self._settings.root).expanduser() if self._settings.root else main.top.parent
        path, branch = root / f"{main.top.name}-{name}", f"task/{name}"
        known = read_record(record_path(files))
        if path.exists() or path.is_symlink():
            if known is None or (known.path, known.common) != (str(path), str(main.common)):
                raise GitFailed(
                    f"{path} exists already and was not made for this attempt (perhaps another fleet made it)"
                    "; give the task another alias, or remove the folder: git worktree remove"
                )
            _check_out(main, known)
            swap_back(path, files.gate_kept)
            # The goal runs again, and may leave something else.
            known = replace(known, tip="", sealed="", ports=self._ports(repo, job, known.ports))
            _remember(record_path(files), known)
            return known
        common, begun = str(main.common), _begun(main, known, path, branch)
        base = begun or main.commit(repo.base)
        for what, words in (("gate", repo.gate), ("setup", repo.setup), ("teardown", repo.teardown)):
            self._allowed(main, repo, base, what, words)  # now, and not when the goal has spent its money
        check_copied(main.top, repo.copy)
        made = Worktree(
            repo.name, str(path), branch, base, job.child_thread, job.work, job.attempt, repo.copy, common,
            blobs_of(main, base, repo.copy), ports=self._ports(repo, job),
        )  # fmt: skip
        root.mkdir(parents=True, exist_ok=True)
        _remember(record_path(files), made)
        try:
            add_on_branch(main, path, branch, made.base, again=bool(begun))
        except GitFailed:
            record_path(files).unlink(
                missing_ok=True
            )  # another fleet may have made one just now: it belongs to that
            raise
        _check_out(main, made)
        return made

    def _ports(self, repo: Repo, job: Job, before: int = 0) -> int:
        """The first port of this attempt's own; 0 when its repository wants none."""
        try:
            return self.ports.take(_attempt_of(job), repo.ports, before) if repo.ports else 0
        except NoPorts as error:
            raise GitFailed(str(error)) from None

    def hold_ports(self, worktree: Worktree, job: Job) -> None:
        """An attempt that began under an earlier daemon has its ports."""
        repo = self._settings.repos.get(worktree.repo)
        if worktree.ports and repo is not None and repo.ports:
            self.ports.hold(_attempt_of(job), worktree.ports, repo.ports)

    def release_ports(self, job: Job) -> None:
        """The attempt runs no more."""
        self.ports.release(_attempt_of(job))

    def command(self, name: str, what: What) -> tuple[str, ...]:
        """A command of a repository; empty if it has none."""
        repo = self._settings.repos.get(name)
        if repo is None:
            return ()
        return {"gate": repo.gate, "setup": repo.setup, "teardown": repo.teardown}[what]

    def command_files(self, worktree: Worktree, what: What) -> CommandFiles:
        """The files that a command runs: those of the commit that the attempt began at. Blocks.

        Raises GitFailed, also when no operator has allowed them.
        """
        repo = self._settings.repos.get(worktree.repo)
        if repo is None:
            return CommandFiles(worktree.base)
        words = self.command(worktree.repo, what)
        return self._allowed(worktree.repository(), repo, worktree.base, what, words)

    def _allowed(
        self, repository: Repository, repo: Repo, base: str, what: str, words: Sequence[str]
    ) -> CommandFiles:
        named = repo.gate_files if what == "gate" else None
        files = command_files(repository, words, base, named) if words else CommandFiles(base)
        if files.digest and not self._may_run(repo.name, files.digest):
            raise GitFailed(not_allowed(what, repo.name, files))
        return files

    def seal(self, worktree: Worktree, files: Files, job: Job) -> Worktree:
        """Commit the goal's work before its gate runs, so that nothing the gate writes is committed. Blocks.

        No branch points to the commit until `settle`. It is stored, for a daemon that is restarted meanwhile.

        Raises GitFailed, Leak, OSError.
        """
        if worktree.sealed:
            return worktree
        repository = worktree.repository()
        tip = repository.commit()
        made = replace(worktree, tip=tip, sealed=self._made(repository, worktree, job, tip, commits=True))
        _remember(record_path(files), made)
        return made

    def settle(self, worktree: Worktree, outcome: Outcome, job: Job) -> Outcome:
        """Commit what a successful goal left, and report the state of its worktree. Blocks.

        A commit that contains a secret's value or a copied file fails the run.
        """
        accepted = outcome.verdict == ACCEPT
        try:
            repository = worktree.repository()
            tip = repository.commit()
            try:
                new = worktree.sealed or self._made(repository, worktree, job, tip, commits=accepted)
            except Leak as leak:
                outcome, new = leaked(outcome, leak), tip
            if accepted and worktree.sealed and worktree.tip != tip:
                raise GitFailed("its branch has moved while its gate ran")
            if outcome.verdict == ACCEPT and new != tip:
                self._publish(repository, worktree, new, tip)
                tip = new
            return replace(outcome, worktree=_left(repository, worktree, tip))
        except GitFailed as error:
            told = {"path": worktree.path, "branch": worktree.branch, "problem": str(error)}
            if not accepted:
                return replace(outcome, worktree=told)
            return replace(not_committed(outcome, error), worktree=told)

    def _made(self, repository: Repository, worktree: Worktree, job: Job, tip: str, *, commits: bool) -> str:
        """A commit of the current files that no branch points to yet; `tip` if there is nothing to commit.

        Raises GitFailed, Leak.
        """
        commits = commits and self._settings.commit and repository.branch() == worktree.branch
        if commits and repository.run("ls-files", "--unmerged"):
            raise GitFailed("a merge in it is not finished")
        if commits and any(one.startswith("S ") for one in repository.run("ls-files", "-t").split("\n")):
            raise GitFailed("it is sparse, and what it leaves out would be committed as deleted")
        with repository.scratch(tip, exclude=worktree.copied) as scratch:
            new = self._commit(scratch, tip, worktree, job) if commits else tip
            looked_at = _tree_of(scratch, new)
            if found := self._leaks(scratch, worktree, new):
                raise Leak(found)
        if new == tip:
            return tip
        with repository.scratch(tip, keep=True, exclude=worktree.copied) as scratch:
            kept = self._commit(scratch, tip, worktree, job)
            if _tree_of(scratch, kept) != looked_at:
                raise GitFailed("its files changed while they were committed")
        return kept

    def _publish(self, repository: Repository, worktree: Worktree, new: str, tip: str) -> None:
        name = f"refs/heads/{worktree.branch}"
        repository.run("update-ref", "--no-deref", "-m", "syncropel: task done", name, new, tip)
        try:
            with repository.scratch(new, index=repository.git_dir / "index") as scratch:
                scratch.run("read-tree", new)
        except GitFailed as error:  # a lock that the goal left: the commit stands anyway
            log.warning("%s: its index is not as its commit: %s", worktree.path, error)

    def _commit(self, scratch: Scratch, tip: str, worktree: Worktree, job: Job) -> str:
        """A commit of the files as they are, or the tip when they match it."""
        tree = scratch.tree(worktree.copied, worktree.base)
        if tree == _tree_of(scratch, tip):
            return tip
        name, _, address = self._settings.author.removesuffix(">").partition(" <")
        who = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER")
               for part, value in (("NAME", name), ("EMAIL", address))}  # fmt: skip
        first = (job.goal.strip().splitlines() or ["work"])[0]
        subject = first if len(first) <= 72 else f"{first[:71]}…"
        trailers = f"Syncropel-Task: {worktree.work}\nSyncropel-Attempt: {worktree.attempt}\n"
        session = job.remains.agent.get("session") if job.remains.agent else None
        if isinstance(session, str) and session:
            trailers += f"Syncropel-Session: {session}\n"
        text = f"{subject}\n\n{trailers}".encode()
        named = Scratch({**scratch.environment, **who})
        made = named.run("commit-tree", tree, "-p", tip, "-F", "-", text=text)
        return made.decode().strip()

    def _leaks(self, scratch: Scratch, worktree: Worktree, tip: str) -> str:
        """What the commits since its base contain that they must not, in words without the value."""
        secrets = {name: one for name, one in self._secrets().items() if len(one) >= SHORTEST_SECRET}
        if tip == worktree.base or not (secrets or worktree.copied):
            return ""
        since = f"{worktree.base}..{tip}"
        names = scratch.run("log", "--format=", "--name-only", "-m", "--no-renames", "-z", since).split(b"\0")
        for path in worktree.copied:
            if path.encode() in [name.strip(b"\n") for name in names]:
                return f"a commit holds {path}, which was copied into the worktree"
        new = scratch.new_objects(worktree.base, tip)
        if not set(worktree.blobs).isdisjoint(new):
            return "a commit holds a copied file under another name"
        name = scratch.find(new, {name: value.encode() for name, value in secrets.items()})
        return f"a commit holds the value of the secret {name}" if name else ""


def _attempt_of(job: Job) -> str:
    return f"{job.child_thread} {job.attempt}"


def leaked(outcome: Outcome, leak: Leak) -> Outcome:
    """The outcome of a run whose commits contain a secret or a copied file."""
    told = f"{outcome.summary}\nnot accepted: {leak}; nothing was committed for it".strip()
    return replace(outcome, verdict="failed", summary=told, reason=LEAK)


def not_committed(outcome: Outcome, error: Exception) -> Outcome:
    """The outcome of a run whose work cannot be committed."""
    summary = f"{outcome.summary}\nits work could not be committed: {error}".strip()
    return replace(outcome, verdict="failed", summary=summary, reason="not_committed")


def _tree_of(scratch: Scratch, commit: str) -> str:
    return scratch.run("rev-parse", f"{commit}^{{tree}}").decode().strip()


def _left(repository: Repository, worktree: Worktree, tip: str) -> dict[str, Any]:
    """`path, branch, commit, subject, commits_ahead, uncommitted`, as for any worktree; and `base, files,
    insertions, deletions` of everything that differs from the base, committed or not.
    """
    with repository.scratch(tip, exclude=worktree.copied) as scratch:
        tree = scratch.tree(worktree.copied, worktree.base)
        changed = scratch.run("diff", "--name-only", *PLAIN_DIFF, "--no-renames", "-z", tip, tree)
        stat = scratch.run("diff", "--numstat", *PLAIN_DIFF, "--no-renames", worktree.base, tree)
    rows = [line.split(b"\t") for line in stat.splitlines()]
    branch = repository.branch()
    return {
        "path": worktree.path,
        "branch": branch and recordable_text(branch),
        "commit": tip,
        "subject": subject_of(repository, tip),
        "commits_ahead": int(repository.run("rev-list", "--count", f"{worktree.base}..{tip}")),
        "uncommitted": sum(1 for one in changed.split(b"\0") if one),
        "base": worktree.base,
        "files": len(rows),
        "insertions": sum(int(row[0]) for row in rows if row[0].isdigit()),
        "deletions": sum(int(row[1]) for row in rows if row[1].isdigit()),
    }
