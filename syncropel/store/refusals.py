"""Why the log takes nothing now, though it is sound. `syncropel.errors` has them in its tree."""

from __future__ import annotations

from syncropel.errors import StoreError


class StoreBusy(StoreError):
    """Raised when another process has held a lock on the log for too long; sending again is safe."""

    code = "STORE_BUSY"
    status = 503
    type = "unavailable"


class StoreFull(StoreError):
    """Raised when the disk has no room for a record; nothing was written, and what is in the log stays."""

    code = "STORE_FULL"
    status = 507
    type = "store_full"


class StoreReplaced(StoreError):
    """Raised when the file of the log is not the one that the daemon opened; the message says which."""

    code = "STORE_REPLACED"
    status = 503
    type = "store_replaced"


class StoreHeld(StoreError):
    """Raised when the log lacks records that were known; freezes pass, all else waits for an operator."""

    code = "STORE_HELD"
    status = 503
    type = "store_held"
