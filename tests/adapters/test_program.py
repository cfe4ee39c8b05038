"""A program under the running core, whatever it does to its files, its signals and its children."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncropel.adapters import Job, Outcome, program
from syncropel.adapters.configured import ConfiguredProgram
from syncropel.adapters.contract import Place
from syncropel.adapters.reading import OutputReader
from syncropel.folds.fanout.child import AGENT_SESSION, SESSION, STREAM_EVENT
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable
from tests.adapters.readers import LineReader

LIMIT_SECS = 60.0
PROGRAM = str(Path(__file__).with_name("misbehaving.py"))


class Agent(ConfiguredProgram):
    """A program that speaks the protocol of `LineReader`."""

    def reader(self, job: Job) -> OutputReader:
        self.last = LineReader()
        return self.last


class Bench:
    """One adapter and what it observes. Another on the same folder is the daemon that comes after."""

    def __init__(self, folder: Path, how: str, kind: type[ConfiguredProgram] = Agent, **table: Any) -> None:
        self.folder = folder
        (folder / "secrets").mkdir(exist_ok=True)
        place = Place(folder / "work", folder / "run", Runtime(), secrets=folder / "secrets")
        command = (sys.executable, PROGRAM, how)
        self.adapter = kind(AdapterTable("mine", "exec", command, **table), place)
        self.seen: list[tuple[str, dict[str, Any]]] = []

    async def observe(self, kind: str, body: dict[str, Any]) -> None:
        self.seen.append((kind, body))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [body for one, body in self.seen if one == kind]

    async def run(self, goal: str = "the goal", **more: Any) -> Outcome:
        job = replace(Job("th_child", goal, 1, LIMIT_SECS), **more)
        return await self.adapter.run(job, self.observe)

    def text(self, name: str) -> str:
        return (self.folder / "work" / "th_child" / name).read_text()


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT_SECS):
        while not look():  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("how", "verdict", "summary", "reason", "unread"),
    [
        ("well", "accept", "well", "", 0),
        ("fails", "failed", "fails", "", 0),
        ("long", "accept", "long", "", 0),
        ("longer", "accept", "longer", "", 1),
        ("garbage", "accept", "garbage", "", 2),
        ("two", "accept", "two", "", 0),
        ("tidy", "accept", "no newline", "", 0),
        ("closes", "failed", "no final event", "result_missing", 0),
        ("forks", "accept", "forks", "", 0),
    ],
)
async def test_what_a_program_may_do_to_its_output(
    tmp_path: Path, how: str, verdict: str, summary: str, reason: str, unread: int
) -> None:
    bench = Bench(tmp_path, how)
    outcome = await bench.run()
    assert (outcome.verdict, outcome.summary, outcome.reason, outcome.unread) == (
        verdict,
        summary,
        reason,
        unread,
    )
    assert [body["session"] for body in bench.of(AGENT_SESSION)] == [f"s-{how}"]
    assert [body["cost_usd"] for body in bench.of(STREAM_EVENT)] == [0.25]
    assert outcome.cost_usd == 0.0, "it was observed"
    assert len(bench.seen) == 3, "nothing is observed for each event"
    if how == "forks":
        child = json.loads(bench.text("attempt-1.out").splitlines()[2])["text"]
        await until(lambda: not psutil.pid_exists(int(child)))


async def test_the_goal_comes_on_stdin_and_stderr_has_a_file_of_its_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "reads", args=("{goal}",))
    goal = "π\n" + "y" * 300_000
    await bench.run(goal)
    assert json.loads(bench.text("attempt-1.out").splitlines()[2])["text"] == goal
    assert bench.text("attempt-1.err") == "a word on stderr\n"
    session = bench.of(SESSION)[0]
    assert (Path(session["output"]).name, Path(session["stderr"]).name) == ("attempt-1.out", "attempt-1.err")


async def test_a_program_is_given_what_the_config_names_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSED_ON", "yes")
    monkeypatch.setenv("KEPT_BACK", "no")
    bench = Bench(
        tmp_path,
        "told",
        args=("-q", "{goal}"),
        env=("PASSED_ON", "ABSENT"),
        set={"REGION": "eu"},
        cwd=str(tmp_path),
    )
    await bench.run(attempt=2, hint="h", model="m1", budget_usd=0.5)
    told = json.loads(json.loads(bench.text("attempt-2.out").splitlines()[2])["text"])
    given = told["environ"]
    assert (told["argv"], told["cwd"]) == (["-q", "{goal}"], str(tmp_path)), (
        "a goal never gets into arguments"
    )
    assert (given["PASSED_ON"], given["REGION"], "KEPT_BACK" in given) == ("yes", "eu", False)
    assert (given["SPL_ATTEMPT"], given["SPL_HINT"], given["SPL_MODEL"]) == ("2", "h", "m1")
    assert (given["SPL_CHILD_THREAD"], given["SPL_BUDGET_USD"]) == ("th_child", "0.5")


async def test_a_secret_reaches_the_program_alone_and_its_absence_is_said(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "told", secrets=("API_KEY",))
    outcome = await bench.run()
    assert (outcome.verdict, "there is no secret 'API_KEY'" in outcome.summary) == ("failed", True)
    (tmp_path / "secrets" / "API_KEY").write_text("s3cret-value\n")
    (tmp_path / "secrets" / "API_KEY").chmod(0o600)
    outcome = await bench.run()
    told = json.loads(json.loads(bench.text("attempt-1.out").splitlines()[2])["text"])
    assert told["environ"]["API_KEY"] == "s3cret-value"
    assert "s3cret-value" not in str([bench.seen, outcome])


async def test_a_program_that_is_deaf_is_ended_and_what_it_spent_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "TERM_GRACE_SECS", 0.2)
    bench = Bench(tmp_path, "deaf")
    running = asyncio.ensure_future(bench.run())
    await until(lambda: bench.of(STREAM_EVENT))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not psutil.pid_exists(bench.of(SESSION)[0]["pid"])
    assert len(bench.of(STREAM_EVENT)) == 1


async def test_a_program_that_says_nothing_is_ended_as_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "TERM_GRACE_SECS", 0.2)
    outcome = await Bench(tmp_path, "silent", idle_secs=1.0).run()
    assert (outcome.verdict, outcome.reason, outcome.summary) == ("failed", "idle", "wrote nothing for 1s")


async def test_a_daemon_that_comes_back_reads_on_and_counts_nothing_twice(tmp_path: Path) -> None:
    first = Bench(tmp_path, "silent")
    running = asyncio.ensure_future(first.run())
    await until(lambda: first.of(STREAM_EVENT))
    first.adapter.leave_running()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    session = first.of(SESSION)[0]
    second = Bench(tmp_path, "silent")
    taken = (await second.adapter.take_back({session["run"]: session}))[session["run"]]
    job = Job("th_child", "the goal", 1, LIMIT_SECS, events={session["run"]: 1})
    resumed = asyncio.ensure_future(second.adapter.resume(taken, job, second.observe))
    await until(lambda: second.of(STREAM_EVENT))
    psutil.Process(session["pid"]).kill()
    outcome = await resumed
    assert second.of(AGENT_SESSION) == [], "the log holds that one"
    assert [body["events"] for body in second.of(STREAM_EVENT)] == [2]
    assert isinstance(second.adapter, Agent)
    assert len(second.adapter.last.lines) == 2, "its reader knows what the former one knew"
    assert (outcome.verdict, outcome.reason) == ("failed", "result_missing")


@pytest.mark.parametrize(
    ("how", "verdict", "ends"),
    [("reads", "accept", '"answer": "reads"}'), ("fails", "failed", "exit status 3")],
)
async def test_exec_is_judged_by_its_exit_status(tmp_path: Path, how: str, verdict: str, ends: str) -> None:
    bench = Bench(tmp_path, how, ConfiguredProgram)
    outcome = await bench.run()
    assert (outcome.verdict, outcome.summary.endswith(ends)) == (verdict, True)
    assert [kind for kind, _ in bench.seen] == [SESSION]


async def test_a_program_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "well", ConfiguredProgram)
    bench.adapter.table = replace(bench.adapter.table, command=("no-such-program-here",))
    outcome = await bench.run()
    assert outcome.verdict == "failed"
    assert outcome.summary == "cannot start mine: No such file or directory"
