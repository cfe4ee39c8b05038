"""Logs that are not what they were: the banner, and the mark of threads with an altered record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from tui.model.altered import ALTERED
from tui.model.feed import thread_name
from tui.model.glyphs import Glyphs, Tone
from tui.model.text import first_line, plain
from tui.model.tree import Line

if TYPE_CHECKING:
    from syncropel.wire import FleetStatus, JoinStatus, LogState

_NAMED: Final = 2
_WHY: Final = "a record of it was altered: nothing begins or is joined here, and what it says is not proven"
_WHICH: Final = "spl store status names the records, and what helps"
_HELP: Final = "spl store status names the records · spl backup list · spl store accept-altered RECORD"


def banner_lines(status: FleetStatus, names: Mapping[str, str], glyphs: Glyphs) -> Iterator[tuple[str, Tone]]:
    """Two lines for each log that is not sound: what is wrong, and the commands that help."""
    for alias, log in _unsound(status):
        whose = f"{plain(alias)}: " if alias else ""
        yield f"{glyphs.sign('failed')} LOG {str(log.state).upper()} {whose}{_told(log, names)}", "alarm"
        helps = _WHICH if log.state == ALTERED else first_line(log.hint)
        if helps:
            yield f"{glyphs.arrow} {helps}", "warn"


def _unsound(status: FleetStatus) -> Iterator[tuple[str, LogState]]:
    """The logs that are not sound: first that of the daemon we ask, then others with their alias."""
    if status.log.state != "sound":
        yield "", status.log
    for one in status.instances:
        if one.log is not None and one.log.state != "sound" and one.did != status.coordinator_did:
            yield one.alias or one.did, one.log


def _told(log: LogState, names: Mapping[str, str]) -> str:
    if log.state != ALTERED:
        return first_line(log.problem)
    shown = ", ".join(thread_name(one, names) for one in log.altered[:_NAMED])
    more = f" and {len(log.altered) - _NAMED} more" if len(log.altered) > _NAMED else ""
    if log.stops_all:
        return f"{shown}{more}: emergency stop, nothing runs"
    return f"{shown}{more}: nothing begins or is joined there"


def thread_lines(threads: Iterable[str], found: frozenset[str], glyphs: Glyphs) -> list[tuple[str, Line]]:
    """What the details of these threads begin with; nothing when no record of them was altered."""
    if found and not found.isdisjoint(threads):
        return [(ALTERED, Line(f"{glyphs.sign(ALTERED)} {_WHY}", "bad")), ("", Line(_HELP, "warn"))]
    return []


def join_lines(join: JoinStatus, found: frozenset[str], glyphs: Glyphs) -> list[Line]:
    """What stands above the join of a fan-out that rests on altered records."""
    children = [f"[{one.index}]" for one in join.subtasks if one.child_thread in found]
    parts = (["the task itself"] if join.thread in found else []) + children
    if not parts:
        return []
    shown = ", ".join(parts[:4]) + (f" and {len(parts) - 4} more" if len(parts) > 4 else "")
    return [Line(f"{glyphs.sign(ALTERED)} altered records: {shown}", "bad")]
