"""Whether a provider's refusal means a spent quota: judged by status and error fields, never by text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from syncropel.adapters.models.words import part, text

SPENT_FROM_SECS: Final = 60.0
"""A provider with an earlier retry time is only busy, and the agent waits for it."""
_TOO_MANY: Final = 429
_PAYMENT: Final = 402
_SPENT_CODES: Final = frozenset(
    {"insufficient_quota", "usage_limit_reached", "usage_not_included", "billing_hard_limit_reached"}
)
_LONGEST: Final = 10 * 365 * 86400.0


@dataclass(frozen=True)
class Spent:
    """A quota is used up. `secs`: until it is refilled; or `at` (unix seconds). Both may be unknown."""

    secs: float | None
    at: float | None = None

    def left(self, now: float, unsaid: float) -> float:
        """Seconds until it is refilled, `unsaid` when unknown; 0 once that time has passed."""
        if self.at is not None:
            return max(0.0, self.at - now)
        return unsaid if self.secs is None else self.secs


def quota_of(status: int, headers: Mapping[str, str], body: Any, now: float) -> Spent | None:
    """Whether this answer says that the provider's quota is spent; `now` in unix seconds."""
    error = part(part(body).get("error"))
    if status == _PAYMENT:
        return Spent(None)
    if status != _TOO_MANY:
        return None
    secs = _reset(headers, error, now)
    codes = {text(error.get("code")), text(error.get("type"))}
    rejected = headers.get("anthropic-ratelimit-unified-status", "") == "rejected"
    if codes & _SPENT_CODES or rejected:
        return Spent(secs)
    return Spent(secs) if secs is not None and secs >= SPENT_FROM_SECS else None


def _reset(headers: Mapping[str, str], error: dict[str, Any], now: float) -> float | None:
    """Seconds until the reset, from the first field that has it."""
    at = (_seconds(headers.get("anthropic-ratelimit-unified-reset")), _seconds(error.get("resets_at")))
    found = [one - now for one in at if one is not None]
    found += [
        one
        for one in (_seconds(error.get("resets_in_seconds")), _seconds(headers.get("retry-after")))
        if one is not None
    ]
    return next((one for one in found if 0 < one <= _LONGEST), None)


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if 0 <= found < 1e12 else None
