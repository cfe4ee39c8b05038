"""The bash adapter with real processes: what a script may do, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncropel.adapters import BashAdapter, Job, Outcome, program, reading, taking_back
from syncropel.errors import StoreError
from syncropel.folds.fanout.child import SESSION
from syncropel.peer.runtime import Runtime
from tests.child_process import has_ended

LIMIT_SECS = 60.0
"""Far beyond what any script here takes."""


class Bench:
    """An adapter in a folder of its own. `session` is what it said of the process before the script began."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.adapter = BashAdapter(work, None, Runtime())
        self.session: dict[str, Any] = {}
        self.refuse = False

    async def observe(self, kind: str, body: dict[str, Any]) -> None:
        if self.refuse:
            raise StoreError("the disk is full")
        if kind == SESSION:
            self.session = body

    async def run(self, goal: str, **more: Any) -> Outcome:
        job = replace(Job("th_child", goal, 1, LIMIT_SECS), **more)
        return await self.adapter.run(job, self.observe)

    def file(self, name: str) -> Path:
        """A file in the script's working directory."""
        return self.work / "th_child" / "cwd" / name

    async def started(self, goal: str, **more: Any) -> asyncio.Task[Outcome]:
        """Run a script up to where it says `touch ready`."""
        running = asyncio.ensure_future(self.run(goal, **more))
        await until(self.file("ready").exists)
        return running


async def until(look: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    async with asyncio.timeout(LIMIT_SECS):
        while not look():  # noqa: ASYNC110 - nobody else can tell
            await asyncio.sleep(0.01)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(program, "TERM_GRACE_SECS", 0.2)
    return Bench(tmp_path / "work")


@pytest.mark.parametrize(
    ("goal", "verdict", "summary", "code", "signal"),
    [
        ("true", "accept", "", 0, None),
        ("echo one; echo two", "accept", "one\ntwo", 0, None),
        ("echo almost; exit 3", "failed", "almost\nexit status 3", 3, None),
        ("false", "failed", "exit status 1", 1, None),
        ("kill -KILL $$", "failed", "ended by SIGKILL", None, 9),
        ("echo said >&2", "accept", "said", 0, None),
        ("no-such-command-here", "failed", "exit status 127", 127, None),
        ("if then", "failed", "exit status 2", 2, None),
        ("seq 9", "accept", "5\n6\n7\n8\n9", 0, None),
        ("printf 'no line end'", "accept", "no line end", 0, None),
        ("echo 'π ≈ 3'; echo '文件'", "accept", "π ≈ 3\n文件", 0, None),
        ("printf 'a\\033[31mb\\n'", "accept", "a [31mb", 0, None),
        ("printf '\\377\\n'", "accept", "\ufffd", 0, None),
    ],
)
async def test_the_exit_status_is_the_verdict_and_the_last_lines_are_the_summary(
    bench: Bench, goal: str, verdict: str, summary: str, code: int | None, signal: int | None
) -> None:
    outcome = await bench.run(goal)
    assert outcome.verdict == verdict
    assert outcome.summary.endswith(summary)
    assert outcome.exit is not None
    assert (outcome.exit["exit_code"], outcome.exit["signal"]) == (code, signal)


async def test_the_whole_output_is_in_the_file_that_the_result_names(bench: Bench) -> None:
    outcome = await bench.run("seq 20000; echo end >&2")
    assert outcome.output is not None
    lines = Path(outcome.output).read_text().split()
    assert (len(lines), lines[0], lines[-1]) == (20001, "1", "end")
    assert len(outcome.summary) <= reading.SUMMARY_CHARS
    assert bench.session["output"] == outcome.output


async def test_each_attempt_keeps_its_own_output(bench: Bench) -> None:
    first = await bench.run("echo first")
    second = await bench.run("echo second", attempt=2)
    assert first.output is not None
    assert second.output is not None
    assert Path(first.output).read_text() == "first\n"
    assert Path(second.output).read_text() == "second\n"


async def test_the_working_directory(bench: Bench, tmp_path: Path) -> None:
    await bench.run("echo kept > note")
    assert bench.file("note").read_text() == "kept\n"
    shared = BashAdapter(tmp_path / "work", tmp_path / "shared", Runtime())
    outcome = await shared.run(Job("th_other", "pwd", 1, LIMIT_SECS), bench.observe)
    assert outcome.summary == str(tmp_path / "shared")


async def test_a_script_that_reads_finds_nothing_to_read(bench: Bench) -> None:
    outcome = await bench.run("if read -r line; then echo got; else echo end of file; fi; cat | wc -c")
    assert outcome.summary == "end of file\n0"


async def test_a_goal_larger_than_a_command_line_may_be(bench: Bench) -> None:
    outcome = await bench.run(f"text='{'x' * 300_000}'\necho ${{#text}}")
    assert (outcome.verdict, outcome.summary) == ("accept", "300000")


async def test_the_daemon_s_own_variables_stay_with_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPL_BOOTSTRAP_TOKEN", "a-secret-that-must-not-be-seen")
    monkeypatch.setenv("SPL_ATTEMPT", "99")
    monkeypatch.setenv("HARMLESS", "seen")
    outcome = await bench.run("env", attempt=2, hint="use the cache", budget_usd=0.5)
    assert outcome.output is not None
    seen = dict(line.split("=", 1) for line in Path(outcome.output).read_text().splitlines() if "=" in line)
    assert "a-secret-that-must-not-be-seen" not in seen.values()
    assert (seen["SPL_ATTEMPT"], seen["SPL_HINT"], seen["SPL_BUDGET_USD"]) == ("2", "use the cache", "0.5")
    assert (seen["SPL_CHILD_THREAD"], seen["HARMLESS"]) == ("th_child", "seen")


@pytest.mark.parametrize("more", [{"hint": "a\x00b"}, {"hint": "x" * 300_000}, {"child_thread": "a/\x00"}])
async def test_what_cannot_be_started_is_a_failure(bench: Bench, more: dict[str, Any]) -> None:
    outcome = await bench.run("echo never", **more)
    assert outcome.verdict == "failed"
    assert "cannot start bash" in outcome.summary


@pytest.mark.parametrize("thread", ["../escaped", "/tmp/../escaped", "..", ".", "a/b", "x" * 512, "музыка"])
async def test_whatever_a_thread_is_called_nothing_is_written_elsewhere(bench: Bench, thread: str) -> None:
    outcome = await bench.run("touch here", child_thread=thread)
    assert outcome.verdict == "accept"
    assert outcome.output is not None
    folder = Path(outcome.output).parent
    assert folder.resolve().parent == bench.work.resolve()
    assert (folder / "cwd" / "here").exists()


async def test_a_work_folder_that_cannot_be_made_is_a_failure(bench: Bench) -> None:
    bench.work.write_text("a file is in the way")
    outcome = await bench.run("echo never")
    assert (outcome.verdict, outcome.exit) == ("failed", None)


BACKGROUND = "sleep 600 & echo $! > child; (trap '' TERM; sleep 600; sleep 600) & echo $! > deaf; "


def left_behind(bench: Bench) -> list[int]:
    return [int(bench.file(name).read_text()) for name in ("child", "deaf")]


async def test_the_time_limit_ends_the_whole_group(bench: Bench) -> None:
    outcome = await bench.run(
        BACKGROUND + "touch ready; trap '' TERM; sleep 600; sleep 600", timeout_secs=1.0
    )
    assert outcome.verdict == "timeout"
    assert outcome.summary == "over its time limit of 1s"
    assert outcome.output is not None
    for pid in left_behind(bench):
        await until(lambda pid=pid: has_ended(pid))  # type: ignore[misc]


@pytest.mark.parametrize("ending", ["exit 0", "exit 1", "kill -SEGV $$"])
async def test_what_a_script_leaves_in_the_background_ends_with_it(bench: Bench, ending: str) -> None:
    await bench.run(BACKGROUND + ending)
    for pid in left_behind(bench):
        await until(lambda pid=pid: has_ended(pid))  # type: ignore[misc]


async def test_cancelling_ends_the_whole_group(bench: Bench) -> None:
    running = await bench.started(BACKGROUND + "touch ready; sleep 600")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    for pid in [*left_behind(bench), bench.session["pid"]]:
        await until(lambda pid=pid: has_ended(pid))  # type: ignore[misc]


async def test_a_script_may_tidy_up_when_it_is_ended(bench: Bench) -> None:
    running = await bench.started("trap 'touch tidied; exit' TERM; touch ready; sleep 600 & wait")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.file("tidied").exists()


async def test_nothing_runs_before_its_session_is_in_the_log(bench: Bench) -> None:
    """Else a crash between the two would leave a process that nobody knows of."""
    bench.refuse = True
    with pytest.raises(StoreError):
        await bench.run("touch began")
    assert not bench.file("began").exists()


async def test_an_orphan_is_ended_with_its_group(bench: Bench) -> None:
    """As the next process of the instance does it, from the session that it finds in the log."""
    running = await bench.started(BACKGROUND + "touch ready; sleep 600")
    await Bench(bench.work).adapter.end_orphan(dict(bench.session))
    outcome = await running
    assert outcome.summary.endswith("ended by SIGKILL")
    for pid in left_behind(bench):
        await until(lambda pid=pid: has_ended(pid))  # type: ignore[misc]


async def test_a_process_that_merely_has_the_same_number_is_left_alone(bench: Bench) -> None:
    running = await bench.started("touch ready; sleep 600")
    session = {**bench.session, "process_started_at": bench.session["process_started_at"] - 100}
    await bench.adapter.end_orphan(session)
    assert psutil.pid_exists(session["pid"])
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("pid", [None, "12", 0, 1, -1, True, 2.5, 10**30])
async def test_a_session_that_makes_no_sense_ends_nobody(
    bench: Bench, pid: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Group 0 is the daemon's own, and a signal to group 1 goes to every process that may be reached."""
    struck: list[Any] = []
    monkeypatch.setattr(os, "killpg", lambda *arguments: struck.append(arguments))
    monkeypatch.setattr(taking_back, "start_time", lambda _: None)
    await bench.adapter.end_orphan({"pid": pid, "process_started_at": time.time()})
    assert struck == []


@pytest.mark.parametrize("what", ["mkfifo", "ln -s /dev/zero", "ln -s /etc/passwd", "mkdir"])
async def test_a_file_that_a_goal_has_replaced_holds_nobody_up(bench: Bench, what: str) -> None:
    """A pipe in its place would have stopped the daemon's loop, and with it every stop."""
    files = '"$SPL_COST_FILE" "${SPL_SCRIPT%.sh}.log"'
    goal = f'for one in {files}; do rm -f "$one"; {what} "$one"; done; sleep 0.3'
    outcome = await asyncio.wait_for(bench.run(goal), LIMIT_SECS)
    assert (outcome.verdict, outcome.summary) == ("accept", "")
    again = await asyncio.wait_for(bench.run("echo again"), LIMIT_SECS)
    assert again.summary == "again" or (what == "mkdir" and "cannot start bash" in again.summary)
