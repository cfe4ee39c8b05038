"""A join that might have been: the real timeline and the supposed one, on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from syncropel.client.explain_text import moment_words
from syncropel.errors import RemoteError, SyncropelError
from tui.model.glyphs import Glyphs, Tone, tone_of
from tui.model.text import first_line, plain

if TYPE_CHECKING:
    from syncropel.api.schema.explain import WhatIf, WhatIfBar

Said = tuple[str, Tone]
_HEAD: Final = 10
_OUTCOMES: Final[dict[str, Tone]] = {
    "sooner": "good", "only": "good", "same": "plain", "later": "warn", "never": "bad",
}  # fmt: skip


def what_if_lines(told: WhatIf, width: int, most: int, glyphs: Glyphs) -> list[Said]:
    """The answer, then both timelines, each of at most `most` subtasks; `width` in cells."""
    ends = [_end(one, told.started_at) for one in told.subtasks]
    ends += [one.elapsed_secs for one in (told.real, told.then) if one is not None]
    span, room = max([*ends, 0.001]), max(10, width - _HEAD - 1)
    shown = shown_bars(told, most)
    lines: list[Said] = [(plain(told.explanation), _OUTCOMES.get(told.outcome, "plain"))]
    for name, join, moment in (("real", told.join, told.real), ("supposed", told.supposed, told.then)):
        lines += [("", "plain"), (f"{name}: {first_line(join)}", "strong")]
        lines.append((f"  {moment_words(moment)}", "plain"))
        cut = moment.elapsed_secs if moment is not None else span
        lines += [_bar(one, told.started_at, span, cut, room, glyphs) for one in shown]
        if more := len(told.subtasks) - len(shown):
            lines.append((f"  +{more} more: the command shows them", "muted"))
        if moment is not None:
            place = min(room - 1, round(moment.elapsed_secs / span * room))
            lines.append((" " * (_HEAD + place) + glyphs.up, "strong"))
    return lines


def shown_bars(told: WhatIf, most: int) -> list[WhatIfBar]:
    """The first subtasks; whichever tips the join, really or supposedly, is always among them."""
    tips = {one.index for one in (told.real, told.then) if one is not None}
    kept = [one for one in told.subtasks if one.index in tips]
    others = [one for one in told.subtasks if one.index not in tips]
    return sorted([*kept, *others[: max(0, most - len(kept))]], key=lambda one: one.index)


def failed_lines(error: SyncropelError) -> list[Said]:
    """Why there is no answer; a mistake in the predicate with the sign under its column."""
    lines: Sequence[str] = error.hint.splitlines()
    if isinstance(error, RemoteError) and error.place is not None:
        return [*((one, "bad") for one in lines[:2]), (plain(error.message), "bad"),
                *((one, "plain") for one in lines[2:])]  # fmt: skip
    return [(plain(error.message), "bad"), *((one, "plain") for one in lines)]


def _bar(one: WhatIfBar, started_at: float, span: float, cut: float, room: int, glyphs: Glyphs) -> Said:
    """Thick until the join, dotted what went on after it."""
    head = f"  {glyphs.sign(one.state)} [{one.index}]".ljust(_HEAD)
    if one.spawned_at is None:
        return head.rstrip(), "muted"
    begin = min(room - 1, max(0, round((one.spawned_at - started_at) / span * room)))
    stop = min(room, max(begin + 1, round(_end(one, started_at) / span * room)))
    joined = round(cut / span * room)
    body = "".join(glyphs.thick if place < joined else glyphs.dot for place in range(begin, stop))
    return f"{head}{' ' * begin}{body}", tone_of(one.state)


def _end(one: WhatIfBar, started_at: float) -> float:
    last = one.finished_at if one.finished_at is not None else one.spawned_at
    return 0.0 if last is None else max(0.0, last - started_at)
