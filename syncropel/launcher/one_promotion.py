"""Keeps two promotions of one fleet on this machine from being under way at once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from syncropel.errors import Conflict
from syncropel.launcher.local import fleet_home, local_workers
from syncropel.settings.home import Home


@contextmanager
def one_promotion(coordinator: Home) -> Iterator[None]:
    """Inside, no other promotion of this coordinator's fleet begins. Raises Conflict while one is under way.

    The lock is on the first worker's home, so it leaves no file behind, and ends with its process.
    """
    workers = local_workers(fleet_home(coordinator)[0])
    if not workers:
        yield  # there is nobody to promote, which is told elsewhere
        return
    descriptor = os.open(workers[0].home.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                "another promotion of this fleet is under way",
                "let it end, then see who leads: SYNCROPEL_HOME=HOME_OF_THE_WORKER spl leader show",
            ) from None
        yield
    finally:
        os.close(descriptor)
