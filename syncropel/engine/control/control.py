"""The control of one instance: what it enforces, who changes that, and how it reaches the others."""

from __future__ import annotations

from collections.abc import Callable

from syncropel.engine.background import Background
from syncropel.engine.control.configuration import Configuration
from syncropel.engine.control.control_adoption import ControlAdoption
from syncropel.engine.control.drain import Drainer
from syncropel.engine.control.fleet_rules import FleetRules
from syncropel.engine.control.graces import Graces
from syncropel.engine.control.killswitch import KillSwitch
from syncropel.engine.control.propagation import ControlPropagation
from syncropel.engine.ingest.broadcast import ChangeSignal
from syncropel.engine.ingest.door import Ingest
from syncropel.peer.peers import Peers
from syncropel.peer.runtime import Runtime


class Control:
    """Freezes, drains, namespaces, and rules of an instance (the DID `did`).

    `coordinator_url`: where a worker's coordinator is; empty on a coordinator, whose operators' rules are the
    fleet's. `runs_on`: whether an instance (a DID) is running although it left or was archived. `enforce` is
    called when what may run changes without a record.
    """

    def __init__(
        self,
        ingest: Ingest,
        peers: Peers,
        did: str,
        coordinator_url: str,
        runtime: Runtime,
        changed: ChangeSignal,
        background: Background,
        *,
        runs_on: Callable[[str], object],
        enforce: Callable[[], None],
    ) -> None:
        spawn = background.spawn
        self.propagation = ControlPropagation(ingest, peers, did, runtime, changed, spawn)
        self.propagation.runs_on = runs_on
        self.adoption = ControlAdoption(ingest, did, runtime)
        self.killswitch = KillSwitch(ingest, runtime)
        self.drainer = Drainer(ingest, runtime)
        self.fleet_rules = None if coordinator_url else FleetRules(ingest, did, runtime, spawn)
        self.configuration = Configuration(ingest, did, runtime, self.fleet_rules, coordinator_url)
        self.graces = Graces(ingest, runtime, self.propagation.lefts, enforce)

    async def load(self) -> None:
        """Read the control records from the log, at start."""
        await self.propagation.load()
        await self.adoption.load()

    async def introduce_rules(self) -> None:
        """Write the default rules that the log lacks, and what the fleet has not been told yet."""
        await self.configuration.introduce_default_rules()
        if self.fleet_rules is not None:
            await self.fleet_rules.tell()
