"""A daemon that comes back takes its runs with it: none starts again, none goes on alone for long."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncropel.adapters import BashAdapter, Job, Outcome, Remains, program, taking_back
from syncropel.adapters.supervised import Supervised
from syncropel.folds.fanout.child import REATTACHED, SESSION, STREAM_EVENT
from syncropel.peer.runtime import Runtime
from tests.supervisor.test_escapes import alive

LIMIT_SECS = 60.0
UNTIL_TAKEN = "until [ -e taken ]; do sleep 0.02; done"


class Daemon:
    """One daemon's adapter; another over the same folder is the one that comes after it."""

    def __init__(self, folder: Path, orphan_secs: float = 30.0) -> None:
        self.folder = folder
        self.adapter = BashAdapter(folder / "work", None, Runtime(), folder / "run", lambda: orphan_secs)
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.remains = Remains(proven=False)

    async def observe(self, kind: str, body: dict[str, Any]) -> None:
        self.seen.append((kind, body))
        if kind == STREAM_EVENT:
            self.file("counted").touch()  # for a goal that waits until what it spent is known

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.seen]

    @property
    def session(self) -> dict[str, Any]:
        return next(body for kind, body in self.seen if kind == SESSION)

    def job(self, goal: str, limit: float = LIMIT_SECS, offset: int = 0) -> Job:
        return Job("th_child", goal, 1, limit, cost_offset=offset, remains=self.remains)

    async def leave(self, goal: str, limit: float = LIMIT_SECS) -> dict[str, Any]:
        """Start a goal up to its word `ready`, and be gone; gives its session."""
        running = asyncio.ensure_future(self.adapter.run(self.job(goal, limit), self.observe))
        await self.until("ready")
        self.adapter.leave_running()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return self.session

    def file(self, name: str) -> Path:
        return self.folder / "work" / "th_child" / "cwd" / name

    async def until(self, name: str) -> None:
        async with asyncio.timeout(LIMIT_SECS):
            while not self.file(name).exists():  # noqa: ASYNC110 - nobody else can tell
                await asyncio.sleep(0.01)

    async def take(self, session: dict[str, Any]) -> Supervised | None:
        return (await self.adapter.take_back({session["run"]: session})).get(session["run"])

    async def resume(self, session: dict[str, Any], *, later_secs: float = 0, **more: Any) -> Outcome:
        """Take it back, and so many seconds later let it go on that waits for the file `taken`."""
        taken = await self.take(session)
        assert taken is not None
        asyncio.get_running_loop().call_later(later_secs, self.file("taken").touch)
        return await self.adapter.resume(taken, self.job("", **more), self.observe)


async def gone(*pids: int) -> None:
    async with asyncio.timeout(LIMIT_SECS):
        while alive(list(pids)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "TERM_GRACE_SECS", 0.2)


async def test_what_runs_is_taken_back_and_not_started_again(tmp_path: Path) -> None:
    session = await Daemon(tmp_path).leave(f"echo a >> starts; touch ready; {UNTIL_TAKEN}; echo done")
    after = Daemon(tmp_path)
    outcome = await after.resume(session)
    assert (outcome.verdict, outcome.summary) == ("accept", "done")
    assert after.file("starts").read_text() == "a\n"
    assert after.kinds() == [REATTACHED]
    assert after.remains.proven
    after.remains.forget()
    assert list((tmp_path / "run").iterdir()) == []


async def test_what_has_ended_meanwhile_is_read_from_its_status(tmp_path: Path) -> None:
    session = await Daemon(tmp_path).leave("touch ready; sleep 0.3; echo done; exit 4")
    await gone(session["supervisor"])
    outcome = await Daemon(tmp_path).resume(session)
    assert (outcome.verdict, outcome.summary) == ("failed", "done\nexit status 4")
    assert outcome.exit is not None
    assert outcome.exit["runtime_ms"] >= 300


FORGED = '{"why": "exit", "started": true, "exit_code": 0, "left": [], "proven": true}'


@pytest.mark.parametrize(
    "more", ["", 'rm "$RUN/ctl"; ', "kill -STOP $PPID; "], ids=["", "no door", "stopped"]
)
async def test_a_status_that_a_goal_has_written_does_not_end_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    monkeypatch.setattr(taking_back, "ANSWER_SECS", 0.5)
    goal = f"RUN={tmp_path}/run/$SPL_RUN; echo '{FORGED}' > $RUN/status.json; {more}touch ready; sleep 701"
    session = await Daemon(tmp_path).leave(goal)
    taken = await Daemon(tmp_path).take(session)
    if more:
        assert taken is None
    else:
        assert taken is not None
        assert not taken.over
        ending = await taken.stop(gently=False)
        assert (ending.why, ending.exit_code) == ("stopped", None)
    await gone(session["pid"], session["supervisor"])


async def test_a_status_is_not_believed_while_something_of_the_run_goes_on(tmp_path: Path) -> None:
    session = await Daemon(tmp_path).leave("setsid sleep 701 & echo $! > pid; touch ready; sleep 600")
    (tmp_path / "run" / session["run"] / "status.json").write_text(FORGED)
    os.kill(session["supervisor"], signal.SIGKILL)
    await gone(session["supervisor"])
    assert await Daemon(tmp_path).take(session) is None
    await gone(session["pid"], int(Daemon(tmp_path).file("pid").read_text()))


async def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(tmp_path: Path) -> None:
    session = await Daemon(tmp_path).leave("mkfifo ../../../run/$SPL_RUN/status.json; touch ready; sleep 701")
    async with asyncio.timeout(LIMIT_SECS):
        taken = await Daemon(tmp_path).take(session)
    assert taken is not None
    await taken.stop(gently=False)
    await gone(session["pid"], session["supervisor"])


async def test_the_time_limit_goes_on_without_a_daemon(tmp_path: Path) -> None:
    session = await Daemon(tmp_path).leave("touch ready; sleep 600", limit=2.5)
    await gone(session["pid"], session["supervisor"])
    assert (await Daemon(tmp_path).resume(session, limit=2.5)).verdict == "timeout"


async def test_what_is_spent_is_counted_on_from_where_the_other_stopped(tmp_path: Path) -> None:
    before = Daemon(tmp_path)
    counted, more = (f"until [ -e {name} ]; do sleep 0.01; done" for name in ("counted", "more"))
    session = await before.leave(
        f'echo 0.25 >> "$SPL_COST_FILE"; {counted}; touch ready; {more}; echo 0.5 >> "$SPL_COST_FILE"'
    )
    spent = [body for kind, body in before.seen if kind == STREAM_EVENT]
    assert sum(body["cost_usd"] for body in spent) == 0.25
    after = Daemon(tmp_path)
    after.file("more").touch()
    await after.resume(session, offset=spent[-1]["cost_offset"])
    assert [body["cost_usd"] for kind, body in after.seen if kind == STREAM_EVENT] == [0.5]


async def test_a_run_that_nobody_wants_is_ended(tmp_path: Path) -> None:
    session = await Daemon(tmp_path).leave("setsid sleep 701 & touch ready; sleep 600")
    assert await Daemon(tmp_path).adapter.take_back({}) == {}
    assert alive([session["pid"]]) == []
    await gone(session["supervisor"])  # it has said that all is over, and takes a moment to end itself
    assert list((tmp_path / "run").iterdir()) == []


async def test_a_run_without_a_daemon_ends_by_itself_and_is_to_run_again(tmp_path: Path) -> None:
    session = await Daemon(tmp_path, orphan_secs=0.5).leave("touch ready; sleep 600")
    await gone(session["pid"], session["supervisor"])
    assert await Daemon(tmp_path).take(session) is None
    assert not (tmp_path / "run" / session["run"]).exists()


async def test_a_run_that_has_a_daemon_again_does_not_end_by_itself(tmp_path: Path) -> None:
    session = await Daemon(tmp_path, orphan_secs=3).leave(f"touch ready; {UNTIL_TAKEN}; echo done")
    assert (await Daemon(tmp_path).resume(session, later_secs=4)).summary == "done"


async def test_a_run_that_ends_for_want_of_a_daemon_is_not_taken_back(tmp_path: Path) -> None:
    """One of the two decides: a daemon that comes while it is being ended waits for its end."""
    goal = "trap '' INT TERM; touch ready; while :; do sleep 600; done"
    session = await Daemon(tmp_path, orphan_secs=0.2).leave(goal)
    await gone(session["pid"])
    assert await Daemon(tmp_path).take(session) is None
    assert alive([session["pid"], session["supervisor"]]) == []


async def test_a_supervisor_that_does_not_answer_is_ended_with_all_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_back, "ANSWER_SECS", 0.3)
    goal = "env -i setsid sleep 701 & echo $! > pid; touch ready; sleep 600"
    session = await Daemon(tmp_path).leave(goal)
    escaped = int(Daemon(tmp_path).file("pid").read_text())
    os.kill(session["supervisor"], signal.SIGSTOP)
    assert await Daemon(tmp_path).take(session) is None
    await gone(session["pid"], session["supervisor"], escaped)


async def test_what_a_killed_supervisor_has_left_is_found_by_its_mark(tmp_path: Path) -> None:
    session = await Daemon(tmp_path).leave("setsid sleep 701 & echo $! > pid; touch ready; sleep 600")
    escaped = int(Daemon(tmp_path).file("pid").read_text())
    os.kill(session["supervisor"], signal.SIGKILL)
    await gone(session["supervisor"])
    assert alive([escaped])
    assert await Daemon(tmp_path).take(session) is None
    await gone(session["pid"], escaped)


async def test_a_run_whose_folder_is_gone_is_ended(tmp_path: Path) -> None:
    session = await Daemon(tmp_path).leave("touch ready; sleep 600")
    shutil.rmtree(tmp_path / "run" / session["run"])
    assert await Daemon(tmp_path).adapter.take_back({}) == {}
    await gone(session["pid"], session["supervisor"])


async def test_a_daemon_that_dies_before_its_word_leaves_nothing_that_runs(tmp_path: Path) -> None:
    """A daemon that ends between the session and the word `go`: its connection ends, and nothing has run."""
    daemon = Daemon(tmp_path)

    async def dies(goal: Any) -> bool:
        daemon.adapter.leave_running()
        raise asyncio.CancelledError

    job = Job("th_child", "touch began", 1, LIMIT_SECS, gate=dies)
    with pytest.raises(asyncio.CancelledError):
        await daemon.adapter.run(job, daemon.observe)
    await gone(daemon.session["pid"], daemon.session["supervisor"])
    assert not daemon.file("began").exists()
    assert await Daemon(tmp_path).take(daemon.session) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"limits": 1}'])
async def test_a_folder_that_says_nothing_of_a_run_is_put_away(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "run" / "0badc0de"
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(text)
    assert await Daemon(tmp_path).adapter.take_back({"0badc0de": {}}) == {}
    assert not folder.exists()


async def test_what_else_is_in_the_run_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "spl.pid").write_text("1\n")
    await Daemon(tmp_path).adapter.take_back({})
    assert (tmp_path / "run" / "spl.pid").exists()


async def test_the_status_is_whole_and_says_when(tmp_path: Path) -> None:
    session = await Daemon(tmp_path).leave("touch ready; sleep 0.2")
    await gone(session["supervisor"])
    status = json.loads((tmp_path / "run" / session["run"] / "status.json").read_text())
    assert (status["why"], status["exit_code"], status["proven"], status["left"]) == ("exit", 0, True, [])
    assert abs(status["at"] - time.time()) < LIMIT_SECS


def test_a_group_of_another_boot_is_nobody_s_to_end() -> None:
    own = os.getpid()
    started = psutil.Process(own).create_time()
    assert taking_back.group_of({"pid": own, "process_started_at": started}) == own
    assert taking_back.group_of({"pid": own, "process_started_at": started - 100}) == 0
    free = next(pid for pid in range(2**22 - 1, 0, -1) if not psutil.pid_exists(pid))
    assert taking_back.group_of({"pid": free, "process_started_at": time.time()}) == free
    assert taking_back.group_of({"pid": free, "process_started_at": psutil.boot_time() - 100}) == 0
