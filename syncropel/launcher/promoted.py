"""Homes of workers that became coordinators: their fleet is the one beside which they were made."""

from __future__ import annotations

from syncropel.errors import SetupError
from syncropel.launcher.local import local_workers
from syncropel.settings.config import HOST, Settings, load_settings, without_itself
from syncropel.settings.home import Home


def leads(worker: Home, settings: Settings) -> bool:
    """Whether this worker's home was introduced to a coordinator once, and is one itself now."""
    return worker.coordinator_key.exists() and without_itself(settings).role == "coordinator"


def refuse_beside_another(coordinator: Home) -> None:
    """Raise SetupError when a worker of this coordinator's fleet was promoted in its place: what it would
    start would be a second coordinator, and the workers report to the other.
    """
    for one in local_workers(coordinator):
        if not one.home.config.exists():
            continue
        settings = load_settings(one.home, {})
        if leads(one.home, settings):
            url = settings.fleet.advertise_url or f"http://{HOST}:{settings.server.port}"
            there = f"SYNCROPEL_HOME={one.home.display()}"
            raise SetupError(
                f"{one.alias} leads this fleet at {url}, in place of {coordinator.display()}",
                f"start the fleet there: {there} spl fleet start --workers N\n"
                f"see it: {there} spl fleet list\n"
                "to go back: see docs/howto/replace-a-coordinator.md",
            )
