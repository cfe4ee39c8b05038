"""A gateway that listens, and a provider behind it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncropel.adapters import Job, Outcome
from syncropel.adapters.gateway.app import GatewayApp
from syncropel.adapters.gateway.attempt import Attempt, Upstream, new_token
from syncropel.adapters.gateway.desk import Gateway
from syncropel.adapters.gateway.dialects import Dialect, Messages
from syncropel.adapters.models.prices import Prices
from syncropel.listening.gateway import GatewayServer, listen_gateway
from syncropel.peer.runtime import Runtime
from tests.gateway.provider import MODEL, Play, Provider, serving

KEY = "the-key-of-the-operator"
LIMIT_SECS = 60.0


@dataclass
class Bench:
    """`gateway` listens; `client` asks as agents do."""

    folder: Path
    gateway: Gateway
    client: httpx.AsyncClient
    stack: contextlib.AsyncExitStack
    tokens: list[str] = field(default_factory=list)

    async def provider(self, play: Play) -> Provider:
        return await self.stack.enter_async_context(serving(play))

    def attempt(
        self,
        provider: Provider,
        budget_usd: float | None = None,
        budget_tokens: int | None = None,
        *,
        dialect: Dialect | None = None,
        stopped: Callable[[], Outcome | None] = lambda: None,
    ) -> Attempt:
        """An attempt that may ask; its token is the last of `tokens`."""
        dialect = dialect or Messages()
        token, sha256 = new_token()
        job = Job("th", "goal", 1, 60.0, budget_usd, budget_tokens=budget_tokens, stopped=stopped)
        attempt = Attempt.of(job, Upstream(dialect.provider, provider.url, "KEY", dialect), sha256, Prices())
        run = self.folder / sha256
        run.mkdir()
        attempt.attach(run)
        self.gateway.open(attempt)
        self.tokens.append(token)
        return attempt

    async def ask(
        self, *, token: str | None = None, path: str = "/v1/messages", **body: Any
    ) -> httpx.Response:
        shown = self.tokens[-1] if token is None else token
        asked = {"model": MODEL, "max_tokens": 100, "stream": True, "messages": [], **body}
        return await self.client.post(path, json=asked, headers={"x-api-key": shown}, timeout=LIMIT_SECS)


async def until(there: Callable[[], bool]) -> None:
    """Wait for it, within a limit."""
    async with asyncio.timeout(LIMIT_SECS):
        while not there():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    key = secrets / "KEY"
    key.touch(mode=0o600)
    key.write_text(KEY)
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(listen_gateway(tmp_path / "gateway.port"))
        gateway = Gateway(secrets, Runtime(), listener.getsockname()[1])
        server = GatewayServer(GatewayApp(gateway), listener)
        serves = asyncio.create_task(server.serve())
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.url, trust_env=False))
        try:
            yield Bench(tmp_path, gateway, client, stack)
        finally:
            await gateway.stop()
            server.should_exit = True
            await serves
