"""Below whom a process runs, told from tables that lie, change and hide, and from the one of this system."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.supervisor.system import name_process
from syncropel.system import ancestry
from syncropel.system.ancestry import DAEMON, SUPERVISOR, Process, ProcFiles, PsutilTable, Unreadable


class Paper:
    """A table on paper. `then`: what a process is from the second look on."""

    def __init__(self, *processes: Process) -> None:
        self.processes = {one.pid: one for one in processes}
        self.then: dict[int, Process | None] = {}
        self.environs: dict[int, bytes | None] = {}
        self.hidden: set[int] = set()
        self.looks = 0

    def look(self, pid: int) -> Process | None:
        self.looks += 1
        if pid in self.hidden:
            raise Unreadable(f"PID {pid} is hidden")
        found = self.processes.get(pid)
        if pid in self.then:
            self.processes[pid] = self.then.pop(pid)  # type: ignore[assignment]
        return found

    def environ(self, pid: int) -> bytes | None:
        return self.environs.get(pid, b"")


INIT = Process(1, 0, "init", 0)
SHELL = Process(50, 1, "bash", 10)
CALLER = Process(60, 50, "spl", 20)


def table(*names: str) -> Paper:
    """A line of processes from init down, of which the last one calls, as PID 100 + its place."""
    line = [INIT]
    for place, name in enumerate(names):
        line.append(Process(100 + place, line[-1].pid, name, float(place + 1)))
    return Paper(*line)


def kept(*names: str) -> str | None:
    paper = table(*names)
    found = ancestry.keeper(ancestry.lineage(99 + len(names), paper))
    return found.name if found else None


@pytest.mark.parametrize(
    ("line", "kept_by"),
    [
        (["bash", "spl"], None),
        (["systemd", "sshd", "bash", "tmux", "bash", "spl"], None),
        ([DAEMON, "bash", "spl"], DAEMON),
        ([DAEMON, SUPERVISOR, "bash", "spl"], SUPERVISOR),
        ([SUPERVISOR, "spl"], SUPERVISOR),
        (["bash", "spl", DAEMON, SUPERVISOR, "bash", "agent", "bash", "python", "spl"], SUPERVISOR),
        ([SUPERVISOR, "bash", DAEMON, "bash"], DAEMON),
        (["bash", SUPERVISOR], SUPERVISOR),
        (["bash", DAEMON], None),
        ([DAEMON, DAEMON], DAEMON),
        (["spl-daemons", "Spl-daemon", "spl-supervisor2", "spl"], None),
    ],
)
def test_who_runs_below_a_daemon_or_a_supervisor(line: list[str], kept_by: str | None) -> None:
    assert kept(*line) == kept_by


def test_a_lineage_ends_where_this_namespace_does() -> None:
    inside = Process(7, 0, "spl", 5)
    assert ancestry.lineage(7, Paper(inside)) == [inside]
    assert ancestry.lineage(60, Paper(INIT, SHELL, CALLER)) == [CALLER, SHELL, INIT]


@pytest.mark.parametrize("pid", [1, 50, 60])
def test_what_is_hidden_makes_the_whole_lineage_unknown(pid: int) -> None:
    paper = Paper(INIT, SHELL, CALLER)
    paper.hidden.add(pid)
    with pytest.raises(Unreadable, match=f"PID {pid} is hidden"):
        ancestry.lineage(60, paper)


def test_a_caller_that_is_gone_is_unknown() -> None:
    with pytest.raises(Unreadable, match="PID 60 is gone"):
        ancestry.lineage(60, Paper(INIT))


def test_a_parent_that_ends_meanwhile_is_looked_up_again() -> None:
    paper = Paper(INIT, Process(40, 1, SUPERVISOR, 5), replace(SHELL, parent=40), CALLER)
    del paper.processes[50]
    paper.then[60] = replace(CALLER, parent=40)
    chain = ancestry.lineage(60, paper)
    assert [one.pid for one in chain] == [60, 40, 1]
    assert ancestry.keeper(chain) is not None


def test_a_number_that_was_given_again_is_no_ancestor() -> None:
    paper = Paper(INIT, replace(SHELL, started=CALLER.started + 1), CALLER)
    with pytest.raises(Unreadable, match="kept changing"):
        ancestry.lineage(60, paper)


def test_a_caller_whose_number_is_given_again_while_it_is_looked_at_is_unknown() -> None:
    class Changing(Paper):
        def look(self, pid: int) -> Process | None:
            found = super().look(pid)
            return replace(found, started=found.started + self.looks) if found and pid == 60 else found

    with pytest.raises(Unreadable):
        ancestry.lineage(60, Changing(INIT, SHELL, CALLER))


def test_a_table_that_goes_in_circles_ends() -> None:
    with pytest.raises(Unreadable):
        ancestry.lineage(60, Paper(CALLER, replace(SHELL, parent=60, started=CALLER.started)))


@pytest.mark.parametrize(
    ("environ", "thread"),
    [
        (b"", None),
        (b"PATH=/bin\0HOME=/", None),
        (b"PATH=/bin\0SPL_CHILD_THREAD=th_1\0", "th_1"),
        (b"SPL_CHILD_THREAD=\0", ""),
        (b"SPL_CHILD_THREAD", ""),
        (b"NOT_SPL_CHILD_THREAD=th_1\0X=SPL_CHILD_THREAD=th_1\0SPL_CHILD_THREADS=x", None),
        (b"SPL_CHILD_THREAD=a\nb\x1b[2J\xff=c", "a?b?[2J\ufffd=c"),
        (b"SPL_CHILD_THREAD=" + b"x" * 999, "x" * 200),
    ],
)
def test_the_attempt_that_an_environment_names(environ: bytes, thread: str | None) -> None:
    assert ancestry.thread_of(environ) == thread


def test_the_supervisor_knows_best_what_its_goal_works_on() -> None:
    paper = table("bash", DAEMON, SUPERVISOR, "bash", "spl")
    chain = ancestry.lineage(104, paper)
    kept_by = ancestry.keeper(chain)
    assert ancestry.attempt_of(chain, kept_by, paper) is None
    paper.environs = {101: b"SPL_CHILD_THREAD=outer", 104: b"SPL_CHILD_THREAD=claimed"}
    assert ancestry.attempt_of(chain, kept_by, paper) == "claimed"
    paper.environs[102] = b"SPL_CHILD_THREAD=true"
    assert ancestry.attempt_of(chain, kept_by, paper) == "true"
    paper.environs = {103: None}
    assert ancestry.attempt_of(chain, None, paper) is None


@given(st.binary(max_size=200))
def test_no_environment_is_too_strange(environ: bytes) -> None:
    thread = ancestry.thread_of(environ)
    assert thread is None or thread.isprintable()


def test_this_system_shows_the_same_to_both_tables() -> None:
    pid = os.getpid()
    files = ancestry.lineage(pid, ProcFiles())
    words = ancestry.lineage(pid, PsutilTable())
    assert [one.pid for one in files] == [one.pid for one in words]
    assert files[1].pid == os.getppid()
    assert ancestry.keeper(words) is None
    assert (ProcFiles().environ(pid) or b"").count(b"\0") > 1
    assert b"PATH=" in (PsutilTable().environ(pid) or b"")
    assert [table.look(2**22 + 1) for table in (ProcFiles(), PsutilTable())] == [None, None]


def test_a_program_may_call_itself_what_it_likes() -> None:
    child = (
        "import sys; from syncropel.supervisor.system import name_process\n"
        "name_process(sys.argv[1]); print(flush=True); input()"
    )
    for name in (") R 1 (", DAEMON, "a b) c"):
        with subprocess.Popen(
            [sys.executable, "-c", child, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            found = ProcFiles().look(process.pid)
            assert found is not None
            assert (found.name, found.parent) == (name, os.getpid())
            process.communicate(b"\n")


def test_where_names_do_not_show_the_words_of_a_command_tell() -> None:
    for word, name in (("syncropel.daemon", DAEMON), ("/x/syncropel/supervisor/__main__.py", SUPERVISOR)):
        with subprocess.Popen(
            [sys.executable, "-c", "print(flush=True); input()", "-m", word],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            found = PsutilTable().look(process.pid)
            assert found is not None
            assert found.name == name
            process.communicate(b"\n")


def test_what_psutil_may_not_see_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: psutil.Process) -> int:
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "ppid", denied)
    monkeypatch.setattr(psutil.Process, "environ", denied)
    with pytest.raises(Unreadable):
        PsutilTable().look(os.getpid())
    assert PsutilTable().environ(os.getpid()) is None


def test_a_name_is_taken_where_there_are_names() -> None:
    before = ProcFiles().look(os.getpid())
    assert before is not None
    try:
        assert name_process("for-a-test")
        after = ProcFiles().look(os.getpid())
        assert after is not None
        assert after.name == "for-a-test"
    finally:
        name_process(before.name)
