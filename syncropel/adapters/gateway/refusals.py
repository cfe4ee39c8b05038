"""Why the gateway does not forward a request, and the errors that it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "stopped", "quota", "unauthorized", "unknown", "too_large", "invalid", "busy", "unreachable", "timeout"
]

STATUSES: Final[dict[Kind, int]] = {
    "stopped": 400,
    "invalid": 400,
    "unauthorized": 401,
    "unknown": 404,
    "too_large": 413,
    "quota": 429,
    "busy": 429,
    "unreachable": 502,
    "timeout": 504,
}
"""Agents do not repeat a request after 400, and end with its message; after 429 and 5xx they retry."""
FINAL: Final = frozenset({"stopped", "quota", "unauthorized", "unknown", "too_large", "invalid"})
"""Kinds after which the same request would be refused again."""


@dataclass(frozen=True)
class Refusal:
    """A request that is not forwarded. `reason` is machine-readable, `told` is for people.

    `retry_after`: seconds after which a retry makes sense; 0: unknown.
    """

    kind: Kind
    told: str
    reason: str = ""
    retry_after: float = 0.0

    @property
    def message(self) -> str:
        """What the agent reads."""
        return f"syncropel: {self.told}"


class Refused(Exception):
    """Raised when a request is not forwarded."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.told)
        self.refusal = refusal


def refused(kind: Kind, told: str, reason: str = "", retry_after: float = 0.0) -> Refused:
    """The exception for a refusal."""
    return Refused(Refusal(kind, told, reason, retry_after))
