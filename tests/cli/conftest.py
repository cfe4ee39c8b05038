"""A command line that runs in this process, and a daemon that is only a function."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from syncropel.cli.main import main
from syncropel.settings.home import Home
from tests.network import replace_network

from .repository import person, repo

__all__ = ["person", "repo"]


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class FakeDaemon:
    """Answers by path, and keeps what it was asked."""

    answers: dict[str, Any] = field(default_factory=dict)
    turns: dict[str, list[httpx.Response]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def answer(self, path: str, body: Any, status: int = 200) -> None:
        content = body.model_dump_json() if isinstance(body, BaseModel) else json.dumps(body)
        self.answers[path] = httpx.Response(status, content=content)

    def answers_in_turn(self, path: str, *bodies: BaseModel) -> None:
        """Another answer each time; the last one from then on."""
        self.turns[path] = [httpx.Response(200, content=body.model_dump_json()) for body in bodies]

    def refuse(self, path: str, status: int, code: str, message: str, hint: str = "") -> None:
        envelope = {"object": "error", "type": "t", "code": code, "message": message, "hint": hint}
        self.answer(path, envelope, status)

    def body(self) -> Any:
        return json.loads(self.requests[-1].content)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path
        if turns := self.turns.get(path):
            self.answers[path] = turns.pop(0)
        if path not in self.answers:
            raise AssertionError(f"unexpected {request.method} {path}")
        answer = self.answers[path]
        return httpx.Response(answer.status_code, content=answer.content)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of its own, and no setting from the one who runs the tests."""
    for name in (
        "SYNCROPEL_HOME",
        "SYNCROPEL_DATA",
        "SPL_URL",
        "SPL_TOKEN",
        "SPL_CONTEXT",
        "SPL_FLEET_COORDINATOR_URL",
        "XDG_DATA_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPL_ACTOR", "did:sync:user:tester")
    return tmp_path


@pytest.fixture
def spl(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run `spl` with these words."""

    def run(*words: str) -> Ran:
        capsys.readouterr()
        code = main(list(words))
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch, home: Path) -> FakeDaemon:
    """A daemon in the place of the network."""
    fake = FakeDaemon()
    socket = Home(home / ".syncro").socket
    socket.parent.mkdir(parents=True)
    socket.touch()
    replace_network(monkeypatch, httpx.MockTransport(fake))
    return fake
