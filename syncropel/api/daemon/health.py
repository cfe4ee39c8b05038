"""/health, /v1/start, /.well-known/syncropel, and /v1/engine/health: liveness, capabilities, and state."""

from __future__ import annotations

import os
from dataclasses import asdict

from fastapi import APIRouter

from syncropel import __version__
from syncropel.api.daemon.store import described
from syncropel.api.http.tally import Tally
from syncropel.cel.expression import cache_stats
from syncropel.engine.control.accounts import is_fleet_account
from syncropel.engine.engine import Engine
from syncropel.engine.health_rules import findings
from syncropel.engine.heartbeats import is_linked
from syncropel.engine.loops import loops
from syncropel.record.model import ACTS, DATA_TYPES, MAX_BODY_BYTES, MAX_NAME_CHARS, MAX_PARENTS
from syncropel.wire import (
    CacheStatsOut,
    Capabilities,
    EngineDetails,
    EngineHealth,
    Health,
    HealthCheck,
    LinkOut,
    LoopOut,
    MemoryOut,
    Start,
)
from syncropel.wire.start_words import PATH


def router(engine: Engine, tally: Tally) -> APIRouter:
    """The routes of health."""
    routes = APIRouter(tags=["health"])

    @routes.get("/health")
    async def health() -> Health:
        """Whether the daemon is alive and listening. Never needs auth."""
        store = described(engine)
        return Health(
            status="ok",
            version=__version__,
            records=engine.store.count,
            store=engine.store.place or str(engine.instance.home.store),
            uptime_secs=round(engine.uptime_secs, 3),
            store_state=store.state,
            store_problem=store.problem or "; ".join(store.notices),
        )

    @routes.get(PATH)
    async def start() -> Start:
        """Whether the daemon serves, and how many records of its log it has read.

        The operator's socket answers this while the log is still being read, too.
        """
        return engine.start_up.told("serving")

    @routes.get("/.well-known/syncropel")
    async def capabilities() -> Capabilities:
        """What this daemon supports. Never needs auth."""
        return Capabilities(
            version=__version__,
            did=engine.instance.did,
            role=engine.settings.role,
            acts=sorted(ACTS),
            data_types=sorted(DATA_TYPES),
            limits={"body_bytes": MAX_BODY_BYTES, "parents": MAX_PARENTS, "name_chars": MAX_NAME_CHARS},
            auth_required=engine.settings.auth.required,
            openapi="/openapi.json",
        )

    @routes.get("/v1/engine/health")
    async def engine_health(details: bool = False) -> EngineHealth:
        """Counters of every loop; queues near zero are healthy."""
        return EngineHealth(
            did=engine.instance.did,
            role=engine.settings.role,
            alias=engine.settings.fleet.alias,
            pid=os.getpid(),
            home=str(engine.instance.home.path),
            ingested_total=engine.ingest.total,
            reconciled_total=engine.fan_outs.reconciler.total,
            reconcile_queue_depth=engine.fan_outs.reconciler.queue_depth,
            dispatch_running=engine.dispatcher.running,
            dispatch_queued=engine.dispatcher.queued,
            outbox_pending=len(engine.fan_outs.outbox),
            watchers=len(engine.broadcast),
            aitl_pending=sum(
                len(state.fanout.asking()) for state in engine.ingest.live.active.values() if state.fanout
            ),
            self_check_failures=engine.selfcheck.failures,
            uptime_secs=round(engine.uptime_secs, 3),
            store_bytes=await engine.store.size_bytes(),
            clock_ahead_secs=engine.heartbeat_sender.clock_ahead_secs,
            link=LinkOut(**asdict(engine.link.report())) if is_linked(engine) else None,
            coordinator_refuses=engine.heartbeat_sender.refused,
            takes_no_work=engine.ingest.live.standing.why,
            revoked=engine.ingest.live.standing.revoked is not None,
            checks=[HealthCheck(**asdict(one)) for one in await findings(engine)],
            details=_details(engine, tally) if details else None,
        )

    return routes


def _details(engine: Engine, tally: Tally) -> EngineDetails:
    memory = engine.vitals.memory.look()
    return EngineDetails(
        loops=[LoopOut.model_validate(asdict(one)) for one in loops(engine)],
        memory=MemoryOut(
            resident_bytes=memory.resident_bytes,
            at_start_bytes=memory.at_start_bytes,
            growth_bytes=memory.growth_bytes,
        ),
        expression_cache=CacheStatsOut(**asdict(cache_stats())),
        live={
            "threads": engine.ingest.live.index.count,
            "tasks": engine.ingest.live.task_count,
            "active_fanouts": len(engine.ingest.live.active),
            "children": engine.ingest.live.child_count,
            "instances": len(engine.ingest.live.registry.instances),
        },
        denials={
            "total": engine.ingest.denials.total,
            "only_counted": engine.ingest.denials.only_counted,
            "records_lost": engine.ingest.denials.lost,
        },
        delivery_waiting={
            did: {"records": count, "problem": problem}
            for did, (count, problem) in engine.fan_outs.delivery.waiting().items()
        },
        backup=None if engine.backups is None else engine.backups.told(),
        connections=tally.counts(),
        reports={
            "waiting": len(engine.fan_outs.outbox),
            "problems": engine.fan_outs.outbox.problems(),
            "refused": len(engine.ingest.refused_reports),
        },
        webhooks=[] if engine.webhooks is None else engine.webhooks.told(),
        traces=None if engine.traces is None else engine.traces.told(),
        writers={
            "any_actor": sum(
                one.actors is None and not is_fleet_account(one.sa_id)
                for one in engine.ingest.live.access.accounts.values()
            ),
            "unverified": sorted(
                one.alias
                for one in engine.ingest.live.registry.instances.values()
                if engine.leases.last_beat(one.did) is not None and not engine.leases.verified(one.did)
            ),
        },
    )
