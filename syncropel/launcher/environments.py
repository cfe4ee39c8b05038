"""The environment that a daemon of a local fleet is started with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Goals of the daemon's user can read its initial environment: no caller's token may be in it.
_OF_CALLERS: Final = frozenset({"SPL_TOKEN", "SPL_URL"})
_COORDINATOR_URL: Final = "SPL_FLEET_COORDINATOR_URL"
_NOT_FOR_COORDINATOR: Final = _OF_CALLERS | {_COORDINATOR_URL}
_NOT_FOR_WORKERS: Final = _OF_CALLERS | {"SPL_BOOTSTRAP_TOKEN", "SPL_STORE_PASSWORD"}


def coordinator_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """For a coordinator, from that of the command."""
    return {key: value for key, value in environ.items() if key not in _NOT_FOR_COORDINATOR}


def worker_environ(environ: Mapping[str, str], coordinator_url: str) -> dict[str, str]:
    """For a worker of the coordinator at this address, from that of the command."""
    kept = {key: value for key, value in environ.items() if key not in _NOT_FOR_WORKERS}
    return {**kept, _COORDINATOR_URL: coordinator_url}
