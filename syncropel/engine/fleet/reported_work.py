"""What instances report about the attempts that they have, this one included."""

from __future__ import annotations

from collections.abc import Callable

from syncropel.engine.dispatch.dispatcher import Dispatcher
from syncropel.engine.fleet.leases import Leases
from syncropel.wire.fleet import RunningSpend


class ReportedWork:
    """Joins the latest heartbeats with what runs here. `digest`: of the control state in force now."""

    def __init__(self, leases: Leases, dispatcher: Dispatcher, digest: Callable[[], str]) -> None:
        self._leases = leases
        self._dispatcher = dispatcher
        self._digest = digest

    def running(self) -> list[RunningSpend]:
        """The goals that run, here and by the latest heartbeats."""
        return [*self._leases.spends(), *self._dispatcher.spending()]

    def spending(self) -> dict[str, float]:
        """The spend of running goals: US dollars by the id of the child INTEND."""
        own = {one.child_intend: one.cost_usd for one in self._dispatcher.spending()}
        return {**self._leases.spending(), **own}

    def held(self) -> frozenset[str]:
        """Child INTENDs that draining instances, including this one, have not begun and will not begin."""
        return self._leases.held(self._digest()) | frozenset(self._dispatcher.held())
