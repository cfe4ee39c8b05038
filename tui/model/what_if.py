"""A hypothetical join: the real timeline and the hypothetical one, on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from syncropel.client import timeline
from syncropel.client.explain_text import moment_words
from syncropel.errors import RemoteError, SyncropelError
from tui.model.glyphs import Glyphs, Tone, tone_of
from tui.model.text import first_line, plain
from tui.model.timeline import inks

if TYPE_CHECKING:
    from syncropel.wire.explain import WhatIf, WhatIfBar

Said = tuple[str, Tone]
_HEAD: Final = 10
_OUTCOMES: Final[dict[str, Tone]] = {
    "sooner": "good", "only": "good", "same": "plain", "later": "warn", "never": "bad",
}  # fmt: skip


def what_if_lines(told: WhatIf, width: int, most: int, glyphs: Glyphs) -> list[Said]:
    """The answer, then both timelines, each with at most `most` subtasks; `width` in cells."""
    drawn = timeline.spans_of(told)
    axis = timeline.Axis.over(told.started_at, timeline.ends(told, drawn), max(10, width - _HEAD - 1))
    shown, signs = shown_bars(told, most), inks(glyphs)
    lines: list[Said] = [(plain(told.explanation), _OUTCOMES.get(told.outcome, "plain"))]
    for name, join, moment in (("real", told.join, told.real), ("supposed", told.supposed, told.then)):
        lines += [("", "plain"), (f"{name}: {first_line(join)}", "strong")]
        lines.append((f"  {moment_words(moment)}", "plain"))
        for one in shown:
            cut = moment.at if moment is not None else None
            bar = timeline.bar(drawn[one.index], axis, signs, cut=cut)
            tone = tone_of(one.standing or one.state) if bar.strip() else "muted"
            lines.append(((_head(one, glyphs) + bar).rstrip(), tone))
        if more := len(told.subtasks) - len(shown):
            lines.append((f"  +{more} more: the command shows them", "muted"))
        if moment is not None:
            lines.append((" " * (_HEAD + min(axis.width - 1, axis.upto(moment.at))) + glyphs.up, "strong"))
    lines.append(((" " * _HEAD + timeline.scale(axis, told.stops, signs)).rstrip(), "muted"))
    return lines


def shown_bars(told: WhatIf, most: int) -> list[WhatIfBar]:
    """The first subtasks, always including the one that tips either join."""
    tips = {one.index for one in (told.real, told.then) if one is not None}
    kept = [one for one in told.subtasks if one.index in tips]
    others = [one for one in told.subtasks if one.index not in tips]
    return sorted([*kept, *others[: max(0, most - len(kept))]], key=lambda one: one.index)


def failed_lines(error: SyncropelError) -> list[Said]:
    """Why there is no answer; a mistake in the predicate has a caret under its column."""
    lines: Sequence[str] = error.hint.splitlines()
    if isinstance(error, RemoteError) and error.place is not None:
        return [*((one, "bad") for one in lines[:2]), (plain(error.message), "bad"),
                *((one, "plain") for one in lines[2:])]  # fmt: skip
    return [(plain(error.message), "bad"), *((one, "plain") for one in lines)]


def _head(one: WhatIfBar, glyphs: Glyphs) -> str:
    return f"  {glyphs.sign(one.standing or one.state)} [{one.index}]".ljust(_HEAD)
