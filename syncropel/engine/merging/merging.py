"""The two sides of merges on one instance: what it carries out, and what it has others carry out."""

from __future__ import annotations

from collections.abc import Callable

from syncropel.adapters.program import limits_of_run
from syncropel.engine.background import Background
from syncropel.engine.control.propagation import ControlPropagation
from syncropel.engine.dispatch.enabling import sandbox_of_merges
from syncropel.engine.fleet.leases import Leases
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.merging.allowing import Allowing
from syncropel.engine.merging.asking import MergeDesk
from syncropel.engine.merging.run import MergeTools
from syncropel.engine.merging.steps import Steps
from syncropel.engine.merging.work import MergeWork
from syncropel.peer.peers import Peers
from syncropel.peer.runtime import Runtime
from syncropel.settings.config import Settings
from syncropel.settings.home import Home


class Merging:
    """`orphan_secs`: how long a gate goes on without a daemon."""

    def __init__(
        self,
        ingest: Ingest,
        peers: Peers,
        propagation: ControlPropagation,
        leases: Leases,
        did: str,
        home: Home,
        settings: Settings,
        runtime: Runtime,
        background: Background,
        orphan_secs: Callable[[], float],
    ) -> None:
        self.steps = Steps(ingest, peers, did, settings.fleet.coordinator_url, runtime)
        tools = MergeTools(
            ingest,
            runtime,
            settings.workspace.author,
            home.run,
            lambda: limits_of_run(settings.dispatch.default_timeout_secs, orphan_secs()),
            ingest.live.allowed_files.has,
            sandbox_of_merges(settings, home),
        )
        spawn = background.spawn
        self.work = MergeWork(ingest, self.steps, tools, did, home.merges, settings.workspace, spawn)
        self.allowing = Allowing(ingest, peers, leases, did, runtime, alone=settings.role == "worker")
        self.desk = MergeDesk(ingest, peers, propagation, self.work, did, runtime)
