"""The two ends of a link, over the log and the secrets of an instance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from syncropel.engine.fleet.heartbeat import HeartbeatSender
from syncropel.engine.ingest.broadcast import ChangeSignal
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.linking.worker import Trust, WorkerLink
from syncropel.peer.link.links import Links
from syncropel.peer.peers import Peers
from syncropel.peer.runtime import Runtime
from syncropel.record.model import StoredRecord
from syncropel.record.threads import FLEET_CONTROL
from syncropel.settings.keyring import Keyring

_IN_TOUCH_INTERVALS: Final = 3
"""A heartbeat that was answered so recently says that requests get through."""


def links_of(
    ingest: Ingest, did: str, interval_secs: float, runtime: Runtime, changed: ChangeSignal
) -> Links:
    """A coordinator's ends. A link ends with the credential that it was made by."""
    hello: dict[str, Any] = {"leader": did, "interval": interval_secs}
    links = Links(runtime, hello=lambda: hello, changed=changed.beat)

    def is_valid(worker: str, sha256: str) -> bool:
        known = ingest.live.credentials.known.get(worker)
        # While a credential is renewed, the one before is good, too.
        return known is not None and not known.revoked and sha256 in (known.sha256, known.before)

    def on_records(records: Sequence[StoredRecord]) -> None:
        if any(one.record.thread == FLEET_CONTROL for one in records):
            links.review(is_valid)

    ingest.subscribe(on_records)
    return links


def link_of(
    peers: Peers, url: str, did: str, keyring: Keyring, heartbeats: HeartbeatSender, runtime: Runtime
) -> WorkerLink:
    """A worker's end, to the coordinator at `url`."""

    def in_touch() -> bool:
        return heartbeats.silence_secs < _IN_TOUCH_INTERVALS * heartbeats.interval_secs

    return WorkerLink(peers, url, did, Trust(keyring.is_proven, in_touch), runtime)
