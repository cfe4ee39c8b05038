"""The answers of `spl why` and `spl task what-if` as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from syncropel.cli.support.terminal import clean
from syncropel.cli.text.children import children_lines

if TYPE_CHECKING:
    from syncropel.wire.explain import TaskWhy, WhatIf, WhatIfBar

_WIDTH: Final = 48
_HEAD: Final = 10
_MOST: Final = 40
_SIGNS: Final = {
    "accept": "✓",
    "reject": "✗",
    "failed": "✗",
    "timeout": "✗",
    "terminated": "✗",
    "lost": "✗",
    "in_progress": "…",
    "blocked": "‖",
}


def why_lines(told: TaskWhy) -> list[str]:
    """The sentence, what to do, and the records that prove it."""
    lines = [f"{clean(told.alias) or told.thread}: {clean(told.sentence)}"]
    if told.hint:
        lines.append(f"  → {clean(told.hint)}")
    if told.proofs:
        lines += ["  Proved by:", *(f"    {one.record}  {clean(one.shows)}" for one in told.proofs)]
    return [*lines, *(f"  {line}" for line in children_lines(told.children))]


def what_if_lines(told: WhatIf) -> list[str]:
    """The answer, then the real and the hypothetical timeline, one above the other."""
    # their package imports what `--help` does not need
    from syncropel.client import timeline
    from syncropel.client.explain_text import moment_words

    lines = [f"{clean(told.alias) or told.thread}: {clean(told.explanation)}"]
    drawn = timeline.spans_of(told)
    axis = timeline.Axis.over(told.started_at, timeline.ends(told, drawn), _WIDTH)
    for name, join, moment in (("real", told.join, told.real), ("supposed", told.supposed, told.then)):
        lines += ["", f"  {name}: {clean(join)}", f"    {moment_words(moment)}"]
        cut = moment.at if moment is not None else None
        lines += [
            f"{_head(one)}{timeline.bar(drawn[one.index], axis, timeline.Inks(), cut=cut)}".rstrip()
            for one in told.subtasks[:_MOST]
        ]
        if len(told.subtasks) > _MOST:
            lines.append(f"    +{len(told.subtasks) - _MOST} more")
        if moment is not None:
            lines.append(f"{' ' * (_HEAD + min(_WIDTH - 1, axis.upto(moment.at)))}▲ joined")
    return [*lines, "", f"{' ' * _HEAD}{timeline.scale(axis, told.stops, timeline.Inks())}".rstrip()]


def _head(one: WhatIfBar) -> str:
    return f"    {_SIGNS.get(one.standing or one.state, '·')} [{one.index}]".ljust(_HEAD)
