"""What an entry point of the group `syncropel.adapters` names: a type of adapter, and what it can do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from syncropel.adapters.base import Adapter
from syncropel.adapters.gateway.desk import Gateway
from syncropel.adapters.other_user import OtherUser
from syncropel.adapters.workspace import Workspaces
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable
from syncropel.settings.workspace import WorkspaceSettings

ORPHAN_SECS = 30.0

CostKnown = Literal["request", "turn", "end", "never"]
"""When it is known what a goal has spent: after each request, after each turn, at its end, or never."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an adapter can. A budget overshoots by at most one unit of `cost`."""

    text: bool = False
    """Tells what the agent says while it runs."""
    tools: bool = False
    """Tells the agent's tool calls."""
    tokens: bool = False
    """Tells how many tokens were used."""
    cost: CostKnown = "never"
    resume: bool = False
    """A later attempt can go on with the session of an earlier one."""
    messages: bool = False
    """Takes messages while it runs."""
    permissions: bool = False
    """Asks before it does what it may not."""
    denials: bool = False
    """Tells which tool calls were denied."""


@dataclass(frozen=True)
class Place:
    """Where an instance runs goals. `work`: outputs and working folders. `runs`: folders of supervisors.

    `orphan_secs`: how long a run goes on without a daemon. `user`: whom programs run as, if not the daemon's.
    `secrets`: the folder of files that hold secrets.
    """

    work: Path
    runs: Path
    runtime: Runtime
    orphan_secs: Callable[[], float] = lambda: ORPHAN_SECS
    user: OtherUser | None = None
    secrets: Path = Path("secrets")
    workspaces: Workspaces = field(default_factory=lambda: Workspaces(WorkspaceSettings()))
    gateway: Gateway | None = None
    """What agents ask their models through, where the config wants that."""


@runtime_checkable
class OfProvider(Protocol):
    """An adapter whose goals use a provider's quota, which the fleet calls by this name."""

    @property
    def provider(self) -> str: ...


@runtime_checkable
class SaysCost(Protocol):
    """An adapter whose configuration decides when it is known what a goal has spent."""

    cost_known: CostKnown


@runtime_checkable
class Checked(Protocol):
    """An adapter that can say beforehand why its goals would fail."""

    def problem(self) -> str:
        """What is missing now, and what to do; empty when nothing is known to be."""
        ...


@dataclass(frozen=True)
class AdapterType:
    """A type of adapter. `make` raises SetupError that names section and key when the table is wrong."""

    make: Callable[[AdapterTable, Place], Adapter]
    capabilities: Capabilities
    summary: str = ""
    """What it does, in one line."""
