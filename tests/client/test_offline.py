"""A bundle looked at without a daemon: the same answers, no writes, no network, and a free loop."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from syncropel.client import calls, config_calls, thread_calls
from syncropel.errors import InvalidBundle, NotFound, RemoteError, SetupError
from syncropel.offline.client import OfflineClient
from syncropel.record.model import Record
from syncropel.record.threads import INSTANCE_REGISTRY
from syncropel.store.bundle.format import Sealer
from tests.folds.build import COORDINATOR, THREAD, WORKER_A, done, parent, record, spawned, subtask

AT = 1_700_000_000.0


def member(did: str, alias: str, role: str, clock: int) -> Record:
    body = {"topic": "instance_state", "did": did, "alias": alias, "role": role, "state": "joined", "at": AT}
    return record("KNOW", clock, body, actor=COORDINATOR, thread=INSTANCE_REGISTRY)


def fan_out() -> list[Record]:
    """A fan-out that is still open: a live engine would spawn its second subtask."""
    return [
        member(COORDINATOR, "coordinator", "coordinator", 0),
        member(WORKER_A, "worker-a", "worker", 1),
        parent([subtask(), subtask()], at=AT),
        spawned(0, 1),
        done(0, 3),
    ]


def write(path: Path, records: list[Record]) -> Path:
    sealer = Sealer()
    lines = [sealer.line(one, AT + at) for at, one in enumerate(records)]
    path.write_text("".join([sealer.header().line(), *lines]), encoding="utf-8")
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write(tmp_path / "incident.snap.jsonl", fan_out())


@pytest.fixture
async def client(bundle: Path) -> AsyncIterator[OfflineClient]:
    opened = await OfflineClient.open(bundle)
    yield opened
    await opened.close()


async def test_it_says_what_the_file_holds(client: OfflineClient, bundle: Path) -> None:
    assert (client.records, client.threads, client.as_of, client.path) == (5, 2, AT + 4, bundle)


async def test_every_screen_has_its_answers(client: OfflineClient) -> None:
    fleet = await client.send(calls.fleet_status())
    assert {(one.alias, one.status) for one in fleet.instances} == {
        ("coordinator", "live"),
        ("worker-a", "live"),
    }
    assert [one.thread for one in (await client.send(calls.tasks())).data] == [THREAD]
    join = await client.send(calls.join("T-1"))
    assert (join.subtasks[0].state, join.subtasks[0].instance_alias) == ("accept", "worker-a")
    assert len((await client.send(calls.threads())).data) == 2
    assert len((await client.send(calls.records(since=0))).data) == 5
    assert (await client.send(config_calls.rules("permission"))).data == []
    moment = await client.send(thread_calls.replay_at("T-1", 2))
    assert moment.join is not None
    assert [one.state for one in moment.join.subtasks] == ["in_progress", "pending"]


async def test_nothing_is_written_and_nothing_is_begun(client: OfflineClient, bundle: Path) -> None:
    before = bundle.read_bytes()
    written: tuple[calls.Call[Any], ...] = (
        calls.post_record({"thread": "th_x", "actor": "did:x", "act": "DO", "body": {}}),
        calls.retry("T-1", 0, "did:x"),
        calls.freeze({"level": "soft", "namespace": "docs", "reason": "r"}),
    )
    for call in written:
        with pytest.raises(RemoteError, match="is read-only") as caught:
            await client.send(call)
        assert caught.value.code == "READ_ONLY"
        assert "spl thread restore" in caught.value.hint
    assert (await client.send(calls.health())).records == 5
    assert bundle.read_bytes() == before


async def test_expressions_can_be_tried(client: OfflineClient) -> None:
    fields = {"context": "join", "expression": "children.size()", "thread": "T-1"}
    found = await client.send(config_calls.evaluate_expression(fields))
    assert found.value == 2


async def test_errors_come_as_from_a_daemon(client: OfflineClient) -> None:
    with pytest.raises(RemoteError, match="nowhere") as caught:
        await client.send(calls.task("nowhere"))
    assert (caught.value.status, caught.value.code) == (404, "NOT_FOUND")


async def test_streams_stream(client: OfflineClient) -> None:
    async with client.watch("/v1/fleet/watch") as events:
        first = await anext(events)
    assert first.name == "fleet.snapshot"
    async with client.watch("/v1/records/watch?since=0") as events:
        seen = [(await anext(events)).data["record"]["sequence"] for _ in range(5)]
    assert seen == [1, 2, 3, 4, 5]


async def test_a_request_that_nobody_waits_for_ends(client: OfflineClient) -> None:
    async with client.watch("/v1/records/watch") as events:
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert (await client.send(calls.health())).status == "ok"


async def test_progress_goes_from_nothing_to_all(tmp_path: Path) -> None:
    many = [record("KNOW", at, {"n": at}) for at in range(1500)]
    heard: list[float] = []
    client = await OfflineClient.open(write(tmp_path / "many.snap.jsonl", many), heard.append)
    await client.close()
    assert heard == sorted(heard)
    assert len(heard) >= 3
    assert heard[-1] == 1.0


async def test_closing_ends_the_thread_and_gives_the_collector_back(bundle: Path) -> None:
    before = threading.active_count()
    client = await OfflineClient.open(bundle)
    assert threading.active_count() > before
    await client.close()
    await client.close()
    assert not [one for one in threading.enumerate() if one.name == "bundle"]
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda path: path.unlink(), NotFound, "no file"),
        (lambda path: (path.unlink(), path.mkdir()), SetupError, "cannot be read"),
        (lambda path: path.write_bytes(b""), InvalidBundle, "line 1"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), InvalidBundle, "line 6"),
        (
            lambda path: path.write_bytes(path.read_bytes().replace(b"worker-a", b"worker-b")),
            InvalidBundle,
            "line 3",
        ),
    ],
)
async def test_a_file_that_is_no_bundle_is_refused(
    bundle: Path, spoil: Callable[[Path], object], error: type[Exception], words: str
) -> None:
    spoil(bundle)
    with pytest.raises(error, match=words):
        await OfflineClient.open(bundle)
    assert not [one for one in threading.enumerate() if one.name == "bundle"]
    assert gc.isenabled()


async def test_two_records_that_no_log_can_hold_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.snap.jsonl", [record("DO", 0, {"n": 1}), record("DO", 0, {"n": 2})])
    with pytest.raises(InvalidBundle, match="line 3: DuplicateClock"):
        await OfflineClient.open(path)
