"""Consent: which namespace may share its records with which other.

Folded from `consent_granted` and `consent_revoked` on the consent thread. A grant is for one pair of
namespaces, the sharing and the receiving one, and covers everything below each. The newest record about a
pair counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.errors import InvalidNamespace
from syncropel.folds.base.order import NEVER, word_key
from syncropel.folds.control.namespaces import covers, parse_namespace
from syncropel.folds.fanout.state import Key, number
from syncropel.record.model import StoredRecord, kind_of
from syncropel.record.threads import CONSENT

GRANTED: Final = "consent_granted"
REVOKED: Final = "consent_revoked"
TOPICS: Final = (GRANTED, REVOKED)
ACTIVE: Final = "active"
_MEMBERS: Final = {
    GRANTED: frozenset({"topic", "source_namespace", "target_namespace", "purpose", "expires_at", "at"}),
    REVOKED: frozenset({"topic", "source_namespace", "target_namespace", "reason", "at"}),
}
LATEST_EXPIRY: Final = 253_402_300_799
"""The last second of the year 9999."""


@dataclass(frozen=True, slots=True)
class Consent:
    """The newest record about a pair of namespaces.

    `purpose`: for a revocation, its reason. `expires_at`: unix seconds; None: until it is revoked. `problem`:
    why a written grant is not in force.
    """

    source: str
    target: str
    revoked: bool
    purpose: str
    expires_at: float | None
    problem: str
    actor: str
    at: float
    record: str

    def state(self, now: float) -> str:
        """active, expired, revoked or invalid."""
        if self.revoked:
            return "revoked"
        if self.problem:
            return "invalid"
        return ACTIVE if self.expires_at is None or now < self.expires_at else "expired"

    def covers(self, source: str, target: str) -> bool:
        """Whether records of `source`, for `target`, fall under this grant, in force or not."""
        return covers(self.source, source) and covers(self.target, target)


@dataclass(slots=True)
class Consents:
    """Grants by source and target. Applying records in any order gives the same state."""

    known: dict[tuple[str, str], Consent] = field(default_factory=dict)
    latest: dict[tuple[str, str], Key] = field(default_factory=dict)

    def apply(self, stored: StoredRecord) -> None:
        """Apply one record of the consent thread."""
        record, body = stored.record, stored.record.body
        if record.thread != CONSENT or record.act != "LEARN" or record.clock is None:
            return
        pair = _pair(body) if record.topic in TOPICS else None
        key = word_key(record)
        if pair is None or self.latest.get(pair, NEVER) >= key:
            return
        self.latest[pair] = key
        revoked = record.topic == REVOKED
        why, expires_at = body.get("reason" if revoked else "purpose"), body.get("expires_at")
        self.known[pair] = Consent(
            *pair,
            revoked=revoked,
            purpose=why if isinstance(why, str) else "",
            expires_at=_time(expires_at),
            problem=problem_of(body),
            actor=record.actor,
            at=number(body.get("at")),
            record=record.id,
        )

    def allows(self, source: str, target: str, now: float) -> bool:
        """Whether records of one namespace may be shared with another: it is the same one, or one below it,
        or a grant covers both.
        """
        return covers(target, source) or any(
            one.covers(source, target) and one.state(now) == ACTIVE for one in self.known.values()
        )

    def missing(self, sources: Iterable[str], target: str, now: float) -> list[str]:
        """Those of these namespaces, sorted, whose records may not be shared with this one."""
        return [source for source in sorted(set(sources)) if not self.allows(source, target, now)]


def problem_of(body: dict[str, Any]) -> str:
    """What is wrong with the body of a grant or a revocation, apart from its namespaces; empty when nothing.

    An unknown member may be a condition, and a grant that ignored it would share too much.
    """
    unknown = sorted(body.keys() - _MEMBERS[body["topic"]])
    if unknown:
        return f"unknown member {unknown[0]!r}"
    for name in ("purpose", "reason"):
        if not isinstance(body.get(name, ""), str):
            return f"{name} must be a text, not {kind_of(body[name])}"
    expires_at = body.get("expires_at")
    if expires_at is not None and _time(expires_at) is None:
        return f"expires_at must be a time in unix seconds, not {expires_at!r}"
    return ""


def _time(value: Any) -> float | None:
    """A time in unix seconds; None when it is invalid."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= LATEST_EXPIRY else None


def _pair(body: dict[str, Any]) -> tuple[str, str] | None:
    """The source and the target that a body names; None when one of them is not a namespace."""
    source, target = body.get("source_namespace"), body.get("target_namespace")
    if not isinstance(source, str) or not isinstance(target, str):
        return None
    try:
        parse_namespace(source), parse_namespace(target)
    except InvalidNamespace:
        return None
    return source, target
