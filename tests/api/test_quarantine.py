"""Records that somebody altered: named, never shown as sound, and nothing runs or rests on them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from syncropel.record.threads import FLEET_CONTROL
from syncropel.store.sqlite.store import SqliteStore
from syncropel.wire import FleetStatus

from .conftest import DID, NOOP, Api, open_api, record, until


def alter(path: Path, where: str, body: str) -> str:
    """Change the body of one record; gives its id."""
    with closing(sqlite3.connect(path)) as log, log:
        (id_,) = log.execute(f"SELECT id FROM records WHERE {where} LIMIT 1").fetchone()
        log.execute("UPDATE records SET body = ? WHERE id = ?", (body, id_))
        return str(id_)


async def filled(tmp_path: Path) -> Path:
    """The store of a stopped instance with a task, a plain thread, and a freeze that was lifted."""
    async with open_api(tmp_path, NOOP, sqlite=True) as api:
        await api.task(alias="T-1")
        await api.post(thread="music.library", body={"n": 1})
        frozen = {"level": "soft", "namespace": "docs", "reason": "a look"}
        assert (await api.operator.post("/v1/fleet/freeze", json=frozen)).status_code == 201
        return api.engine.instance.home.store


async def found(api: Api, state: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        told = await api.get("/v1/store")
        return told if told["state"] == state else None

    seen: dict[str, Any] = await until(look)
    return seen


async def test_an_altered_record_is_found_behind_the_work_and_named(tmp_path: Path) -> None:
    id_ = alter(await filled(tmp_path), "thread = 'music.library'", '{"n":2}')
    async with open_api(tmp_path, NOOP, sqlite=True) as api:
        told = await found(api, "altered")
        assert [one["id"] for one in told["altered"]] == [id_]
        assert id_ in (await api.get("/health"))["store_problem"]
        assert f"spl store accept-altered {id_}" in told["hint"]
        fleet = FleetStatus.model_validate(await api.get("/v1/fleet/status"))
        own = next(one.log for one in fleet.instances if one.did == DID)
        assert (fleet.log.state, fleet.log.altered, fleet.log.stops_all) == (
            "altered",
            ["music.library"],
            False,
        )
        assert own == fleet.log, "each heartbeat tells it, so a coordinator hears it of its workers"
        refused = await api.operator.get(f"/v1/records/{id_}")
        assert (refused.status_code, refused.json()["code"]) == (409, "RECORD_ALTERED")
        for act in ("INTEND", "DO"):
            answer = await api.operator.post("/v1/records", json=record(act=act))
            assert (answer.status_code, answer.json()["code"]) == (409, "RECORD_ALTERED")
        assert (await api.operator.post("/v1/records", json=record(act="KNOW"))).status_code == 201
        joined = record(act="KNOW", body={"fulfills": id_})
        assert (await api.operator.post("/v1/records", json=joined)).status_code == 409
        elsewhere = record(thread="another", act="INTEND")
        assert (await api.operator.post("/v1/records", json=elsewhere)).status_code == 201
        answer = await api.operator.post("/v1/store/accept-altered", json={"record": id_})
        assert (answer.status_code, answer.json()["altered"]) == (200, [])
        assert (await api.operator.post("/v1/records", json=record(act="DO"))).status_code == 201
        assert (await api.get("/health"))["store_state"] == "sound"
    async with open_api(tmp_path, NOOP, sqlite=True) as api:
        await until(lambda: _walked(api))
        assert (await api.get("/v1/store"))["state"] == "sound"


async def _walked(api: Api) -> bool:
    return bool((await api.get("/v1/store"))["checked"])


async def test_it_is_found_when_it_is_read_as_proof(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    async with open_api(tmp_path, NOOP, sqlite=True) as api:
        await until(lambda: _walked(api))  # this walk saw it sound
        id_ = alter_under(api, path)
        refused = await api.operator.get("/v1/threads/music.library/replay/0")
        assert (refused.status_code, refused.json()["code"]) == (409, "RECORD_ALTERED")
        assert [one["id"] for one in (await api.get("/v1/store"))["altered"]] == [id_]
        again = await api.operator.get("/v1/threads/music.library/replay/0")
        assert again.status_code == 409
        bundle = await api.operator.get("/v1/threads/snapshot", params={"threads": "music.library"})
        assert (bundle.status_code, bundle.json()["code"]) == (409, "RECORD_ALTERED")


def alter_under(api: Api, path: Path) -> str:
    """As a bad disk would: by the write-ahead log, so that the main file stays as it is."""
    store = api.engine.store
    assert isinstance(store, SqliteStore)
    assert store.path == path
    with closing(sqlite3.connect(path, isolation_level=None)) as log:
        log.execute("PRAGMA wal_autocheckpoint = 0")
        (id_,) = log.execute("SELECT id FROM records WHERE thread = 'music.library'").fetchone()
        log.execute("UPDATE records SET body = '{\"n\":3}' WHERE id = ?", (id_,))
        return str(id_)


async def test_a_freeze_that_was_altered_stops_the_instance(tmp_path: Path) -> None:
    """Whoever flips a bit of a freeze lifts nothing."""
    body = '{"level":"soft","namespace":"other","reason":"a look","topic":"freeze"}'
    id_ = alter(await filled(tmp_path), f"thread = '{FLEET_CONTROL}' AND topic = 'freeze'", body)
    async with open_api(tmp_path, NOOP, sqlite=True) as api:
        told = await api.get("/v1/store")  # at once: before any goal could run
        assert (told["state"], [one["id"] for one in told["altered"]]) == ("altered", [id_])
        assert "emergency stop" in told["problem"]
        assert (await api.get("/v1/fleet/status"))["log"]["stops_all"] is True
        health = await api.get("/v1/engine/health")
        assert health["takes_no_work"].startswith(f"emergency stop: record {id_}")
        answer = await api.operator.post("/v1/records", json=record(thread="docs", act="INTEND"))
        assert (answer.status_code, answer.json()["type"]) == (403, "frozen")
        assert "accept-altered" in answer.json()["hint"]
        assert (await api.operator.post("/v1/records", json=record(act="KNOW"))).status_code == 201
        freeze = {"level": "emergency", "reason": "as an operator does"}
        assert (await api.operator.post("/v1/fleet/freeze", json=freeze)).status_code == 201
        assert (await api.operator.post("/v1/store/accept-altered", json={"record": id_})).status_code == 200
        assert (await api.get("/v1/engine/health"))["takes_no_work"] == ""


async def test_what_is_not_in_quarantine_cannot_be_accepted(api: Api) -> None:
    answer = await api.operator.post("/v1/store/accept-altered", json={"record": "0" * 64})
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


async def test_nothing_runs_or_joins_on_an_altered_thread(tmp_path: Path) -> None:
    """Not even in the first moment: threads with open work are checked before it goes on."""
    async with open_api(tmp_path, NOOP, sqlite=True) as api:
        freeze = {"level": "soft", "namespace": "default", "reason": "before it begins"}
        await api.task(alias="T-1")
        await api.fan_out("T-1", {"goal": "a"}, {"goal": "b", "depends_on": [0]})
        assert (await api.operator.post("/v1/fleet/freeze", json=freeze)).status_code == 201
        path = api.engine.instance.home.store
        thread = (await api.get("/v1/tasks/T-1"))["thread"]
        namespace = {"namespace": "default"}
    with closing(sqlite3.connect(path)) as log, log:
        log.execute("DELETE FROM records WHERE thread = ? AND topic <> ''", (thread,))
        (body,) = log.execute(
            "SELECT body FROM records WHERE thread = ? AND body LIKE '%subtasks%'", (thread,)
        ).fetchone()
        log.execute(
            "UPDATE records SET body = ? WHERE thread = ? AND body LIKE '%subtasks%'",
            (body.replace('"goal":"a"', '"goal":"c"'), thread),
        )
    async with open_api(tmp_path, NOOP, sqlite=True, known=False) as api:
        assert (await api.get("/v1/store"))["state"] == "altered"
        before = await api.engine.store.thread(thread)
        assert thread in api.engine.ingest.live.active
        assert (await api.operator.post("/v1/fleet/unfreeze", json=namespace)).status_code in (200, 201)
        api.engine.fan_outs.reconciler.mark_all()
        await api.engine.fan_outs.reconciler.reconcile(thread)
        assert api.engine.ingest.live.holds("default", thread)
        refused = await api.fan_out("T-1", {"goal": "b"})
        assert (refused.status_code, refused.json()["code"]) == (409, "RECORD_ALTERED")
        assert await api.engine.store.thread(thread) == before
