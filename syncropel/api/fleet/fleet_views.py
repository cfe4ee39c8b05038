"""The fleet as the API returns it: wire models made from the registry, the leases, and active fan-outs."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Literal

from syncropel import __version__
from syncropel.api.fleet.leader_views import leader_out
from syncropel.api.tasks.collisions import collisions
from syncropel.api.tasks.waiting import Look, Running
from syncropel.engine.engine import Engine
from syncropel.engine.fanout.reassignment import spent_usd
from syncropel.engine.heartbeats import own_beat
from syncropel.engine.log_state import log_state
from syncropel.errors import NotFound
from syncropel.folds.control.freezes import Freeze
from syncropel.folds.control.rules import FREEZE_RULES
from syncropel.folds.fanout.progress import progress_of
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import Child, child_in_progress
from syncropel.folds.fleet.credentials import Credential
from syncropel.folds.fleet.registry import Instance
from syncropel.folds.tasks.state import TaskState
from syncropel.freeze_levels import HARD
from syncropel.peer.link.protocol import is_link
from syncropel.policy.joining import decide_join_now
from syncropel.wire import (
    Confirmation,
    DispatchOut,
    DrainOut,
    FanOutProgress,
    FleetRule,
    FleetStatus,
    FreezeOut,
    Heartbeat,
    InstanceOut,
    LinkOut,
    PauseOut,
    Reported,
    RunningDispatch,
)


def find_instance(engine: Engine, name: str) -> Instance:
    """An instance by DID or alias. Raises NotFound."""
    registry = engine.ingest.live.registry
    instance = registry.instances.get(name) or registry.by_alias(name)
    if instance is None:
        raise NotFound(f"no instance {name!r} has ever joined", "see the fleet: spl fleet list")
    return instance


def instance_out(engine: Engine, instance: Instance) -> InstanceOut:
    """One row of the fleet."""
    beat: Heartbeat | None = None
    heard_at: float | None = None
    if instance.did == engine.instance.did:
        beat, heard_at = own_beat(engine), engine.runtime.now()
    elif (last := engine.leases.last_beat(instance.did)) is not None:
        beat, heard_at = last
    status = engine.leases.status(instance)
    credential = _credential(engine, instance.did, beat)
    reported = {name: getattr(beat, name) for name in Reported.model_fields} if beat is not None else {}
    return InstanceOut(
        **reported,
        did=instance.did,
        alias=instance.alias,
        role="coordinator" if instance.role == "coordinator" else "worker",
        endpoint=instance.endpoint,
        status=status,  # type: ignore[arg-type]  # STATUS_OF_STATE's words
        health="revoked" if credential == "revoked" else _health(status, beat),
        version=instance.version,
        since=instance.at,
        last_heartbeat=heard_at,
        credential=credential,
        refused=engine.leases.why_refused(instance.did),
        link=_link(engine, instance),
        credential_at=known.at if (known := _own_credential(engine, instance.did)) is not None else None,
        protocol=beat.protocol if beat is not None else 0,
    )


def _link(engine: Engine, instance: Instance) -> LinkOut | None:
    if not is_link(instance.endpoint) or engine.settings.role == "worker":
        return None
    return LinkOut(**asdict(engine.links.report(instance.did)))


def _own_credential(engine: Engine, did: str) -> Credential | None:
    known = engine.ingest.live.credentials.known.get(did)
    return known if known is not None and not known.revoked else None


def _credential(engine: Engine, did: str, beat: Heartbeat | None) -> Literal["own", "shared", "revoked", ""]:
    if engine.ingest.live.credentials.is_revoked(did):
        return "revoked"
    if beat is None:
        return ""
    return "own" if engine.leases.verified(did) else "shared"


def _health(status: str, beat: Heartbeat | None) -> str:
    """The current health of an instance: its own report counts as long as it is heard."""
    if status in ("stale", "archived"):
        return "silent"
    if status in ("draining", "left"):
        return "draining"
    return beat.health if beat is not None else "unknown"


def fleet_status(engine: Engine) -> FleetStatus:
    """The whole fleet as it is now."""
    live = engine.ingest.live
    instances = [instance_out(engine, one) for one in live.registry.instances.values()]
    instances.sort(key=lambda one: one.did)
    dispatches: list[DispatchOut] = []
    fanouts: list[FanOutProgress] = []
    look = Look(engine)
    for state in sorted(live.active.values(), key=lambda one: one.fanout.at if one.fanout else 0.0):
        assert state.fanout is not None
        given = [_dispatch_out(state, state.fanout, child, look) for child in _running_in(state.fanout)]
        dispatches += given
        fanouts.append(_progress(state, state.fanout, look, [one.index for one in given if one.hangs]))
    dispatches += _run_on(engine, look)
    return FleetStatus(
        at=engine.runtime.now(),
        version=__version__,
        coordinator_did=engine.instance.did,
        coordinator_url=engine.settings.fleet.coordinator_url or engine.instance.endpoint,
        role="worker" if engine.settings.role == "worker" else "coordinator",
        heartbeat_interval_secs=engine.settings.fleet.heartbeat_interval_secs,
        live=sum(one.status == "live" for one in instances),
        stale=sum(one.status == "stale" for one in instances),
        archived=sum(one.status == "archived" for one in instances),
        instances=instances,
        dispatches=dispatches,
        fanouts=fanouts,
        joined=list(live.joined),
        starting="" if engine.start_up.done else engine.start_up.words,
        ingested_total=engine.ingest.total,
        reconcile_queue_depth=engine.fan_outs.reconciler.queue_depth,
        records=engine.store.count,
        freezes=[freeze_out(engine, one) for one in live.control.active()],
        emergency=live.control.emergency is not None,
        drains=[
            DrainOut(instance=one.instance, deadline=one.deadline, then=one.then, reason=one.reason)
            for one in live.drains.drains.values()
        ],
        leader=leader_out(engine),
        collisions=collisions(engine),
        paused=[PauseOut(**one) for one in engine.providers.told()],
        rules=fleet_rules(engine),
        log=log_state(engine),
        tasks_revision=live.revision,
    )


def freeze_out(engine: Engine, freeze: Freeze) -> FreezeOut:
    """A freeze in force, who has confirmed it, and who has not yet."""
    confirmed, waiting = reached(engine, freeze.record, freeze.at)
    control, now = engine.ingest.live.control, engine.runtime.moment()
    control.pass_time(now)
    return FreezeOut(
        level=freeze.level,
        namespace=freeze.namespace,
        reason=freeze.reason,
        grace_secs=freeze.grace_secs,
        terminate=freeze.terminate,
        actor=freeze.actor,
        at=freeze.at,
        record=freeze.record,
        confirmed=confirmed,
        waiting=waiting,
        grace_left_secs=control.lefts(now).get(freeze.record),
        refuses_all=freeze.level == HARD
        and not waiting
        and engine.control.propagation.refuses_all(freeze.record),
    )


def reached(engine: Engine, record: str, since: float = math.inf) -> tuple[list[Confirmation], list[str]]:
    """Who has confirmed this control record, and the aliases of those that have not and may still be running.

    `since`: when it was issued (unix seconds); without it, archived instances are not waited for.
    """
    confirmed = engine.control.propagation.confirmed_at(record)
    live = engine.ingest.live
    names = live.names()
    waiting = [
        one.alias or one.did
        for one in live.registry.instances.values()
        if one.did not in confirmed and engine.leases.may_run(one, since)
    ]
    told = [
        Confirmation(
            instance=did,
            alias=names.get(did, did),
            at=at,
            verified=engine.leases.verified(did) and engine.control.propagation.proves(did),
        )
        for did, at in sorted(confirmed.items())
        if not live.credentials.is_revoked(did)
    ]
    return told, sorted(waiting)


def fleet_rules(engine: Engine) -> list[FleetRule]:
    """The fleet's permission rules that are in force, or not confirmed by everybody yet. A removed freeze
    rule is always included.
    """
    rules = engine.ingest.live.rules
    found = []
    for (_, name), word in sorted(rules.fleet.items(), key=lambda one: one[0]):
        if word.withdrawn:
            continue
        state: Literal["set", "removed", "default"] = "set" if word.rule is not None else "removed"
        if name in FREEZE_RULES and rules.stands(name):
            state = "default"
        confirmed, waiting = reached(engine, word.record)
        if waiting or state == "set" or (state == "removed" and name in FREEZE_RULES):
            found.append(
                FleetRule(
                    name=name,
                    state=state,
                    actor=word.author,
                    record=word.record,
                    confirmed=confirmed,
                    waiting=waiting,
                )
            )
    return found


def _dispatch_out(state: TaskState, fanout: FanOut, child: Child, look: Look) -> DispatchOut:
    assert child.spawn is not None
    progress = look.progress(fanout, child, child.spawn)
    spends = look.running.get(child.spawn.child_intend, Running())
    return DispatchOut(
        thread=state.thread,
        alias=state.alias,
        index=child.index,
        goal=child.subtask.goal,
        child_thread=child.spawn.child_thread,
        instance=child.spawn.instance,
        attempt=child.attempt,
        started_at=child.spawn.at,
        began_at=progress.began_at,
        lost_at=progress.lost_at,
        queued=progress.queued,
        why=progress.why,
        hangs=progress.hangs,
        cost_usd=spends.cost_usd,
        cost_unknown=spends.cost_unknown,
        budget_usd=child.subtask.budget_usd or spends.budget_usd,
        timeout_secs=child.subtask.timeout_secs,
        progress=spends.progress,
        progress_at=spends.progress_at,
    )


def _running_in(fanout: FanOut) -> list[Child]:
    """The subtasks in progress, by index."""
    progress = progress_of(fanout)
    return [
        progress.child(index) for index in sorted(i for there in progress.running.values() for i in there)
    ]


def _run_on(engine: Engine, look: Look) -> list[DispatchOut]:
    """The subtasks that run although their fan-out is over."""
    return [
        _dispatch_out(one.state, one.fanout, child_in_progress(one.fanout, one.index), look)
        for one in engine.fan_outs.unwaited.over()
    ]


def _is_unpriced(child: Child, look: Look) -> bool:
    """Whether a subtask that runs has spent more than is known."""
    known = look.running.get(child.spawn.child_intend) if child.spawn and not child.finished else None
    return known is not None and known.cost_unknown


def running(engine: Engine) -> list[RunningDispatch]:
    """Everything in flight, longest first: subtasks of the fan-outs here, and goals that this instance runs
    for others.
    """
    live, now, look = engine.ingest.live, engine.runtime.now(), Look(engine)
    rows = [
        _dispatch_out(state, state.fanout, child, look)
        for state in live.active.values()
        if state.fanout is not None
        for child in _running_in(state.fanout)
    ]
    rows += _run_on(engine, look)
    known = {row.child_thread for row in rows}
    rows += [
        DispatchOut(
            thread=str(run.intend.body["parent_thread"]),
            alias="",
            index=run.intend.body["index"],
            goal=str(run.intend.body["goal"]),
            child_thread=run.intend.thread,
            instance=engine.instance.did,
            attempt=run.intend.attempt,
            started_at=run.started_at,
            began_at=run.started_at,
            cost_usd=run.meter.spent,
            cost_unknown=live.spend.of(run.intend.record).unpriced,
            budget_usd=run.place.limits.budget_of(run.intend),
            progress=(talk := live.talks.of(run.intend.record)).progress,
            progress_at=talk.progress_at or None,
        )
        for run in engine.dispatcher.runs()
        if run.intend.thread not in known
    ]
    names = live.names()
    rows.sort(key=lambda row: (row.started_at, row.child_thread))
    return [
        RunningDispatch(
            **row.model_dump(),
            instance_alias=names.get(row.instance),
            elapsed_secs=max(0.0, (row.lost_at or now) - (row.began_at or row.started_at)),
        )
        for row in rows
    ]


def _progress(state: TaskState, fanout: FanOut, look: Look, hangs: list[int]) -> FanOutProgress:
    progress = progress_of(fanout)
    children = progress.children()
    decision = decide_join_now(fanout, progress, state.alias, look.names)
    return FanOutProgress(
        thread=state.thread,
        alias=state.alias,
        goal=state.goal,
        namespace=fanout.spec.namespace,
        join=fanout.join,
        subtasks=len(children),
        spawned=sum(child.spawn is not None for child in children),
        completed=progress.total - len(progress.unfinished),
        accepted=progress.accepted,
        satisfiable=decision.satisfiable,
        explanation=decision.explanation,
        cause=decision.cause,
        hangs=hangs,
        asking=fanout.asking(),
        questions=sorted({one.index for one in fanout.talk.waiting() if one.answer is None}),
        unreviewed=list(decision.unreviewed),
        started_at=fanout.at,
        cost_usd=spent_usd(fanout, look.spending),
        cost_unknown=not fanout.cost_known or any(_is_unpriced(child, look) for child in children),
        budget_usd=fanout.budget_usd,
    )
