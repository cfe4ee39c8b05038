"""The kill switch, drains, and namespaces."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syncropel.freeze_levels import Level
from syncropel.wire.base import OPEN, InstanceStatus, Page, Wire

FreezeLevel = Annotated[Level, OPEN]


class Confirmation(Wire):
    """An instance that enforces a control record, and since when.

    `verified`: it confirmed with its own credential and a digest of what it enforces; otherwise it only
    claims so.
    """

    instance: str
    alias: str
    at: float
    verified: bool = True


class FreezeOut(Wire):
    """An active freeze, and who enforces it. `namespace` is `*` for an emergency stop."""

    level: FreezeLevel
    namespace: str
    reason: str
    grace_secs: float
    terminate: bool = False
    actor: str = ""
    at: float
    record: str
    confirmed: list[Confirmation] = []
    waiting: list[str] = Field(default=[], description="aliases of live instances that have not confirmed")
    grace_left_secs: float | None = Field(
        default=None, description="of a hard freeze: until this instance refuses every write; then 0"
    )
    refuses_all: bool = Field(
        default=False, description="whether every write is refused on every instance that has to confirm"
    )


class FanOutMet(Wire):
    """A fan-out that a freeze would affect."""

    thread: str
    alias: str
    namespace: str
    in_flight: int
    pending: int
    spend_usd: float


class BlastRadius(Wire):
    """GET /v1/control/blast: what a freeze set now would affect. `namespace` is `*` for all.

    `ends`: when the work in flight is ended. `confirming`: instances that would have to confirm.
    """

    at: float
    level: FreezeLevel
    namespace: str
    ends: Annotated[Literal["never", "at once", "after the grace"], OPEN]
    in_flight: int = Field(description="subtasks that were given to an instance and not reported yet")
    pending: int = Field(description="subtasks that would wait until the freeze is lifted")
    open_tasks: int
    spend_usd: float = Field(description="what the work in flight has spent so far")
    instances: list[str] = Field(description="aliases of the instances that run what is in flight")
    confirming: int
    descendants: int
    descendants_named: list[str] = Field(description="the first of them")
    fanouts: int
    fanouts_met: list[FanOutMet] = Field(description="the first of them, those with most in flight")
    frozen: list[str] = Field(description="freezes over it already: level, place and reason")


class ControlWritten(Wire):
    """POST /v1/fleet/freezes and the like: the record that was written."""

    record: str
    namespace: str


class PauseOut(Wire):
    """A provider on which no goal starts for a while."""

    provider: str = Field(description="what adapters call it")
    until: float = Field(description="when the pause ends, unix seconds")
    secs: float = Field(description="seconds left of it")
    reason: str = Field(default="", description="why it is paused")
    observed_by: str = Field(
        default="", description="DID of the instance that the provider told; empty when paused by hand"
    )
    actor: str = Field(default="", description="who paused it")
    at: float = Field(default=0.0, description="when it was paused, unix seconds")
    record: str = Field(default="", description="id of the record")
    told: str = Field(default="", description="all of it in one line")


class ProviderChanged(Wire):
    """POST /v1/fleet/providers/{name}/pause and …/resume: the record that was written."""

    provider: str = Field(description="what adapters call it")
    until: float = Field(description="when the pause ends, unix seconds; 0 when it was resumed")
    record: str = Field(description="id of the record")
    told: str = Field(default="", description="all of it in one line")


class DrainChanged(Wire):
    """POST /v1/drain: the record that was written. `instance` is a DID, or `*` for the whole fleet."""

    record: str
    instance: str


class DrainingInstance(Wire):
    """An instance that is draining. `in_flight`: subtasks it was assigned and has neither finished nor set
    aside.

    `held`: subtasks that it has not begun and will not begin while it drains, and that cannot go elsewhere.
    """

    did: str
    alias: str
    status: InstanceStatus
    fleet_wide: bool
    deadline: float | None
    then: Annotated[Literal["reassign", "end"], OPEN]
    reason: str
    actor: str
    at: float
    confirmed: bool
    in_flight: int
    held: int


class DrainStatus(Wire):
    """GET /v1/drain"""

    at: float
    draining: bool
    in_flight: int
    held: int
    instances: list[DrainingInstance]


class DrainOut(Wire):
    """A drain that this instance follows. `instance` is a DID, or `*` for the whole fleet."""

    instance: str
    deadline: float | None = Field(description="unix seconds; null for none")
    then: Annotated[Literal["reassign", "end"], OPEN] = Field(description="what becomes of the rest then")
    reason: str


class NamespaceOut(Wire):
    """A registered namespace, or `default`."""

    namespace: str
    level: str
    state: Annotated[Literal["active", "archived", "deleted"], OPEN]
    description: str = ""
    at: float


class NamespaceList(Page[NamespaceOut]):
    """GET /v1/namespaces. `strict`: only registered namespaces may be used."""

    strict: bool = False
