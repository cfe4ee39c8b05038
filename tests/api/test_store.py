"""What the API says of a log that was lost, replaced, locked, or has no room, and what it still takes."""

from __future__ import annotations

import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncropel.store.refusals import StoreReplaced
from syncropel.store.sqlite.store import SqliteStore

from .conftest import NOOP, Api, open_api, record, until


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["type"], answer.json()["code"]


async def freeze(api: Api) -> httpx.Response:
    body = {"level": "soft", "namespace": "docs", "reason": "look at the log"}
    return await api.operator.post("/v1/fleet/freeze", json=body)


async def test_a_sound_log_says_so(durable: Api) -> None:
    await durable.post()
    told = await durable.get("/v1/store")
    assert (told["state"], told["problem"], told["losses"]) == ("sound", "", [])
    assert told["records"] == durable.engine.store.count
    assert len(told["digest"]) == 64
    assert told["digested"] == told["records"]
    health = await durable.get("/health")
    assert (health["store_state"], health["store_problem"]) == ("sound", "")


async def test_a_log_in_memory_says_so_too(api: Api) -> None:
    told = await api.get("/v1/store")
    assert (told["state"], told["log"]) == ("sound", "")
    answer = await api.operator.post("/v1/store/accept-loss", json={})
    assert refusal(answer) == (409, "conflict", "CONFLICT")


async def test_a_log_that_lost_records_takes_freezes_alone_until_that_is_accepted(tmp_path: Path) -> None:
    async with open_api(tmp_path, NOOP, sqlite=True) as api:
        await api.task(alias="T-1")
        had = api.engine.store.count
        path = api.engine.instance.home.store
    path.unlink()
    async with open_api(tmp_path, NOOP, sqlite=True) as api:
        health = await api.get("/health")
        assert (health["status"], health["store_state"], health["records"]) == ("ok", "held", 0)
        assert health["store_problem"] == f"the log is empty, and {had} records were known"
        assert (await api.get("/v1/store"))["hint"].endswith("spl store accept-loss")
        posted = await api.operator.post("/v1/records", json=record())
        assert refusal(posted) == (503, "store_held", "STORE_HELD")
        assert f"{had} records were known" in posted.json()["message"]
        assert (await api.operator.post("/v1/tasks", json={"goal": "g"})).status_code == 503
        assert (await freeze(api)).status_code == 201
        assert len((await api.get("/v1/fleet/status"))["freezes"]) == 1
        answer = await api.operator.post("/v1/store/accept-loss", json={})
        assert answer.status_code == 200
        (loss,) = answer.json()["losses"]
        assert (loss["had"], loss["accepted"], answer.json()["state"]) == (had, True, "sound")

        async def taken() -> bool:
            return (await api.operator.post("/v1/records", json=record())).status_code == 201

        await until(taken)
        again = await api.operator.post("/v1/store/accept-loss", json={})
        assert refusal(again) == (409, "conflict", "CONFLICT")

        async def introduced() -> Any:
            return (await api.get("/v1/fleet/status"))["instances"]

        await until(introduced)
    async with open_api(tmp_path, NOOP, sqlite=True) as api:
        told = await api.get("/v1/store")
        assert (told["state"], len(told["losses"])) == ("sound", 1)


async def test_nothing_runs_before_a_loss_is_accepted(tmp_path: Path) -> None:
    async with open_api(tmp_path, NOOP, sqlite=True) as api:
        home = api.engine.instance.home
        store = api.engine.store
        assert isinstance(store, SqliteStore)
        (await store.checkpoint())
        await api.task(alias="T-1")
        await api.fan_out("T-1", {"goal": "a"})

        async def joined() -> bool:
            return (await api.get("/v1/tasks/T-1"))["status"] != "in_progress"

        await until(joined)
    with closing(sqlite3.connect(home.store)) as log, log:
        (end,) = log.execute("SELECT sequence FROM records WHERE topic = 'fanout_spawned'").fetchone()
        log.execute("DELETE FROM records WHERE sequence > ?", (end,))
    async with open_api(tmp_path, NOOP, sqlite=True) as api:
        before = api.engine.store.count
        assert (await api.get("/v1/tasks/T-1"))["status"] == "in_progress"
        assert api.engine.store.hold is not None
        assert (await api.get("/v1/engine/health"))["dispatch_running"] == 0
        assert api.engine.store.count == before
        await api.operator.post("/v1/store/accept-loss", json={})

        async def joined_again() -> bool:
            return (await api.get("/v1/tasks/T-1"))["status"] != "in_progress"

        await until(joined_again)


async def test_a_log_that_was_removed_under_the_daemon_takes_nothing(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(open_api(tmp_path, sqlite=True))
        await api.post()
        api.engine.instance.home.store.unlink()
        for _ in range(3):
            answer = await api.operator.post("/v1/records", json=record())
            assert refusal(answer) == (503, "store_replaced", "STORE_REPLACED")
        health = await api.get("/health")
        assert (health["store_state"], health["status"]) == ("replaced", "ok")
        assert "is gone" in health["store_problem"]
        assert "spl backup now" in (await api.get("/v1/store"))["hint"]
        assert await api.get("/v1/records")  # what was acknowledged is still read
        with pytest.raises(StoreReplaced):
            await stack.aclose()


@pytest.mark.parametrize(
    ("code", "expected", "retry"),
    [
        (sqlite3.SQLITE_BUSY, (503, "unavailable", "STORE_BUSY"), True),
        (sqlite3.SQLITE_FULL, (507, "store_full", "STORE_FULL"), False),
        (sqlite3.SQLITE_IOERR, (500, "internal_error", "STORE_ERROR"), False),
    ],
)
async def test_a_disk_that_refuses_is_told_for_what_it_is(
    durable: Api, monkeypatch: pytest.MonkeyPatch, code: int, expected: tuple[int, str, str], retry: bool
) -> None:
    from syncropel.store.sqlite import writer

    def refuse(*_: object) -> None:
        error = sqlite3.OperationalError("it refused")
        error.sqlite_errorcode = code
        raise error

    monkeypatch.setattr(writer, "commit", refuse)
    answer = await durable.operator.post("/v1/records", json=record())
    assert refusal(answer) == expected
    assert ("retry-after" in answer.headers) is retry
