"""`spl mcp`: tools that an agent calls, and what it is told when they fail."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.server import MCPServer

from syncropel.cli.main import main
from syncropel.cli.mcp_server import server_of
from syncropel.client import attempt
from syncropel.client.attempt import Attempt
from syncropel.errors import SetupError
from syncropel.wire.attempt_words import TOKEN, URL

HERE = "http://127.0.0.1:7"


class Daemon(httpx.AsyncBaseTransport):
    """Gives these answers in turn (a status and a body, or an error), and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.answers: list[Any] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(await request.aread())
        self.asked.append((request.url.path, request.headers["authorization"], body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, told = answer
        return httpx.Response(status, json=told)


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Daemon:
    monkeypatch.setattr(attempt, "_PAUSE_SECS", 0.0)
    return Daemon()


@pytest.fixture
async def agent(daemon: Daemon) -> MCPServer:
    """The server that an agent calls."""
    return server_of(Attempt(HERE, "ticket", daemon))


async def said(agent: MCPServer, tool: str, **given: Any) -> tuple[bool, str]:
    """Whether a call failed, and its text."""
    async with Client(agent) as client:
        result = await client.call_tool(tool, given)
    [content] = result.content
    return bool(result.is_error), str(content.text)  # type: ignore[union-attr]


async def test_the_tools_say_what_they_do(agent: MCPServer) -> None:
    async with Client(agent) as client:
        tools = {one.name: one for one in (await client.list_tools()).tools}
    assert list(tools) == ["ask_operator", "report_progress", "read_siblings", "add_subtask"]
    assert all(one.description and "\n  " not in one.description for one in tools.values())
    assert tools["ask_operator"].input_schema["required"] == ["question"]


async def test_an_operator_is_asked_until_there_is_an_answer(agent: MCPServer, daemon: Daemon) -> None:
    answered = {"state": "decided", "answered": True, "text": "blue", "by": "did:x", "reason": ""}
    daemon.answers = [
        (200, {"state": "waiting"}),
        httpx.ConnectError("refused"),
        (503, {"code": "STARTING", "message": "starting", "hint": ""}),
        (200, answered),
    ]
    told = await said(agent, "ask_operator", question="Which?", choices=["blue", "green"])
    assert told == (False, "The operator answered: blue")
    asked = [body for _, _, body in daemon.asked]
    assert len({one["id"] for one in asked}) == 1
    assert asked[0]["choices"] == ["blue", "green"]
    assert {token for _, token, _ in daemon.asked} == {"Bearer ticket"}
    daemon.answers = [(200, {**answered, "answered": False, "reason": "ask later"})]
    failed, told_then = await said(agent, "ask_operator", question="Which?", choices=["blue", "green"])
    assert not failed
    assert told_then.startswith("There is no answer: ask later.")
    assert daemon.asked[-1][2]["id"] != asked[0]["id"]  # it was answered: this is another question


async def test_progress_and_siblings(agent: MCPServer, daemon: Daemon) -> None:
    daemon.answers = [(200, {"text": "recorded"}), (200, {"text": "# Other subtasks"})]
    assert await said(agent, "report_progress", text="half done") == (False, "Recorded.")
    assert await said(agent, "read_siblings") == (False, "# Other subtasks")
    assert [(path, body) for path, _, body in daemon.asked] == [
        ("/v1/attempt/progress", {"text": "half done"}),
        ("/v1/attempt/siblings", {}),
    ]


async def test_a_subtask_is_added_or_the_agent_is_told_why_not(agent: MCPServer, daemon: Daemon) -> None:
    daemon.answers = [
        (200, {"state": "waiting"}),
        (200, {"state": "decided", "added": 3, "reason": ""}),
        (200, {"state": "decided", "added": None, "reason": "its task is over"}),
    ]
    told = await said(agent, "add_subtask", goal="test it", depends_on=[0])
    assert told == (False, "It is subtask 3. read_siblings says how it goes.")
    first, second = (body for _, _, body in daemon.asked)
    assert first == second == {"id": first["id"], "goal": "test it", "depends_on": [0]}
    told = await said(agent, "add_subtask", goal="test it", depends_on=[0])
    assert told == (False, "It is not added: its task is over.")
    path, _, third = daemon.asked[-1]
    assert path == "/v1/attempt/subtasks"
    assert third["id"] != first["id"]  # the first was decided: this is another request


async def test_nothing_is_claimed_of_a_subtask_that_nobody_decides_about(
    agent: MCPServer, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "DECIDE_SECS", 0.0)
    daemon.answers = [(200, {"state": "waiting"}), (200, {"state": "decided", "added": 1, "reason": ""})]
    failed, told = await said(agent, "add_subtask", goal="test it")
    assert (failed, "nothing is decided yet" in told) == (False, True)
    assert await said(agent, "add_subtask", goal="test it") == (
        False,
        "It is subtask 1. read_siblings says how it goes.",
    )
    assert len({body["id"] for _, _, body in daemon.asked}) == 1  # it was asked for once


async def test_a_refusal_is_told_with_its_hint(agent: MCPServer, daemon: Daemon) -> None:
    daemon.answers = [(429, {"code": "TOO_MUCH", "message": "too soon", "hint": "wait 5 s"})]
    failed, told = await said(agent, "report_progress", text="x")
    assert failed
    assert "too soon (wait 5 s)" in told


async def test_a_daemon_that_stays_away_is_given_up(
    agent: MCPServer, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt, "AWAY_SECS", 0.0)
    daemon.answers = [httpx.ConnectError("refused")] * 3
    failed, told = await said(agent, "read_siblings")
    assert failed
    assert "the daemon does not answer: refused" in told


async def test_an_answer_that_is_none_is_told(agent: MCPServer, daemon: Daemon) -> None:
    daemon.answers = [(200, [1])]
    failed, told = await said(agent, "read_siblings")
    assert failed
    assert "the daemon gave an invalid answer" in told


@pytest.mark.parametrize("url", ["", "http://example.com:80", "http://127.0.0.1:7@example.com", f"{HERE}/x"])
def test_a_token_goes_nowhere_but_to_this_machine(url: str) -> None:
    with pytest.raises(SetupError):
        Attempt.of_environment({URL: url, TOKEN: "ticket"})


def test_outside_an_attempt_it_says_who_starts_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(URL, raising=False)
    assert main(["mcp"]) == 1
    told = capsys.readouterr().err
    assert "error: spl mcp runs only inside an attempt: its agent starts it" in told
    assert "set mcp = true in [adapters.NAME]" in told
