"""Sessions of claude and codex: a later run continues an earlier one, and counts only its own tokens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from syncropel.folds.fanout.child import SESSION
from tests.adapters.agents.recorded import agent_of
from tests.adapters.agents.test_adapter import BOTH, REQUEST, Bench


@pytest.mark.parametrize("agent", BOTH)
async def test_a_retry_goes_on_with_the_session_and_tells_only_its_own_tokens(
    tmp_path: Path, agent: str
) -> None:
    bench = Bench(tmp_path, agent)
    first = await bench.run("do:ok")
    earlier = {"adapter": agent, **agent_of(first)}

    second = await bench.run("do:ok", attempt=2, hint="this time do:stdin", earlier=earlier)

    assert agent_of(second)["session"] == agent_of(first)["session"]
    assert agent_of(second)["tokens"] == agent_of(first)["tokens"] == REQUEST
    assert bench.of(SESSION)[1]["resumes"] == agent_of(first)["session"]
    assert bench.file("prompt.txt").read_text() == "this time do:stdin\n"


@pytest.mark.parametrize("agent", BOTH)
async def test_a_retry_whose_session_is_gone_begins_afresh_and_says_so(tmp_path: Path, agent: str) -> None:
    bench = Bench(tmp_path, agent)
    earlier = {"adapter": agent, "session": "0000-none", "thread_tokens": {"input": 5000}}

    outcome = await bench.run("do:stdin", attempt=2, hint="look twice", earlier=earlier)

    assert outcome.verdict == "accept"
    assert agent_of(outcome)["tokens"] == REQUEST
    assert bench.of(SESSION)[0]["fresh"] == "session 0000-none is gone"
    assert "resumes" not in bench.of(SESSION)[0]
    assert bench.file("prompt.txt").read_text() == "do:stdin\n\nlook twice\n"


@pytest.mark.parametrize("agent", BOTH)
@pytest.mark.parametrize("session", ["--dangerously-do-all", "../../etc/passwd", "*", "a b", "x" * 200])
async def test_a_session_that_could_be_something_else_is_not_resumed(
    tmp_path: Path, agent: str, session: str
) -> None:
    bench = Bench(tmp_path, agent)

    await bench.run("do:environment", attempt=2, earlier={"adapter": agent, "session": session})

    assert session not in json.loads(bench.file("words.json").read_text())
    assert bench.of(SESSION)[0]["fresh"] == "no earlier session of this subtask is known here"


async def test_tokens_of_a_codex_session_whose_former_use_is_not_known_are_not_known(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "codex")
    first = await bench.run("do:unfiled")
    earlier = {"adapter": "codex", "session": agent_of(first)["session"]}

    second = await bench.run("do:unfiled", attempt=2, earlier=earlier)

    assert (second.cost_known, agent_of(second)["tokens"], agent_of(second)["cost_usd"]) == (
        False,
        None,
        None,
    )
    assert agent_of(second)["thread_tokens"]["output"] == 40


async def test_without_the_session_s_file_codex_is_counted_at_its_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "codex")

    first = await bench.run("do:unfiled")
    second = await bench.run("do:unfiled", attempt=2, earlier={"adapter": "codex", **agent_of(first)})

    assert [agent_of(first)["tokens"], agent_of(second)["tokens"]] == [REQUEST, REQUEST]
    assert agent_of(second)["thread_tokens"]["output"] == 40


async def test_a_killed_codex_leaves_what_it_used_to_the_attempt_that_resumes_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "codex", idle_secs=1.5)
    job = bench.job("do:stall")
    first = await bench.adapter.run(job, bench.observe)
    earlier = agent_of(job.remains)

    second = await bench.run("do:ok", attempt=2, hint="do:ok", earlier=earlier)

    assert (first.reason, earlier["tokens"]) == ("idle", REQUEST)
    assert (agent_of(second)["session"], agent_of(second)["tokens"]) == (earlier["session"], REQUEST)


@pytest.mark.parametrize("agent", BOTH)
async def test_an_attempt_that_begins_again_goes_on_in_its_session_and_with_its_task(
    tmp_path: Path, agent: str
) -> None:
    bench = Bench(tmp_path, agent)
    session = agent_of(await bench.run("do:ok"))["session"]

    again = await bench.run(
        "do:ok", earlier={"adapter": agent, "session": session, "thread_tokens": {"input": 1}}
    )

    start = bench.of(SESSION)[-1]
    assert (start["resumes"], start["resumed_tokens"]["input"]) == (session, 1)
    assert agent_of(again)["session"] == session
