"""Files of a repository that may run as its gate and the like: said once, on every instance."""

from __future__ import annotations

import asyncio
from typing import Any

from syncropel.engine.fleet.leases import Leases
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import DaemonUnreachable
from syncropel.folds.control.allowed import FILES_ALLOWED
from syncropel.folds.fleet.registry import Instance
from syncropel.peer.peers import Peers
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record
from syncropel.record.threads import ENGINE_CONFIG
from syncropel.wire import AllowedOn, FilesAllowed


class Allowing:
    """`alone`: write on this instance only, as a worker does."""

    def __init__(
        self, ingest: Ingest, peers: Peers, leases: Leases, did: str, runtime: Runtime, *, alone: bool
    ) -> None:
        self._ingest = ingest
        self._peers = peers
        self._leases = leases
        self._did = did
        self._runtime = runtime
        self._alone = alone

    async def say(self, repo: str, digest: str, actor: str, *, removed: bool) -> FilesAllowed:
        """Write it here and, as a coordinator, on every other instance; those that fail are named."""
        body: dict[str, Any] = {"topic": FILES_ALLOWED, "repo": repo, "digest": digest}
        body |= {"removed": True} if removed else {}
        body["at"] = self._runtime.now()
        await self._ingest.append_one(Record(ENGINE_CONFIG, actor, "LEARN", body))
        others = [] if self._alone else list(self._ingest.live.registry.instances.values())
        asked = {"repo": repo, "digest": digest, "removed": removed, "actor": actor}
        rows = await asyncio.gather(
            *(
                self._ask(one, asked)
                for one in others
                if one.did != self._did and self._leases.status(one) not in ("archived", "left")
            )
        )
        own = AllowedOn(instance=self._did, alias=self._ingest.live.names().get(self._did, ""))
        return FilesAllowed(repo=repo, digest=digest, removed=removed, data=[own, *rows])

    async def _ask(self, instance: Instance, asked: dict[str, Any]) -> AllowedOn:
        told = {"instance": instance.did, "alias": instance.alias}
        if not instance.endpoint:
            return AllowedOn(**told, problem="its address is unknown")
        try:
            await self._peers.allow(instance.endpoint, instance.did, asked)
        except DaemonUnreachable as error:
            return AllowedOn(**told, problem=error.message)
        return AllowedOn(**told)
