"""Goals in a sandbox: what a hostile one can do, what an honest one can still do, and how it ends."""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncropel.adapters import BashAdapter, Job, Outcome, Remains
from syncropel.adapters.agent_types import CLAUDE
from syncropel.adapters.contract import Place
from syncropel.adapters.sandbox import Inside, Sandbox
from syncropel.adapters.sandbox_view import link_to, places_of
from syncropel.adapters.workspace import Workspaces
from syncropel.errors import SetupError
from syncropel.folds.fanout.child import SESSION, STREAM_EVENT
from syncropel.listening.callers import Callers
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable
from syncropel.settings.workspace import Repo, WorkspaceSettings
from tests.adapters.test_program import until
from tests.git_repository import git, new_project

WHY_NOT = Sandbox(Path("/nonexistent/home")).problem()
NEEDS_SANDBOX = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
COMMIT = "git -c user.name=Agent -c user.email=a@example.org commit -qam"


class Bench:
    """A daemon's home with a secret, and a repository beside it."""

    def __init__(self, folder: Path, gate: tuple[str, ...] = (), **sandbox: Any) -> None:
        self.home = folder / "home"
        (self.home / "secrets").mkdir(parents=True, exist_ok=True)
        (self.home / "secrets" / "key").write_text("stolen\n")
        project = folder / "project"
        self.project = project if project.exists() else new_project(project)
        repos = {"app": Repo("app", self.project, gate=gate)}
        self.adapter = BashAdapter(
            self.home / "work",
            None,
            Runtime(),
            sandbox=Sandbox(self.home, **sandbox),
            workspaces=Workspaces(WorkspaceSettings(repos=repos), may_run=lambda repo, digest: True),
        )
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.remains = Remains(proven=False)

    async def observe(self, kind: str, body: dict[str, Any]) -> None:
        self.seen.append((kind, body))

    def job(self, goal: str, work: str = "T", **more: Any) -> Job:
        return Job(f"th_{work}", goal, 1, 60.0, work=work, remains=self.remains, **more)

    async def run(self, goal: str, work: str = "T", **more: Any) -> Outcome:
        return await self.adapter.run(self.job(goal, work, **more), self.observe)

    def session(self) -> Mapping[str, Any]:
        return next(body for kind, body in self.seen if kind == SESSION)


def lines(outcome: Outcome) -> list[str]:
    assert outcome.output is not None, outcome
    return Path(outcome.output).read_text().splitlines()


@NEEDS_SANDBOX
async def test_a_hostile_goal_reaches_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    other = await bench.run("echo mine > a.txt", "other", repo="app")
    other_tree = tmp_path / "project-other"
    secret, outside = bench.home / "secrets" / "key", tmp_path / "outside"
    outside.mkdir()
    written = bench.home.joinpath("work", "th_other", "attempt-1.log")
    own = os.getpid()
    attacks = {
        "secret": f"cat {secret}",
        "linked": f"ln -s {secret} link; cat link",
        "output": f"cat {written}",
        "root": f"cat /proc/1/root{secret}",
        "daemon": f"kill -9 {own}",
        "supervisor": "kill -9 $PPID; sleep 0.1; kill -9 1; false",
        "proc": f"ls /proc/{own}",
        "tree": f"echo evil > {other_tree}/a.txt",
        "outside": f"echo evil > {outside}/file",
        "through": f"ln -s {outside} out; echo evil > out/file",
        "ssh": f"ls -a {Path.home()}/.ssh",
        "usr": "touch /usr/evil",
        "etc": "cat /etc/shadow",
        "kernel": "test -w /proc/sys/kernel/core_pattern || cat /proc/kcore",
        "mount": "mount -t tmpfs none /usr",
        "remount": "unshare -Urm sh -c 'mount -o remount,rw /usr && touch /usr/evil'",
        "uncover": f"unshare -Urm sh -c 'umount -l /tmp && cat {secret}'",
        "config": "git config user.name evil",
        "hook": "echo evil > $(git rev-parse --git-common-dir)/hooks/post-checkout",
        "lead": "echo evil > .git",
        "head": "rm $(git rev-parse --git-common-dir)/HEAD",
    }
    script = "".join(f"({attack}) 2>/dev/null && echo did {name}\n" for name, attack in attacks.items())
    goal = await bench.run(f"{script}setsid -f sleep 702\necho alive", repo="app")
    assert other.verdict == goal.verdict == "accept", goal.summary
    assert lines(goal) == ["alive"]
    assert (other_tree / "a.txt").read_text() == "mine\n"
    assert list(outside.iterdir()) == []
    assert git(bench.project, "rev-parse", "main") == git(bench.project, "rev-parse", "task/other~1")
    assert bench.session()["isolation"] == "sandbox"
    assert bench.remains.proven
    assert not [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", "702"]]


@NEEDS_SANDBOX
async def test_an_honest_goal_works_as_ever(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    goal = (
        f"echo 0.5 >> $SPL_COST_FILE; echo two >> a.txt; {COMMIT} 'Two'; git branch aside; echo new > b.txt;"
        " git add b.txt; git stash -q; git stash pop -q; echo 1 > /tmp/x; echo 2 > ~/kept; exit 0"
    )
    outcome = await bench.run(goal, repo="app")
    assert outcome.verdict == "accept", outcome.summary
    assert sum(body["cost_usd"] for kind, body in bench.seen if kind == STREAM_EVENT) == 0.5
    tree = tmp_path / "project-T"
    said = git(bench.project, "log", "--format=%an %s", "main..task/T").splitlines()
    assert said[1] == "Agent Two"
    assert git(tree, "status", "--porcelain") == ""
    assert git(bench.project, "branch", "--format=%(refname:short)").splitlines() == ["main", "task/T"]
    assert git(bench.project, "fsck", "--no-dangling") == ""
    again = await bench.adapter.run(bench.job("cat ~/kept /tmp/x"), bench.observe)
    assert lines(again)[0] == "2"
    assert again.verdict == "failed"


@NEEDS_SANDBOX
async def test_what_a_goal_committed_is_there_when_it_fails(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    outcome = await bench.run(f"echo two >> a.txt; {COMMIT} Two; echo 3 > c; git add c; exit 7", repo="app")
    assert (outcome.verdict, outcome.exit and outcome.exit["exit_code"]) == ("failed", 7)
    assert git(bench.project, "log", "-1", "--format=%s", "task/T") == "Two"
    assert git(tmp_path / "project-T", "diff", "--cached", "--stat").startswith(" c")
    broken = await bench.run("rm -rf $(git rev-parse --git-common-dir)/objects/*", "U", repo="app")
    assert (broken.verdict, broken.reason) == ("failed", "not_committed")
    assert git(bench.project, "cat-file", "-t", "main") == "commit"


@NEEDS_SANDBOX
async def test_the_gate_is_contained_too(tmp_path: Path) -> None:
    # It runs code of the goal's: here, a.txt.
    gate = ("sh", "-c", 'cp a.txt /tmp/code; . /tmp/code; test -z "$(ls -A ~)"')
    bench = Bench(tmp_path, gate)
    attack = f"cat {bench.home}/secrets/key; touch {tmp_path}/project/evil"
    outcome = await bench.run(f"echo {shlex.quote(attack)} > a.txt; echo x > ~/x", repo="app")
    assert outcome.verdict == "accept", outcome.summary
    assert outcome.gate is not None
    assert "stolen" not in outcome.gate["tail"]
    assert not (tmp_path / "project" / "evil").exists()


@NEEDS_SANDBOX
async def test_a_script_of_the_repository_is_run_from_the_worktree(tmp_path: Path) -> None:
    bench = Bench(tmp_path, gate=("./check.sh",))
    (bench.project / "check.sh").write_text("#!/bin/sh\ntest -e answer\n")
    (bench.project / "check.sh").chmod(0o755)
    git(bench.project, "add", "check.sh")
    git(bench.project, "commit", "-qm", "check")
    passed = await bench.run("echo 42 > answer", work="T", repo="app")
    assert passed.verdict == "accept", passed.summary
    failed = await bench.run("true", work="U", repo="app")
    assert failed.reason == "gate_failed", failed.summary


@pytest.mark.parametrize("program", ["./check.sh", "bin/check", "../secret"])
def test_a_program_of_the_worktree_opens_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """Neither the file that is called so where the daemon runs, nor what a link in the worktree points to."""
    (tmp_path / "here" / "bin").mkdir(parents=True)
    for name in ("here/check.sh", "here/bin/check", "secret"):
        (tmp_path / name).write_text("secret\n")
    monkeypatch.chdir(tmp_path / "here")
    assert (places_of(program), link_to(program)) == ([], [])


@NEEDS_SANDBOX
async def test_a_goal_that_is_stopped_may_clean_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    goal = "trap 'echo cleaned > done; exit 4' TERM; touch begun; while :; do sleep 0.05; done"
    running = asyncio.ensure_future(bench.run(goal))
    cwd = bench.home / "work" / "th_T" / "cwd"
    await until((cwd / "begun").exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (cwd / "done").read_text() == "cleaned\n"
    assert bench.remains.proven


@NEEDS_SANDBOX
async def test_a_goal_outlives_its_daemon(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    tree = tmp_path / "project-T"
    goal = f"echo two >> a.txt; {COMMIT} Two; touch ready; until test -e go; do sleep 0.02; done; rm ready go"
    running = asyncio.ensure_future(bench.run(goal, repo="app"))
    await until((tree / "ready").exists)
    bench.adapter.leave_running()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert git(bench.project, "log", "-1", "--format=%s", "task/T") == "Begin"
    after = Bench(tmp_path)
    session = bench.session()
    taken = (await after.adapter.take_back({session["run"]: dict(session)}))[session["run"]]
    (tree / "go").touch()
    outcome = await after.adapter.resume(taken, after.job(goal, repo="app"), after.observe)
    assert (outcome.verdict, after.remains.proven) == ("accept", True), outcome.summary
    assert git(bench.project, "log", "-1", "--format=%s", "task/T") == "Two"


@NEEDS_SANDBOX
async def test_an_agent_has_its_login_and_nothing_else_of_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = tmp_path / "owner"
    (owner / ".claude").mkdir(parents=True)
    for name in (".credentials.json", "settings.json", "history.jsonl"):
        (owner / ".claude" / name).write_text("of its owner\n")
    (owner / "bin").mkdir()
    program = owner / "bin" / "claude"
    program.write_text(
        "#!/bin/sh\ncd ~/.claude; ls -A; echo renewed > .credentials.json; echo evil > settings.json\n"
        f"ls {owner}; ls {owner}/bin; rm -rf ~/.claude/*; ln -s {owner} planted\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("HOME", str(owner))
    home = tmp_path / "home"
    place = Place(home / "work", home / "run", Runtime(), sandbox=Sandbox(home))
    adapter = CLAUDE.make(AdapterTable("claude", command=(str(program),)), place)
    bench = Bench(tmp_path)
    outcome = await adapter.run(bench.job("work"), bench.observe)
    assert lines(outcome) == [".credentials.json", "settings.json", "bin", "claude"], outcome.summary
    assert (owner / ".claude" / ".credentials.json").read_text() == "renewed\n"
    assert (owner / ".claude" / "settings.json").read_text() == "of its owner\n"
    files = home / "work" / "th_T" / "home"
    (files / ".claude" / "settings.json").unlink()
    (files / ".claude" / "settings.json").symlink_to(tmp_path / "made")
    again = await adapter.run(bench.job("again"), bench.observe)
    assert lines(again)[:1] == [".credentials.json"]
    assert not (tmp_path / "made").exists()


@NEEDS_SANDBOX
async def test_its_calls_over_tcp_are_those_of_a_goal(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        stray = "env -i setsid bash -c 'echo x >&9; sleep 60; true'"
        goal = f"exec 9<>/dev/tcp/127.0.0.1/{port}; {stray} & exec 9>&-; wait"
        running = asyncio.ensure_future(bench.run(goal))
        connection, near = await asyncio.to_thread(server.accept)
        with connection:
            assert await asyncio.to_thread(connection.recv, 1) == b"x"  # from the one that keeps it
            who = await Callers().behind(near, connection.getsockname())
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert who is not None
    assert who.thread == "th_T"


@NEEDS_SANDBOX
async def test_without_a_network_nothing_is_reached(tmp_path: Path) -> None:
    bench = Bench(tmp_path, network=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        outcome = await bench.run(f"echo > /dev/tcp/127.0.0.1/{server.getsockname()[1]}")
    assert outcome.verdict == "failed"
    assert "Connection refused" in outcome.summary


async def test_nothing_runs_where_no_sandbox_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = await bench.run("touch ran", repo="app")
    assert outcome.verdict == "failed"
    assert outcome.summary.startswith('cannot start bash: isolation = "sandbox" needs bubblewrap')
    assert not (tmp_path / "project-T").exists()
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions' >&2; exit 1\n")
    fake.chmod(0o755)
    outcome = await bench.run("touch ran", repo="app")
    assert outcome.summary.startswith(
        "cannot start bash: no sandbox can be made here: bwrap: No permissions;"
    )
    monkeypatch.setattr("syncropel.adapters.sandbox.CHECK_SECS", 0.0)
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    outcome = await bench.run("touch ran", repo="app")
    assert "it is unknown whether a sandbox works here" in outcome.summary
    assert bench.seen == []


@pytest.mark.parametrize(
    ("key", "path", "told"),
    [
        ("read_only_paths", "{home}/secrets", "would open the home of this instance"),
        ("read_write_paths", "{above}", "would open the home of this instance"),
        ("cwd", "{above}", "would open the home of this instance"),
        ("read_only_paths", "here", "is not an absolute path"),
    ],
)
def test_no_path_of_the_config_opens_it(tmp_path: Path, key: str, path: str, told: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    text = path.format(home=home, above=tmp_path)
    table = AdapterTable("bash", **{key: text if key == "cwd" else (text,)})  # type: ignore[arg-type]
    with pytest.raises(SetupError, match=told):
        Sandbox.of(table, home)
    shown = Sandbox.of(AdapterTable("bash", read_only_paths=(str(tmp_path),)), home)
    if not WHY_NOT:
        words = shown.command(["ls", str(home)], Path("/"), Inside())
        assert subprocess.run(words, check=True, capture_output=True).stdout == b""
