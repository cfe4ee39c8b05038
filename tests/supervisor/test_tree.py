"""The table of processes: read as the system shows it, and struck until nothing is left."""

from __future__ import annotations

import io
import os
import signal
import subprocess
from pathlib import Path

import pytest

from syncropel.supervisor import tree
from syncropel.supervisor.tree import Process, descendants, parse_ps, parse_stat, strike

STAT = "{pid} ({name}) {state} {parent} {group} {session} " + "0 " * 15 + "{started} 0 0"


def stat(pid: int = 7, name: str = "sleep", state: str = "S", started: str = "99") -> str:
    return STAT.format(pid=pid, name=name, state=state, parent=3, group=5, session=4, started=started)


def process(pid: int, parent: int, zombie: bool = False) -> Process:
    return Process(pid, parent, pid, pid, str(pid), zombie)


def table(*rows: Process) -> tree.Table:
    return {row.pid: row for row in rows}


@pytest.mark.parametrize("name", ["sleep", "", ") R 1 (", "a b", "7 (x) S 1 2 3"])
def test_a_line_of_the_table(name: str) -> None:
    found = parse_stat(stat(name=name))
    assert found is not None
    assert (found.pid, found.parent, found.group, found.session) == (7, 3, 5, 4)
    assert (found.started, found.zombie) == ("99", False)


@pytest.mark.parametrize(
    ("state", "zombie"), [("S", False), ("R", False), ("D", False), ("T", False), ("Z", True), ("X", True)]
)
def test_remains_are_told_apart(state: str, zombie: bool) -> None:
    found = parse_stat(stat(state=state))
    assert found is not None
    assert found.zombie is zombie


@pytest.mark.parametrize(
    "text", ["", "7", "7 (a) S", "x (a) S 1 2 3 " + "0 " * 20, "7 (a) S x 2 3 " + "0 " * 20]
)
def test_what_is_no_line(text: str) -> None:
    assert parse_stat(text) is None


def test_the_words_of_ps() -> None:
    text = (
        "    1     0     1      0 Ss   Mon Nov 23 10:00:00 2026\n"
        "   20     1    20     20 Z+   Mon Nov 23 10:00:01 2026\n"
        "   21    20    20    abc S    Mon Nov 23 10:00:02 2026\n"
        "nonsense\n"
        "   22    x    20    1 S    Mon Nov 23 10:00:02 2026\n"
    )
    found = parse_ps(text)
    assert sorted(found) == [1, 20, 21]
    assert (found[20].parent, found[20].group, found[20].session, found[20].zombie) == (1, 20, 20, True)
    assert (found[21].session, found[21].zombie) == (0, False)
    assert found[1].started == "Mon Nov 23 10:00:00 2026"


def test_where_there_is_no_proc_ps_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "   20     1    20     20 S    Mon Nov 23 10:00:01 2026\n"
    monkeypatch.setattr(tree, "LINUX", False)
    monkeypatch.setattr(os, "popen", lambda command: io.StringIO(text if command.startswith("ps -A") else ""))
    assert list(tree.look()) == [20]
    found = tree.look_at(20)
    assert found is not None
    assert found.started == "Mon Nov 23 10:00:01 2026"
    assert tree.look_at(21) is None


def test_where_a_process_has_no_handle_it_is_signalled_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    answers: list[type[OSError] | None] = [None, ProcessLookupError, PermissionError]

    def kill(pid: int, number: int) -> None:
        sent.append((pid, number))
        if (error := answers.pop(0)) is not None:
            raise error

    monkeypatch.setattr(tree, "LINUX", False)
    monkeypatch.setattr(os, "kill", kill)
    assert [tree.send(process(7, 1), signal.SIGTERM) for _ in range(3)] == [True, False, False]
    assert sent == [(7, signal.SIGTERM)] * 3


def test_everything_below_and_nothing_else() -> None:
    rows = [process(1, 0), process(2, 1), process(3, 2), process(5, 4), process(9, 8)]
    found = descendants(table(*rows, process(4, 1, zombie=True)), 1)
    assert sorted(one.pid for one in found) == [2, 3, 5]


def test_a_circle_in_the_table_ends() -> None:
    found = descendants(table(process(1, 3), process(2, 1), process(3, 2)), 1)
    assert sorted(one.pid for one in found) == [2, 3]


def test_nobody_is_below_one_that_is_not_there() -> None:
    assert descendants(table(process(2, 1)), 7) == []


@pytest.mark.parametrize(
    ("mask", "number", "expected"),
    [
        ("0000000000000002", signal.SIGINT, True),
        ("0000000000000001", signal.SIGHUP, True),
        ("0000000000000004", signal.SIGINT, False),
        ("0000000000004000", signal.SIGTERM, True),
        ("0000000000000000", signal.SIGINT, False),
        ("xyz", signal.SIGINT, False),
        ("", signal.SIGINT, False),
    ],
)
def test_who_catches_a_signal(mask: str, number: int, expected: bool) -> None:
    assert tree.catches(f"Name:\tx\nSigIgn:\tffffffffffffffff\nSigCgt:\t{mask}\n", number) is expected


def test_a_status_that_says_nothing_of_signals() -> None:
    assert not tree.catches("Name:\tx\n", signal.SIGINT)


@pytest.mark.parametrize(
    ("name", "expected"), [("bash", True), ("sh", True), ("python3", False), ("bashful", False)]
)
def test_who_is_a_shell(name: str, expected: bool) -> None:
    assert tree.is_shell(f"Name:\t{name}\nUmask:\t0022\n") is expected


def test_files_of_the_system_that_are_not_there(tmp_path: Path) -> None:
    proc = str(tmp_path)
    assert tree.look_at(7, proc) is None
    assert tree.status_of(7, proc) == ""
    assert tree.arguments(7, proc) == []
    assert not tree.is_marked(7, "A=1", proc)
    assert tree.look(proc) == {}


def test_files_of_the_system(tmp_path: Path) -> None:
    for name in ("7", "8", "self"):
        (tmp_path / name).mkdir()
    (tmp_path / "7" / "stat").write_text(stat())
    (tmp_path / "7" / "status").write_text("Name:\tsleep\n")
    (tmp_path / "7" / "cmdline").write_bytes(b"sleep\0" + b"701\0")
    (tmp_path / "7" / "environ").write_bytes(b"A=1\0SPL_RUN=abc\0")
    proc = str(tmp_path)
    assert list(tree.look(proc)) == [7]
    assert tree.status_of(7, proc) == "Name:\tsleep\n"
    assert tree.arguments(7, proc) == ["sleep", "701"]
    assert tree.is_marked(7, "SPL_RUN=abc", proc)
    assert not tree.is_marked(7, "SPL_RUN=ab", proc)


class Bomb:
    """Processes that start another whenever they are looked at, until they are stopped."""

    def __init__(self, most: int) -> None:
        self.now = {1: process(1, 0)}
        self.stopped: set[int] = set()
        self.sent: list[tuple[int, int]] = []
        self._most = most

    def below(self) -> list[Process]:
        seen = list(self.now.values())
        for one in seen:
            if one.pid not in self.stopped and len(self.now) < self._most:
                pid = len(self.now) + 1
                self.now[pid] = process(pid, one.pid)
        return seen

    def send(self, one: Process, number: int) -> bool:
        self.sent.append((one.pid, number))
        if number == signal.SIGSTOP:
            self.stopped.add(one.pid)
        return True


def test_all_are_stopped_before_one_is_killed() -> None:
    bomb = Bomb(40)
    assert strike(bomb.below, bomb.send) == 40
    numbers = [number for _, number in bomb.sent]
    assert numbers == [signal.SIGSTOP] * 40 + [signal.SIGKILL] * 40
    assert {pid for pid, number in bomb.sent if number == signal.SIGKILL} == set(bomb.now)


def test_a_bomb_that_outruns_every_look_is_killed_all_the_same() -> None:
    bomb = Bomb(10**6)
    bomb.stopped = set()
    struck = strike(bomb.below, lambda one, number: bomb.sent.append((one.pid, number)) is None)
    assert struck >= 100
    assert [number for _, number in bomb.sent].count(signal.SIGKILL) == struck


def test_nobody_is_struck_where_nobody_is() -> None:
    assert strike(list, lambda one, number: pytest.fail("somebody was")) == 0


def test_a_signal_reaches_that_process_and_no_other_with_its_number() -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        one = tree.look_at(child.pid)
        assert one is not None
        assert tree.runs(one)
        other = Process(one.pid, one.parent, one.group, one.session, "0", False)
        assert not tree.runs(other)
        assert not tree.send(other, signal.SIGKILL)
        assert child.poll() is None
        assert tree.send(one, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        assert not tree.send(one, signal.SIGKILL)
        assert not tree.runs(one)
    finally:
        child.kill()
        child.wait()


def test_this_process_is_in_the_table_below_its_parent() -> None:
    found = tree.look()
    assert found[os.getpid()].parent == os.getppid()
    assert os.getpid() in {one.pid for one in descendants(found, os.getppid())}


def test_a_process_and_those_above_it() -> None:
    rows = table(process(9, 5), process(5, 1), process(1, 0), process(6, 1))
    assert [one.pid for one in tree.lineage(9, rows.get, lambda pid: False)] == [9, 5, 1]
    assert tree.lineage(8, rows.get, lambda pid: False) == []
    assert [one.pid for one in tree.lineage(os.getpid())][:2] == [os.getpid(), os.getppid()]


@pytest.mark.parametrize("hidden", [True, False])
def test_one_above_that_is_not_to_be_seen(hidden: bool) -> None:
    """Hidden, it is another user's and the last; gone, nobody knows who was above it."""
    rows = table(process(9, 5), process(5, 4))
    found = tree.lineage(9, rows.get, {4: hidden}.__getitem__)
    assert [one.pid for one in found] == ([9, 5] if hidden else [])


def test_a_parent_that_ends_while_it_is_looked_is_looked_for_again() -> None:
    before, after = table(process(9, 5)), table(process(9, 1), process(1, 0))
    looks = iter([before, before, after, after])
    assert [one.pid for one in tree.lineage(9, lambda pid: next(looks).get(pid), lambda pid: False)] == [9, 1]


@pytest.mark.parametrize(
    ("answer", "hidden"), [(None, False), (ProcessLookupError, False), (PermissionError, True)]
)
def test_who_is_hidden(monkeypatch: pytest.MonkeyPatch, answer: type[OSError] | None, hidden: bool) -> None:
    def kill(pid: int, number: int) -> None:
        assert number == 0
        if answer is not None:
            raise answer

    monkeypatch.setattr(os, "kill", kill)
    assert tree._is_hidden(7) is hidden
