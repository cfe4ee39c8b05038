"""A drill as the console shows it: its steps as they happen, its report, and earlier drills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from syncropel.client.drill import STEPS, DrillReport, Step
from tui.model.charts import sparkline
from tui.model.glyphs import Glyphs, Tone
from tui.model.text import NOTHING, duration, plain, wall

if TYPE_CHECKING:
    from syncropel.client.drill_records import PastDrill

Lines = list[tuple[str, Tone]]
PASTS_SHOWN: Final = 4
TREND: Final = 24
_NAMES: Final[dict[Step, str]] = {
    "set up": "setting up",
    "freeze": "freezing",
    "refuse": "trying to write",
    "drain": "draining",
    "lift": "unfreezing",
    "recover": "recovering",
    "escape": "ending escapes",
    "record": "recording",
}


@dataclass(frozen=True)
class StepSeen:
    """A step: when it began and ended (our clock), what it found, and whether that is as expected."""

    began: float | None = None
    ended: float | None = None
    found: str = ""
    good: bool = True


@dataclass(frozen=True)
class Progress:
    """How far a drill has got."""

    steps: tuple[tuple[Step, StepSeen], ...] = tuple((one, StepSeen()) for one in STEPS)

    def heard(self, step: Step, words: str, good: bool, now: float) -> Progress:
        """A step has begun (no words), or has ended."""
        seen = dict(self.steps)
        before = seen[step]
        if words:
            seen[step] = replace(before, ended=now, found=words, good=good)
        else:
            seen[step] = StepSeen(began=now)
        return Progress(tuple((one, seen[one]) for one in STEPS))

    @property
    def done(self) -> int:
        return sum(seen.ended is not None for _, seen in self.steps)

    def lines(self, now: float, glyphs: Glyphs, *, stopped: bool = False) -> Lines:
        """One line per step. `stopped`: the drill is over, and an unfinished step will not continue."""
        return [_step_line(step, seen, now, glyphs, stopped) for step, seen in self.steps]


def _step_line(step: Step, seen: StepSeen, now: float, glyphs: Glyphs, stopped: bool) -> tuple[str, Tone]:
    name = f"{_NAMES[step]:<16}"
    if seen.ended is not None:
        sign = glyphs.sign("done" if seen.good else "failed")
        return f"{sign} {name}{plain(seen.found)}", "good" if seen.good else "bad"
    if seen.began is None or stopped:
        return f"{glyphs.sign('pending')} {name}{'broken off' if seen.began else ''}".rstrip(), "muted"
    return f"{glyphs.sign('in_progress')} {name}{duration(now - seen.began)}", "busy"


def report_lines(report: DrillReport, glyphs: Glyphs) -> Lines:
    """The measurements and the verdict."""
    leaked: Tone = "bad" if report.leaked else "good"
    confirmed = f"{report.confirmed_ms:.0f} ms" if report.confirmed_ms is not None else "never"
    lines: Lines = [
        (f"request to last confirmation  {confirmed} ({report.instances} instances)",
         "plain" if report.confirmed_ms is not None else "bad"),
        (f"writes refused                {report.refused}", "plain"),
        (f"writes leaked                 {report.leaked} (must be 0)", leaked),
        (f"time to drain                 {_secs(report.drain_secs)}", "plain"),
        (f"time to recover               {_secs(report.recovery_secs)}", "plain"),
    ]  # fmt: skip
    if report.left is not None:
        left: Tone = "bad" if report.left else "good"
        lines.append((f"processes left                 {report.left} (must be 0)", left))
    lines += [(f"{glyphs.sign('failed')} {plain(one)}", "bad") for one in report.problems]
    if report.unprobed:
        words = f"{report.unprobed} instances were not probed: their token is not in this home"
        lines.append((words, "warn"))
    return lines


def verdict_line(report: DrillReport, glyphs: Glyphs) -> tuple[str, Tone]:
    """Passed or failed, in one line."""
    if report.ok:
        return f"{glyphs.sign('done')} drill passed · recorded as {report.record[:16]}", "good"
    leaks = f": {report.leaked} writes leaked" if report.leaked else ""
    return f"{glyphs.sign('failed')} drill FAILED{leaks} · recorded as {report.record[:16]}", "bad"


def history_lines(drills: Sequence[PastDrill], now: float, glyphs: Glyphs) -> Lines:
    """The latest drills, given oldest first, and the trend of the time to the last confirmation. `now`: unix
    seconds.
    """
    if not drills:
        return [("no drill was ever run here", "muted")]
    times = [one.confirmed_ms for one in drills if one.confirmed_ms is not None]
    lines: Lines = []
    if times:
        trend = sparkline(times, min(TREND, len(times)), glyphs)
        lines.append((f"confirmed within, last {len(times[-TREND:])}: {trend} {times[-1]:.0f} ms, "
                      f"best {min(times):.0f}, worst {max(times):.0f}", "plain"))  # fmt: skip
    failed = sum(not one.ok for one in drills)
    count = "1 drill" if len(drills) == 1 else f"{len(drills)} drills"
    lines.append((f"{count}, {failed} failed", "warn" if failed else "muted"))
    return lines + [_past(one, now, glyphs) for one in list(drills)[: -PASTS_SHOWN - 1 : -1]]


def _past(one: PastDrill, now: float, glyphs: Glyphs) -> tuple[str, Tone]:
    ago = f"{duration(now - one.at)} ago" if one.at is not None else "at no known time"
    verdict = f"{glyphs.sign('done')} passed" if one.ok else f"{glyphs.sign('failed')} FAILED"
    took = f"{one.confirmed_ms:.0f} ms" if one.confirmed_ms is not None else "never confirmed"
    leaked = NOTHING if one.leaked is None else str(one.leaked)
    after = f"{_secs(one.drain_secs)} drain · {_secs(one.recovery_secs)} recovery"
    facts = f"{took} · {leaked} leaked · {after}"
    return f"  {verdict}  {ago:<10} {facts}", "muted" if one.ok else "bad"


def _secs(value: float | None) -> str:
    return "never" if value is None else wall(value)
