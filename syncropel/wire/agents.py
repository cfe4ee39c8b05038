"""A coding agent's report about an attempt, in answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syncropel.wire.base import OPEN, Wire


class AgentUsage(Wire):
    """Tokens of one model. `input` excludes cached and written ones; `output` includes reasoning."""

    model: str
    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    cost_usd: float | None = Field(default=None, description="None when the model's price is not known")


class AgentGateway(Wire):
    """What the model gateway knows of an attempt's requests."""

    requests: int = Field(default=0, description="requests to a model that have ended")
    refused: int = Field(default=0, description="requests that were not sent on")
    unknown: int = Field(default=0, description="requests whose cost is not known")
    disagrees: str = Field(default="", description="how the agent's own figures differ; empty if they do not")


Denials = Annotated[Literal["known", "unknown"], OPEN]


class GateOut(Wire):
    """Result of the gate command of an attempt's repository."""

    command: list[str]
    passed: bool = False
    ended: str = Field(default="", description="a word: exit, timeout, or why it could not be run")
    exit_code: int | None = Field(
        default=None, description="None when it did not start, or a signal ended it"
    )
    signal: int | None = None
    runtime_ms: int = 0
    output: str = Field(default="", description="file on the worker with all that it wrote")
    tail: str = Field(default="", description="its last lines")


class AgentOut(Wire):
    """The report of an attempt's agent about its run."""

    adapter: str = ""
    session: str = Field(default="", description="the id by which the agent's session can be resumed")
    model: str = ""
    tokens: int | None = Field(default=None, description="of this attempt; None when they are not known")
    cost_usd: float | None = Field(default=None, description="of this attempt; None when it is not known")
    usage: list[AgentUsage] = []
    denied: list[str] = Field(default=[], description="tool calls that it was denied")
    denials: Denials = Field(default="unknown", description="whether the agent reports each denied call")
    unread: int = Field(default=0, description="lines of its output that could not be parsed")
    gateway: AgentGateway | None = Field(
        default=None, description="None when its requests did not pass the gateway"
    )
