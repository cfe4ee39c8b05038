"""A worker's link and its round trip, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from syncropel.wire.link_words import ENDPOINT

if TYPE_CHECKING:
    from syncropel.wire import InstanceOut

_SECOND: Final = 1.0
_MINUTE: Final = 60
_HOUR: Final = 3600


def round_trip_words(secs: float | None) -> str:
    """`12 ms`, `1.3 s`; empty while it is not known."""
    if secs is None:
        return ""
    return f"{secs:.1f} s" if secs >= _SECOND else f"{secs * 1000:.0f} ms"


def endpoint_words(one: InstanceOut) -> str:
    """Where an instance is reached: its URL, or how its link is, such as `link: up (stream, 12 ms)`."""
    if one.link is None:
        return one.endpoint
    told: list[str] = [one.link.transport] if one.link.transport else []
    trip = round_trip_words(one.round_trip_secs) if one.link.state == "up" else ""
    told += [trip] if trip else []
    return f"{ENDPOINT} {one.link.state}" + (f" ({', '.join(told)})" if told else "")


def link_lines(one: InstanceOut, at: float) -> list[str]:
    """All that is known of a link at this time (unix seconds), in lines; none for an instance without one."""
    link = one.link
    if link is None:
        return []
    parts = [link.state if link.since is None else f"{link.state} for {_span(at - link.since)}"]
    parts += [link.transport] if link.transport else []
    parts += [f"protocol {link.protocol}"] if link.protocol is not None else []
    parts += [f"last byte {_span(at - link.heard_at)} ago"] if link.heard_at is not None else []
    parts += [f"{link.unanswered} unanswered"] if link.unanswered else []
    return [", ".join(parts), *([link.problem] if link.problem else [])]


def link_problem(one: InstanceOut) -> str:
    """What is wrong with an instance's link; empty when nothing is."""
    link = one.link
    if link is None or (link.state == "up" and not link.problem):
        return ""
    state = "" if link.state == "up" else link.state
    return f"link {state}: {link.problem}".replace(" :", ":") if link.problem else f"link {state}"


def _span(secs: float) -> str:
    secs = max(0, round(secs))
    if secs >= _HOUR:
        return f"{secs // _HOUR} h {secs % _HOUR // _MINUTE} min"
    return f"{secs // _MINUTE} min" if secs >= _MINUTE else f"{secs} s"
