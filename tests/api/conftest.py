"""The real application over a real engine, without a network: one `Api` a test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncropel.api.app import create_app
from syncropel.api.http.auth import OperatorDoor
from syncropel.engine.engine import Engine
from syncropel.engine.instance import Instance
from syncropel.engine.lifecycle import Lifecycle
from syncropel.peer.runtime import Runtime
from syncropel.record.model import parse_record
from syncropel.settings.adapters import AdapterSettings
from syncropel.settings.config import DispatchSettings, Settings
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.store.base import RecordStore
from syncropel.store.lineage.lineage import LineageFile
from syncropel.store.memory import MemoryStore
from syncropel.store.sqlite.store import SqliteStore
from tests.known_routes import each_route_is_analysed_once

__all__ = ["each_route_is_analysed_once"]

DID = "did:sync:instance:0123456789abcdef"
ACTOR = "did:sync:user:tester"

NOOP = Settings(adapters=AdapterSettings(noop=True), dispatch=DispatchSettings(adapter="noop"))
"""Goals are accepted at once, so that a fan-out onto this very instance joins without waiting."""


@dataclass
class Api:
    """One daemon's application. `operator` speaks through the Unix socket's door, `tcp` without a token."""

    lifecycle: Lifecycle
    engine: Engine
    app: Any
    operator: httpx.AsyncClient
    tcp: httpx.AsyncClient
    _tokens: dict[tuple[str, ...], str] = field(default_factory=dict)

    async def token(self, *scopes: str, sa_id: str = "") -> str:
        """A bearer token with these scopes, minted once a test."""
        key = (*scopes, sa_id)
        if key not in self._tokens:
            body = {
                "sa_id": sa_id or f"sa-{len(self._tokens)}",
                "scopes": list(scopes),
                "allowed_actors": ["*"],
                **({"pulls_for": "partner"} if "federation:read" in scopes else {}),
            }
            answer = await self.operator.post("/v1/service-accounts", json=body)
            self._tokens[key] = answer.json()["token"]
        return self._tokens[key]

    async def bearer(self, *scopes: str, sa_id: str = "") -> dict[str, str]:
        return {"authorization": f"Bearer {await self.token(*scopes, sa_id=sa_id)}"}

    async def post(self, **changes: Any) -> dict[str, Any]:
        """Post a record that has to be taken; gives the answer."""
        answer = await self.operator.post("/v1/records", json=record(**changes))
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def wrote(self, **changes: Any) -> str:
        """Have the engine write what is its own to write, as another time or instance did; gives the id."""
        made = parse_record(record(**changes))
        return (await self.engine.ingest.append_one(made)).stored.record.id

    async def get(self, path: str, **query: Any) -> Any:
        """GET what has to be there; gives its JSON."""
        answer = await self.operator.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def task(self, **fields: Any) -> dict[str, Any]:
        answer = await self.operator.post("/v1/tasks", json={"goal": "a goal", **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def fan_out(self, name: str, *subtasks: dict[str, Any], **fields: Any) -> httpx.Response:
        whole = [
            {"goal": f"goal {index}", "target": f"specific:{DID}", **one}
            for index, one in enumerate(subtasks)
        ]
        return await self.operator.post(
            f"/v1/tasks/{name}/fan-out", json={"subtasks": whole, "allow_unknown": True, **fields}
        )


def record(**changes: Any) -> dict[str, Any]:
    """A record to post; a key set to None is left out."""
    whole = {"thread": "music.library", "actor": ACTOR, "act": "KNOW", "body": {}, **changes}
    return {key: value for key, value in whole.items() if value is not None}


def beat(letter: str, **changes: Any) -> dict[str, Any]:
    """A worker's heartbeat."""
    fields = {
        "did": f"did:sync:instance:{letter:0>16}",
        "alias": f"worker-{letter}",
        "role": "worker",
        "endpoint": "http://127.0.0.1:1",
        "version": "0",
        "uptime_secs": 1.0,
    }
    return {**fields, **changes}


async def until(look: Callable[[], Awaitable[Any]], limit_secs: float = 60.0) -> Any:
    """Look again until it is true; gives what was seen."""
    async with asyncio.timeout(limit_secs):
        while not (seen := await look()):  # noqa: ASYNC110 - an API can only be asked again
            await asyncio.sleep(0.01)
    return seen


MakeApi = Callable[..., Awaitable[Api]]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    for name in ("SYNCROPEL_HOME", "SYNCROPEL_DATA", "SPL_BOOTSTRAP_TOKEN", "SPL_FLEET_COORDINATOR_URL"):
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def open_api(
    folder: Path,
    settings: Settings | None = None,
    *,
    sqlite: bool = False,
    known: bool = True,
    runtime: Runtime | None = None,
) -> AsyncIterator[Api]:
    """An Api with a home in this folder, over SQLite or in memory; it is stopped at the end. `known`: whether
    the log is held against its lineage."""
    home = Home(folder / "home")
    make_home(home)
    async with AsyncExitStack() as stack:
        store: RecordStore = MemoryStore(clock=time.time)
        if sqlite:
            lineage = LineageFile(home.lineage) if known else None
            store = await SqliteStore.open(home.store, clock=time.time, lineage=lineage)
        stack.push_async_callback(store.close)
        instance = Instance(DID, home, "http://127.0.0.1:9100")
        lifecycle = Lifecycle(store, instance, settings or Settings(), runtime)
        engine = await lifecycle.start()
        stack.push_async_callback(lifecycle.stop)
        app = create_app(engine)
        operator, tcp = as_operator(app), over_tcp(app)
        yield Api(
            lifecycle,
            engine,
            app,
            await stack.enter_async_context(operator),
            await stack.enter_async_context(tcp),
        )


@pytest.fixture
async def make_api(tmp_path: Path) -> AsyncIterator[MakeApi]:
    """Open an Api with these settings for the time of the test."""
    async with AsyncExitStack() as stack:

        async def make(
            settings: Settings | None = None, *, sqlite: bool = False, runtime: Runtime | None = None
        ) -> Api:
            opened = open_api(tmp_path, settings, sqlite=sqlite, runtime=runtime)
            return await stack.enter_async_context(opened)

        yield make


def as_operator(app: Any) -> httpx.AsyncClient:
    """A client through the door of the Unix socket."""
    return over_tcp(OperatorDoor(app))


def over_tcp(app: Any) -> httpx.AsyncClient:
    """A client through the door of the network."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:9100", trust_env=False
    )


@pytest.fixture
async def api(make_api: MakeApi) -> Api:
    """In memory."""
    return await make_api(NOOP)


@pytest.fixture
async def durable(make_api: MakeApi) -> Api:
    """Over SQLite."""
    return await make_api(NOOP, sqlite=True)


def without_auth(settings: Settings = NOOP) -> Settings:
    return replace(settings, auth=replace(settings.auth, required=False))


def assert_error(answer: httpx.Response, status: int, code: str, *words: str) -> None:
    """The envelope, its code, and words that its message or hint must have."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    more = {"INVALID_EXPRESSION": {"line", "column"}, "CREDENTIAL_REVOKED": {"instance", "coordinator"}}
    also = more.get(code, set()) if status != 409 else set()
    assert set(body) == {"object", "type", "code", "message", "hint"} | also
    assert (body["object"], body["code"]) == ("error", code)
    assert body["message"]
    told = f"{body['message']} {body['hint']}"
    _assert_words(told, words)


def _assert_words(text: str, words: Sequence[str]) -> None:
    for word in words:
        assert word in text
