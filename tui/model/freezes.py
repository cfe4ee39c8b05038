"""Freezes as the console shows them: the banner, who has confirmed, and the list of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from syncropel.client.freeze_text import unverified
from syncropel.freeze_levels import EMERGENCY, EVERYWHERE, HARD, LEVELS
from tui.model.glyphs import Glyphs, Tone, marked
from tui.model.moment import Moment
from tui.model.text import duration, first_line, long_duration, plain, took
from tui.model.world import World

if TYPE_CHECKING:
    from syncropel.wire import FleetStatus, FreezeOut

SHOWN: Final = 3
_RANKS: Final = {level: -place for place, level in enumerate(LEVELS)}


def worst_first(status: FleetStatus) -> list[FreezeOut]:
    """Every freeze in force: emergencies, then hard ones, then soft ones, each oldest first.

    A level that only a newer daemon knows counts as the most severe.
    """
    return sorted(
        status.freezes, key=lambda one: (_RANKS.get(one.level, _RANKS[EMERGENCY]), one.at, one.namespace)
    )


def over(world: World, namespace: str) -> str:
    """The record of the most specific freeze that covers this namespace; empty when none does."""
    freezes = world.status.freezes if world.status else []
    found = [one for one in freezes if namespace and f"{namespace}/".startswith(f"{one.namespace}/")]
    return max(found, key=lambda one: len(one.namespace)).record if found else ""


def where(freeze: FreezeOut) -> str:
    """What it covers, in words."""
    return "everything" if freeze.namespace in (EVERYWHERE, "") else plain(freeze.namespace)


def banner_lines(status: FleetStatus, at: Moment, glyphs: Glyphs) -> list[str]:
    """One line per freeze, most severe first, and how many more there are. Empty when nothing is frozen."""
    freezes = worst_first(status)
    if not freezes:
        return [f"{glyphs.sign('frozen')} FROZEN emergency stop"] if status.emergency else []
    shown = freezes if len(freezes) <= SHOWN else freezes[: SHOWN - 1]
    lines = [f"{glyphs.sign('frozen')} FROZEN {_banner(one, at)}" for one in shown]
    if more := len(freezes) - len(shown):
        lines.append(
            f"{glyphs.sign('frozen')} {len(freezes)} freezes in all, {more} more than here · L lists them"
        )
    return lines


def pause_lines(status: FleetStatus, glyphs: Glyphs) -> list[str]:
    """One line for each provider on which nothing starts."""
    return [f"{glyphs.sign('blocked')} {plain(one.told)}" for one in status.paused[:SHOWN]]


def _banner(one: FreezeOut, at: Moment) -> str:
    parts = [f"{marked(one.level)}: {where(one)} for {long_duration(at.now - one.at)}"]
    if one.waiting:
        total = len(one.confirmed) + len(one.waiting)
        parts.append(f"confirmed by {len(one.confirmed)} of {total}, not {plain(', '.join(one.waiting))}")
    parts.append(first_line(one.reason))
    return " · ".join(parts)


def reached(one: FreezeOut) -> str:
    """`confirmed by 2 of 3 · waiting for worker-b`."""
    total = len(one.confirmed) + len(one.waiting)
    waiting = f" · waiting for {plain(', '.join(one.waiting))}" if one.waiting else ""
    return f"confirmed by {len(one.confirmed)} of {total}{waiting}{_unproven(one)}"


def _unproven(one: FreezeOut) -> str:
    names = unverified(one)
    return f" · unverified: {plain(', '.join(names))}" if names else ""


def row(one: FreezeOut, at: Moment) -> str:
    """A freeze in a list."""
    parts = [f"{marked(one.level)}: {where(one)}", f"for {long_duration(at.now - one.at)}", reached(one)]
    return " · ".join([*parts, first_line(one.reason)])


def details(one: FreezeOut, at: Moment, glyphs: Glyphs) -> list[tuple[str, Tone]]:
    """Everything known about one freeze."""
    lines: list[tuple[str, Tone]] = [
        (f"{glyphs.sign('frozen')} {marked(one.level)} freeze of {where(one)}", "strong"),
        (f"since {duration(at.now - one.at)}, by {plain(one.actor) or 'somebody'}", "plain"),
        (f"reason: {first_line(one.reason) or 'none'}", "plain"),
        (reached(one), "warn" if one.waiting or unverified(one) else "good"),
    ]
    return [*lines, *_door(one, at)]


def _door(one: FreezeOut, at: Moment) -> list[tuple[str, Tone]]:
    """When a hard freeze refuses every write."""
    if one.level != HARD:
        return []
    left = one.at + one.grace_secs - at.now
    # The daemon measures the grace by another clock than ours; a daemon that reports no remainder is older.
    if left > 0 if one.grace_left_secs is None else one.grace_left_secs > 0:
        return [(f"every write is refused in {duration(max(0.0, left))}", "warn")]
    if one.grace_left_secs is not None and not one.refuses_all:
        return [("the grace is over; not every instance refuses every write yet", "warn")]
    return [(f"every write is refused since {duration(max(0.0, -left))}", "plain")]


def follow(world: World, record: str, now: float, glyphs: Glyphs) -> Sequence[tuple[str, Tone]]:
    """How far a freeze that was just set has got, by its record; `now` is our clock."""
    status, at = world.status, world.moment(now)
    link = world.link.at(now)
    found = next((one for one in status.freezes if one.record == record), None) if status else None
    stale: list[tuple[str, Tone]] = []
    if link.kind == "starting" and found is None:
        return [("it is in force on the daemon; who confirms it is shown when its log is read", "warn")]
    if not link.is_live:
        age = duration(link.age(now))
        stale = [(f"the connection is away: this was true {age} ago, and may be more by now", "warn")]
    if status is None or found is None:
        return [*stale, ("waiting for the fleet's answer", "busy")]
    total = len(found.confirmed) + len(found.waiting)
    said: list[tuple[str, Tone]] = []
    if not found.waiting:
        last = max((one.at for one in found.confirmed), default=found.at) - found.at
        sign = glyphs.sign("done")
        told = f"{sign} confirmed by all {total} instances within {took(max(0.0, last))}{_unproven(found)}"
        said.append((told, "warn" if unverified(found) else "good"))
    else:
        said.append((f"confirmed by {len(found.confirmed)} of {total} instances", "warn"))
        said += [(f"  {_missing(status, alias, at)}", "warn") for alias in found.waiting]
    return [*stale, *said, *_door(found, at)]


def _missing(status: FleetStatus, alias: str, at: Moment) -> str:
    beat = next((one.last_heartbeat for one in status.instances if one.alias == alias), None)
    since = "never heard" if beat is None else f"not reached for {duration(at.now - beat)}"
    return f"{plain(alias)} {since}"


def worst(world: World) -> list[FreezeOut]:
    """Every freeze in force, most severe first."""
    return worst_first(world.status) if world.status else []


def frozen_by(world: World, namespace: str) -> str:
    """The most severe level of the freezes that cover it; empty when none does."""
    for one in worst(world):
        covers = one.namespace in (EVERYWHERE, "") or f"{namespace}/".startswith(f"{one.namespace}/")
        if covers:
            return marked(one.level)
    return ""
