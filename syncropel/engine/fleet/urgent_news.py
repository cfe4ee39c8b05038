"""News that does not wait for the next heartbeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from syncropel.engine.control.control_adoption import ControlAdoption
from syncropel.engine.dispatch.run_records import TERMINATED
from syncropel.engine.fleet.heartbeat import HeartbeatSender
from syncropel.folds.control.drains import DRAIN
from syncropel.folds.control.freezes import FREEZE
from syncropel.folds.fanout.child import SESSION, STREAM_EVENT
from syncropel.record.model import StoredRecord

_URGENT: Final = frozenset({DRAIN, FREEZE, SESSION, STREAM_EVENT})


class UrgentNews:
    """Sends a heartbeat early for records that the coordinator should hear of at once."""

    def __init__(self, adoption: ControlAdoption, sender: HeartbeatSender) -> None:
        self._adoption = adoption
        self._sender = sender

    def on_records(self, records: Sequence[StoredRecord]) -> None:
        """Look at records that this instance's log has taken."""
        urgent = any(one.record.topic in _URGENT or _ends(one.record.body) for one in records)
        if urgent or self._adoption.nobody_told(records):
            self._sender.soon()


def _ends(body: Mapping[str, Any]) -> bool:
    """Whether this reports that a run was ended, for those who wait for it."""
    return body.get("verdict") == TERMINATED or "tree" in body
