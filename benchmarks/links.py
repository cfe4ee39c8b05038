"""Links: what many idle ones cost the coordinator, and how a fleet that lost all of them comes back."""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

import psutil

from benchmarks.place import Place, fleet
from benchmarks.table import Table
from syncropel.client import Client, Target, calls, credential_calls
from syncropel.peer.link.reconnects import Reconnects
from syncropel.settings.keyring import bearer_hash
from syncropel.wire.version import PROTOCOL

IDLE: Final = (0, 100, 500)
IDLE_SECS: Final = 20.0
STORM: Final = 1000
_PROBE_SECS: Final = 0.02
_OK: Final = 200
_LIMIT_SECS: Final = 180.0


@dataclass
class Storm:
    """What was seen while workers came back."""

    began: float = 0.0
    linked: list[float] = field(default_factory=list)
    """When each was, in seconds since then."""
    refused: int = 0
    slowest_ms: float = 0.0
    """The slowest answer to a probe of another caller."""


class _Worker:
    """A worker's socket, and no worker behind it."""

    def __init__(self, port: int, number: int, random: Random) -> None:
        did = f"{number:016x}"
        self.did = f"did:sync:instance:{did}"
        self.secret = f"spl_instance_{did}_{number:048x}"
        self._port = port
        self._waits = Reconnects(random.random)
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self, storm: Storm, wait_secs: float) -> None:
        """Be linked, however often that takes."""
        while True:
            await asyncio.sleep(wait_secs)
            reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            query = f"protocol={PROTOCOL}&incarnation=bench&nonce={'0' * 32}"
            self._writer.write(
                f"GET /v1/fleet/link?{query} HTTP/1.1\r\nhost: localhost\r\n"
                f"authorization: Bearer {self.secret}\r\n\r\n".encode()
            )
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            if int(head.split()[1]) == _OK:
                await reader.readuntil(b"\n\n")
                storm.linked.append(time.monotonic() - storm.began)
                self._reading = asyncio.ensure_future(_drain(reader))
                return
            storm.refused += 1
            asked = head.partition("retry-after: ")[2].partition("\r\n")[0]
            self._writer.close()
            wait_secs = self._waits.after(0.0, float(asked or 0))

    def lost(self) -> float:
        """Drop the link; return when to try again."""
        assert self._writer is not None
        self._reading.cancel()
        self._writer.transport.abort()
        return self._waits.after(60.0)


async def _drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


def _workers(place: Place, count: int, first: int) -> list[_Worker]:
    random, port = Random(first), int(place.url.rpartition(":")[2])
    workers = [_Worker(port, first + number, random) for number in range(count)]
    for one in workers:
        place.client.send(credential_calls.issue(one.did, bearer_hash(one.secret), ""))
    return workers


async def _probe(place: Place, storm: Storm) -> None:
    """Ask for something small again and again, as another caller."""

    def ask() -> float:
        began = time.monotonic()
        with Client(Target(socket=place.home.socket)) as client:
            client.send(calls.health())
        return (time.monotonic() - began) * 1000

    while True:
        storm.slowest_ms = max(storm.slowest_ms, await asyncio.to_thread(ask))
        await asyncio.sleep(_PROBE_SECS)


async def _idle(place: Place, workers: list[_Worker]) -> tuple[float, float]:
    """Resident MB, and the share of a core, of a coordinator with these links."""
    storm = Storm(time.monotonic())
    random = Random(1)
    await asyncio.gather(*(one.connect(storm, random.random() * len(workers) / 40) for one in workers))
    daemon = psutil.Process(int(place.home.pid_file.read_text()))
    await asyncio.sleep(2.0)
    before = sum(daemon.cpu_times()[:2])
    await asyncio.sleep(IDLE_SECS)
    share = (sum(daemon.cpu_times()[:2]) - before) / IDLE_SECS
    memory = daemon.memory_info().rss / 1e6
    for one in workers:
        one.lost()
    return memory, share


async def _storm(place: Place, workers: list[_Worker]) -> Storm:
    """All lose their links at once, and come back as workers do."""
    gathering = Storm(time.monotonic())
    random = Random(2)
    await asyncio.gather(*(one.connect(gathering, random.random() * len(workers) / 40) for one in workers))
    waits = [one.lost() for one in workers]
    storm = Storm(time.monotonic())
    probing = asyncio.ensure_future(_probe(place, storm))
    async with asyncio.timeout(_LIMIT_SECS):
        await asyncio.gather(*(one.connect(storm, wait) for one, wait in zip(workers, waits, strict=True)))
    probing.cancel()
    return storm


def run() -> Table:
    """One coordinator; the workers are sockets of this process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    table = Table(
        "Links of one coordinator",
        ["links", "resident MB", "of a core", "all back", "most a second", "sent away", "slowest answer"],
        notes=[
            "Idle links: pings alone, without heartbeats. The storm: all are lost at once and come back.",
            "The slowest answer is that to another caller over the Unix socket meanwhile, connect included.",
        ],
    )
    first = 1
    for count in IDLE:
        with fleet(0) as place:
            memory, share = asyncio.run(_idle(place, _workers(place, count, first)))
        table.add(f"{count:,}", f"{memory:.0f}", f"{share:.1%}", "", "", "", "")
        first += count
    with fleet(0) as place:
        storm = asyncio.run(_storm(place, _workers(place, STORM, first)))
    by_second: Counter[int] = Counter(int(at) for at in storm.linked)
    table.add(
        f"{STORM:,}",
        "",
        "",
        f"{max(storm.linked):.1f} s",
        str(max(by_second.values())),
        f"{storm.refused:,}",
        f"{storm.slowest_ms:.0f} ms",
    )
    return table
