"""Setup before a goal, teardown after it, and ports of its own: in the worktree, supervised, and allowed."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncropel.adapters import Held, Job, Outcome
from syncropel.adapters.configured import ConfiguredProgram
from syncropel.adapters.contract import Place
from syncropel.adapters.ports import NoPorts, PortBlocks
from syncropel.adapters.workspace import Workspaces
from syncropel.folds.fanout.child import SESSION
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable
from syncropel.settings.workspace import Repo, WorkspaceSettings
from tests.adapters.test_program import until
from tests.git_repository import git


class Bench:
    """One daemon: an adapter that runs the goal as a script, in worktrees of one repository."""

    def __init__(self, folder: Path, *, allowed: bool = True, **entry: Any) -> None:
        self.folder = folder
        settings = WorkspaceSettings(repos={"app": Repo("app", folder / "project", **entry)})
        spaces = Workspaces(settings, may_run=lambda repo, digest: allowed)
        place = Place(folder / "work", folder / "run", Runtime(), workspaces=spaces)
        self.adapter = ConfiguredProgram(AdapterTable("mine", "exec", ("sh",)), place)
        self.seen: list[tuple[str, dict[str, Any]]] = []

    async def observe(self, kind: str, body: dict[str, Any]) -> None:
        self.seen.append((kind, body))

    async def run(self, goal: str, work: str = "T", **more: Any) -> Outcome:
        job = Job(f"th_{work}", goal, 1, more.pop("timeout", 60.0), repo="app", work=work, **more)
        return await self.adapter.run(job, self.observe)

    def tree(self, work: str = "T") -> Path:
        return self.folder / f"project-{work}"

    def left(self) -> list[str]:
        """Runs of commands that nobody has ended."""
        names = [one.name for one in (self.folder / "run").iterdir()]
        return [name for name in names if name.startswith(("setup-", "teardown-"))]


@pytest.fixture(autouse=True)
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "code.txt").write_text("one\n")
    (folder / "prepare.sh").write_text("echo prepared > ready\n")
    (folder / ".gitignore").write_text("ready\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Begin")
    return folder


def sh(text: str) -> tuple[str, ...]:
    return ("sh", "-c", text)


async def test_a_goal_finds_what_its_setup_made_and_its_teardown_what_it_left(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path,
        setup=sh("echo made > ready"),
        gate=sh("test -e left"),
        teardown=sh("cat ready left > ../seen; rm left"),
    )
    outcome = await bench.run("cat ready && echo left > left")
    assert (outcome.verdict, outcome.summary) == ("accept", "made")
    assert (tmp_path / "seen").read_text() == "made\nleft\n", "the teardown came last"
    assert git(tmp_path / "project", "ls-tree", "--name-only", "task/T").split() == [
        ".gitignore", "code.txt", "left", "prepare.sh",
    ]  # fmt: skip
    assert bench.left() == []


async def test_a_setup_that_fails_fails_the_attempt_and_its_goal_does_not_begin(tmp_path: Path) -> None:
    bench = Bench(tmp_path, setup=sh("echo no network; exit 3"), teardown=sh("touch ../torn"))
    outcome = await bench.run("touch ../ran")
    assert (outcome.verdict, outcome.reason) == ("failed", "setup_failed")
    assert outcome.summary.splitlines()[0].startswith("the setup failed (exit status 3): sh -c")
    assert outcome.summary.endswith("no network")
    assert not (tmp_path / "ran").exists()
    assert (tmp_path / "torn").exists()
    assert bench.seen == [], "nothing has begun"


async def test_a_teardown_runs_after_failures_too_and_its_own_changes_no_verdict(tmp_path: Path) -> None:
    bench = Bench(tmp_path, teardown=sh("touch ../torn; exit 1"))
    outcome = await bench.run("exit 5")
    assert (outcome.verdict, (tmp_path / "torn").exists()) == ("failed", True)
    outcome = await bench.run("echo fine", "U")
    assert outcome.verdict == "accept"
    assert outcome.summary.splitlines()[-1].startswith("its teardown did not pass: the teardown failed")


async def test_the_time_of_a_setup_counts_and_over_its_limit_it_is_ended(tmp_path: Path) -> None:
    bench = Bench(tmp_path, setup=sh("setsid sleep 600 & echo $! > ../pid; wait"))
    outcome = await bench.run("true", timeout=1.0)
    assert (outcome.verdict, outcome.reason) == ("failed", "setup_failed")
    assert "the setup is over its time limit of 1s" in outcome.summary
    pid = int((tmp_path / "pid").read_text())
    await until(lambda: not psutil.pid_exists(pid))


async def test_nothing_of_it_starts_under_a_freeze_and_what_is_ended_leaves_nothing(tmp_path: Path) -> None:
    async def frozen(run: Any) -> bool:
        return False

    bench = Bench(tmp_path, setup=sh("touch ../ran; echo $$ > ../pid; exec sleep 600"))
    with pytest.raises(Held):
        await bench.run("true", gate=frozen)
    assert not (tmp_path / "ran").exists()
    running = asyncio.ensure_future(bench.run("true"))
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
    assert bench.left() == []


@pytest.mark.parametrize("what", ["setup", "teardown"])
async def test_scripts_of_the_repository_have_to_be_allowed(tmp_path: Path, what: str) -> None:
    bench = Bench(tmp_path, allowed=False, **{what: ("sh", "prepare.sh")})
    outcome = await bench.run("touch ../ran")
    assert outcome.verdict == "failed"
    assert f"its {what} runs files of the repository that nobody has allowed: prepare.sh" in outcome.summary
    assert not (tmp_path / "ran").exists()


async def test_a_teardown_is_the_bases_whatever_the_goal_made_of_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, teardown=("sh", "prepare.sh"))
    outcome = await bench.run("echo 'touch ../cheated' > prepare.sh")
    assert outcome.verdict == "accept"
    assert (bench.tree() / "ready").exists()
    assert not (tmp_path / "cheated").exists()
    assert (bench.tree() / "prepare.sh").read_text() == "touch ../cheated\n", "it came back"


async def test_attempts_that_run_at_once_have_ports_of_their_own(tmp_path: Path) -> None:
    wait = "echo $SPL_PORT_BASE; until test -e ../go; do sleep 0.02; done"
    bench = Bench(
        tmp_path, ports=10, setup=sh("echo $SPL_PORT_BASE > ready"), gate=sh('test "$SPL_PORT_BASE"')
    )
    running = [asyncio.ensure_future(bench.run(wait, work)) for work in ("T", "U")]
    await until(lambda: len([one for one in bench.seen if one[0] == SESSION]) == 2)
    (tmp_path / "go").touch()
    outcomes = await asyncio.gather(*running)
    bases = [int(one.summary) for one in outcomes]
    assert [one.verdict for one in outcomes] == ["accept", "accept"]
    assert abs(bases[0] - bases[1]) >= 10
    assert (bench.tree("T") / "ready").read_text() == f"{bases[0]}\n"
    again = await bench.run("echo $SPL_PORT_BASE", "V")
    assert int(again.summary) in bases, "what ran before has given its block back"
    plain = await Bench(tmp_path).run("echo none:$SPL_PORT_BASE", "W")
    assert plain.summary == "none:"


def test_a_block_is_held_by_one_and_a_port_in_use_is_in_none() -> None:
    blocks = PortBlocks()
    first = blocks.take("a", 10)
    assert blocks.take("a", 10) == first
    with closing(socket.socket()) as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        assert not blocks._is_free(busy.getsockname()[1], 1)
    second = blocks.take("b", 10)
    assert second >= first + 10
    blocks.hold("c", second + 5, 10)  # of an earlier daemon, with other settings
    assert blocks.take("d", 10) >= second + 15
    blocks.release("a")
    assert blocks.take("e", 10, before=first) == first
    with pytest.raises(NoPorts):
        PortBlocks().take("a", 20_000)


@pytest.mark.parametrize("through", ["file", "folder"])
async def test_a_copy_never_leads_through_a_link_out_of_the_repository(
    tmp_path: Path, project: Path, through: str
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "key").write_text("a private key\n")
    if through == "file":
        (project / "key").symlink_to(tmp_path / "outside" / "key")
        copied = "key"
    else:
        (project / "conf").symlink_to(tmp_path / "outside")
        copied = "conf/key"
    outcome = await Bench(tmp_path, copy=(copied,)).run("true")
    assert outcome.verdict == "failed"
    assert "leads out of" in outcome.summary
    (tmp_path / "outside" / "key").unlink()


async def test_a_copy_is_not_written_through_a_link_of_the_base(tmp_path: Path, project: Path) -> None:
    (tmp_path / "outside").mkdir()
    (project / "conf").symlink_to(tmp_path / "outside")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "A link")
    (project / "conf").unlink()
    (project / "conf").mkdir()
    (project / "conf" / "env").write_text("A=1\n")
    outcome = await Bench(tmp_path, copy=("conf/env",)).run("true")
    assert "leads out of" in outcome.summary
    assert list((tmp_path / "outside").iterdir()) == []


async def test_a_goal_that_a_later_daemon_takes_over_keeps_its_ports(tmp_path: Path) -> None:
    first = Bench(tmp_path, ports=10)
    goal = "echo $SPL_PORT_BASE > ../base; until test -e ../go; do sleep 0.02; done; cat ../base"
    running = asyncio.ensure_future(first.run(goal))
    await until(lambda: (tmp_path / "base").exists() and (tmp_path / "base").read_text().strip())
    first.adapter.leave_running()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    after, session = Bench(tmp_path, ports=10), dict(first.seen)[SESSION]
    taken = (await after.adapter.take_back({session["run"]: session}))[session["run"]]
    job = Job("th_T", goal, 1, 60.0, repo="app", work="T")
    resumed = asyncio.ensure_future(after.adapter.resume(taken, job, after.observe))
    await until(lambda: bool(after.seen))
    base = (tmp_path / "base").read_text().strip()
    other = await after.run("echo $SPL_PORT_BASE", "U")
    assert other.summary != base
    (tmp_path / "go").touch()
    assert (await resumed).summary == base
    job.remains.forget()
    assert (await after.run("echo $SPL_PORT_BASE", "V")).summary == base, "it has given them back"
