"""What attempts leave on whichever instance: their output, output that still grows, and their worktrees."""

from __future__ import annotations

from collections.abc import Mapping

from syncropel.adapters import Adapter
from syncropel.engine.background import Background
from syncropel.engine.fleet.leases import Leases
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.output.following import Following
from syncropel.engine.output.local import local_output
from syncropel.engine.output.local_worktrees import LocalWorktrees
from syncropel.engine.output.outputs import Outputs
from syncropel.engine.output.worktrees import Worktrees
from syncropel.engine.views.lists import Lists
from syncropel.peer.peers import Peers
from syncropel.peer.runtime import Runtime
from syncropel.settings.config import Settings
from syncropel.settings.home import Home


class Output:
    """Reads here, or asks the instance (a DID; this one is `did`) that has the attempt."""

    def __init__(
        self,
        ingest: Ingest,
        readers: Peers,
        leases: Leases,
        adapters: Mapping[str, Adapter],
        did: str,
        home: Home,
        settings: Settings,
        runtime: Runtime,
        background: Background,
        lists: Lists,
    ) -> None:
        local = local_output(ingest, did, home.work, adapters, settings.dispatch)
        self.attempts = Outputs(local, ingest, readers, leases, did)
        self.following = Following(runtime, background.spawn)
        trees = LocalWorktrees(ingest, did, settings.fleet.alias, home.work, settings.workspace, lists)
        alone = settings.role == "worker"
        self.worktrees = Worktrees(trees, ingest, readers, leases, did, alone=alone)
