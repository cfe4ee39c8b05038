"""`spl thread` and `spl debug`, the real commands against a real daemon."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from syncropel.settings.home import Home
from tests.child_process import ChildProcess
from tests.commands import run_here
from tests.fork_server import ForkServer

from .conftest import LIMIT_SECS, Daemon, Start, python_path


class Spl:
    """The command in the daemon's home."""

    def __init__(self, home: Home, **environ: str) -> None:
        self._home = home
        self._folder = home.path.parent
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SPL_", "SYNCROPEL_"))}
        self._environ = {
            **kept,
            "PYTHONPATH": python_path(),
            "HOME": str(self._folder),
            "SYNCROPEL_HOME": str(home.path),
            **environ,
        }

    def by(self, actor: str) -> Spl:
        """The command as typed in this actor's name."""
        return Spl(self._home, SPL_ACTOR=actor)

    def popen(self, *words: str) -> ChildProcess:
        return ChildProcess(
            [sys.executable, "-m", "syncropel.cli.main", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environ,
            cwd=self._folder,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        return run_here(words, self._environ, self._folder)

    def __call__(self, *words: str) -> str:
        code, out, err = self.run(*words)
        assert code == 0, f"spl {' '.join(words)}: {err}"
        return out

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "-o", "json"))

    def refused(self, code: int, *words: str) -> str:
        found, out, err = self.run(*words)
        assert (found, out) == (code, ""), err
        assert "Traceback" not in err
        return err


@pytest.fixture
def daemon(start: Start) -> Daemon:
    return start().ready()


@pytest.fixture
def spl(home: Home, daemon: Daemon) -> Spl:
    return Spl(home)


def judged(spl: Spl, alias: str) -> None:
    """A task with a whole life."""
    spl("task", "add", "Write the docs", "--alias", alias)
    dev = spl.by("did:sync:agent:dev")
    dev("task", "start", alias)
    dev("task", "done", alias, "--summary", "written")
    assert "did the work" in dev.refused(1, "task", "approve", alias)
    spl("task", "approve", alias)


def test_a_task_is_looked_at_replayed_and_compared(spl: Spl) -> None:
    judged(spl, "A")
    spl("task", "add", "Write the docs", "--alias", "B")
    spl("task", "start", "B")
    assert "Write the docs" in spl("thread", "list")
    assert len(spl.json("thread", "list", "--limit", "1")["data"]) == 1
    shown = spl("thread", "show", "A")
    assert "Status: approved" in shown
    assert "opener, reviewer" in shown
    assert [one["records"] for one in spl.json("thread", "show", "A")["participants"]] == [2, 2]
    assert [line.split()[0] for line in spl("thread", "records", "A").splitlines()] == ["0", "1", "2", "3"]
    assert len(spl.json("thread", "records", "A", "--since", "0", "--limit", "2")["data"]) == 2
    told = spl("debug", "replay", "A")
    assert [line.split("  [")[1] for line in told.splitlines() if "  [" in line] == [
        "open]",
        "open → in_progress]",
        "in_progress → done]",
        "done → approved]",
    ]
    document = spl.json("debug", "replay", "A", "--from", "2", "--to", "3")
    assert [frame["position"] for frame in document["data"]] == [2, 3]
    assert document["total"] == 4
    assert len(spl.json("debug", "replay", "A", "--changes")["data"]) == 3
    compared = spl("debug", "thread-diff", "A", "B")
    assert "2 only in A · 0 only in B" in compared
    assert spl.json("debug", "thread-diff", "A", "A")["first_divergence"] is None
    assert "nowhere" in spl.refused(1, "debug", "replay", "nowhere")
    assert "--to" in spl.refused(2, "debug", "replay", "A", "--from", "3", "--to", "2")


def test_threads_travel_in_a_bundle(
    spl: Spl, home: Home, start: Start, tmp_path: Path, fork_server: ForkServer | None
) -> None:
    judged(spl, "A")
    bundle = tmp_path / "a.snap.jsonl"
    assert "4 records" in spl("thread", "snapshot", "--threads", "A", "--out", str(bundle))
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    assert spl("thread", "snapshot", "--threads", "A", "--out", "-").encode() == bundle.read_bytes()
    assert spl.json("thread", "restore", "--in", str(bundle), "--dry-run")["present"] == 4
    closure, whole = tmp_path / "closure", tmp_path / "all"
    spl("thread", "snapshot", "--threads", "A", "--causal-closure", "--out", str(closure))
    assert spl.json("thread", "snapshot", "--all", "--out", str(whole))["records"] > 4
    altered = tmp_path / "altered"
    altered.write_bytes(bundle.read_bytes().replace(b"written", b"wrltten"))
    assert "line 4" in spl.refused(1, "thread", "restore", "--in", str(altered))
    other = Home(home.path.with_name("other"))
    process = Daemon(other, forks=fork_server).ready().process
    try:
        there = Spl(other)
        assert "4 would be restored" in there("thread", "restore", "--in", str(bundle), "--dry-run")
        assert "no task" in there.refused(1, "task", "show", "A")
        assert "4 restored" in there("thread", "restore", "--in", str(bundle))
        again = tmp_path / "again"
        there("thread", "snapshot", "--threads", "A", "--out", str(again))
        assert again.read_bytes() == bundle.read_bytes()
        assert "left out" in there("thread", "restore", "--in", str(whole), "--on-conflict", "skip")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".part")] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("snapshot", "--out", "x"), "no threads named"),
        (("snapshot", "--all", "--threads", "A", "--out", "x"), "exclude"),
        (("snapshot", "--all", "--causal-closure", "--out", "x"), "--threads"),
        (("snapshot", "--all"), "--out"),
        (("restore",), "--in"),
    ],
)
def test_words_that_make_no_sense_exit_2(home: Home, words: tuple[str, ...], told: str) -> None:
    assert told in Spl(home).refused(2, "thread", *words)


def test_files_that_cannot_be_used_are_named(spl: Spl, tmp_path: Path) -> None:
    missing = tmp_path / "no" / "file"
    assert str(missing) in spl.refused(1, "thread", "restore", "--in", str(missing))
    assert str(missing) in spl.refused(1, "thread", "snapshot", "--all", "--out", str(missing))
    empty = tmp_path / "empty"
    empty.touch()
    assert "line 1" in spl.refused(1, "thread", "restore", "--in", str(empty))


@pytest.mark.parametrize("form", [(), ("-o", "json")])
def test_a_thread_is_followed(spl: Spl, daemon: Daemon, form: tuple[str, ...]) -> None:
    daemon.post(2)
    with spl.popen("thread", "watch", "t", *form) as process:
        assert process.stdout is not None
        seen = [process.stdout.readline() for _ in range(2)]
        daemon.post(1, thread="other")
        (last,) = daemon.post(1, clock=7)
        seen.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT_SECS)
    assert process.returncode == 130
    assert last[:12] in seen[2]
    if form:
        assert [json.loads(line)["clock"] for line in seen] == [0, 1, 7]


def test_following_ends_when_the_daemon_does(spl: Spl, daemon: Daemon) -> None:
    daemon.post(1)
    with spl.popen("thread", "watch", "t") as process:
        assert process.stdout is not None
        process.stdout.readline()
        daemon.stop()
        _, err = process.communicate(timeout=LIMIT_SECS)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert "stopping" in err or "no daemon" in err or "broke" in err
