"""Control groups: the decisions on a file system that only looks like one, and the real thing."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from syncropel.supervisor.cgroup import Cgroup, _own_cgroup
from tests.supervisor.test_escapes import ESCAPES, LIMIT_SECS, Bench, alive, bench

__all__ = ["bench"]

V2 = "30 24 0:26 / {mount} rw,relatime - cgroup2 cgroup2 rw\n"
V1 = "31 24 0:27 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n"


def proc(folder: Path, own: str | None, mounts: str | None) -> str:
    """A `/proc/self` that says these things."""
    folder.mkdir()
    for name, text in (("cgroup", own), ("mountinfo", mounts)):
        if text is not None:
            (folder / name).write_text(text)
    return str(folder)


@pytest.mark.parametrize(
    ("own", "mounts", "expected"),
    [
        ("0::/\n", V2, "{mount}"),
        ("0::/user.slice/a.scope\n", V2, "{mount}/user.slice/a.scope"),
        ("9:name=systemd:/x\n8:pids:/y\n0::/z\n", V1 + V2, "{mount}/z"),
        ("0::/z (deleted)\n", V2, "{mount}/z (deleted)"),
        ("9:name=systemd:/x\n8:pids:/y\n", V1 + V2, None),
        ("0::/z\n", V1, None),
        ("0::/z\n", "", None),
        ("", V2, None),
        (None, V2, None),
        ("0::/z\n", None, None),
    ],
)
def test_where_a_process_is(
    tmp_path: Path, own: str | None, mounts: str | None, expected: str | None
) -> None:
    mount = tmp_path / "unified"
    told = None if mounts is None else mounts.format(mount=mount)
    found = _own_cgroup(proc(tmp_path / "proc", own, told))
    assert found == (None if expected is None else expected.format(mount=mount))


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Path, str]]:
    """A control group file system that is a folder: what the kernel would put into a group is put there."""
    made, removed = os.mkdir, os.rmdir

    def begin(files: tuple[str, ...] = ("cgroup.kill", "cgroup.procs"), allowed: bool = True) -> Any:
        mount = tmp_path / "unified"
        mount.mkdir()

        def mkdir(path: str, *mode: int) -> None:
            if not allowed:
                raise PermissionError(path)
            made(path, *mode)
            for name in files:
                (Path(path) / name).touch()

        def rmdir(path: str) -> None:
            here = Path(path)
            busy = any((here / name).read_text() == "busy" for name in files)
            if busy or any(map(Path.is_dir, here.iterdir())):
                raise OSError("busy")
            for name in files:
                (Path(path) / name).unlink()
            removed(path)

        monkeypatch.setattr(os, "mkdir", mkdir)
        monkeypatch.setattr(os, "rmdir", rmdir)
        return mount, proc_beside(tmp_path, mount)

    def proc_beside(folder: Path, mount: Path) -> str:
        beside = folder / "proc"
        made(str(beside))
        (beside / "cgroup").write_text("0::/\n")
        (beside / "mountinfo").write_text(V2.format(mount=mount))
        return str(beside)

    return begin


def test_a_group_is_made_used_found_and_removed(kernel: Any) -> None:
    mount, own = kernel()
    group = Cgroup.make("ab12", own)
    assert group is not None
    assert group.take(77)
    assert group.kill()
    assert (mount / "spl-ab12" / "cgroup.procs").read_text() == "77"
    assert (mount / "spl-ab12" / "cgroup.kill").read_text() == "1"
    found = Cgroup.find("ab12", own)
    assert found is not None
    assert Cgroup.find("other", own) is None
    found.remove()
    assert list(mount.iterdir()) == []
    found.remove()  # twice does no harm
    assert Cgroup.find("ab12", own) is None
    assert not group.take(77)
    assert not group.kill()


def test_one_that_is_there_already_is_not_taken_for_ours(kernel: Any) -> None:
    _, own = kernel()
    assert Cgroup.make("ab12", own) is not None
    assert Cgroup.make("ab12", own) is None


def test_a_kernel_without_the_word_to_kill_leaves_no_group_behind(kernel: Any) -> None:
    mount, own = kernel(files=("cgroup.procs",))
    assert Cgroup.make("ab12", own) is None
    assert list(mount.iterdir()) == []


def test_without_the_right_to_make_one_there_is_none(kernel: Any) -> None:
    mount, own = kernel(allowed=False)
    assert Cgroup.make("ab12", own) is None
    assert list(mount.iterdir()) == []


def test_without_version_2_there_is_none(tmp_path: Path) -> None:
    own = proc(tmp_path / "proc", "8:pids:/y\n", V1)
    assert Cgroup.make("ab12", own) is None
    assert Cgroup.find("ab12", own) is None


def test_groups_that_a_goal_made_are_removed_too_and_a_busy_one_stays(kernel: Any) -> None:
    mount, own = kernel()
    group = Cgroup.make("ab12", own)
    assert group is not None
    for name in ("a", "a/b", "c"):
        os.mkdir(f"{mount}/spl-ab12/{name}")
    (mount / "spl-ab12" / "c" / "cgroup.procs").write_text("busy")
    group.remove()
    assert sorted(one.name for one in (mount / "spl-ab12").iterdir() if one.is_dir()) == ["c"]
    (mount / "spl-ab12" / "c" / "cgroup.procs").write_text("")
    group.remove()
    assert list(mount.iterdir()) == []


@pytest.fixture
def real() -> Iterator[Cgroup]:
    """A group that the kernel made."""
    group = Cgroup.make(f"test-{secrets.token_hex(4)}")
    if group is None:
        pytest.skip("no control group (version 2) can be made below this process's own")
    yield group
    group.kill()
    until(lambda: group.remove() or not os.path.exists(group._path))


def until(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT_SECS
    while not look():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.01)


def members(path: str) -> list[int]:
    """Who is in a group, and in those below it."""
    found = []
    for folder, _, _ in os.walk(path):
        found += [int(word) for word in (Path(folder) / "cgroup.procs").read_text().split()]
    return found


def test_one_word_kills_all_that_is_in_a_real_group(real: Cgroup, tmp_path: Path) -> None:
    """Whatever session, parent or handler it has; what is in a group below, and what is stopped, too."""
    below = f"mkdir {real._path}/below; sleep 701 & echo $! > {real._path}/below/cgroup.procs"
    stopped = "sleep 701 & kill -STOP $!"
    goal = "\n".join([*ESCAPES.values(), below, stopped, "echo > ready", "sleep 701"])
    gate = ["bash", "-c", f"read -r; {goal}"]
    with subprocess.Popen(gate, stdin=subprocess.PIPE, cwd=tmp_path, start_new_session=True) as root:
        assert root.stdin is not None
        assert real.take(root.pid)
        root.stdin.write(b"go\n")
        root.stdin.flush()
        until((tmp_path / "ready").exists)
        until(lambda: len((tmp_path / "pids").read_text().split()) == len(ESCAPES))
        escaped = [int(word) for word in (tmp_path / "pids").read_text().split()]
        inside = members(real._path)
        assert {root.pid, *escaped} <= set(inside)
        assert len(members(f"{real._path}/below")) == 1
        assert real.kill()
        assert root.wait(LIMIT_SECS) == -signal.SIGKILL
    until(lambda: alive(inside) == [])
    until(lambda: members(real._path) == [])
    real.remove()
    assert not os.path.exists(real._path)


def _path_of(run: str) -> Path:
    above = _own_cgroup("/proc/self")
    return Path(f"{above}/spl-{run}")


async def test_a_run_has_a_group_of_its_own_and_leaves_none(bench: Bench, real: Cgroup) -> None:
    running = bench.run("setsid sleep 701 & echo $! >> pids; echo > ready; sleep 701")
    await bench.has("ready")
    path = _path_of(bench.session["run"])
    inside = members(str(path))
    assert {bench.session["pid"], *bench.escaped()} <= set(inside)
    assert bench.session["supervisor"] not in inside
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert alive(inside) == []
    assert bench.remains.proven
    assert not path.exists()


async def test_what_a_killed_supervisor_leaves_is_ended_by_its_group(bench: Bench, real: Cgroup) -> None:
    """A process that cleared its environment and whose parent has ended bears no mark any more."""
    clean = "env -i setsid bash -c 'sleep 701 & echo $! >> pids' &"
    running = bench.run(f"{clean}\nuntil [ -s pids ]; do sleep 0.01; done; echo > ready; sleep 701")
    await bench.has("ready")
    path = _path_of(bench.session["run"])
    inside = members(str(path))
    assert set(bench.escaped()) <= set(inside)
    os.kill(bench.session["supervisor"], signal.SIGKILL)
    outcome = await running
    assert outcome.reason == "supervisor_killed"
    until(lambda: alive(inside) == [])
    bench.remains.forget()
    assert not path.exists()
