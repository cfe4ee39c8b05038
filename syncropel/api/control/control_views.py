"""The kill switch's answers: wire models made from the folds."""

from __future__ import annotations

from typing import Final

from syncropel.engine.engine import Engine
from syncropel.folds.control.freezes import Freeze
from syncropel.folds.explain.blast import blast
from syncropel.freeze_levels import EVERYWHERE, HARD, Level
from syncropel.wire import BlastRadius, FanOutMet

SHOWN: Final = 20
"""How many fan-outs and namespaces are named; the others are counted."""


def blast_radius(engine: Engine, level: Level, namespace: str, terminate: bool) -> BlastRadius:
    """What a freeze of this namespace (`*`: everything) would affect now."""
    live = engine.ingest.live
    found = blast(
        namespace,
        live.active.values(),
        live.counts().open_tasks,
        live.places,
        engine.reported_work.spending(),
        live.namespaces,
        live.control,
        [(one.state, one.spawn) for one in engine.fan_outs.unwaited.attempts()],
    )
    names = live.names()
    now = engine.runtime.now()
    asked = [one for one in live.registry.instances.values() if engine.leases.may_run(one, now)]
    return BlastRadius(
        at=now,
        level=level,
        namespace=namespace,
        ends="at once" if terminate else "after the grace" if level == HARD else "never",
        in_flight=found.in_flight,
        pending=found.pending,
        open_tasks=found.open_tasks,
        spend_usd=round(found.spend_usd, 6),
        instances=sorted(names.get(did, did) for did in found.instances),
        confirming=len(asked),
        descendants=len(found.descendants),
        descendants_named=list(found.descendants[:SHOWN]),
        fanouts=len(found.fanouts),
        fanouts_met=[
            FanOutMet(
                thread=one.thread,
                alias=one.alias,
                namespace=one.namespace,
                in_flight=one.in_flight,
                pending=one.pending,
                spend_usd=round(one.spend_usd, 6),
            )
            for one in found.fanouts[:SHOWN]
        ],
        frozen=[_told(one) for one in found.frozen],
    )


def _told(freeze: Freeze) -> str:
    where = "everything" if freeze.namespace == EVERYWHERE else freeze.namespace
    return f"{freeze.level}: {where}: {freeze.reason}"
