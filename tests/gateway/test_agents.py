"""Agents behind the gateway: what a run costs, how it ends, and what another daemon makes of it."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncropel.adapters import Job, Outcome
from syncropel.adapters.agent_types import CLAUDE, CODEX
from syncropel.adapters.agents.adapter import AgentAdapter
from syncropel.adapters.contract import Place
from syncropel.adapters.gateway.journal import Journal, Request
from syncropel.adapters.registry import Types, enable
from syncropel.errors import SetupError
from syncropel.folds.fanout.child import SESSION, STREAM_EVENT
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable
from tests.gateway.conftest import KEY, LIMIT_SECS, Bench, until
from tests.gateway.provider import (
    STREAM,
    TOKENS,
    USD,
    Asked,
    Play,
    Provider,
    encoded,
    events,
    says,
    streams,
)

AGENT = str(Path(__file__).with_name("asking_agent.py"))
TYPES = {"claude": CLAUDE, "codex": CODEX}
CODEX_TOKENS, CODEX_USD = 1220, 0.0057


def answers(found: str) -> Play:
    """What the model of this agent answers."""
    if found == "claude":
        return streams()
    usage = {"input_tokens": 1200, "input_tokens_details": {"cached_tokens": 200}, "output_tokens": 20}
    response = {"id": "r", "model": "gpt-5.5", "status": "completed", "usage": usage, "output": []}
    return streams([{"type": "response.completed", "response": response}])


class Stage:
    """One adapter behind a bench's gateway, and what it observes."""

    def __init__(self, bench: Bench, upstream: Provider, agent: str = "claude", **more: Any) -> None:
        self.bench = bench
        folder = bench.folder
        (folder / "home").mkdir(exist_ok=True)
        self.place = Place(
            folder / "work", folder / "run", Runtime(), secrets=folder / "secrets", gateway=bench.gateway
        )
        options = {"gateway": True, "provider_url": upstream.url, "provider_key": "KEY", **more}
        self.table = AdapterTable(
            agent,
            agent,
            command=(sys.executable, AGENT),
            set={"HOME": str(folder / "home")},
            options=options,
        )
        adapter = TYPES[agent].make(self.table, self.place)
        assert isinstance(adapter, AgentAdapter)
        self.adapter = adapter
        self.seen: list[tuple[str, dict[str, Any]]] = []

    async def observe(self, kind: str, body: dict[str, Any]) -> None:
        self.seen.append((kind, body))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [body for one, body in self.seen if one == kind]

    @property
    def observed_usd(self) -> float:
        return float(sum(body.get("cost_usd", 0.0) for body in self.of(STREAM_EVENT)))

    def job(self, goal: str, **more: Any) -> Job:
        return replace(Job("th_child", goal, 1, LIMIT_SECS, model="gpt-5.5"), **more)

    async def run(self, goal: str, **more: Any) -> Outcome:
        return await self.adapter.run(self.job(goal, **more), self.observe)

    def file(self, name: str) -> Path:
        return self.bench.folder / "work" / "th_child" / "cwd" / name

    def given(self) -> dict[str, Any]:
        return dict(json.loads(self.file("given.json").read_text()))


def told(outcome: Outcome) -> dict[str, Any]:
    assert outcome.agent is not None
    return outcome.agent


@pytest.mark.parametrize(
    ("agent", "tokens", "usd"), [("claude", TOKENS, USD), ("codex", CODEX_TOKENS, CODEX_USD)]
)
async def test_each_request_is_in_the_log_with_its_tokens_and_cost(
    bench: Bench, agent: str, tokens: int, usd: float
) -> None:
    stage = Stage(bench, await bench.provider(answers(agent)), agent)

    outcome = await stage.run("ask:3 ")

    assert (outcome.verdict, outcome.reason, outcome.cost_known) == ("accept", "", True)
    body = told(outcome)
    assert (body["tokens"], body["gateway"]["requests"]) == (3 * tokens, 3)
    assert body["gateway"]["disagrees"] == ""
    assert [one["events"] for one in stage.of(STREAM_EVENT)] == [1, 2, 3]
    assert stage.observed_usd + outcome.cost_usd == pytest.approx(body["cost_usd"])
    assert body["cost_usd"] == pytest.approx(3 * usd)
    assert stage.of(SESSION)[0]["spend_known"] == "request"


async def test_the_agent_has_a_token_of_its_own_and_never_the_key(bench: Bench) -> None:
    stage = Stage(bench, await bench.provider(answers("claude")))

    outcome = await stage.run("ask:1 ")

    environment = stage.given()["environment"]
    token = environment["ANTHROPIC_API_KEY"]
    assert token.startswith("spl-attempt-")
    everything = json.dumps([stage.given(), list(stage.seen), told(outcome)])
    assert KEY not in everything
    assert token not in json.dumps([stage.given()["words"], stage.seen, told(outcome)])
    assert not any(token in one.read_text() for one in (bench.folder / "run").rglob("*") if one.is_file())
    assert (await bench.ask(token=token)).status_code == 401


async def test_codex_is_told_where_to_ask_by_arguments_and_its_token_by_the_environment(bench: Bench) -> None:
    stage = Stage(bench, await bench.provider(answers("codex")), "codex")

    await stage.run("ask:1 ")

    given = stage.given()
    token = given["environment"]["SPL_GATEWAY_TOKEN"]
    assert token.startswith("spl-attempt-")
    assert not any(token in word for word in given["words"])


async def test_a_budget_ends_it_after_the_request_that_spent_it(bench: Bench) -> None:
    provider = await bench.provider(answers("claude"))
    stage = Stage(bench, provider)

    outcome = await stage.run("ask:9 ", budget_usd=2 * USD)

    assert (outcome.verdict, outcome.reason) == ("failed", "budget_exceeded")
    assert outcome.summary == "budget_exceeded: spent $0.01 of its budget of $0.01"
    assert len(provider.asked) == 2
    assert told(outcome)["gateway"]["refused"] == 1


async def test_a_budget_in_tokens_does_too(bench: Bench) -> None:
    provider = await bench.provider(answers("codex"))
    stage = Stage(bench, provider, "codex")

    outcome = await stage.run("ask:9 ", budget_tokens=2 * CODEX_TOKENS)

    assert (outcome.verdict, outcome.reason) == ("failed", "budget_exceeded")
    assert len(provider.asked) == 2


async def test_what_an_earlier_start_of_the_attempt_spent_counts(bench: Bench) -> None:
    provider = await bench.provider(answers("claude"))
    stage = Stage(bench, provider)

    outcome = await stage.run("ask:9 ", budget_usd=3 * USD, spent_usd=2 * USD)

    assert outcome.reason == "budget_exceeded"
    assert len(provider.asked) == 1


async def test_an_agent_whose_own_figures_differ_is_told_of(bench: Bench) -> None:
    stage = Stage(bench, await bench.provider(answers("claude")))

    outcome = await stage.run("ask:2 liar")

    body = told(outcome)
    assert body["tokens"] == 2 * TOKENS
    assert body["cost_usd"] == pytest.approx(2 * USD)
    assert body["gateway"]["disagrees"] == (
        f"the agent says {TOKENS} tokens, the gateway metered {2 * TOKENS} and $0.0059, the gateway metered "
        "$0.0118"
    )


async def test_a_request_that_is_under_way_when_the_run_is_ended_is_cut(bench: Bench) -> None:
    async def play(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM + encoded(events()[0]))
        await writer.drain()
        await asyncio.Event().wait()

    provider = await bench.provider(play)
    stage = Stage(bench, provider)
    job = stage.job("ask:1 ")
    running = asyncio.ensure_future(stage.adapter.run(job, stage.observe))
    async with asyncio.timeout(LIMIT_SECS):
        await provider.begun.wait()

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    async with asyncio.timeout(LIMIT_SECS):
        await provider.gone.wait()
    (event,) = stage.of(STREAM_EVENT)
    assert event["cost_unknown"] is True
    assert job.remains.agent is not None
    assert (job.remains.agent["cost_usd"], job.remains.agent["gateway"]["unknown"]) == (None, 1)


async def _left_running(stage: Stage, goal: str, asked: int, **more: Any) -> Path:
    """Have a daemon that is gone, and its agent at work after so many requests."""
    for number in range(asked):
        stage.file("").mkdir(parents=True, exist_ok=True)
        stage.file(f"go-{number}").touch()
    running = asyncio.ensure_future(stage.adapter.run(stage.job(goal, **more), stage.observe))
    await until(lambda: len(stage.of(STREAM_EVENT)) == asked and len(stage.of(SESSION)) == 1)
    stage.adapter.leave_running()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    (run,) = [one for one in (stage.bench.folder / "run").iterdir() if one.is_dir()]
    return run


async def _taken_back(stage: Stage, run: Path, job: Job) -> asyncio.Future[Outcome]:
    taken = (await stage.adapter.take_back({run.name: {}}))[run.name]
    return asyncio.ensure_future(stage.adapter.resume(taken, job, stage.observe))


async def test_a_daemon_that_comes_back_goes_on_with_token_and_account(bench: Bench) -> None:
    provider = await bench.provider(answers("claude"))
    before = Stage(bench, provider)
    run = await _left_running(before, "ask:3 gated", 1, budget_usd=3 * USD)
    for one in list(bench.gateway._attempts):
        bench.gateway._attempts.discard(one)  # as a process that is gone knows nothing

    after = Stage(bench, provider)
    job = after.job(
        "ask:3 gated", budget_usd=3 * USD, spent_usd=before.observed_usd, events={f"{run.name}/gateway": 1}
    )
    resumed = await _taken_back(after, run, job)
    for number in (1, 2):
        after.file(f"go-{number}").touch()
    outcome = await resumed

    assert told(outcome)["gateway"]["requests"] == 3
    assert [one["events"] for one in after.of(STREAM_EVENT)] == [2, 3]
    assert before.observed_usd + after.observed_usd == pytest.approx(3 * USD)
    assert told(outcome)["cost_usd"] == pytest.approx(3 * USD)


async def test_a_request_that_was_under_way_when_the_daemon_died_is_unknown_and_held(
    bench: Bench, tmp_path: Path
) -> None:
    provider = await bench.provider(answers("claude"))
    before = Stage(bench, provider)
    run = await _left_running(before, "ask:3 gated", 1, budget_usd=3 * USD)
    attempt = next(iter(bench.gateway._attempts))
    Journal(run / "gateway.jsonl").begin(Request(2, "claude-opus-4-8", attempt._most(_unbounded())))
    bench.gateway._attempts.clear()

    after = Stage(bench, provider)
    job = after.job("ask:3 gated", budget_usd=3 * USD, spent_usd=USD, events={f"{run.name}/gateway": 1})
    resumed = await _taken_back(after, run, job)
    after.file("go-1").touch()
    outcome = await resumed

    assert (outcome.verdict, outcome.reason, outcome.cost_known) == ("failed", "budget_exceeded", False)
    assert "did not say what a request cost" in outcome.summary
    assert len(provider.asked) == 1
    assert after.of(STREAM_EVENT)[0]["cost_unknown"] is True


def _unbounded() -> Any:
    from syncropel.adapters.gateway.dialects import Asked as ToModel

    return ToModel("claude-opus-4-8", None, None)


async def test_a_gateway_that_had_to_move_says_so(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    provider = await bench.provider(answers("claude"))
    run = await _left_running(Stage(bench, provider), "ask:2 gated", 1)
    bench.gateway._attempts.clear()
    bench.gateway.port += 1

    after = Stage(bench, provider)
    resumed = await _taken_back(after, run, after.job("ask:2 gated", events={f"{run.name}/gateway": 1}))
    after.file("go-1").touch()
    outcome = await resumed

    assert outcome.verdict == "failed"
    assert f"the gateway is not at port {bench.gateway.port - 1} any more" in caplog.text


@pytest.mark.parametrize("where", ["secrets", "env", "set"])
@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "KEY"])
async def test_an_adapter_that_would_give_the_agent_the_key_is_refused(
    bench: Bench, where: str, name: str
) -> None:
    stage = Stage(bench, await bench.provider(answers("claude")))
    given: Any = {"HOME": "/", name: "x"} if where == "set" else (name,)

    with pytest.raises(SetupError, match=f"gives the agent '{name}', which the gateway keeps from it"):
        CLAUDE.make(replace(stage.table, **{where: given}), stage.place)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gateway", "yes"),
        ("provider_url", "http://example.com"),
        ("provider_url", "https://user:secret@example.com"),
        ("provider_url", "https://example.com?x=1"),
        ("provider_url", "ftp://example.com"),
        ("provider_url", "https://exa mple.com"),
        ("provider_url", 3),
        ("provider_key", "../hub.db"),
        ("provider", "Some One"),
    ],
)
async def test_a_bad_setting_is_named(bench: Bench, key: str, value: Any) -> None:
    with pytest.raises(SetupError, match=key):
        Stage(bench, await bench.provider(answers("claude")), **{key: value})


async def test_what_is_missing_is_told_before_and_ends_the_attempt(bench: Bench) -> None:
    stage = Stage(bench, await bench.provider(answers("claude")), provider_key="ANOTHER")
    found = enable({"claude": stage.table}, Types({"claude": CLAUDE}), stage.place)["claude"]

    outcome = await stage.run("ask:1 ")

    assert "there is no secret 'ANOTHER'" in found.problem
    assert outcome.verdict == "failed"
    assert "there is no secret 'ANOTHER'" in outcome.summary
    assert not stage.of(SESSION)


async def test_its_cost_is_known_after_each_request(bench: Bench) -> None:
    stage = Stage(bench, await bench.provider(answers("codex")), "codex")

    found = enable({"codex": stage.table}, Types({"codex": CODEX}), stage.place)["codex"]

    assert (found.capabilities.cost, CODEX.capabilities.cost) == ("request", "end")


async def test_a_quota_that_is_spent_ends_the_run_with_that_reason(bench: Bench) -> None:
    spent: list[tuple[str, float | None]] = []
    bench.gateway.hear = lambda provider, found, proven: spent.append((provider, found.secs))
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "come again"}}
    stage = Stage(bench, await bench.provider(says(429, error, "retry-after: 3600")))

    outcome = await stage.run("ask:1 ")

    assert (outcome.verdict, outcome.reason) == ("failed", "rate_limited")
    assert outcome.summary == "the quota of anthropic is spent: come again"
    assert spent == [("anthropic", 3600.0)]
