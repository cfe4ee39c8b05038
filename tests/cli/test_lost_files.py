"""A daemon whose files somebody removed: `spl stop` finds it, and `spl serve` starts no second one."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from syncropel.launcher import process
from syncropel.launcher.lost_daemon import lost_daemon
from syncropel.settings.home import Home
from tests.cli.conftest import Ran
from tests.commands import daemons_from
from tests.daemon.conftest import until
from tests.fork_server import ForkServer

Spl = Callable[..., Ran]


@pytest.fixture
def running(spl: Spl, home: Path, fork_server: ForkServer | None) -> Iterator[tuple[Home, int]]:
    """A home, and the PID of its daemon."""
    with daemons_from(fork_server):
        assert spl("serve", "--port", "0", "--echo").code == 0
    own = Home(home / ".syncro")
    pid = process.written_pid(own)
    assert pid is not None
    try:
        yield own, pid
    finally:
        if not process.is_gone(pid):
            os.kill(pid, signal.SIGKILL)
            process.wait_gone([pid])


def test_a_daemon_that_cannot_put_its_files_back_is_found_by_its_lock(
    spl: Spl, running: tuple[Home, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, pid = running
    os.kill(pid, signal.SIGSTOP)
    until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    shutil.rmtree(home.run)
    assert process.find_daemon(home) == pid
    refused = spl("serve")
    assert (refused.code, f"PID {pid} is a daemon of" in refused.err) == (1, True)
    assert f"kill -CONT {pid}" in refused.err
    with monkeypatch.context() as patch:
        patch.setattr(process, "wait_gone", lambda pids: pids)
        late = spl("stop")
    assert (late.code, f"kill -CONT {pid}" in late.err) == (1, True)
    os.kill(pid, signal.SIGCONT)
    assert process.wait_gone([pid]) == [], "the stop was only waiting for it"


def test_a_daemon_that_sees_other_files_is_of_another_home(
    running: tuple[Home, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container, whose processes the host sees."""
    home, pid = running
    told = os.readlink

    def as_in_a_container(path: Path | str) -> str:
        return "mnt:[1]" if str(path) == f"/proc/{pid}/ns/mnt" else told(path)

    assert lost_daemon(home) == pid
    monkeypatch.setattr(os, "readlink", as_in_a_container)
    assert lost_daemon(home) is None


def test_a_daemon_whose_home_is_gone_is_found_in_the_table_of_processes(
    spl: Spl, running: tuple[Home, int]
) -> None:
    home, pid = running
    shutil.rmtree(home.path)
    assert process.find_daemon(home) is None
    assert lost_daemon(home) == pid
    assert lost_daemon(home, besides=pid) is None
    assert lost_daemon(Home(home.path.with_name("another"))) is None
    told = spl("doctor").out
    assert f"PID {pid} is a daemon of this home that still runs" in told
    assert f"✓ stopped (PID {pid})" in spl("stop").out
    assert process.is_gone(pid)


def test_a_pid_in_the_lock_file_that_is_no_daemon_is_not_believed(home: Path) -> None:
    own = Home(home / ".syncro")
    own.path.mkdir()
    own.store.with_name("hub.db.lock").write_text(f"{os.getpid()}\n")
    assert process.find_daemon(own) is None
