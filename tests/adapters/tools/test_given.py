"""What agents are given of the tools: the token in the environment alone, for as long as they run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import stat
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncropel.adapters import Job, Outcome
from syncropel.adapters.acp.kinds import CLAUDE as CLAUDE_TALKS
from syncropel.adapters.acp.kinds import CODEX as CODEX_TALKS
from syncropel.adapters.acp.kinds import GEMINI, OPENCODE
from syncropel.adapters.agent_types import CLAUDE, CODEX
from syncropel.adapters.agents.adapter import AgentAdapter
from syncropel.adapters.asking import Answer
from syncropel.adapters.calling import NoCalls
from syncropel.adapters.contract import Place
from syncropel.adapters.gateway.app import GatewayApp
from syncropel.adapters.gateway.desk import Gateway
from syncropel.adapters.tools import access
from syncropel.adapters.tools.app import AgentsApp
from syncropel.adapters.tools.desk import Desk
from syncropel.adapters.tools.servers import command
from syncropel.errors import SetupError
from syncropel.folds.fanout.child import SESSION
from syncropel.listening.gateway import GatewayServer, listen_gateway
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable
from syncropel.wire.attempt_words import TOKEN, URL

AGENT = str(Path(__file__).with_name("calling_agent.py"))
TYPES = {"claude": CLAUDE, "codex": CODEX}
LIMIT_SECS = 60.0


class Heard(NoCalls):
    """What an agent said of its progress. Its questions are never answered."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def progress(self, text: str) -> None:
        self.said.append(text)

    async def question(self, number: str, question: str, choices: tuple[str, ...]) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError("an event that nobody sets was set")


class Stage:
    """One adapter whose agent has the tools. Another on the same folder is the daemon that comes after."""

    def __init__(self, folder: Path, desk: Desk, agent: str, **options: Any) -> None:
        self.folder = folder
        (folder / "home").mkdir(exist_ok=True)
        self.place = Place(folder / "work", folder / "run", Runtime(), secrets=folder / "secrets", desk=desk)
        table = AdapterTable(
            agent,
            agent,
            command=(sys.executable, AGENT),
            set={"HOME": str(folder / "home")},
            idle_secs=options.pop("idle_secs", 0.0),
            options={"mcp": True, **options},
        )
        adapter = TYPES[agent].make(table, self.place)
        assert isinstance(adapter, AgentAdapter)
        self.adapter, self.calls = adapter, Heard()
        self.sessions: list[dict[str, Any]] = []

    def job(self) -> Job:
        return replace(Job("th_child", "goal", 1, LIMIT_SECS), calls=self.calls)

    async def observe(self, kind: str, body: dict[str, Any]) -> None:
        if kind == SESSION:
            self.sessions.append(body)

    async def run(self) -> Outcome:
        return await self.adapter.run(self.job(), self.observe)

    @property
    def cwd(self) -> Path:
        return self.folder / "work" / "th_child" / "cwd"

    async def given(self) -> dict[str, Any]:
        async with asyncio.timeout(LIMIT_SECS):
            while not (self.cwd / "given.json").exists():  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
        return dict(json.loads((self.cwd / "given.json").read_text()))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """One that agents can call."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listen_gateway(tmp_path / "gateway.port"))
        desk = Desk(listener.getsockname()[1])
        gateway = Gateway(tmp_path / "secrets", Runtime(), desk.port)
        server = GatewayServer(AgentsApp(desk, GatewayApp(gateway)), listener)
        serves = asyncio.create_task(server.serve())
        try:
            yield desk
        finally:
            await desk.stop()
            server.should_exit = True
            await serves


@pytest.mark.parametrize("agent", ["claude", "codex"])
async def test_an_agent_calls_with_a_token_that_is_in_its_environment_alone(
    tmp_path: Path, desk: Desk, agent: str
) -> None:
    stage = Stage(tmp_path, desk, agent)
    running = asyncio.create_task(stage.run())
    given = await stage.given()
    token = given["environment"][TOKEN]
    assert token not in " ".join(given["words"])
    assert token not in "".join(given["files"].values())
    assert [stat.S_IMODE(one) for one in given["modes"]] == ([0o600] if agent == "claude" else [])
    told = "".join(given["files"].values()) + " ".join(given["words"])
    assert all(json.dumps(word) in told for word in command())
    kept = b"".join(path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert token.encode() not in kept
    assert desk.find(token) is not None
    (stage.cwd / "go").touch()
    outcome = await running
    assert (outcome.verdict, outcome.summary) == ("accept", '200 {"text": "recorded"}'), outcome
    assert stage.calls.said == ["half done"]
    assert desk.find(token) is None
    assert token not in json.dumps(stage.sessions)


async def test_a_token_outlives_its_daemon_and_not_its_attempt(tmp_path: Path, desk: Desk) -> None:
    before = Stage(tmp_path, desk, "claude")
    running = asyncio.create_task(before.run())
    token = (await before.given())["environment"][TOKEN]
    before.adapter.leave_running()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    desk._callers.clear()  # as a process that is gone knows nothing

    after = Stage(tmp_path, desk, "claude")
    [session] = before.sessions
    taken = await after.adapter.take_back({session["run"]: session})
    resumed = asyncio.create_task(after.adapter.resume(taken[session["run"]], after.job(), after.observe))
    async with asyncio.timeout(LIMIT_SECS):
        while desk.find(token) is None:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)
    (after.cwd / "go").touch()
    outcome = await resumed
    assert outcome.summary == '200 {"text": "recorded"}', outcome
    assert (before.calls.said, after.calls.said) == ([], ["half done"])
    assert desk.find(token) is None


async def test_an_agent_that_waits_for_its_operator_is_not_idle(tmp_path: Path, desk: Desk) -> None:
    stage = Stage(tmp_path, desk, "claude", idle_secs=0.05)
    job = stage.job()
    made = stage.adapter._access
    assert made is not None
    made.open(job)
    caller = next(iter(desk._callers.values()))
    assert not stage.adapter.waits(job)
    caller.asking["1"] = asyncio.ensure_future(caller.calls.question("1", "?", ()))
    assert stage.adapter.waits(job)
    made.close(job)
    assert not stage.adapter.waits(job)


async def test_without_the_library_or_a_port_no_goal_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, Desk(), "claude")
    outcome = await stage.run()
    assert outcome.summary == "cannot start claude: the port for agents is not open"
    monkeypatch.setattr(access, "_LIBRARY", "a_library_of_nobody")
    assert "pip install 'syncropel-console[mcp]'" in stage.adapter.problem()
    assert "the library mcp is missing" in (await stage.run()).summary


def test_agents_that_are_talked_to_get_the_server_with_their_session() -> None:
    for kind in (CLAUDE_TALKS, GEMINI, OPENCODE):
        [server] = kind.servers
        assert [server["command"], *server["args"]] == command()
        assert server["env"] == []
        assert kind.with_tools({"A": "b"}) == {"A": "b"}
    meta = CLAUDE_TALKS.session_meta(None, 0, tools=True)["_meta"]["claudeCode"]["options"]
    assert meta["allowedTools"] == ["mcp__syncropel"]
    assert "allowedTools" not in CLAUDE_TALKS.session_meta(None, 0)["_meta"]["claudeCode"]["options"]


def test_codex_gets_the_server_in_its_config_beside_what_is_there() -> None:
    assert CODEX_TALKS.servers == ()
    own = {"model": "m", "mcp_servers": {"mine": {"command": "x"}}}
    config = json.loads(CODEX_TALKS.with_tools({"CODEX_CONFIG": json.dumps(own)})["CODEX_CONFIG"])
    assert config["model"] == "m"
    assert config["mcp_servers"]["mine"] == {"command": "x"}
    assert config["mcp_servers"]["syncropel"]["env_vars"] == [URL, TOKEN]
    for wrong in ("{", "[]", '{"mcp_servers": 3}'):
        with pytest.raises(SetupError, match="CODEX_CONFIG must be an object in JSON"):
            CODEX_TALKS.with_tools({"CODEX_CONFIG": wrong})


def test_the_key_is_a_switch(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="mcp must be true or false"):
        Stage(tmp_path, Desk(), "claude", mcp="yes")
