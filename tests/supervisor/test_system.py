"""What a supervisor asks of the kernel: the words of each request, and what it makes of a refusal."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syncropel.supervisor import system, tree
from syncropel.supervisor.cgroup import Cgroup, _own_cgroup
from syncropel.supervisor.system import (
    adopt_orphans,
    die_with_parent,
    gain_nothing,
    name_process,
    write_durably,
)


class Kernel:
    """Remembers what it was asked by `prctl`, and answers with this."""

    def __init__(self, answer: int) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, ...]] = []

    def prctl(self, *words: Any) -> int:
        self.asked.append(tuple(word.value for word in words[1:]))
        self.asked[-1] = (words[0], *self.asked[-1])
        return self.answer


REQUESTS: list[tuple[Callable[[], bool], int, int | bytes]] = [
    (adopt_orphans, 36, 1),
    (lambda: name_process("spl-x"), 15, b"spl-x"),
    (die_with_parent, 1, signal.SIGKILL),
    (gain_nothing, 38, 1),
]
"""The numbers of <linux/prctl.h>."""


@pytest.mark.parametrize(("request_", "option", "value"), REQUESTS)
def test_what_the_kernel_is_asked(
    monkeypatch: pytest.MonkeyPatch, request_: Callable[[], bool], option: int, value: int | bytes
) -> None:
    for answer, done in ((0, True), (-1, False)):
        kernel = Kernel(answer)
        monkeypatch.setattr("ctypes.CDLL", lambda *_, kernel=kernel, **__: kernel)
        assert request_() is done
        assert kernel.asked == [(option, value, 0, 0, 0)]
    monkeypatch.setattr(system, "LINUX", False)
    assert request_() is False
    assert len(kernel.asked) == 1


@pytest.mark.skipif(not tree.LINUX, reason="names are Linux's")
def test_a_process_takes_a_name() -> None:
    comm = Path(f"/proc/self/task/{os.getpid()}/comm")
    before = comm.read_text().strip()
    try:
        assert name_process("spl-test")
        assert comm.read_text() == "spl-test\n"
    finally:
        name_process(before)


MOUNTS = (
    "22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
    "29 22 0:26 / /sys/other rw shared:9 - cgroup cgroup rw,cpu\n"
    "30 22 0:26 / {mount} rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
)


def proc(folder: Path, cgroup: str | None, mounts: str | None = MOUNTS) -> str:
    """A `/proc/self` that says this; the control groups are in `folder / "groups"`."""
    (folder / "groups").mkdir(exist_ok=True)
    if cgroup is not None:
        (folder / "cgroup").write_text(cgroup)
    if mounts is not None:
        (folder / "mountinfo").write_text(mounts.format(mount=folder / "groups"))
    return str(folder)


@pytest.mark.parametrize(
    ("cgroup", "found"),
    [
        ("0::/\n", ""),
        ("0::/user.slice/x\n", "/user.slice/x"),
        ("1:name=systemd:/a\n0::/b\n", "/b"),
        ("12:cpu:/a\n", None),
        ("", None),
        (None, None),
    ],
)
def test_which_control_group_is_our_own(tmp_path: Path, cgroup: str | None, found: str | None) -> None:
    own = _own_cgroup(proc(tmp_path, cgroup))
    assert own == (None if found is None else f"{tmp_path}/groups{found}")


@pytest.mark.parametrize("mounts", [None, "", MOUNTS.replace("- cgroup2 ", "- cgroup ")])
def test_without_the_second_version_there_is_none(tmp_path: Path, mounts: str | None) -> None:
    assert _own_cgroup(proc(tmp_path, "0::/\n", mounts)) is None
    assert Cgroup.make("x", str(tmp_path)) is None


def test_a_group_that_cannot_be_killed_is_not_kept(tmp_path: Path) -> None:
    """So it is with kernels before 5.14; here a plain folder stands for it."""
    assert Cgroup.make("x", proc(tmp_path, "0::/\n")) is None
    assert list((tmp_path / "groups").iterdir()) == []


def test_where_no_group_can_be_made_there_is_none(tmp_path: Path) -> None:
    assert Cgroup.make("x", proc(tmp_path, "0::/not-there\n")) is None


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Cgroup, Path]:
    """A control group, and the folder that stands for it."""

    def mkdir(path: str) -> None:
        real(path)
        (Path(path) / "cgroup.kill").touch()

    own, real = proc(tmp_path, "0::/\n"), os.mkdir
    with monkeypatch.context() as patch:
        patch.setattr(os, "mkdir", mkdir)
        made = Cgroup.make("x", own)
    assert made is not None
    return made, tmp_path / "groups" / "spl-x"


def test_a_group_takes_and_kills(group: tuple[Cgroup, Path]) -> None:
    made, folder = group
    assert made.take(77)
    assert (folder / "cgroup.procs").read_text() == "77"
    assert made.kill()
    assert (folder / "cgroup.kill").read_text() == "1"
    made.remove()
    assert folder.exists(), "somebody is in it"


def test_a_group_that_is_gone_takes_nobody(group: tuple[Cgroup, Path]) -> None:
    made, folder = group
    (folder / "cgroup.kill").unlink()
    made.remove()
    assert not folder.exists()
    made.remove()
    assert not made.take(77)
    assert not made.kill()


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "status.json"
    path.write_text("old")
    steps: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        steps.append(("fsync", os.readlink(f"/proc/self/fd/{descriptor}")))
        assert path.read_text() == ("old" if len(steps) == 1 else "new é"), "whole, or not at all"
        if len(steps) == 1:
            assert (tmp_path / "status.json.new").read_text(encoding="utf-8") == "new é"
        fsync(descriptor)

    def replaced(source: str, target: str) -> None:
        steps.append(("replace", target))
        replace(source, target)

    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    write_durably(str(path), "new é")
    assert steps == [("fsync", f"{path}.new"), ("replace", str(path)), ("fsync", str(tmp_path))]
    assert [one.name for one in tmp_path.iterdir()] == ["status.json"]
    assert len(os.listdir("/proc/self/fd")) == before, "everything is closed again"


def test_a_disk_that_refuses_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        write_durably(str(tmp_path / "none" / "status.json"), "x")
