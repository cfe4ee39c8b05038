"""Reads a whole log in a database, and says what it proves: for `spl store verify`."""

from __future__ import annotations

import os
from contextlib import closing
from functools import partial
from typing import Any

from syncropel.daemon.log_opening import address_of
from syncropel.daemon.verifying import Progress, proven, told_to
from syncropel.engine.proof.proof import Proof
from syncropel.settings.config import Settings
from syncropel.settings.home import Home
from syncropel.settings.identity import read_identity
from syncropel.store.postgres.checking import look, looking_at, walk
from syncropel.store.postgres.reading import intends


def verify_database(home: Home, settings: Settings, progress: Progress) -> dict[str, Any]:
    """As `verifying.verify`, of the log that `[store] url` names. What a home knows of it stands in for a
    lineage. Raises SyncropelError.
    """
    address, identity = address_of(settings, os.environ), read_identity(home)
    with looking_at(address) as log, looking_at(address) as beside:
        records, hold = look(log, address, home.known_log)
        with closing(Proof(partial(intends, beside), "" if identity is None else identity.did)) as proof:
            walked = walk(log, told_to(proof, progress, records))
    known = home.known_log.exists()
    problems = [f"record {one} is missing" for one in walked.gaps if one > records]
    return proven(
        walked,
        proof,
        problems=[*problems, *([] if hold is None else [hold.told])],
        unknown=[] if known else ["what the log had before is unknown to this home"],
    )
