"""What an entry point of the group `syncropel.adapters` names: a type of adapter, and its capabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from syncropel.adapters.base import Adapter
from syncropel.adapters.gateway.desk import Gateway
from syncropel.adapters.other_user import OtherUser
from syncropel.adapters.sandbox import Sandbox
from syncropel.adapters.tools.desk import Desk
from syncropel.adapters.workspace import Workspaces
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable
from syncropel.settings.workspace import WorkspaceSettings

ORPHAN_SECS = 30.0

CostKnown = Literal["request", "turn", "end", "never"]
"""When the spending of a goal is known: after each request, after each turn, at its end, or never."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The capabilities of an adapter. A budget overshoots by at most one unit of `cost`."""

    text: bool = False
    """Reports what the agent says while it runs."""
    tools: bool = False
    """Reports the agent's tool calls."""
    tokens: bool = False
    """Reports how many tokens were used."""
    cost: CostKnown = "never"
    resume: bool = False
    """A later attempt can continue an earlier one's session."""
    messages: bool = False
    """Accepts messages while it runs."""
    permissions: bool = False
    """Asks before it does what it may not."""
    denials: bool = False
    """Reports which tool calls were denied."""


@dataclass(frozen=True)
class Place:
    """Where an adapter runs goals. `work`: outputs and working folders. `runs`: folders of supervisors.

    `orphan_secs`: how long a run continues without a daemon. `user`: the user that programs run as, if not
    the daemon's. `secrets`: the folder of files with secrets.
    """

    work: Path
    runs: Path
    runtime: Runtime
    orphan_secs: Callable[[], float] = lambda: ORPHAN_SECS
    user: OtherUser | None = None
    secrets: Path = Path("secrets")
    workspaces: Workspaces = field(default_factory=lambda: Workspaces(WorkspaceSettings()))
    gateway: Gateway | None = None
    """Through which agents call their models, where the config uses it."""
    desk: Desk | None = None
    """Where agents call this daemon, where the config gives them its tools."""
    sandbox: Sandbox | None = None
    """What contains the programs of this adapter; None: nothing but their user."""


@runtime_checkable
class OfProvider(Protocol):
    """An adapter whose goals use a provider's quota, under this name in the fleet."""

    @property
    def provider(self) -> str: ...


@runtime_checkable
class SaysCost(Protocol):
    """An adapter whose configuration decides when a goal's spending is known."""

    cost_known: CostKnown


@runtime_checkable
class SaysCapabilities(Protocol):
    """An adapter whose configuration decides what it can do."""

    capabilities: Capabilities


@runtime_checkable
class Checked(Protocol):
    """An adapter that can tell beforehand why its goals would fail."""

    def problem(self) -> str:
        """What is missing now, and what to do; empty when no problem is known."""
        ...


@dataclass(frozen=True)
class AdapterType:
    """A type of adapter. `make` raises SetupError naming section and key when the table is invalid."""

    make: Callable[[AdapterTable, Place], Adapter]
    capabilities: Capabilities
    summary: str = ""
    """What it does, in one line."""
