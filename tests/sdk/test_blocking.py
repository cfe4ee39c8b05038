"""The client without an event loop, and over the Unix socket of a real daemon."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncropel import Client, Identity, RemoteError, SyncClient

from .conftest import THREAD, TRACK, WHO

LIMIT_SECS = 60.0


@pytest.fixture
def client(daemon_home: Path) -> Iterator[SyncClient]:
    with SyncClient(Client.local(daemon_home, WHO)) as opened:
        yield opened


def test_a_program_without_an_event_loop(client: SyncClient) -> None:
    opened = client.intend("find out")
    assert client.emit(act="PUT", kind=TRACK, body={"n": 1}, thread=opened.thread).success
    assert client.fulfill(opened.thread, "found", fulfills=opened.record_id).success
    assert [one["act"] for one in client.query_thread(opened.thread)] == ["INTEND", "PUT", "KNOW"]
    assert len(client.query(thread=opened.thread, kind=TRACK)) == 1
    newest = client.rich_query(filter={}, thread=opened.thread, sort={"clock": -1}, limit=1)
    assert newest["records"][0]["act"] == "KNOW"
    assert client.health()["status"] == "ok"
    assert client.search("x")["disabled"]


def test_work_on_the_fleet(client: SyncClient) -> None:
    client.fleet.add_task("a goal", alias="S-1")
    target = f"specific:{client.fleet.status().coordinator_did}"
    client.fleet.fan_out("S-1", [{"goal": "x", "target": target}])
    assert client.fleet.wait("S-1", timeout=LIMIT_SECS).complete
    with pytest.raises(RemoteError, match="no task"):
        client.fleet.task("none")


def test_records_are_passed_on_by_a_thread_of_its_own(client: SyncClient) -> None:
    got: list[dict[str, Any]] = []
    came, opened = threading.Event(), threading.Event()

    def take(record: dict[str, Any]) -> None:
        got.append(record)
        came.set()

    followed = client.subscribe(THREAD, take, on_open=opened.set)
    assert opened.wait(LIMIT_SECS)
    client.emit(act="PUT", kind=TRACK, body={"n": 1}, thread=THREAD)
    assert came.wait(LIMIT_SECS)
    assert (got[0]["body"]["n"], followed.closed) == (1, False)
    assert followed.cursor is not None
    followed.close()
    followed.wait_closed(LIMIT_SECS)
    assert followed.closed


def test_threads_may_share_one(client: SyncClient) -> None:
    def write(n: int) -> None:
        for _ in range(5):
            results.append(client.emit(act="PUT", kind=TRACK, body={"n": n}, thread="shared").success)

    results: list[bool] = []
    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for one in writers:
        one.start()
    for one in writers:
        one.join(LIMIT_SECS)
    assert results == [True] * 20
    assert len(client.query_thread("shared")) == 20


def test_a_callback_that_calls_the_client_is_told_instead_of_waiting_for_itself(client: SyncClient) -> None:
    raised: list[str] = []
    tried, opened = threading.Event(), threading.Event()

    def take(record: dict[str, Any]) -> None:
        for call in (client.health, client.close):
            try:
                call()
            except RuntimeError as error:
                raised.append(str(error))
        tried.set()

    client.subscribe("circle", take, on_open=opened.set)
    assert opened.wait(LIMIT_SECS)
    client.emit(act="PUT", kind=TRACK, body={}, thread="circle")
    assert tried.wait(LIMIT_SECS)
    assert ["wait for itself" in one for one in raised] == [True, True]
    assert client.health()["status"] == "ok"


def test_closing_ends_the_thread(daemon_home: Path) -> None:
    before = threading.active_count()
    client = SyncClient(Client.local(daemon_home, WHO))
    client.subscribe(THREAD, print)
    client.close()
    client.close()
    assert threading.active_count() == before
    with pytest.raises(RuntimeError, match="closed"):
        client.health()


def test_a_local_client_is_who_the_environment_says(
    daemon_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPL_ACTOR", "did:sync:user:ana")
    monkeypatch.setenv("SYNCROPEL_HOME", str(daemon_home))
    client = Client.local()
    assert client.identity == Identity("did:sync:user:ana")
    assert client.endpoint == f"unix://{daemon_home}/run/spl.sock"
    with SyncClient(client) as opened:
        assert opened.emit(act="PUT", kind=TRACK, body={}, thread=THREAD).success


def test_a_home_without_a_daemon_is_told(tmp_path: Path) -> None:
    with SyncClient(Client.local(tmp_path, WHO, strict=True)) as client:
        result = client.emit(act="PUT", kind=TRACK, body={}, thread=THREAD)
        assert result.error == f"no daemon is running at {tmp_path}/run/spl.sock"


def test_emitting_without_a_loop_over_the_socket(daemon_home: Path) -> None:
    client = Client.local(daemon_home, WHO)
    assert client.emit_sync(act="PUT", kind=TRACK, body={}, thread=THREAD).success
    asyncio.run(client.close())
