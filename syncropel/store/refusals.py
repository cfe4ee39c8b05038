"""Why a sound log accepts nothing now. `syncropel.errors` has them in its tree."""

from __future__ import annotations

from typing import Final

from syncropel.errors import StoreError

LATER: Final = "send it again once the database answers"


class StoreBusy(StoreError):
    """Raised when another process has held a lock on the log for too long; resending is safe."""

    code = "STORE_BUSY"
    status = 503
    type = "unavailable"


class StoreUnreachable(StoreError):
    """Raised when the database that has the log cannot be reached; nothing was written."""

    code = "STORE_UNREACHABLE"
    status = 503
    type = "unavailable"

    def __init__(self, message: str, hint: str = LATER) -> None:
        super().__init__(message, hint)


class OutcomeUnknown(StoreError):
    """Raised when a database failed in the middle of a commit: the records may be in the log, or not.

    The daemon finds that out by itself as soon as the database answers. A record that had its clock is the
    same record when it is sent again.
    """

    code = "OUTCOME_UNKNOWN"
    status = 503
    type = "unavailable"

    def __init__(self, message: str) -> None:
        super().__init__(message, "look whether the record is in the log before you send another")


class LogWentBack(StoreError):
    """Raised when a database lacks records that it had confirmed, as after a failover; nothing is written."""

    code = "LOG_WENT_BACK"
    status = 503
    type = "log_went_back"


class StoreFull(StoreError):
    """Raised when the disk has no room for a record; nothing was written, and the log is unchanged."""

    code = "STORE_FULL"
    status = 507
    type = "store_full"


class StoreReplaced(StoreError):
    """Raised when the log's file is not the one that the daemon opened; the message says which."""

    code = "STORE_REPLACED"
    status = 503
    type = "store_replaced"


class Moved(StoreError):
    """Raised when a ruling record came into the log after the records were judged; nothing was written."""

    code = "STORE_MOVED"
    status = 503
    type = "unavailable"

    def __init__(self, message: str) -> None:
        super().__init__(message, "send the records again: they are judged anew")


class StoreHeld(StoreError):
    """Raised when the log lacks known records; freezes pass, everything else waits for an operator."""

    code = "STORE_HELD"
    status = 503
    type = "store_held"
