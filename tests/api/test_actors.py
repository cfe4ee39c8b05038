"""Who writes in this log: from the threads themselves, and from the registry."""

from __future__ import annotations

from typing import Any

from syncropel.record.threads import ACTOR_REGISTRY
from syncropel.wire.actors import ActorOut

from .conftest import ACTOR, DID, Api


async def actors(api: Api) -> dict[str, ActorOut]:
    rows = [ActorOut.model_validate(one) for one in (await api.get("/v1/actors"))["data"]]
    assert [one.actor for one in rows] == sorted(one.actor for one in rows)
    return {one.actor: one for one in rows}


async def register(api: Api, **body: Any) -> None:
    await api.post(thread=ACTOR_REGISTRY, act="LEARN", body=body)


async def test_whoever_wrote_is_there_with_its_threads(durable: Api) -> None:
    first = await durable.post(thread="a")
    await durable.post(thread="a")
    last = await durable.post(thread="b")
    found = await actors(durable)
    mine = found[ACTOR]
    assert (mine.threads, mine.registered, mine.alias) == (2, False, "")
    assert mine.last_activity == last["received_at"] >= first["received_at"]
    assert found[DID].alias == "coordinator"


async def test_the_registry_says_who_they_are_and_the_latest_holds(durable: Api) -> None:
    await register(durable, did="did:x", display_name="Xena", category="agent", status="active")
    await register(durable, did="did:x", status="retired")
    await register(durable, did=7, name="nobody")
    found = await actors(durable)
    assert (found["did:x"].name, found["did:x"].category, found["did:x"].status) == (
        "Xena",
        "agent",
        "retired",
    )
    assert (found["did:x"].registered, found["did:x"].threads, found["did:x"].last_activity) == (
        True,
        0,
        None,
    )
    assert "7" not in found
