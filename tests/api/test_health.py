"""Health, capabilities and engine health."""

from __future__ import annotations

from syncropel import __version__
from syncropel.wire import EngineHealth, Health

from .conftest import DID, Api


async def test_health_counts_the_records_and_names_the_store(durable: Api) -> None:
    before = Health.model_validate(await durable.get("/health"))
    await durable.post()
    after = Health.model_validate(await durable.get("/health"))
    assert (after.status, after.version) == ("ok", __version__)
    assert after.records == before.records + 1
    assert after.store == str(durable.engine.instance.home.store)
    assert after.uptime_secs >= before.uptime_secs >= 0


async def test_capabilities_say_what_is_spoken(api: Api) -> None:
    told = await api.get("/.well-known/syncropel")
    assert (told["did"], told["role"], told["version"]) == (DID, "coordinator", __version__)
    assert {"INTEND", "DO", "KNOW", "LEARN"} <= set(told["acts"])
    assert told["limits"] == {"body_bytes": 1024 * 1024, "parents": 256, "name_chars": 512}
    assert told["auth_required"] is True


async def test_engine_health_has_counters_and_details_when_asked(durable: Api) -> None:
    await durable.post()
    brief = EngineHealth.model_validate(await durable.get("/v1/engine/health"))
    assert brief.did == DID
    assert brief.ingested_total >= 1
    assert brief.store_bytes > 0
    assert brief.details is None
    full = EngineHealth.model_validate(await durable.get("/v1/engine/health", details="true"))
    assert full.details is not None
    assert full.details.live["threads"] >= 1
    assert [one.name for one in full.details.loops] == ["ingest", "reconcile", "dispatch", "delivery"]
    assert full.details.loops[0].total == full.ingested_total
    assert full.details.memory is not None
    assert full.details.memory.resident_bytes > full.details.memory.growth_bytes
    assert full.details.expression_cache is not None
    assert full.details.expression_cache.capacity > 0
