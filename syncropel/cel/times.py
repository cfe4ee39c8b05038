"""Timestamps and durations: parsed from text, range-checked, and split up in a time zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

from syncropel.cel.budget import Budget
from syncropel.cel.values import MAX_INT, MIN_INT, CelError, Duration, Timestamp

SECOND: Final = 10**9
_FIRST: Final = -62_135_596_800 * SECOND
_LAST: Final = 253_402_300_800 * SECOND - 1
"""The first and last nanosecond of a timestamp: the years 1 and 9999."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ZONE_STEPS: Final = 10
"""What a time zone lookup costs."""
MAX_TIME_CHARS: Final = 100
"""A longer timestamp, duration, or zone is rejected."""

_MOMENT: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII
)
_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)", re.ASCII)
_OFFSET: Final = re.compile(r"([+-]?)(\d\d?):(\d\d)", re.ASCII)
_UNITS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 86_400 * SECOND,
}


def moment(nanos: int) -> Timestamp:
    """A timestamp. Raises CelError outside the years 1 to 9999."""
    if _FIRST <= nanos <= _LAST:
        return Timestamp(nanos)
    raise CelError("overflow: a timestamp has a year from 1 to 9999")


def span(nanos: int) -> Duration:
    """A duration. Raises CelError beyond 64 bits of nanoseconds, which is 292 years."""
    if MIN_INT <= nanos <= MAX_INT:
        return Duration(nanos)
    raise CelError("overflow: a duration has at most 292 years")


def read_moment(text: str) -> Timestamp:
    """Parse a timestamp as in RFC 3339; a date alone means midnight, and the default zone is UTC."""
    match = _MOMENT.fullmatch(text) if len(text) <= MAX_TIME_CHARS else None
    if match is None:
        raise CelError(f"{text[:40]!r} is not a timestamp")
    day, hour, minute, second, fraction, zone = match.groups()
    try:
        days = date.fromisoformat(day).toordinal() - _EPOCH.toordinal()
    except ValueError:
        raise CelError(f"{text[:40]!r} is not a timestamp") from None
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise CelError(f"{text[:40]!r} is not a timestamp")
    offset = 0 if zone in (None, "Z", "z") else _offset_secs(zone)
    whole = days * 86_400 + hours * 3600 + minutes * 60 + seconds - offset
    return moment(whole * SECOND + int((fraction or "").ljust(9, "0") or 0))


def read_span(text: str) -> Duration:
    """Parse a duration as Go writes it: numbers with units, such as `1h30m` or `-1.5s`."""
    bare = text[1:] if text[:1] in ("+", "-") else text
    nanos, at = 0, 0
    if bare != "0":
        if not bare or len(bare) > MAX_TIME_CHARS:
            raise CelError(f"{text[:40]!r} is not a duration")
        while at < len(bare):
            match = _PART.match(bare, at)
            if match is None:
                raise CelError(f"{text[:40]!r} is not a duration")
            whole, _, fraction = match[1].partition(".")
            unit = _UNITS[match[2]]
            nanos += int(whole or 0) * unit + int(fraction or 0) * unit // 10 ** len(fraction)
            at = match.end()
    return span(-nanos if text.startswith("-") else nanos)


def _offset_secs(text: str) -> int:
    match = _OFFSET.fullmatch(text)
    if match is None or int(match[2]) > 23 or int(match[3]) > 59:
        raise CelError(f"{text[:40]!r} is not a time zone")
    found = int(match[2]) * 3600 + int(match[3]) * 60
    return -found if match[1] == "-" else found


def _zone(name: str) -> tzinfo:
    if _OFFSET.fullmatch(name):
        return timezone(timedelta(seconds=_offset_secs(name)))
    # Given an unknown name, ZoneInfo searches folders for half a millisecond.
    if name in _zone_names():
        return ZoneInfo(name)
    raise CelError(f"{name[:40]!r} is not a time zone")


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def _local(at: Timestamp, zone: str, budget: Budget) -> datetime:
    budget.spend(_ZONE_STEPS)
    found = UTC if zone == "UTC" else _zone(zone[:MAX_TIME_CHARS])
    try:
        return (_EPOCH + timedelta(seconds=at.nanos // SECOND)).astimezone(found)
    except OverflowError:
        raise CelError("overflow: in this time zone it is not in the years 1 to 9999") from None


_FIELDS: Final[dict[str, Callable[[datetime], int]]] = {
    "getDate": lambda at: at.day,
    "getDayOfMonth": lambda at: at.day - 1,
    "getDayOfWeek": lambda at: at.isoweekday() % 7,
    "getDayOfYear": lambda at: at.timetuple().tm_yday - 1,
    "getFullYear": lambda at: at.year,
    "getHours": lambda at: at.hour,
    "getMinutes": lambda at: at.minute,
    "getMonth": lambda at: at.month - 1,
    "getSeconds": lambda at: at.second,
}
_LENGTHS: Final = {
    "getHours": 3600 * SECOND,
    "getMinutes": 60 * SECOND,
    "getSeconds": SECOND,
    "getMilliseconds": 10**6,
}

_Overloads = dict[tuple[type, ...], Callable[..., Any]]


def _field(of: Callable[[datetime], int]) -> _Overloads:
    return {
        (Timestamp,): lambda budget, at: of(_local(at, "UTC", budget)),
        (Timestamp, str): lambda budget, at, zone: of(_local(at, zone, budget)),
    }


def _milliseconds(budget: Budget, at: Timestamp, zone: str = "UTC") -> int:
    _local(at, zone, budget)
    return at.nanos % SECOND // 10**6


def _length(unit: int) -> Callable[..., Any]:
    # Rounds towards zero, like Go's conversions.
    return lambda budget, of: -(-of.nanos // unit) if of.nanos < 0 else of.nanos // unit


TIMES: Final[dict[str, _Overloads]] = {
    **{name: _field(of) for name, of in _FIELDS.items()},
    "getMilliseconds": {(Timestamp,): _milliseconds, (Timestamp, str): _milliseconds},
}
"""The functions that return a part of a timestamp or duration."""
for _name, _unit in _LENGTHS.items():
    TIMES[_name][(Duration,)] = _length(_unit)
