"""The adapters of claude and codex with real processes, of an agent that misbehaves in all known ways."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncropel.adapters import Job, Outcome
from syncropel.adapters.agent_types import CLAUDE, CODEX
from syncropel.adapters.agents.adapter import AgentAdapter
from syncropel.adapters.contract import Place
from syncropel.adapters.models.tokens import read_tokens
from syncropel.adapters.reading import Usage
from syncropel.errors import SetupError
from syncropel.folds.fanout.child import AGENT_SESSION, SESSION, STREAM_EVENT
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable
from tests.adapters.agents.recorded import agent_of

LIMIT_SECS = 60.0
FAKE = str(Path(__file__).with_name("fake_agent.py"))
TYPES = {"claude": CLAUDE, "codex": CODEX}
BOTH = ["claude", "codex"]
REQUEST = 1270
"""Tokens of one request of the fake agent."""


class Bench:
    """One adapter and what it observes. Another on the same folder is the daemon that comes after."""

    def __init__(self, folder: Path, agent: str, **table: Any) -> None:
        self.folder = folder
        (folder / "home").mkdir(exist_ok=True)
        (folder / "secrets").mkdir(exist_ok=True)
        place = Place(folder / "work", folder / "run", Runtime(), secrets=folder / "secrets")
        given: dict[str, Any] = {"model": "gpt-5.5", "set": {"HOME": str(folder / "home")}, **table}
        given.setdefault("command", (sys.executable, FAKE))
        adapter = TYPES[agent].make(AdapterTable(agent, agent, **given), place)
        assert isinstance(adapter, AgentAdapter)
        self.adapter = adapter
        self.seen: list[tuple[str, dict[str, Any]]] = []

    async def observe(self, kind: str, body: dict[str, Any]) -> None:
        self.seen.append((kind, body))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [body for one, body in self.seen if one == kind]

    def job(self, goal: str, **more: Any) -> Job:
        return replace(Job("th_child", goal, 1, LIMIT_SECS, model="gpt-5.5"), **more)

    async def run(self, goal: str, **more: Any) -> Outcome:
        return await self.adapter.run(self.job(goal, **more), self.observe)

    def file(self, name: str) -> Path:
        return self.folder / "work" / "th_child" / "cwd" / name

    def tools(self) -> list[int]:
        """Processes that a tool of the agent has left."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            try:
                if process.environ().get("HOME") == str(self.folder / "home"):
                    found.append(process.pid)
            except psutil.Error:
                continue
        return found


@pytest.mark.parametrize("agent", BOTH)
@pytest.mark.parametrize(
    ("does", "verdict", "reason", "summary"),
    [
        ("ok", "accept", "", "I am done."),
        ("garbage", "accept", "", "I am done."),
        ("huge", "accept", "", {"claude": "I am done.", "codex": "yyyy"}),
        ("twice", "accept", "", "I am done."),
        ("denied", "failed", "permission_denied", "denied: "),
        ("lost", "failed", "result_missing", "ended without a result (exit status 0): I begin."),
        ("error", "failed", "agent_error", {"claude": "API Error: 500", "codex": "exceeded retry limit"}),
        ("limited", "failed", "rate_limited", {"claude": "API Error: 429", "codex": "exceeded retry limit"}),
        ("crash", "failed", "agent_error", "said that it was done, but: exit status 3"),
    ],
)
async def test_what_comes_of_an_agent(
    tmp_path: Path, agent: str, does: str, verdict: str, reason: str, summary: str | dict[str, str]
) -> None:
    bench = Bench(tmp_path, agent)

    outcome = await bench.run(f"do:{does}")

    assert (outcome.verdict, outcome.reason) == (verdict, reason)
    assert outcome.summary.startswith(summary[agent] if isinstance(summary, dict) else summary)
    assert len(outcome.summary) <= 2100
    assert (outcome.unread > 0) is (does in ("garbage", "lost"))
    assert bench.tools() == []


@pytest.mark.parametrize("agent", BOTH)
async def test_the_session_is_in_the_log_before_the_first_token(tmp_path: Path, agent: str) -> None:
    bench = Bench(tmp_path, agent)

    await bench.run("do:ok")

    kinds = [kind for kind, _ in bench.seen]
    assert kinds[0] == SESSION
    assert kinds.index(AGENT_SESSION) < kinds.index(STREAM_EVENT)
    named = bench.of(AGENT_SESSION)[0]["session"]
    assert bench.of(SESSION)[0].get("session") == (named if agent == "claude" else None)


@pytest.mark.parametrize("agent", BOTH)
async def test_each_token_is_told_once(tmp_path: Path, agent: str) -> None:
    bench = Bench(tmp_path, agent)

    outcome = await bench.run("do:twice")

    told = [body["usage"] for body in bench.of(STREAM_EVENT)]
    assert sum(read_tokens(one).total for one in told) == REQUEST
    cost = sum(body["cost_usd"] for body in bench.of(STREAM_EVENT)) + outcome.cost_usd
    assert cost == pytest.approx(agent_of(outcome)["cost_usd"])
    assert agent_of(outcome)["tokens"] == REQUEST


@pytest.mark.parametrize("agent", BOTH)
async def test_a_silent_agent_is_ended(tmp_path: Path, agent: str) -> None:
    bench = Bench(tmp_path, agent, idle_secs=1.5)

    outcome = await bench.run("do:stall")

    assert (outcome.verdict, outcome.reason) == ("failed", "idle")
    assert bench.tools() == []


@pytest.mark.parametrize("agent", BOTH)
async def test_an_agent_that_is_cancelled_leaves_no_tool_and_what_it_used_is_known(
    tmp_path: Path, agent: str
) -> None:
    bench = Bench(tmp_path, agent)
    job = bench.job("do:long")
    running = asyncio.ensure_future(bench.adapter.run(job, bench.observe))
    async with asyncio.timeout(LIMIT_SECS):
        while len(bench.tools()) < 3:  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.05)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert bench.tools() == []
    assert job.remains.proven
    assert agent_of(job.remains)["session"]
    assert agent_of(job.remains)["tokens"] == REQUEST


async def test_an_agent_that_hears_no_signal_is_killed_at_its_time_limit(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "claude")
    bench.adapter.interrupt_secs = 0.3

    outcome = await bench.run("do:deaf", timeout_secs=2.0)

    assert outcome.verdict == "timeout"
    assert bench.tools() == []


@pytest.mark.parametrize("agent", BOTH)
@pytest.mark.parametrize("does", ["endless", "ok"])
async def test_a_budget_in_tokens_ends_a_run(tmp_path: Path, agent: str, does: str) -> None:
    bench = Bench(tmp_path, agent)

    outcome = await bench.run(f"do:{does}", budget_tokens=REQUEST)

    assert (outcome.verdict, outcome.reason) == ("failed", "budget_exceeded")
    assert f"of its budget of {REQUEST}" in outcome.summary


async def test_a_codex_that_calls_more_tools_than_it_may_is_ended(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "codex", options={"max_turns": 3})

    outcome = await bench.run("do:endless")

    assert (outcome.verdict, outcome.reason) == ("failed", "max_turns")


async def test_a_budget_in_dollars_for_a_model_without_a_price_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "codex")

    outcome = await bench.run("do:ok", model="a-model-of-nobody", budget_usd=1.0)

    assert (outcome.verdict, outcome.reason) == ("failed", "budget_blind")
    assert "'a-model-of-nobody' is not known" in outcome.summary
    assert "budget_tokens=" in outcome.summary
    assert bench.seen == []


@pytest.mark.parametrize("agent", BOTH)
async def test_an_agent_that_is_not_installed_is_named(tmp_path: Path, agent: str) -> None:
    bench = Bench(tmp_path, agent, command=("no-such-agent",))

    outcome = await bench.run("do:ok")

    assert outcome.verdict == "failed"
    assert "there is no program 'no-such-agent'" in outcome.summary
    assert f"[adapters.{agent}] command" in outcome.summary


async def test_an_ended_attempt_is_read_again_without_what_later_ones_added_to_its_session(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, "codex")
    first = await bench.run("do:ok")
    await bench.run("do:ok", attempt=2, earlier={"adapter": "codex", **agent_of(first)})
    reader = bench.adapter.reader(bench.job("do:ok", over=True))

    lines = (bench.folder / "work" / "th_child" / "attempt-1.out").read_bytes().splitlines()
    told = [event for line in lines for event in reader.feed(line)] + reader.finish()

    assert [event.input for event in told if isinstance(event, Usage)] == [1000]


async def test_the_operator_s_price_makes_a_model_known(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "codex", options={"prices": {"a-model-of-nobody": {"input": 1.0, "output": 2.0}}})

    outcome = await bench.run("do:ok", model="a-model-of-nobody", budget_usd=1.0)

    assert agent_of(outcome)["cost_usd"] == pytest.approx((1250 * 1.0 + 20 * 2.0) / 1e6)
    assert bench.of(SESSION)[0]["warning"].startswith("a budget cannot stop this run")


@pytest.mark.parametrize("agent", BOTH)
async def test_a_secret_reaches_the_agent_and_no_argument_or_record(
    tmp_path: Path, agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOT_ALLOWED", "seen")
    (tmp_path / "secrets").mkdir()
    secret = tmp_path / "secrets" / "A_KEY"
    secret.touch(mode=0o600)
    secret.write_text("very-secret")
    bench = Bench(tmp_path, agent, secrets=("A_KEY",))

    await bench.run("do:environment")

    environment = json.loads(bench.file("environment.json").read_text())
    assert environment["A_KEY"] == "very-secret"
    assert "NOT_ALLOWED" not in environment
    assert "very-secret" not in bench.file("words.json").read_text()
    assert "very-secret" not in json.dumps(bench.seen)


@pytest.mark.parametrize("agent", BOTH)
async def test_a_daemon_that_comes_back_reads_on_and_counts_nothing_twice(tmp_path: Path, agent: str) -> None:
    before = Bench(tmp_path, agent)
    running = asyncio.ensure_future(before.run("do:long"))
    async with asyncio.timeout(LIMIT_SECS):
        while len(before.tools()) < 3:  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.05)
        while not before.of(AGENT_SESSION):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        while agent == "claude" and not before.of(STREAM_EVENT):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    before.adapter.leave_running()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    session = before.of(SESSION)[0]
    events = {session["run"]: len(before.seen) - 1}

    after = Bench(tmp_path, agent)
    taken = await after.adapter.take_back({session["run"]: session})
    psutil.Process(session["pid"]).send_signal(2)
    outcome = await after.adapter.resume(
        taken[session["run"]], after.job("do:long", events=events), after.observe
    )

    assert agent_of(outcome)["session"] == before.of(AGENT_SESSION)[0]["session"]
    assert after.of(AGENT_SESSION) == []
    if agent == "claude":
        told = [*before.of(STREAM_EVENT), *after.of(STREAM_EVENT)]
        assert sum(one["cost_usd"] for one in told) + outcome.cost_usd == pytest.approx(0.0059125)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"mode": "everything"}, "mode"),
        ({"max_turns": -1}, "max_turns"),
        ({"resume": "yes"}, "resume"),
        ({"prices": {"m": {"input": 1.0}}}, "prices"),
        ({"prices": {"m": {"input": -1.0, "output": 1.0}}}, "prices"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, options: dict[str, Any], key: str) -> None:
    with pytest.raises(SetupError, match=key):
        Bench(tmp_path, "claude", options=options)


@pytest.mark.parametrize("agent", BOTH)
async def test_the_briefing_is_in_the_prompt_of_a_new_session_only(tmp_path: Path, agent: str) -> None:
    bench = Bench(tmp_path, agent)

    first = await bench.run("do:stdin", briefing="# Briefing\n> parsed")

    assert first.verdict == "accept"
    assert bench.file("prompt.txt").read_text() == "do:stdin\n\n# Briefing\n> parsed\n"
    earlier = {"adapter": agent, **agent_of(first)}
    again = await bench.run("do:stdin", attempt=2, hint="do:stdin", briefing="# Briefing", earlier=earlier)
    assert again.verdict == "accept"
    assert bench.file("prompt.txt").read_text() == "do:stdin\n"
