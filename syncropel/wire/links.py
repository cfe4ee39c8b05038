"""The links of workers that only connect outwards."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from syncropel.wire.base import OPEN, Wire


class LinkOut(Wire):
    """The link of a worker that is reached through it, as seen by the instance that is asked."""

    state: Annotated[Literal["up", "down", "refused"], OPEN] = Field(
        description="`refused`: two processes present its credential, and neither gets a link"
    )
    transport: Annotated[Literal["stream", "poll", ""], OPEN] = Field(
        default="", description="`poll` where something on the way keeps streams back; empty while it is down"
    )
    since: float | None = Field(default=None, description="since when it is so, unix seconds; null: unknown")
    heard_at: float | None = Field(
        default=None, description="when the last byte came from the other end, unix seconds"
    )
    protocol: int | None = Field(default=None, description="version of what is said on it")
    unanswered: int = Field(
        default=0,
        description="frames that the worker was sent and has not answered; 0 when it is asked itself",
    )
    problem: str = Field(default="", description="why it is down, or what is wrong with it")


class LinkAck(Wire):
    """POST /v1/fleet/link/acks: a worker has written the records of a frame, or cannot."""

    model_config = ConfigDict(defer_build=False)

    link: str = Field(max_length=64, description="id of the link, from its hello")
    n: int = Field(ge=1, description="number of the frame")
    outcomes: list[dict[str, Any]] = Field(
        default=[], max_length=1000, description="one for each record: its status, id, and error"
    )
    status: int = Field(default=200, ge=100, le=599, description="HTTP status of the worker's own answer")
    refusal: dict[str, Any] | None = Field(
        default=None, description="the error for which none could be taken; null otherwise"
    )


class LinkAnswer(Wire):
    """POST /v1/fleet/link/answers: a worker's answer to a request."""

    model_config = ConfigDict(defer_build=False)

    link: str = Field(max_length=64, description="id of the link, from its hello")
    n: int = Field(ge=1, description="number of the frame")
    status: int = Field(ge=100, le=599, description="HTTP status of the answer")
    body: dict[str, Any] = Field(description="the answer, or an error")


class LinkTaken(Wire):
    """The answer to `acks` and `answers`: the coordinator has it."""

    n: int = Field(description="number of the frame")


class Relinked(Wire):
    """POST /v1/fleet/instances/{name}/relink"""

    did: str
    alias: str
