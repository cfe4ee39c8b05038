"""What tries to outlive its run: whatever session or group it moved to, it ends, and the end is proven."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncropel.adapters import BashAdapter, Job, Outcome, Remains, program
from syncropel.folds.fanout.child import SESSION
from syncropel.peer.runtime import Runtime

LIMIT_SECS = 60.0

DAEMON = (
    "python3 -c 'import os,time\n"
    "if os.fork(): os._exit(0)\n"
    "os.setsid()\n"
    "if os.fork(): os._exit(0)\n"
    'open("pids","a").write(str(os.getpid())+chr(10))\n'
    "time.sleep(701)'"
)
ESCAPES = {
    "a group of its own": "timeout 600 sleep 701 & echo $! >> pids",
    "a session of its own": "setsid bash -c 'echo $$ >> pids; exec sleep 701' &",
    "job control": "set -m; sleep 701 & echo $! >> pids",
    "a double fork": "(setsid bash -c 'sleep 701 & echo $! >> pids' &)",
    "nohup": "nohup sleep 701 > /dev/null 2>&1 & echo $! >> pids",
    "deaf": "(trap '' INT TERM HUP; echo $BASHPID >> pids; while :; do sleep 701; done) &",
    "a daemon": DAEMON,
    "a parent that has ended": "bash -c 'bash -c \"sleep 701 & echo \\$! >> pids\" &' &",
}


class Bench:
    """A bash adapter in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.runs = folder / "run"
        self.adapter = BashAdapter(self.work, None, Runtime())
        self.session: dict[str, Any] = {}
        self.remains = Remains(proven=False)

    async def observe(self, kind: str, body: dict[str, Any]) -> None:
        if kind == SESSION:
            self.session = body

    def run(self, goal: str, limit: float = LIMIT_SECS) -> asyncio.Task[Outcome]:
        job = Job("th_child", goal, 1, limit, remains=self.remains)
        return asyncio.ensure_future(self.adapter.run(job, self.observe))

    def file(self, name: str) -> Path:
        return self.work / "th_child" / "cwd" / name

    async def has(self, name: str) -> None:
        async with asyncio.timeout(LIMIT_SECS):
            while not (  # noqa: ASYNC110 - nobody else can tell
                self.file(name).exists() and self.file(name).read_text().endswith("\n")
            ):
                await asyncio.sleep(0.01)

    def escaped(self) -> list[int]:
        return [int(word) for word in self.file("pids").read_text().split()]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(program, "TERM_GRACE_SECS", 0.2)
    return Bench(tmp_path)


def alive(pids: list[int]) -> list[int]:
    found = []
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
        except psutil.NoSuchProcess:
            pass
    return found


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
async def test_a_stop_ends_what_escaped(bench: Bench, escape: str) -> None:
    running = bench.run(f"{escape}\nuntil [ -s pids ]; do sleep 0.01; done; echo > ready; sleep 600")
    await bench.has("ready")
    assert alive(bench.escaped())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert alive(bench.escaped()) == []
    assert bench.remains.proven
    assert bench.remains.left == ()


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
async def test_the_time_limit_ends_what_escaped(bench: Bench, escape: str) -> None:
    outcome = await bench.run(f"{escape}\nuntil [ -s pids ]; do sleep 0.01; done; sleep 600", 3.0)
    assert outcome.verdict == "timeout"
    assert bench.escaped()
    assert alive(bench.escaped()) == []
    assert bench.remains.proven


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
async def test_the_goal_s_own_end_ends_what_escaped(bench: Bench, escape: str) -> None:
    outcome = await bench.run(f"{escape}\nuntil [ -s pids ]; do sleep 0.01; done; exit 3")
    assert outcome.exit is not None
    assert outcome.exit["exit_code"] == 3
    assert bench.escaped()
    assert alive(bench.escaped()) == []
    assert bench.remains.proven


async def test_a_bomb_of_forks_is_ended(bench: Bench) -> None:
    """Each process of it starts the next and ends: a look at the process table alone is always too late."""
    bomb = "hop() { (hop) & exit; }; for n in 1 2 3 4; do (hop) & done; "
    running = bench.run(f"{bomb}echo > ready; sleep 600")
    await bench.has("ready")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.remains.proven
    assert bench.remains.left == ()


async def test_a_goal_that_kills_its_supervisor_is_not_called_empty(bench: Bench) -> None:
    outcome = await bench.run("echo $$ > pids; kill -9 $PPID; sleep 600")
    assert outcome.verdict == "failed"
    assert outcome.reason == "supervisor_killed"
    assert alive(bench.escaped()) == []
    assert not bench.remains.proven


async def test_a_status_that_a_goal_left_before_it_killed_its_supervisor_is_not_believed(
    bench: Bench,
) -> None:
    forged = '{"why": "exit", "started": true, "exit_code": 0, "left": [], "proven": true}'
    run = f"{bench.runs}/$SPL_RUN"
    outcome = await bench.run(f"echo '{forged}' > {run}/status.json; kill -9 $PPID; sleep 600")
    assert outcome.reason == "supervisor_killed"
    assert not bench.remains.proven


TALKER = r"""
import os, socket, sys, time
parent = os.getpid()
run, words, stopped = sys.argv[1], sys.argv[2], int(sys.argv[3])
if stopped:  # who asks has ended when it is looked who that is
    os.kill(stopped, 19)
talk = socket.socket(socket.AF_UNIX)
talk.settimeout(60)
talk.connect(f"{run}/ctl")
if stopped:
    if os.fork():
        os._exit(0)
    while os.getppid() == parent:
        time.sleep(0.01)
    os.kill(stopped, 18)
try:
    talk.sendall(words.encode())
    heard = talk.recv(1000)
except OSError:
    heard = b""
open("heard", "w").write(f"{heard!r}\n")
"""


@pytest.mark.parametrize("gone", [False, True], ids=["there", "gone"])
async def test_a_goal_says_nothing_to_the_supervisor_of_another(bench: Bench, gone: bool) -> None:
    """Nor to its own: it could keep its run from ending without a daemon, or begin before its word."""
    other = Bench(bench.work.parent / "other")
    running = other.run("touch ready; echo ready >> ready; sleep 3; echo whole")
    await other.has("ready")
    (bench.work.parent / "talk.py").write_text(TALKER)
    target = other.session["supervisor"] if gone else 0
    talk = f"{sys.executable} {bench.work.parent}/talk.py {other.runs}/{other.session['run']}"
    outcome = await bench.run(
        f"{talk} $'attach\\nstop now\\n' {target}; until [ -e heard ]; do sleep 0.05; done; cat heard"
    )
    assert outcome.summary == "b''"
    assert (await running).summary == "whole"


async def test_a_goal_that_stops_its_supervisor_still_ends_in_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("INT_GRACE_SECS", "KILL_LIMIT_SECS"):
        monkeypatch.setattr(program, name, 0.2)
    goal = "echo $$ > pids; while kill -STOP $PPID; do sleep 0.01; done"
    outcome = await bench.run(goal, 1.0)
    assert outcome.verdict == "timeout"
    assert alive([*bench.escaped(), bench.session["supervisor"]]) == []


async def test_a_program_that_catches_sigint_gets_it_first(bench: Bench) -> None:
    program = (
        "import signal,sys,time\n"
        "def said(n,f):\n"
        "  open('said','a').write(signal.Signals(n).name+chr(10)); sys.exit(0)\n"
        "signal.signal(2,said); signal.signal(15,said); open('ready','w').write(chr(10)); time.sleep(600)\n"
    )
    running = bench.run(f'python3 -c "{program}"\ntouch went-on')
    await bench.has("ready")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.file("said").read_text() == "SIGINT\n"
    assert not bench.file("went-on").exists(), "the shell went on to its next command"


async def test_nothing_runs_when_the_daemon_is_gone_before_it_said_go(bench: Bench) -> None:
    class Gone(Exception):
        pass

    async def dies(kind: str, body: dict[str, Any]) -> None:
        bench.session = body
        raise Gone

    with pytest.raises(Gone):
        await bench.adapter.run(Job("th_child", "touch began", 1, LIMIT_SECS), dies)
    assert not bench.file("began").exists()
    assert alive([bench.session["pid"], bench.session["supervisor"]]) == []


async def test_the_supervisor_is_small_and_says_its_name(bench: Bench) -> None:
    running = bench.run("echo > ready; sleep 600")
    await bench.has("ready")
    supervisor = psutil.Process(bench.session["supervisor"])
    assert supervisor.name() == "spl-supervisor"
    assert supervisor.memory_info().rss <= 12 * 1024 * 1024
    assert os.getpgid(bench.session["pid"]) == bench.session["pid"]
    folder = bench.runs / bench.session["run"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "ctl").stat().st_mode & 0o777 == 0o600
    supervisor.send_signal(signal.SIGTERM)
    assert (await running).verdict == "failed"
