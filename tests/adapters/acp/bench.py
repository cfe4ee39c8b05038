"""One adapter that talks to the fake agent, with an operator whose answers a test decides."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from syncropel.adapters import Job, Outcome
from syncropel.adapters.acp import kinds
from syncropel.adapters.acp.adapter import AcpAgent
from syncropel.adapters.asking import ALLOW_ONCE, Answer, Message, Request
from syncropel.adapters.contract import Place
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable

LIMIT_SECS = 60.0
FAKE = str(Path(__file__).with_name("fake_agent.py"))
KINDS = {"claude": kinds.CLAUDE, "codex": kinds.CODEX, "gemini": kinds.GEMINI, "opencode": kinds.OPENCODE}
ALL = [*KINDS]


class Person:
    """An operator. `answers`: what is answered to each request, in turn; then nothing is answered."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.told: list[tuple[str, str]] = []

    async def ask(self, request: Request) -> Answer:
        self.asked.append(request)
        if not self.answers:
            await asyncio.Event().wait()
        return Answer(self.answers.pop(0), by="did:someone")

    async def message(self) -> Message:
        return await self.messages.get()

    async def delivered(self, message: Message) -> None:
        self.told.append(("delivered", message.id))

    async def answered(self, message: Message) -> None:
        self.told.append(("answered", message.id))


class Bench:
    """One adapter and what it observes. Another on the same folder is the daemon that comes after."""

    def __init__(self, folder: Path, agent: str, person: Person | None = None, **table: Any) -> None:
        self.folder = folder
        self.person = person or Person(ALLOW_ONCE, ALLOW_ONCE)
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        (folder / "secrets").mkdir(exist_ok=True)
        place = Place(folder / "work", folder / "run", Runtime(), secrets=folder / "secrets")
        given: dict[str, Any] = {"set": {"HOME": str(self.home)}, **table}
        given.setdefault("command", (sys.executable, FAKE, agent))
        kind = replace(KINDS[agent], linger_secs=0.5)
        self.adapter = AcpAgent(AdapterTable(agent, agent, **given), place, kind)
        self.adapter.interrupt_secs = 0.3
        self.seen: list[tuple[str, dict[str, Any]]] = []

    async def observe(self, kind: str, body: dict[str, Any]) -> None:
        self.seen.append((kind, body))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [body for one, body in self.seen if one == kind]

    def job(self, goal: str, **more: Any) -> Job:
        return replace(Job("th_child", goal, 1, LIMIT_SECS, operator=self.person), **more)

    async def run(self, goal: str, **more: Any) -> Outcome:
        return await self.adapter.run(self.job(goal, **more), self.observe)

    def said(self) -> list[dict[str, Any]]:
        """Everything that the agent was told."""
        file = self.home / "said.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def prompts(self) -> list[str]:
        return [
            one["params"]["prompt"][0]["text"] for one in self.said() if one.get("method") == "session/prompt"
        ]

    def file(self, name: str) -> Path:
        return self.folder / "work" / "th_child" / "cwd" / name


async def until(holds: Callable[[], Any]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(LIMIT_SECS):
        while not holds():  # noqa: ASYNC110 - other processes make it so
            await asyncio.sleep(0.02)
