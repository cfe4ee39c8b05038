"""Reads secrets from the environment and removes them, even from what the system shows of this process."""

from __future__ import annotations

import ctypes
import os


def take_secret(name: str) -> str:
    """The value of a variable, which is then removed; empty when it was not set.

    Unsetting it is not enough: every process of the same user, including goals, can read the environment with
    which this one was started (`/proc/PID/environ`), so the bytes themselves are overwritten.
    """
    secret = os.environ.get(name, "")
    if secret:
        _overwrite(os.fsencode(name))
    os.environ.pop(name, None)
    return secret


def _overwrite(name: bytes) -> None:
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    place = libc.getenv(ctypes.c_char_p(name))
    if place:
        ctypes.memset(place, 0, len(ctypes.string_at(place)))
