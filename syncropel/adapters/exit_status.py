"""What an exit status says about the signal that ended a command below a shell."""

from __future__ import annotations

import signal as signals
from typing import Final

_SIGNALLED: Final = 128
_FIRST_REAL_TIME: Final = 32
"""From here on numbers are real-time signals on Linux; as exit statuses, programs choose them."""


def ending_signal(exit_code: int | None, signal: int | None) -> int | None:
    """The signal that ended a program, or the command that its shell ran last; None when there was none.

    A shell exits with 128 + N when a command that it ran was ended by signal N. So does `docker run`.
    """
    if signal is not None or exit_code is None:
        return signal
    below = exit_code - _SIGNALLED
    return below if 0 < below < _FIRST_REAL_TIME and below in signals.valid_signals() else None
