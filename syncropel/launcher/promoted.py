"""Workers that became the coordinator of their fleet, in place of the one beside which they were made."""

from __future__ import annotations

from dataclasses import dataclass

from syncropel.client.leader_text import leader_problems
from syncropel.errors import SetupError
from syncropel.launcher.local import local_workers
from syncropel.settings.config import HOST, Settings, load_settings, without_itself
from syncropel.settings.home import Home
from syncropel.wire import FleetStatus


@dataclass(frozen=True)
class Leader:
    """A worker that leads the fleet. `instead`: the home of the coordinator in whose place it does."""

    alias: str
    home: Home
    url: str
    instead: Home

    @property
    def told(self) -> str:
        """What an operator at the other home is told."""
        return f"{self.alias} leads this fleet at {self.url}, in place of {self.instead.display()}"

    @property
    def command(self) -> str:
        """The command that shows the fleet where it is led."""
        return f"SYNCROPEL_HOME={self.home.display()} spl fleet status"


def leads(worker: Home, settings: Settings) -> bool:
    """Whether this worker's home was introduced to a coordinator once, and is one itself now."""
    return worker.coordinator_key.exists() and without_itself(settings).role == "coordinator"


def leader_beside(coordinator: Home) -> Leader | None:
    """The worker of this coordinator's fleet that leads it now. Raises SetupError for an invalid config."""
    for one in local_workers(coordinator):
        if not (one.home.coordinator_key.exists() and one.home.config.exists()):
            continue
        settings = load_settings(one.home, {})
        if leads(one.home, settings):
            url = settings.fleet.advertise_url or f"http://{HOST}:{settings.server.port}"
            return Leader(one.alias, one.home, url, coordinator)
    return None


def refuse_beside_another(coordinator: Home) -> None:
    """Raise SetupError when a worker leads this coordinator's fleet: what would be started is a second
    coordinator, and the workers report to the other.
    """
    if (leader := leader_beside(coordinator)) is not None:
        raise SetupError(
            leader.told,
            f"start the fleet there: SYNCROPEL_HOME={leader.home.display()} spl fleet start --workers N\n"
            f"see it: {leader.command}\n"
            "to go back: docs/howto/replace-a-coordinator.md",
        )


def refuse_fenced(status: FleetStatus) -> None:
    """Raise SetupError when another instance leads in the place of the coordinator that says this: it is left
    running, and no worker is made to report to it.
    """
    problems = leader_problems(status.leader) if status.leader is not None else []
    for one in problems:
        if one.kind == "fenced":
            raise SetupError(
                one.words,
                f"{one.helps}\nto make it the coordinator again: docs/howto/replace-a-coordinator.md",
            )
