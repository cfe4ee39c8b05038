"""`signal` and `socket` without their enumerations, which would take most of the start-up time.

These are the underlying C modules, with the same functions and numbers.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
else:
    import _signal as signal
    import _socket as socket

__all__ = ["signal", "socket"]
