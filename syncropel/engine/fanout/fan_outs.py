"""The fan-outs that an instance coordinates, and its reports of results to its coordinator."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from syncropel.engine.background import Background
from syncropel.engine.control.propagation import ControlPropagation
from syncropel.engine.fanout.delivery import Delivery
from syncropel.engine.fanout.gates import Gates
from syncropel.engine.fanout.outbox import Outbox
from syncropel.engine.fanout.reassignment import Reassigner, Spending
from syncropel.engine.fanout.reconcile import Reconciler
from syncropel.engine.fanout.triggers import Triggers
from syncropel.engine.fanout.unwaited import UnwaitedWork
from syncropel.engine.fleet.leases import Leases
from syncropel.engine.ingest.door import Ingest
from syncropel.peer.peers import Peers
from syncropel.peer.runtime import Runtime
from syncropel.wire.fleet import RunningSpend


class FanOuts:
    """Spawns, delivers, and joins subtasks.

    `spending`: live spend in US dollars by child INTEND; `held`: child INTENDs that draining instances will
    not begin; `running`: what instances say that they run. `coordinator_url`: where a worker reports to.
    """

    def __init__(
        self,
        ingest: Ingest,
        peers: Peers,
        leases: Leases,
        propagation: ControlPropagation,
        did: str,
        coordinator_url: str,
        runtime: Runtime,
        background: Background,
        *,
        spending: Spending,
        held: Callable[[], frozenset[str]],
        running: Callable[[], Iterable[RunningSpend]],
    ) -> None:
        self._background = background
        self.unwaited = UnwaitedWork(ingest.live, running)
        self.delivery = Delivery(ingest, peers, propagation, did, runtime, background.spawn)
        reassigner = Reassigner(ingest, leases, spending, held, did, runtime)
        self.triggers = Triggers(ingest, did, runtime)
        self.gates = Gates(ingest, did, runtime)
        self.reconciler = Reconciler(ingest, leases, self.delivery, reassigner, self.gates, did, runtime)
        self.outbox = Outbox(ingest, peers, did, coordinator_url, runtime)

    def run(self) -> None:
        """Start the loops, which mark and take everything that the log holds."""
        self.reconciler.mark_all()
        for runner in self.outbox.runners:
            self._background.spawn(runner(), "outbox")
        self._background.spawn(self.reconciler.run(), "reconcile")
        self._background.spawn(self.triggers.run(), "triggers")

    def look_again(self) -> None:
        """Look at what changes with time alone: gone instances, holding rules, lifted freezes; and at what an
        operator said to attempts that run on, which a daemon that has just started may still have to pass on.
        """
        self.reconciler.look_for_the_displaced()
        self.reconciler.look_at_the_held()
        self.triggers.look_again()
        for one in self.unwaited.over():
            self.reconciler.pending.mark(one.state.thread)
