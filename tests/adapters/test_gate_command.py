"""The gate command of a repository: what it accepts, what it rejects, and who is left when it is ended."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncropel.adapters import Job, Outcome
from syncropel.adapters.configured import ConfiguredProgram
from syncropel.adapters.contract import Place
from syncropel.adapters.reading import OutputReader, PlainReader
from syncropel.adapters.supervised import Supervised
from syncropel.adapters.workspace import Workspaces
from syncropel.folds.fanout.child import GATE, REATTACHED, SESSION
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable
from syncropel.settings.workspace import Repo, WorkspaceSettings
from tests.adapters.test_program import until
from tests.git_repository import git
from tests.supervisor.test_escapes import alive

LIMIT_SECS = 60.0
SECRET = "a-secret-that-no-gate-may-see"


class Denied(PlainReader):
    """An agent that was denied a call, and says `done`."""

    def outcome(self, exit_code: int | None, signal: int | None, stderr_tail: str) -> Outcome:
        return Outcome("failed", "denied: Bash: done", reason="permission_denied", forgiven="done")


class DeniedProgram(ConfiguredProgram):
    def reader(self, job: Job) -> OutputReader:
        return Denied()


class Bench:
    """One daemon: an adapter for a program that runs the goal as a script, in worktrees of one repository."""

    def __init__(
        self, folder: Path, gate: Sequence[str], kind: type[ConfiguredProgram] = ConfiguredProgram
    ) -> None:
        self.folder = folder
        (folder / "secrets").mkdir(exist_ok=True)
        key = folder / "secrets" / "KEY"
        key.write_text(SECRET)
        key.chmod(0o600)
        settings = WorkspaceSettings(repos={"app": Repo("app", folder / "project", gate=tuple(gate))})
        place = Place(
            folder / "work",
            folder / "run",
            Runtime(),
            secrets=folder / "secrets",
            workspaces=Workspaces(settings, lambda: {"KEY": SECRET}, lambda repo, digest: True),
        )
        table = AdapterTable("mine", "exec", ("sh",), secrets=("KEY",), set={"TOLD": "the adapter"})
        self.adapter = kind(table, place)
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.job = Job("th_child", "", 1, LIMIT_SECS, repo="app", work="T-1")

    async def observe(self, kind: str, body: dict[str, Any]) -> None:
        self.seen.append((kind, body))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [body for one, body in self.seen if one == kind]

    async def run(self, goal: str, limit: float = LIMIT_SECS) -> Outcome:
        self.job = Job("th_child", goal, 1, limit, repo="app", work="T-1")
        return await self.adapter.run(self.job, self.observe)

    async def take(self, session: dict[str, Any]) -> Supervised | None:
        taken = await self.adapter.take_back({session["run"]: session})
        found: Supervised | None = taken.get(session["run"])
        return found

    @property
    def tree(self) -> Path:
        return self.folder / "project-T-1"

    @property
    def runs(self) -> list[str]:
        return sorted(one.name for one in (self.folder / "run").iterdir())

    def text(self, name: str) -> str:
        return (self.folder / "work" / "th_child" / name).read_text()


@pytest.fixture(autouse=True)
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "code.txt").write_text("one\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Begin")
    return folder


def gated(outcome: Outcome) -> dict[str, Any]:
    assert outcome.gate is not None
    return outcome.gate


async def test_a_gate_that_passes_accepts_what_the_goal_left_and_nothing_that_it_wrote(
    tmp_path: Path,
) -> None:
    script = "cat code.txt && echo looked > from-the-gate && echo broken >> code.txt && echo all is well"
    bench = Bench(tmp_path, ["sh", "-c", script])
    outcome = await bench.run("echo two >> code.txt; echo did it")
    assert (outcome.verdict, outcome.summary, outcome.reason) == ("accept", "did it", "")
    gate = gated(outcome)
    assert (gate["passed"], gate["exit_code"], gate["tail"]) == (True, 0, "one\ntwo\nall is well")
    assert git(tmp_path / "project", "show", "task/T-1:code.txt") == "one\ntwo"
    assert "from-the-gate" not in git(tmp_path / "project", "ls-tree", "--name-only", "task/T-1")
    assert outcome.worktree is not None
    assert (outcome.worktree["commits_ahead"], outcome.worktree["uncommitted"]) == (1, 2)
    assert bench.text("attempt-1.gate").startswith("gate: sh -c ")
    assert [body["command"] for body in bench.of(GATE)] == [["sh", "-c", script]]
    bench.job.remains.forget()
    assert bench.runs == []
    assert bench.job.remains.left == ()


async def test_a_gate_that_fails_rejects_and_nothing_is_committed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ["sh", "-c", "echo 3 tests failed; exit 7"])
    outcome = await bench.run("echo two >> code.txt")
    assert (outcome.verdict, outcome.reason) == ("reject", "gate_failed")
    assert outcome.summary.splitlines()[0].startswith("the gate failed (exit status 7): sh -c")
    assert outcome.summary.endswith("3 tests failed")
    assert (gated(outcome)["passed"], gated(outcome)["exit_code"]) == (False, 7)
    assert outcome.worktree is not None
    assert (outcome.worktree["commits_ahead"], outcome.worktree["uncommitted"]) == (0, 1)
    assert (bench.tree / "code.txt").read_text() == "one\ntwo\n"


async def test_only_a_goal_that_succeeded_goes_through_its_gate(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ["touch", "gated"])
    outcome = await bench.run("exit 3")
    assert (outcome.verdict, outcome.gate) == ("failed", None)
    assert not (bench.tree / "gated").exists()


@pytest.mark.parametrize(
    ("status", "verdict", "reason", "summary"),
    [(0, "accept", "", "done"), (1, "reject", "gate_failed", "the gate failed (exit status 1)")],
)
async def test_a_gate_decides_about_a_goal_that_was_only_denied_something(
    tmp_path: Path, status: int, verdict: str, reason: str, summary: str
) -> None:
    bench = Bench(tmp_path, ["sh", "-c", f"exit {status}"], DeniedProgram)
    outcome = await bench.run("echo two >> code.txt")
    assert (outcome.verdict, outcome.reason) == (verdict, reason)
    assert outcome.summary.startswith(summary)
    assert outcome.worktree is not None
    assert outcome.worktree["commits_ahead"] == (1 if verdict == "accept" else 0)


async def test_a_gate_is_given_no_secret_and_nothing_of_the_adapters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEPT_BACK", "by the daemon")
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    bench = Bench(tmp_path, [sys.executable, "-c", code])
    outcome = await bench.run('test -n "$KEY"')
    assert outcome.verdict == "accept"
    given = json.loads(bench.text("attempt-1.gate").splitlines()[1])
    assert given.keys().isdisjoint({"KEY", "TOLD", "KEPT_BACK", "SPL_COST_FILE"})
    assert SECRET not in given.values()


@pytest.mark.parametrize(
    ("words", "told"),
    [(["no-such-program-anywhere"], "cannot start the gate"), (["./code.txt"], "cannot start the gate")],
)
async def test_a_gate_that_cannot_be_run_accepts_nothing(tmp_path: Path, words: list[str], told: str) -> None:
    outcome = await Bench(tmp_path, words).run("echo two >> code.txt")
    assert (outcome.verdict, outcome.reason) == ("failed", "gate_failed")
    assert outcome.summary.startswith(told)


async def test_the_time_limit_of_the_attempt_is_the_gates_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ["sh", "-c", "trap 'exit 0' TERM INT; echo begun; while :; do sleep 0.1; done"])
    outcome = await bench.run("echo two >> code.txt", limit=2.0)
    assert (outcome.verdict, outcome.reason) == ("timeout", "")
    assert (gated(outcome)["passed"], gated(outcome)["ended"]) == (False, "timeout")
    assert outcome.worktree is not None
    assert outcome.worktree["commits_ahead"] == 0


async def test_a_secret_in_what_the_goal_left_fails_it_before_its_gate_runs(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ["touch", "gated"])
    outcome = await bench.run(f"echo {SECRET} > leak.txt")
    assert (outcome.reason, outcome.gate) == ("secret_in_commit", None)
    assert not (bench.tree / "gated").exists()


async def test_a_gate_that_commits_by_itself_has_nothing_accepted(tmp_path: Path) -> None:
    commit = "git -c user.name=x -c user.email=x@y commit -qam mine"
    outcome = await Bench(tmp_path, ["sh", "-c", commit]).run("echo two >> code.txt")
    assert (outcome.verdict, outcome.reason) == ("failed", "not_committed")
    assert "its branch has moved while its gate ran" in outcome.summary


async def test_what_is_ended_in_its_gate_leaves_nothing_running(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ["sh", "-c", "setsid sleep 600 & echo $! > pid; wait"])
    running = asyncio.ensure_future(bench.run("true"))
    await until(lambda: (bench.tree / "pid").exists() and (bench.tree / "pid").read_text().strip())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    pid = int((bench.tree / "pid").read_text())
    await until(lambda: not psutil.pid_exists(pid))
    assert bench.job.remains.left == ()
    bench.job.remains.forget()
    assert bench.runs == []


async def leave(bench: Bench, goal: str, path: Path) -> dict[str, Any]:
    """Run until the gate has written to this file, and be gone; gives the goal's session."""
    running = asyncio.ensure_future(bench.run(goal))
    await until(lambda: path.exists() and path.read_text())
    bench.adapter.leave_running()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.job.remains.settling
    return bench.of(SESSION)[0]


async def test_a_daemon_that_comes_back_goes_on_with_the_gate(tmp_path: Path) -> None:
    words = ["sh", "-c", "echo x >> starts; until test -e go; do sleep 0.05; done; exit 4"]
    first = Bench(tmp_path, words)
    session = await leave(first, "echo two >> code.txt; echo ran >> ../goals", first.tree / "starts")
    after = Bench(tmp_path, words)
    taken = await after.take(session)
    assert taken is not None
    assert taken.gate is not None
    (first.tree / "go").touch()
    outcome = await after.adapter.resume(taken, first.job, after.observe)
    assert (outcome.verdict, outcome.reason, gated(outcome)["exit_code"]) == ("reject", "gate_failed", 4)
    assert (first.tree / "starts").read_text() == "x\n", "neither gate nor goal ran again"
    assert (tmp_path / "goals").read_text() == "ran\n"
    assert [kind for kind, _ in after.seen] == [REATTACHED, GATE]
    first.job.remains.forget()
    assert after.runs == []


async def test_a_gate_that_was_killed_with_its_daemon_runs_anew_on_what_the_goal_left(tmp_path: Path) -> None:
    words = ["sh", "-c", "echo x >> starts; until test -e go; do sleep 0.05; done; cat code.txt"]
    first = Bench(tmp_path, words)
    session = await leave(first, "echo two >> code.txt; echo ran >> ../goals", first.tree / "starts")
    gate = first.of(GATE)[0]
    for pid in (gate["supervisor"], gate["pid"]):
        psutil.Process(pid).kill()
    await until(lambda: not alive([gate["supervisor"], gate["pid"]]))
    after = Bench(tmp_path, words)
    taken = await after.take(session)
    assert taken is not None
    assert taken.gate is None
    (first.tree / "go").touch()
    outcome = await after.adapter.resume(taken, first.job, after.observe)
    assert (outcome.verdict, gated(outcome)["tail"]) == ("accept", "one\ntwo")
    assert (first.tree / "starts").read_text() == "x\nx\n"
    assert (tmp_path / "goals").read_text() == "ran\n"
    assert git(tmp_path / "project", "ls-tree", "--name-only", "task/T-1") == "code.txt"


async def test_a_gate_that_the_config_names_no_more_is_ended(tmp_path: Path) -> None:
    words = ["sh", "-c", "echo $$ > pid; exec sleep 600"]
    first = Bench(tmp_path, words)
    session = await leave(first, "echo two >> code.txt", first.tree / "pid")
    after = Bench(tmp_path, ["true"])
    taken = await after.take(session)
    assert taken is not None
    outcome = await after.adapter.resume(taken, first.job, after.observe)
    assert (outcome.verdict, gated(outcome)["command"]) == ("accept", ["true"])
    assert not psutil.pid_exists(int((first.tree / "pid").read_text()))


async def test_the_gate_of_a_goal_that_runs_anew_is_ended(tmp_path: Path) -> None:
    first = Bench(tmp_path, ["sh", "-c", "echo $$ > pid; exec sleep 600"])
    await leave(first, "true", first.tree / "pid")
    assert await Bench(tmp_path, []).adapter.take_back({}) == {}
    assert not psutil.pid_exists(int((first.tree / "pid").read_text()))
    assert first.runs == []


async def test_no_process_of_a_gate_has_a_secret_in_its_variables_or_its_words(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ["sh", "-c", "sleep 600 & echo $! > pid; wait"])
    running = asyncio.ensure_future(bench.run("true"))
    await until(lambda: (bench.tree / "pid").exists() and (bench.tree / "pid").read_text().strip())
    supervisor = psutil.Process(bench.of(GATE)[0]["supervisor"])
    family = [supervisor, *supervisor.children(recursive=True)]
    assert len(family) >= 3
    for one in family:
        assert SECRET not in one.environ().values()
        assert SECRET not in " ".join(one.cmdline())
    assert SECRET not in json.dumps(bench.seen)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
