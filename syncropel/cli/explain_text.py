"""The answers of `spl why` and `spl task what-if` as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from syncropel.cli.terminal import clean

if TYPE_CHECKING:
    from syncropel.api.schema.explain import JoinMoment, TaskWhy, WhatIf, WhatIfBar

_WIDTH: Final = 48
_MOST: Final = 40
_SIGNS: Final = {
    "accept": "✓",
    "reject": "✗",
    "failed": "✗",
    "timeout": "✗",
    "terminated": "✗",
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
    return lines


def what_if_lines(told: WhatIf) -> list[str]:
    """The answer, then the real and the supposed timeline one above the other."""
    from syncropel.client.explain_text import moment_words  # its package loads what `--help` does without

    lines = [f"{clean(told.alias) or told.thread}: {clean(told.explanation)}"]
    ends = [_end(one, told) - told.started_at for one in told.subtasks]
    end = max([*ends, _ended(told.real), _ended(told.then), 0.001])
    for name, join, moment in (("real", told.join, told.real), ("supposed", told.supposed, told.then)):
        lines += ["", f"  {name}: {clean(join)}", f"    {moment_words(moment)}"]
        cut = moment.at if moment is not None else None
        lines += [_bar(one, told, end, cut) for one in told.subtasks[:_MOST]]
        if len(told.subtasks) > _MOST:
            lines.append(f"    +{len(told.subtasks) - _MOST} more")
        if moment is not None:
            lines.append(f"          {' ' * _cell(moment.elapsed_secs, end)}▲ joined")
    return lines


def _bar(one: WhatIfBar, told: WhatIf, end: float, cut: float | None) -> str:
    """A subtask's line: thick until the join, thin for what went on after it."""
    head = f"    {_SIGNS.get(one.state, '·')} [{one.index}]".ljust(10)
    if one.spawned_at is None:
        return head.rstrip()
    begin = _cell(one.spawned_at - told.started_at, end)
    stop = max(begin + 1, _cell(_end(one, told) - told.started_at, end))
    joined = stop if cut is None else max(begin, _cell(cut - told.started_at, end))
    drawn = "".join("━" if place < joined else "┈" for place in range(begin, stop))
    return f"{head}{' ' * begin}{drawn}"


def _end(one: WhatIfBar, told: WhatIf) -> float:
    if one.spawned_at is None:
        return told.started_at
    return max(one.spawned_at, one.finished_at if one.finished_at is not None else one.spawned_at)


def _ended(moment: JoinMoment | None) -> float:
    return moment.elapsed_secs if moment is not None else 0.0


def _cell(secs: float, end: float) -> int:
    return min(_WIDTH, max(0, round(secs / end * _WIDTH)))
