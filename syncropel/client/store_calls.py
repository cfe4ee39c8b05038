"""What can be asked of a daemon about its log."""

from __future__ import annotations

from typing import Final

from syncropel.client.calls import Call
from syncropel.client.late import schema

BACKUP_PATIENCE_SECS: Final = 3600.0
"""A copy of millions of records is checked record by record."""


def store() -> Call[schema.StoreOut]:
    """Whether the log has all that was known."""
    return Call(schema.StoreOut, "/v1/store")


def accept_loss(reason: str = "") -> Call[schema.StoreOut]:
    """Go on with a log that is held. A second one is refused: it is not held any more."""
    body = {"reason": reason}
    return Call(schema.StoreOut, "/v1/store/accept-loss", "POST", body=body, repeatable=False)


def accept_altered(record: str, reason: str = "") -> Call[schema.StoreOut]:
    """Take an altered record as it is now."""
    body = {"record": record, "reason": reason}
    return Call(schema.StoreOut, "/v1/store/accept-altered", "POST", body=body, repeatable=False)


def take_backup(to: str | None = None) -> Call[schema.BackupOut]:
    """Take a backup now; `to`: into this folder of the daemon's machine."""
    return Call(
        schema.BackupOut,
        "/v1/backups",
        "POST",
        body={"to": to},
        repeatable=False,
        patience_secs=BACKUP_PATIENCE_SECS,
    )
