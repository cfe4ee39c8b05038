"""The instances of a local fleet, found by their homes on this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from syncropel.errors import NotFound, SyncropelError
from syncropel.launcher.process import find_daemon
from syncropel.settings.config import load_settings
from syncropel.settings.home import Home
from syncropel.settings.identity import read_identity

COORDINATOR: Final = "coordinator"
_WORKER: Final = re.compile(r"(?P<fleet>.+)-(?P<alias>worker-[a-z]{1,2})")


@dataclass(frozen=True)
class Local:
    """An instance of this machine, running or not."""

    alias: str
    home: Home


def fleet_home(coordinator: Home) -> tuple[Home, str]:
    """The home beside which the workers' homes are, and the alias of the coordinator among them: empty,
    unless the coordinator is a promoted worker.
    """
    named = _WORKER.fullmatch(coordinator.path.name)
    if named is None or not coordinator.coordinator_key.exists():
        return coordinator, ""
    return Home(coordinator.path.with_name(named["fleet"])), named["alias"]


def local_workers(coordinator: Home) -> list[Local]:
    """The workers whose homes are beside the coordinator's, in order of their aliases."""
    fleet, own = fleet_home(coordinator)
    prefix = f"{fleet.path.name}-worker-"
    try:
        folders = [path for path in fleet.path.parent.iterdir() if path.name.startswith(prefix)]
    except OSError:
        return []
    names = {path.name.removeprefix(f"{fleet.path.name}-"): path for path in folders if path.is_dir()}
    order = sorted(names, key=lambda name: (len(name), name))
    return [Local(name, Home(names[name])) for name in order if name != own]


def find_local(coordinator: Home, name: str) -> Local:
    """The instance of this machine with that alias or DID. Raises NotFound."""
    every = [Local(COORDINATOR, coordinator), *local_workers(coordinator)]
    for one in every:
        if name in (one.alias, one.home.path.name, *_names(one.home)):
            return one
    known = ", ".join(one.alias for one in every)
    raise NotFound(f"no instance {name!r} on this machine", f"known here: {known}")


def is_running(instance: Local) -> bool:
    """Whether its daemon runs."""
    return find_daemon(instance.home) is not None


def _names(home: Home) -> list[str]:
    names = []
    try:
        if home.config.exists():
            names.append(load_settings(home, {}).fleet.alias)
        if (identity := read_identity(home)) is not None:
            names.append(identity.did)
    except SyncropelError:
        pass  # a broken home can still be stopped by its folder's name
    return names
