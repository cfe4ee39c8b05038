"""The kill switch of a daemon that reads a long log: it works at once, and holds when the daemon serves."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncropel.client import AsyncClient, Call, Target, calls, transport
from syncropel.daemon import serving
from syncropel.engine import lifecycle
from syncropel.engine.views.opening import Started, start_folds
from syncropel.errors import RemoteError
from syncropel.listening.sockets import listen_tcp
from syncropel.logs.ring import LogRing
from syncropel.peer.link.frames import Frame, FrameReader
from syncropel.settings.config import Settings
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.settings.keyring import bearer_hash
from syncropel.store.base import RecordStore
from syncropel.store.views.views import Views, drop, views_path
from syncropel.wire.version import PROTOCOL

FREEZE = {"level": "soft", "namespace": "docs", "reason": "look", "actor": "did:syncropel:me"}
TASK = {
    "thread": "th_a",
    "actor": "did:syncropel:me",
    "act": "INTEND",
    "body": {"goal": "x", "namespace": "docs"},
}
EVERY_OTHER: tuple[Call[Any], ...] = (
    calls.fleet_status(),
    calls.tasks(),
    calls.threads(),
    calls.health(),
    calls.post_record(TASK),
    calls.blast("soft", "docs"),
)


@dataclass
class Daemon:
    """One that reads its log: `begun` is set when it begins and `over` when it has; it goes on with `go_on`
    and `serve`.
    """

    operator: AsyncClient
    tcp: str
    stop: serving._Stop
    running: asyncio.Future[None]
    begun: asyncio.Event
    go_on: asyncio.Event
    over: asyncio.Event
    serve: asyncio.Event

    async def serves(self) -> None:
        self.go_on.set()
        self.serve.set()
        while (await self.operator.send(calls.start())).state != "serving":  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def ends(self) -> None:
        self.stop.set()
        await self.running


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    # It would last: what other tests of this process start would be below a daemon, and taken for goals.
    monkeypatch.setattr(serving, "name_process", lambda _: True)
    monkeypatch.setattr(serving, "LONG", 0)
    home = Home(tmp_path / "h")
    make_home(home)
    return home


@asynccontextmanager
async def reading(home: Home, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Daemon]:
    stop = serving._Stop()
    begun, go_on, over, serve = (asyncio.Event() for _ in range(4))

    async def slow(store: RecordStore, views: Views, seen: Callable[[int], None]) -> Started:
        begun.set()
        await go_on.wait()
        started = await start_folds(store, views, seen)
        over.set()
        await serve.wait()
        return started

    monkeypatch.setattr(serving, "_stop_on_signal", lambda: stop)
    monkeypatch.setattr(lifecycle, "start_folds", slow)
    async with asyncio.timeout(60):
        with listen_tcp(0) as tcp:
            running = asyncio.ensure_future(serving._run(home, Settings(), tcp, None, LogRing(), ""))
            await asyncio.wait({running, asyncio.ensure_future(begun.wait())}, return_when="FIRST_COMPLETED")
            async with AsyncClient(Target(socket=home.socket)) as operator:
                try:
                    yield Daemon(
                        operator,
                        f"http://127.0.0.1:{tcp.getsockname()[1]}",
                        stop,
                        running,
                        begun,
                        go_on,
                        over,
                        serve,
                    )
                finally:
                    stop.set()
                    await running


async def frozen(client: AsyncClient) -> list[tuple[str, str]]:
    status = await client.send(calls.fleet_status(while_starting=True))
    return [(one.namespace, one.level) for one in status.freezes]


async def refused(client: AsyncClient, call: Call[Any], monkeypatch: pytest.MonkeyPatch) -> RemoteError:
    monkeypatch.setattr(transport, "STARTING_POLL_SECS", 60.0)  # it does not ask again
    with pytest.raises(RemoteError) as told:
        await client.send(call)
    return told.value


@pytest.mark.parametrize("when", ["before it is read", "after it was read"])
async def test_a_freeze_is_taken_at_once_and_holds_when_the_daemon_serves(
    own: Home, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    async with reading(own, monkeypatch) as daemon:
        if when == "after it was read":
            daemon.go_on.set()
            await daemon.over.wait()
        told = await daemon.operator.send(calls.freeze(FREEZE))
        status = await daemon.operator.send(calls.fleet_status(while_starting=True))
        assert status.starting.endswith("records"), "and so nobody takes this for a fleet without work"
        assert [one.record for one in status.freezes] == [told.record]
        await daemon.serves()
        status = await daemon.operator.send(calls.fleet_status())
        assert (status.starting, [one.record for one in status.freezes]) == ("", [told.record])
        with pytest.raises(RemoteError) as held:
            await daemon.operator.send(calls.post_record(TASK))
        assert held.value.code == "NAMESPACE_FROZEN"


async def test_a_freeze_of_before_can_be_lifted_and_stays_lifted(
    own: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reading(own, monkeypatch) as daemon:
        await daemon.operator.send(calls.freeze(FREEZE))
        await daemon.serves()
        await daemon.ends()
    drop(views_path(own.store))
    async with reading(own, monkeypatch) as daemon:
        assert await frozen(daemon.operator) == [("docs", "soft")]
        await daemon.operator.send(calls.unfreeze("did:syncropel:me", "docs", ""))
        assert await frozen(daemon.operator) == []
        await daemon.serves()
        assert await frozen(daemon.operator) == []
        assert not (await daemon.operator.send(calls.post_record(TASK))).duplicate


async def test_whatever_needs_the_whole_log_is_refused_and_says_so(
    own: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reading(own, monkeypatch) as daemon:
        for call in EVERY_OTHER:
            error = await refused(daemon.operator, call, monkeypatch)
            assert (error.status, error.code) == (503, "STARTING"), call.path
            assert "spl kill and spl unkill work" in error.hint
        await daemon.serves()
        for call in EVERY_OTHER:
            await daemon.operator.send(call)


WORKER = "did:sync:instance:000000000000000a"
SECRET = f"spl_instance_{WORKER[-16:]}_{'a1' * 24}"
BEAT = {
    "did": WORKER,
    "alias": "laptop-a",
    "role": "worker",
    "endpoint": "link:",
    "version": "0",
    "uptime_secs": 1.0,
}


@asynccontextmanager
async def linked(daemon: Daemon) -> AsyncIterator[Callable[[], Awaitable[Frame]]]:
    """As a worker that nobody can connect to, which enforces nothing yet; waits for the next frame."""
    nonce: dict[str, str | int] = {"protocol": PROTOCOL, "incarnation": "one", "nonce": "n" * 32}
    reader, frames = FrameReader(), deque[Frame]()
    shows = {"authorization": f"Bearer {SECRET}"}
    async with (
        httpx.AsyncClient(base_url=daemon.tcp, headers=shows, timeout=60, trust_env=False) as client,
        client.stream("GET", "/v1/fleet/link", params=nonce) as stream,
    ):
        assert stream.status_code == 200
        chunks = stream.aiter_bytes()
        link = ""

        async def heard() -> Frame:
            nonlocal link
            while not frames:
                frames.extend(reader.feed(await anext(chunks)))
            frame = frames.popleft()
            if frame.event == "ask":
                body = {"did": WORKER, "taken": True, "version": "", "digest": "of nothing"}
                said = {"link": link, "n": frame.data["n"], "status": 200, "body": body}
                await client.post("/v1/fleet/link/answers", json=said)
            link = frame.data.get("link", link)
            return frame

        yield heard


async def test_a_freeze_goes_to_workers_that_are_only_linked_and_their_links_keep_nobody_waiting(
    own: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reading(own, monkeypatch) as daemon:
        await daemon.serves()
        sha256 = bearer_hash(SECRET)
        async with httpx.AsyncClient(
            base_url=daemon.tcp, transport=httpx.AsyncHTTPTransport(uds=str(own.socket))
        ) as raw:
            answer = await raw.post("/v1/fleet/credentials", json={"did": WORKER, "sha256": sha256})
            assert answer.is_success, answer.text
        async with httpx.AsyncClient(base_url=daemon.tcp, trust_env=False) as raw:
            shows = {"authorization": f"Bearer {SECRET}"}
            answer = await raw.post("/v1/fleet/heartbeat", json=BEAT, headers=shows)
            assert answer.is_success, answer.text
        await daemon.ends()
    drop(views_path(own.store))
    async with reading(own, monkeypatch) as daemon, linked(daemon) as heard:
        assert (await heard()).event == "hello"
        await daemon.operator.send(calls.freeze(FREEZE))
        while FREEZE["reason"] not in str((await heard()).data):
            pass
        status = await daemon.operator.send(calls.fleet_status(while_starting=True))
        assert [one.waiting for one in status.freezes] == [["laptop-a"]]
        await daemon.serves()
        with suppress(StopAsyncIteration):
            while await heard():
                pass


async def test_a_stop_ends_it_while_the_log_is_read_and_the_freeze_stays(
    own: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reading(own, monkeypatch) as daemon:
        await daemon.operator.send(calls.freeze(FREEZE))
        await daemon.ends()
        assert (own.pid_file.exists(), own.socket.exists()) == (False, False)
    async with reading(own, monkeypatch) as daemon:
        assert await frozen(daemon.operator) == [("docs", "soft")]
