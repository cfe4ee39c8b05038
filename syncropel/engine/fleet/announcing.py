"""Tells the former coordinator that another instance leads in its place, until it knows."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from typing import Final

from syncropel.backoff import Backoff
from syncropel.engine.fleet.leading import Leading
from syncropel.errors import SyncropelError
from syncropel.folds.fleet.leadership import ACKNOWLEDGED, Former, leads_over, read_claim
from syncropel.peer.peers import Peers
from syncropel.peer.runtime import Runtime
from syncropel.settings.keyring import Keyring

log = logging.getLogger("syncropel.engine.announcing")

LONGEST_SECS: Final = 5.0
AGAIN_SECS: Final = 30.0
"""Between two looks at a former coordinator that knows."""
_SHORTEST_SECS: Final = 0.2


class Announcing:
    """Asks the former coordinator who leads, and tells it, while the fleet is split; and then now and again,
    since another worker may have been promoted in the same term.

    It talks only to the coordinator that this instance was introduced to, and presents its proof only to
    whoever shows that it is that one: at its address somebody else may listen by now.
    """

    def __init__(self, leading: Leading, peers: Peers, keyring: Keyring, runtime: Runtime) -> None:
        self._leading = leading
        self._peers = peers
        self._keyring = keyring
        self._runtime = runtime
        self._news = asyncio.Event()
        self.again_secs = AGAIN_SECS
        self.problem = ""
        """Why the former coordinator was not told at the last try."""
        leading.changed = self._news.set

    async def run(self) -> None:
        """Tell it, for ever."""
        backoff = Backoff(LONGEST_SECS, share=self._runtime.share)
        while True:
            former = self._leading.former
            if former is None:
                self._news.clear()
                await self._news.wait()
                backoff.succeeded()
                continue
            told = await self._try(former)
            if told or self._leading.split is None:
                await self._runtime.sleep(self.again_secs)
            else:
                await self._runtime.sleep(max(_SHORTEST_SECS, backoff.failed()))

    async def _try(self, former: Former) -> bool:
        try:
            await self.tell(former)
        except SyncropelError as error:
            if error.message != self.problem and self._leading.split is not None:
                log.warning("the former coordinator was not told yet: %s", error.message)
            self.problem = error.message
            return False
        self.problem = ""
        return True

    async def tell(self, former: Former) -> None:
        """Tell it, and note that it knows. Raises SyncropelError when it does not, or cannot be asked."""
        if not former.url:
            raise SyncropelError("nobody knows its address")
        if self._keyring.coordinator != former.did or not self._keyring.coordinator_sha256:
            raise SyncropelError("this instance cannot tell that coordinator from anybody else")
        if not await self._knows(former):
            await self._peers.announce(former.url, self._leading.told() or {})
            if not await self._knows(former):
                raise SyncropelError(f"{former.url} does not take it in")
        if self._leading.split is not None:
            await self._leading.note_told(ACKNOWLEDGED)

    async def _knows(self, former: Former) -> bool:
        """Whether it says that this instance leads. Raises SyncropelError when somebody else answers."""
        nonce, leader = secrets.token_hex(16), self._leading.leader
        answer = await self._peers.leader(former.url, nonce)
        wanted = self._keyring.answer_to(nonce, self._keyring.coordinator_sha256)
        if not hmac.compare_digest(str(answer.get("identity", "")), wanted):
            raise SyncropelError(f"{former.url} does not prove that it is the former coordinator")
        rivals = answer.get("rivals")
        for one in (answer, *(rivals if isinstance(rivals, list) else ())):
            claim = read_claim({**one, "term": answer.get("term")}) if isinstance(one, dict) else None
            if claim is not None and leader is not None and leads_over(leader.rank, claim.rank):
                self._leading.hear_of_rival(claim)
        return leader is not None and (answer.get("term"), answer.get("did")) == leader.rank
