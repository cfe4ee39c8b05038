"""Logs that are not what they were: the banner, and the mark of threads with an altered record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from syncropel.client.attention import altered
from tui.model.altered import ALTERED
from tui.model.feed import thread_name
from tui.model.glyphs import Glyphs
from tui.model.text import first_line, plain
from tui.model.tree import Line

if TYPE_CHECKING:
    from syncropel.wire import FleetStatus, JoinStatus, LogState

SOUND: Final = "sound"
_NAMED: Final = 2
_WHY: Final = "a record of it was altered: nothing begins or is joined here, and what it says is not proven"
_WHICH: Final = "spl store status names the records, and what helps"
_HELP: Final = "spl store status names the records · spl backup list · spl store accept-altered RECORD"


@dataclass(frozen=True)
class Unsound:
    """A log that is not sound: what is wrong, and what helps (empty when nothing is known to)."""

    wrong: str
    helps: str


def unsound(status: FleetStatus, names: Mapping[str, str], glyphs: Glyphs) -> list[Unsound]:
    """The logs that are not sound: first that of the daemon we ask."""
    return [_unsound(alias, log, names, glyphs) for alias, log in _logs_of(status) if log.state != SOUND]


def _unsound(alias: str, log: LogState, names: Mapping[str, str], glyphs: Glyphs) -> Unsound:
    whose = f"{plain(alias)}: " if alias else ""
    helps = helping(_WHICH if log.state == ALTERED else first_line(log.hint), alias)
    return Unsound(
        f"{glyphs.sign('failed')} LOG {str(log.state).upper()} {whose}{_told(log, names)}",
        f"{glyphs.arrow} {helps}" if helps else "",
    )


def helping(words: str, alias: str) -> str:
    """The commands that help a log, and on which instance they must be typed when that is another: here they
    would act on the daemon we ask.
    """
    return f"on {plain(alias)}: {words}" if alias and words else words


def more_line(count: int, key: str, glyphs: Glyphs) -> str:
    """How many logs are not shown, and where they are: `key` opens the Fleet screen."""
    told = "1 more log is" if count == 1 else f"{count} more logs are"
    return f"{glyphs.sign('failed')} {told} not sound · {key} lists them under HEALTH"


def _logs_of(status: FleetStatus) -> Iterator[tuple[str, LogState]]:
    """All logs: first that of the daemon we ask, then others with their alias."""
    yield "", status.log
    for one in status.instances:
        if one.log is not None and one.did != status.coordinator_did:
            yield one.alias or one.did, one.log


def _told(log: LogState, names: Mapping[str, str]) -> str:
    if log.state != ALTERED:
        return first_line(log.problem)
    shown = _some([thread_name(one, names) for one in log.altered])
    return f"{shown}: " + (
        "emergency stop, nothing runs" if log.stops_all else "nothing begins or is joined there"
    )


def thread_lines(
    threads: Iterable[str], status: FleetStatus | None, glyphs: Glyphs
) -> list[tuple[str, Line]]:
    """What the details of these threads begin with; nothing when no record of them was altered."""
    asked = frozenset(threads)
    if status is None or asked.isdisjoint(altered(status)):
        return []
    whose = [alias for alias, log in _logs_of(status) if not asked.isdisjoint(log.altered)]
    others = [plain(one) for one in whose if one]
    helps = [_HELP] if len(others) < len(whose) or not whose else []
    helps += [f"on {_some(others)}: {_HELP}"] if others else []
    return [
        (ALTERED, Line(f"{glyphs.sign(ALTERED)} {_WHY}", "bad")),
        *(("", Line(words, "warn")) for words in helps),
    ]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def join_lines(join: JoinStatus, found: frozenset[str], glyphs: Glyphs) -> list[Line]:
    """What stands above the join of a fan-out that rests on altered records."""
    children = [f"[{one.index}]" for one in join.subtasks if one.child_thread in found]
    parts = (["the task itself"] if join.thread in found else []) + children
    if not parts:
        return []
    shown = ", ".join(parts[:4]) + (f" and {len(parts) - 4} more" if len(parts) > 4 else "")
    return [Line(f"{glyphs.sign(ALTERED)} altered records: {shown}", "bad")]
