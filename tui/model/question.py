"""A question of an agent as lines: who asks, exactly what would be done, and how it stands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rich.cells import chop_cells

from syncropel.client.question_text import ShownLine, shown_lines
from tui.model.glyphs import Glyphs, Tone
from tui.model.text import duration, escaped, plain

if TYPE_CHECKING:
    from syncropel.wire import DecisionOut, QuestionDetail
    from tui.model.inbox import Asked
    from tui.model.moment import Moment

Told = tuple[str, Tone]
_BAR: Final = "│ "
_GOES_ON: Final = "┆ "
"""Begins the rest of a line that is too long: it must not look like a line of its own."""
_TONES: Final[dict[str, Tone]] = {"added": "good", "removed": "bad", "hunk": "muted", "label": "muted"}
_ONCE: Final = "allow_once"
_CHOSEN: Final = {"allow_once": "allowed", "reject_once": "denied", "cancelled": "denied"}


def head_lines(one: QuestionDetail, at: Moment) -> list[Told]:
    """What it asks, who asks, and since when."""
    who = plain(one.instance_alias or one.instance)
    tool = f" · tool {plain(one.tool)}" if one.tool else ""
    since = duration(max(0.0, at.now - one.asked_at))
    return [
        (escaped(one.text), "strong"),
        (f"attempt {one.attempt} on {who}{tool} · asked {since} ago", "muted"),
    ]


def standing_line(one: QuestionDetail, at: Moment, glyphs: Glyphs) -> Told:
    """Until when it is denied, or what has become of it."""
    if one.state == "closed":
        return f"{glyphs.sign('cancelled')} nobody waits for an answer any more: {plain(one.closed)}", "warn"
    if one.decision is not None:
        return decided(one.decision, glyphs)
    if one.answer is not None:
        return f"{glyphs.sign('asks')} {plain(one.answer.by)} has answered it", "warn"
    left = one.until - at.now
    words = f"is denied in {duration(left)} unless you answer" if left > 0 else "is over its time"
    return f"{glyphs.sign('asks')} {words}", "warn"


def decided(decision: DecisionOut, glyphs: Glyphs) -> Told:
    """What its agent was told, and by whom."""
    by = {"time_limit": "its time limit", "rule": f"the rule {plain(decision.rule)}"}.get(
        decision.how, plain(decision.by)
    )
    allowed = decision.chosen == _ONCE
    words = "answered" if allowed and decision.text else _CHOSEN.get(decision.chosen, plain(decision.chosen))
    why = f": {plain(decision.reason)}" if decision.reason else ""
    sign = glyphs.sign("accept" if allowed else "reject")
    return f"{sign} {words} by {by}{why}; its agent was told", "good" if allowed else "warn"


def shown(one: QuestionDetail, width: int) -> list[Told]:
    """Exactly what would be done, in lines of at most `width` cells. Everything behind a bar is foreign."""
    if one.shown is None:
        return [(f"it shows {one.size:,} bytes, too many to be shown", "warn")]
    return [told for line in shown_lines(one) for told in _wrapped(line, width)]


def _wrapped(line: ShownLine, width: int) -> Iterator[Told]:
    tone = _TONES.get(line.kind, "plain")
    text = escaped(line.text)
    if line.kind == "label":
        yield from ((part, tone) for part in chop_cells(text, width))
        return
    first, *rest = chop_cells(text, width - len(_BAR)) or [""]
    yield f"{_BAR}{first}", tone
    yield from ((f"{_GOES_ON}{part}", tone) for part in rest)


def hindrance(one: QuestionDetail) -> str:
    """Why it cannot be answered; empty when it waits for an answer."""
    if one.state == "closed":
        return f"nobody waits for an answer any more: {plain(one.closed)}"
    if one.decision is not None or one.answer is not None:
        return "it has its answer"
    return ""


def may_be_allowed(one: QuestionDetail) -> bool:
    """Whether its agent offers something that allows it once."""
    return not one.options or any(option.kind == _ONCE for option in one.options)


def command(asked: Asked, how: str, text: str, note: str) -> str:
    """The equivalent command line; `how` is allow, deny, or text."""
    words = ["spl", "task", "answer", asked.name, str(asked.index), asked.question]
    words += ["--text", text] if how == "text" else [f"--{how}"]
    words += ["--note", note] if note else []
    return shlex.join(words)
