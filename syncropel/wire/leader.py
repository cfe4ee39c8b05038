"""Who leads the fleet, and in which term."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from syncropel.wire.base import OPEN, Wire

STALE_TERM: Final = "STALE_TERM"
NOT_LEADER: Final = "NOT_LEADER"
TERM_HEADER: Final = "syncropel-term"
"""On requests of a coordinator: its term, a blank, and its DID."""

Place = Literal["leads", "follows", "fenced", "unclaimed"]


class LeadingTold(Wire):
    """A claim to lead, as instances tell each other. `proof`: the secret that shows that the operator of the
    instance promoted it; empty where it is not needed.
    """

    model_config = ConfigDict(defer_build=False)

    did: str = Field(min_length=1, max_length=512)
    term: int = Field(ge=1, le=1_000_000_000, description="a whole number that grows with each promotion")
    alias: str = Field(default="", max_length=512)
    address: str = Field(default="", max_length=2048, description="where clients and workers reach it")
    since: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="when it began to lead")
    proof: str = Field(default="", max_length=256, description="shows that its operator promoted it")


class SplitOut(Wire):
    """A former coordinator that has not been told that it leads no more."""

    did: str
    url: str = Field(description="where it was; empty when that is not known")
    problem: str = Field(description="why it was not told at the last try; empty before the first one")


class RivalOut(Wire):
    """Another instance that was promoted in the same term, and does not lead."""

    did: str
    alias: str
    address: str = Field(description="where it is reached")


class LeaderOut(Wire):
    """GET /v1/leader: who leads, as this instance knows it."""

    object: Literal["leader"] = "leader"
    did: str = Field(description="DID of the leader; empty on a worker that knows no coordinator yet")
    alias: str
    term: int = Field(description="grows with each promotion; 1 in a fleet in which nobody was promoted")
    address: str = Field(description="where the leader is reached; empty when that is not known")
    since: float | None = Field(
        default=None, description="when it began to lead, by its own clock; null in the first term"
    )
    place: Annotated[Place, OPEN] = Field(
        description="of this instance: `leads`, `follows`, `fenced` (another leads in its place), or "
        "`unclaimed` (a worker that was made a coordinator and has no term of its own)"
    )
    instance: str = Field(description="DID of this instance")
    told: str = Field(
        default="", description="how the former coordinator is known not to lead on: `acknowledged`, `gone`"
    )
    split: SplitOut | None = Field(default=None, description="null while the fleet is not split")
    rivals: list[RivalOut] = Field(default=[], description="others that were promoted in the same term")
    problem: str = Field(default="", description="what is not as it should be, in words; empty when all is")
    identity: str = Field(
        default="", description="the answer to `nonce`, for an instance that checks whom it talks to"
    )
