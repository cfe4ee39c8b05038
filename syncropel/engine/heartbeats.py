"""The content of heartbeats: an instance's own, and the coordinator's answer to another's."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from typing import Any

from syncropel import __version__
from syncropel.adapters.registry import told
from syncropel.engine.engine import Engine
from syncropel.engine.fanout.spawn import child_end
from syncropel.engine.log_state import log_state
from syncropel.errors import SyncropelError
from syncropel.peer.peers import wire
from syncropel.record.model import Record
from syncropel.wire.fleet import Heartbeat
from syncropel.wire.link_words import ENDPOINT
from syncropel.wire.version import PROTOCOL

log = logging.getLogger("syncropel.engine.heartbeats")


def own_beat(
    engine: Engine, *, leaving: bool = False, draining: bool = False, returning: bool = False
) -> Heartbeat:
    """This instance's heartbeat. `draining`: it is about to stop. `returning`: the coordinator has not heard
    from it for a while, and may have moved its work.
    """
    state, dispatcher = engine.control.adoption.state(), engine.dispatcher
    vitals = engine.vitals.read()
    return Heartbeat.model_validate(
        {
            "did": engine.instance.did,
            "alias": engine.settings.fleet.alias,
            "role": engine.settings.role,
            "endpoint": ENDPOINT if is_linked(engine) else engine.instance.endpoint,
            "version": __version__,
            "health": "draining" if leaving or draining else "healthy",
            "leaving": leaving,
            "uptime_secs": round(engine.uptime_secs, 3),
            "active_dispatches": dispatcher.running,
            "queued_dispatches": dispatcher.queued,
            "max_concurrent": dispatcher.max_concurrent,
            "adapter": engine.settings.dispatch.adapter,
            "adapters": told(engine.enabled),
            "store_records": engine.store.count,
            "store_bytes": engine.store_bytes,
            "log": log_state(engine),
            "memory_bytes": vitals.memory.resident_bytes,
            "memory_growth_bytes": vitals.memory.growth_bytes,
            "backed_up": vitals.backed_up,
            "pid": os.getpid(),
            "permissions": engine.ingest.live.rules.enforced,
            **{f"control_{key}": value for key, value in state.items() if key != "digest"},
            "control": state["digest"],
            "clock_ahead_secs": engine.heartbeat_sender.clock_ahead_secs,
            "round_trip_secs": engine.heartbeat_sender.round_trip_secs,
            "spend": dispatcher.spending(),
            "held": dispatcher.held(),
            "unended": dispatcher.unended(),
            "quotas": engine.providers.observations(),
            "open": dispatcher.open_attempts() if returning else [],
            "asks_credential": engine.repointing.asks,
            "leading": engine.leading.told(),
            "protocol": PROTOCOL,
            "next_credential": engine.renewal.proposed,
        }
    )


def is_linked(engine: Engine) -> bool:
    """Whether others reach this instance through its link only."""
    return engine.settings.role == "worker" and engine.settings.fleet.link


async def take_beat(engine: Engine, beat: Heartbeat, *, verified: bool) -> tuple[str, dict[str, Any]]:
    """Renew a worker's lease; return its status, and what it must apply before it continues working (fields
    of the wire model `HeartbeatAnswer`). `verified`: the beat came with the instance's own credential.
    """
    status = await engine.leases.beat(beat, verified=verified)
    if verified:
        engine.links.heard(beat.did)
    engine.fan_outs.reconciler.on_beat(beat)
    if verified:
        await engine.providers.take(beat.did, beat.quotas)
    answer = engine.control.propagation.answer(
        beat.did, beat.control, beat.control_version, beat.control_grace
    )
    ends = map(wire, ends_of(engine, (one.model_dump() for one in beat.open)))
    return status, {
        **answer,
        "control": [*answer["control"], *ends],
        "paused": engine.providers.told(),
        "leading": engine.leading.told(with_proof=verified),
    }


def towards(engine: Engine, did: str) -> str:
    """The SHA-256 of the secret by which this coordinator identifies itself to a worker, made if there is
    none; empty when it cannot be written.
    """
    try:
        return engine.keyring.make_towards(did, engine.instance.did)
    except OSError as error:
        log.error("cannot write a secret for %s: %s", did, error.strerror or error)
        return ""


async def refuse_beat(engine: Engine, did: str, why: str) -> None:
    """A heartbeat under this name was refused: whoever runs there has to confirm freezes, and is sent them at
    its known address.
    """
    try:
        is_news = await engine.leases.refused(did, why)
    except SyncropelError as error:
        is_news = False
        log.error("cannot record that heartbeats of %s are refused: %s", did, error.message)
    engine.control.propagation.push(did, anew=is_news)


def ends_of(engine: Engine, attempts: Iterable[Mapping[str, Any]]) -> list[Record]:
    """The ends of those of these attempts that must not run (again)."""
    found: list[Record] = []
    for one in attempts:
        state = engine.ingest.live.tasks.get(one["parent_thread"])
        slot = (one["index"], one["attempt"])
        spawn = state.fanout.spawns.get(slot) if state and state.fanout else None
        if state is None or state.fanout is None or spawn is None:
            continue
        reason = state.fanout.end_reason(*slot)
        if reason and spawn.child_intend == one["child_intend"]:
            found.append(child_end(state.fanout, slot[1], spawn, reason))
    return found
