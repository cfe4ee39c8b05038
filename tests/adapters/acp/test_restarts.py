"""A conversation that one daemon begins and another one goes on with."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncropel.adapters.asking import ALLOW_ONCE, REJECT_ONCE, Message
from syncropel.folds.fanout.child import AGENT_SESSION, SESSION, STREAM_EVENT
from tests.adapters.acp.bench import Bench, Person, until
from tests.adapters.agents.recorded import agent_of


async def left(bench: Bench, running: asyncio.Future[Any]) -> dict[str, Any]:
    """Its daemon goes, the run stays. The run's session."""
    bench.adapter.leave_running()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    return bench.of(SESSION)[0]


@pytest.mark.parametrize("agent", ["claude", "gemini"])
@pytest.mark.parametrize("answered", [False, True])
async def test_a_daemon_that_comes_back_asks_the_open_request_once_more(
    tmp_path: Path, agent: str, answered: bool
) -> None:
    """And the request that it had answered is answered no second time."""
    before = Bench(tmp_path, agent, Person(*[ALLOW_ONCE] * answered))
    running = asyncio.ensure_future(before.run("do:edit"))
    await until(lambda: before.person.asked and before.of(AGENT_SESSION))
    session = await left(before, running)
    known = sum(kind != SESSION for kind, _ in before.seen)

    after = Bench(tmp_path, agent, Person(ALLOW_ONCE))
    taken = await after.adapter.take_back({session["run"]: session})
    job = after.job("do:edit", events={session["run"]: known})
    outcome = await after.adapter.resume(taken[session["run"]], job, after.observe)

    assert outcome.verdict == "accept"
    assert after.file("note.txt").exists()
    assert len(before.prompts()) == 1
    assert len([one for one in after.said() if "outcome" in one.get("result", {})]) == 1
    if after.person.asked:
        assert after.person.asked[0].id == before.person.asked[0].id
    told = [*before.of(STREAM_EVENT), *after.of(STREAM_EVENT)]
    assert sum(one["usage"]["output"] for one in told) == 10
    assert after.of(AGENT_SESSION) == []


@pytest.mark.parametrize("agent", ["codex", "gemini"])
async def test_what_was_denied_is_known_of_an_agent_that_ended_while_no_daemon_ran(
    tmp_path: Path, agent: str
) -> None:
    before = Bench(tmp_path, agent, Person(REJECT_ONCE))
    (before.home / "stay").touch()
    running = asyncio.ensure_future(before.run("do:edit"))
    await until((before.home / "end").exists)
    session = await left(before, running)
    (before.home / "stay").unlink()
    await until(lambda: not psutil.pid_exists(session["supervisor"]) or _zombie(session["supervisor"]))

    after = Bench(tmp_path, agent)
    taken = await after.adapter.take_back({session["run"]: session})
    outcome = await after.adapter.resume(taken[session["run"]], after.job("do:edit"), after.observe)

    assert (outcome.verdict, outcome.reason) == ("failed", "permission_denied")
    assert agent_of(outcome)["denied"] == ["edit note.txt"]
    assert outcome.summary.endswith("I am done.")


def _zombie(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


async def test_the_next_daemon_says_that_a_message_was_answered(tmp_path: Path) -> None:
    before = Bench(tmp_path, "claude", Person())
    before.person.messages.put_nowait(Message("m1", "do:edit"))
    running = asyncio.ensure_future(before.run("do:edit"))
    await until(lambda: before.person.told and len(before.person.asked) == 2)
    session = await left(before, running)

    after = Bench(tmp_path, "claude", Person(ALLOW_ONCE, ALLOW_ONCE))
    taken = await after.adapter.take_back({session["run"]: session})
    await after.adapter.resume(taken[session["run"]], after.job("do:edit"), after.observe)

    assert before.person.told == [("delivered", "m1")]
    assert after.person.told == [("delivered", "m1"), ("answered", "m1")]
