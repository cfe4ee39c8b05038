"""Past drills as the log keeps them: LEARN `kill_drill` records, parsed into values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from syncropel.client import calls

if TYPE_CHECKING:
    from syncropel import wire as schema
    from syncropel.client.calls import Call

TOPIC: Final = "kill_drill"
THREAD: Final = "th_fleet_control"


@dataclass(frozen=True)
class PastDrill:
    """One drill. Times in unix seconds, milliseconds, and seconds; None: it did not get that far."""

    at: float | None
    ok: bool
    instances: int | None
    confirmed_ms: float | None
    refused: int | None
    leaked: int | None
    drain_secs: float | None
    recovery_secs: float | None
    problems: tuple[str, ...]


def page_of_drills(since: int | None = None) -> Call[schema.Page[schema.RecordOut]]:
    """A page of drill records, oldest first; its `next_cursor` is the `since` of the next page."""
    return calls.records(thread=THREAD, topic=TOPIC, since=since, limit=1000)


def read_drills(records: Iterable[schema.RecordOut]) -> list[PastDrill]:
    """Parse these records. Anybody may have written one, so nothing in them is trusted."""
    return [_read(one.body) for one in records if one.body.get("topic") == TOPIC]


def _read(body: Mapping[str, Any]) -> PastDrill:
    problems = body.get("problems")
    return PastDrill(
        at=_number(body.get("at")),
        ok=body.get("ok") is True,
        instances=_count(body.get("instances")),
        confirmed_ms=_number(body.get("confirmed_ms")),
        refused=_count(body.get("refused")),
        leaked=_count(body.get("leaked")),
        drain_secs=_number(body.get("drain_secs")),
        recovery_secs=_number(body.get("recovery_secs")),
        problems=tuple(str(one) for one in problems) if isinstance(problems, list) else (),
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        return None
    return float(value)


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
