"""Agents that are talked to, with real processes: an agent of our own that misbehaves in the known ways."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncropel.adapters.acp.journal import Journal, NotWritten
from syncropel.adapters.asking import ALLOW_ALWAYS, ALLOW_ONCE, REJECT_ONCE, Message
from syncropel.adapters.contract import Place
from syncropel.adapters.reading import Text
from syncropel.adapters.registry import enable, installed
from syncropel.errors import SetupError
from syncropel.folds.fanout.child import SESSION
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable
from tests.adapters.acp.bench import ALL, Bench, Person, until
from tests.adapters.agents.recorded import agent_of


@pytest.mark.parametrize(
    ("does", "verdict", "reason", "summary"),
    [
        ("ok", "accept", "", "I am done."),
        ("file-system", "accept", "", "I am done."),
        ("garbage", "accept", "", "I am done."),
        ("stderr", "accept", "", "I am done."),
        ("lingers", "accept", "", "I am done."),
        ("crash", "failed", "result_missing", "ended without a result (exit status 3): I begin."),
    ],
)
async def test_what_comes_of_an_agent(
    tmp_path: Path, does: str, verdict: str, reason: str, summary: str
) -> None:
    bench = Bench(tmp_path, "opencode")

    outcome = await bench.run(f"do:{does}")

    assert (outcome.verdict, outcome.reason) == (verdict, reason)
    assert outcome.summary.startswith(summary)
    assert (outcome.unread > 0) is (does == "garbage")


@pytest.mark.parametrize("agent", ALL)
async def test_an_edit_that_the_operator_allows_is_made(tmp_path: Path, agent: str) -> None:
    bench = Bench(tmp_path, agent, Person(ALLOW_ONCE))

    outcome = await bench.run("do:edit")

    assert (outcome.verdict, agent_of(outcome)["denied"]) == ("accept", [])
    assert bench.file("note.txt").read_text() == "new\n"
    (request,) = bench.person.asked
    assert (request.kind, request.tool, request.text) == ("permission", "edit", "A edit")
    assert request.shown["diffs"] == [{"path": "note.txt", "old": None, "new": "new\n"}]
    assert request.paths == (str(bench.file("note.txt").resolve()),)


@pytest.mark.parametrize(
    ("agent", "answer"),
    [("claude", REJECT_ONCE), ("codex", REJECT_ONCE), ("gemini", ALLOW_ALWAYS), ("opencode", "anything")],
)
async def test_whatever_is_not_allowed_once_is_denied(tmp_path: Path, agent: str, answer: str) -> None:
    bench = Bench(tmp_path, agent, Person(answer))

    outcome = await bench.run("do:edit")

    assert (outcome.verdict, outcome.reason) == ("failed", "permission_denied")
    assert agent_of(outcome)["denied"] == ["edit note.txt"]
    assert not bench.file("note.txt").exists()


async def test_an_agent_that_offers_to_allow_only_for_good_is_denied(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "claude", Person(ALLOW_ONCE))

    outcome = await bench.run("do:edit-always")

    assert outcome.reason == "permission_denied"
    replies = [one["result"] for one in bench.said() if "result" in one]
    assert replies == [{"outcome": {"outcome": "selected", "optionId": "oreject_once"}}]


async def test_a_denied_call_is_ignored_when_the_subtask_says_so(tmp_path: Path) -> None:
    outcome = await Bench(tmp_path, "claude", Person(REJECT_ONCE)).run("do:edit", denied="ignore")

    assert outcome.verdict == "accept"


async def test_a_silent_agent_is_ended_but_not_while_it_waits_for_the_operator(tmp_path: Path) -> None:
    silent = await Bench(tmp_path, "claude", idle_secs=0.6).run("do:stall")
    person = Person()
    bench = Bench(tmp_path, "claude", person, idle_secs=0.6)
    running = asyncio.ensure_future(bench.run("do:edit"))
    await until(lambda: person.asked)
    await asyncio.wait({running}, timeout=1.5)

    assert (silent.verdict, silent.reason) == ("failed", "idle")
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_an_agent_over_a_limit_is_told_to_end_and_says_what_it_spent(tmp_path: Path) -> None:
    """Signals alone would end it before it has said so."""
    bench = Bench(tmp_path, "codex", idle_secs=0.6)
    job = bench.job("do:stall")

    outcome = await bench.adapter.run(job, bench.observe)

    assert outcome.reason == "idle"
    assert "session/cancel" in [one.get("method") for one in bench.said()]
    assert (job.remains.agent or {})["cost_usd"] == pytest.approx(0.0008)


@pytest.mark.parametrize("agent", ["claude", "codex", "gemini"])
async def test_a_cancelled_agent_says_what_it_spent_and_leaves_nothing(tmp_path: Path, agent: str) -> None:
    bench = Bench(tmp_path, agent, Person())
    job = bench.job("do:edit" if agent == "gemini" else "do:stall")
    running = asyncio.ensure_future(bench.adapter.run(job, bench.observe))
    await until(bench.prompts)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert "session/cancel" in [one.get("method") for one in bench.said()]
    assert job.remains.proven
    assert job.remains.left == ()
    told = job.remains.agent or {}
    assert told["session"]
    known = {"claude": None, "codex": pytest.approx(0.0008), "gemini": None}
    assert told["cost_usd"] == known[agent]


@pytest.mark.parametrize("agent", ["claude", "gemini"])
async def test_a_message_of_the_operator_is_the_next_prompt(tmp_path: Path, agent: str) -> None:
    person = Person(ALLOW_ONCE)
    person.messages.put_nowait(Message("m1", "use tabs"))
    bench = Bench(tmp_path, agent, person)

    outcome = await bench.run("do:edit")

    assert outcome.verdict == "accept"
    assert bench.prompts() == ["do:edit\n", "use tabs"]
    assert person.told == [("delivered", "m1"), ("answered", "m1")]


async def test_a_message_waits_for_the_end_of_a_turn_that_it_would_end(tmp_path: Path) -> None:
    person = Person()
    bench = Bench(tmp_path, "gemini", person)
    running = asyncio.ensure_future(bench.run("do:edit"))
    await until(lambda: person.asked)
    person.messages.put_nowait(Message("m1", "use tabs"))
    await until(person.messages.empty)

    assert person.told == []
    assert len(bench.prompts()) == 1
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("agent", ["claude", "gemini"])
async def test_a_retry_goes_on_with_its_session_and_counts_only_what_is_new(
    tmp_path: Path, agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncropel.adapters.acp.adapter._MINUTE_SECS", 0.01)
    monkeypatch.setattr("syncropel.adapters.acp.adapter._AFTER_SECS", 0.0)
    bench = Bench(tmp_path, agent)
    first = await bench.run("do:ok")

    again = await bench.run("do:ok", attempt=2, hint="try harder", earlier=agent_of(first))

    assert again.verdict == "accept"
    assert agent_of(again)["session"] == agent_of(first)["session"]
    assert bench.prompts() == ["do:ok\n", "try harder\n"]
    assert agent_of(again)["cost_usd"] == agent_of(first)["cost_usd"]
    assert bench.of(SESSION)[1]["resumes"] == agent_of(first)["session"]
    assert again.summary == "I am done."


async def test_an_agent_whose_session_may_not_be_loaded_yet_is_not_taken_for_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncropel.adapters.acp.adapter._MINUTE_SECS", 0.01)
    monkeypatch.setattr("syncropel.adapters.acp.adapter._AFTER_SECS", 3.5)
    bench = Bench(tmp_path, "gemini", idle_secs=2.5)
    first = await bench.run("do:ok")

    again = await bench.run("do:ok", attempt=2, hint="try harder", earlier=agent_of(first))

    assert (again.verdict, again.reason) == ("accept", "")


async def test_a_session_that_is_gone_is_begun_anew_with_the_whole_goal(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "claude")

    outcome = await bench.run("do:ok", attempt=2, hint="harder", earlier={"session": "s-gone"})

    assert outcome.verdict == "accept"
    assert bench.prompts() == ["do:ok\n\nharder\n"]
    assert agent_of(outcome)["session"] != "s-gone"
    assert agent_of(outcome)["cost_usd"] == 0.25


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("newer", "it speaks version 7 of the protocol, not 1"),
        ("no-session", "it cannot begin a session: Authentication required"),
        ("nameless", "it began a session without a name"),
    ],
)
async def test_an_agent_that_cannot_begin_says_why(tmp_path: Path, file: str, told: str) -> None:
    bench = Bench(tmp_path, "codex")
    (bench.home / file).touch()

    outcome = await bench.run("do:ok")

    assert (outcome.verdict, outcome.reason, outcome.summary) == ("failed", "agent_error", told)
    assert bench.prompts() == []


async def test_a_hidden_death_of_the_agent_ends_the_run(tmp_path: Path) -> None:
    """Its child holds stdout, so the pipe says nothing."""
    bench = Bench(tmp_path, "codex")
    running = asyncio.ensure_future(bench.run("do:stall"))
    await until(bench.prompts)
    psutil.Process(bench.of(SESSION)[0]["pid"]).kill()

    outcome = await running

    assert (outcome.verdict, outcome.reason) == ("failed", "result_missing")
    assert "SIGKILL" in outcome.summary


async def test_a_budget_in_tokens_needs_an_agent_that_says_all_its_tokens(tmp_path: Path) -> None:
    outcome = await Bench(tmp_path, "opencode").run("do:ok", budget_tokens=100)

    assert (outcome.verdict, outcome.reason) == ("failed", "budget_blind")


@pytest.mark.parametrize("agent", ["gemini", "claude"])
async def test_a_budget_in_tokens_that_is_spent_fails_the_run(tmp_path: Path, agent: str) -> None:
    outcome = await Bench(tmp_path, agent).run("do:ok", budget_tokens=100)

    assert (outcome.verdict, outcome.reason) == ("failed", "budget_exceeded")


@pytest.mark.parametrize(
    ("agent", "mode", "permissions"),
    [("claude", "default", "ask"), ("claude", "acceptEdits", "auto"), ("gemini", "autoEdit", "auto")],
)
async def test_the_mode_is_set_before_the_first_prompt(
    tmp_path: Path, agent: str, mode: str, permissions: str
) -> None:
    bench = Bench(tmp_path, agent, options={"permissions": permissions})

    await bench.run("do:ok", model="gpt-5.5")

    methods = [one.get("method") for one in bench.said()]
    assert methods.index("session/set_mode") < methods.index("session/prompt")
    (said,) = [one for one in bench.said() if one.get("method") == "session/set_mode"]
    assert said["params"]["modeId"] == mode
    chosen = [one["params"] for one in bench.said() if one.get("id") == "model"]
    assert [one.get("value") or one.get("modelId") for one in chosen] == ["gpt-5.5"]


def test_a_gateway_that_does_not_know_the_api_of_the_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="does not know the API"):
        Bench(tmp_path, "gemini", options={"gateway": True})


def test_a_word_for_permissions_that_means_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"permissions must be \"ask\" or \"auto\""):
        Bench(tmp_path, "gemini", options={"permissions": "yes"})


@pytest.mark.parametrize(("options", "made"), [({"permissions": "ask"}, True), ({}, False)])
def test_only_an_agent_that_asks_may_have_time_for_an_answer(
    tmp_path: Path, options: dict[str, str], made: bool
) -> None:
    place = Place(tmp_path / "work", tmp_path / "run", Runtime())
    table = AdapterTable("claude", answer_secs=5.0, options=options)

    if made:
        enabled = enable({"claude": table}, installed(), place)["claude"]
        assert (enabled.capabilities.permissions, enabled.capabilities.messages) == (True, True)
    else:
        with pytest.raises(SetupError, match="it asks nothing"):
            enable({"claude": table}, installed(), place)


@pytest.mark.parametrize("refusals", [1, 2])
async def test_a_handshake_that_failed_is_tried_once_more(tmp_path: Path, refusals: int) -> None:
    bench = Bench(tmp_path, "codex")
    for number in range(refusals):
        (bench.home / f"refusal-{number}").touch()

    outcome = await bench.run("do:ok")

    assert [one["method"] for one in bench.said()][:2] == ["initialize", "initialize"]
    if refusals == 1:
        assert outcome.verdict == "accept"
    else:
        wanted = ("agent_error", "it cannot begin: the home is being made")
        assert (outcome.reason, outcome.summary) == wanted


async def test_an_id_that_comes_again_is_another_request(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "claude", Person(ALLOW_ONCE, REJECT_ONCE))

    outcome = await bench.run("do:same-id")

    assert [one.command for one in bench.person.asked] == [("ls",), ("rm", "-rf", "/")]
    assert len({one.id for one in bench.person.asked}) == 2
    assert agent_of(outcome)["denied"] == ["execute rm -rf /"]


@pytest.mark.parametrize("agent", ALL)
async def test_every_message_that_waits_is_given_to_the_agent(tmp_path: Path, agent: str) -> None:
    person = Person(ALLOW_ONCE)
    for number in ("m1", "m2", "m3"):
        person.messages.put_nowait(Message(number, f"and {number}"))
    bench = Bench(tmp_path, agent, person)

    outcome = await bench.run("do:edit")

    assert outcome.verdict == "accept"
    assert bench.prompts() == ["do:edit\n", "and m1", "and m2", "and m3"]
    assert {number for state, number in person.told if state == "answered"} == {"m1", "m2", "m3"}


async def test_an_agent_that_reads_nothing_is_ended_as_a_silent_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "claude", idle_secs=0.6)
    (bench.home / "deaf").touch()

    outcome = await bench.run("x" * 2_000_000)

    assert (outcome.verdict, outcome.reason) == ("failed", "idle")


async def test_a_message_that_cannot_be_written_down_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Journal.add

    def full(self: Journal, after: int, message: dict[str, Any]) -> None:
        if message.get("method") == "session/prompt":
            raise NotWritten("sent.jsonl: No space left on device")
        add(self, after, message)

    monkeypatch.setattr(Journal, "add", full)
    bench = Bench(tmp_path, "gemini")

    outcome = await bench.run("do:ok")

    assert (outcome.verdict, outcome.reason) == ("failed", "agent_error")
    assert outcome.summary == "its conversation cannot be kept: sent.jsonl: No space left on device"
    assert bench.prompts() == []


def test_a_run_that_is_only_read_shows_what_its_agent_says(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "claude")
    chunk = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "I begin."}}
    line = json.dumps({"jsonrpc": "2.0", "method": "session/update", "params": {"update": chunk}})

    reader = bench.adapter.reader(bench.job("do:ok"))

    assert reader.feed(line.encode()) == [Text("I begin.")]
