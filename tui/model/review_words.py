"""A review in words: what is approved or rejected, why it cannot be, and what the next attempt is told."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from syncropel.wire.review_limits import MOST_NOTES, MOST_TEXT
from tui.model.glyphs import Glyphs, Tone, word
from tui.model.notes import Notes, Place
from tui.model.patch_words import uncommitted
from tui.model.review import SHORT, Looked, Verdict, attempt_of, commit_of, signed
from tui.model.text import escaped, paid, plain, wall

if TYPE_CHECKING:
    from syncropel.wire import AttemptList, ReviewTaken

Told = tuple[str, Tone]
_SHOWN_NOTES: Final = 6
"""There is room for the buttons at 24 lines."""


def facts(looked: Looked, verdict: Verdict, glyphs: Glyphs) -> list[Told]:
    """What is approved or rejected: its commit, how much it changed, and what speaks against it."""
    one = attempt_of(looked.known, looked.attempt)
    if one is None:
        return []
    left, told = one.worktree, list[Told]()
    if left is not None:
        branch = f" on {plain(left.branch)}" if left.branch else ""
        told.append((f"commit {plain(left.commit[:SHORT])}{branch}: {plain(left.subject)}", "strong"))
        changed = (
            f"{left.files} file{'' if left.files == 1 else 's'} {signed(left.insertions, left.deletions)}"
        )
    else:
        told.append(("no commit of it is known", "warn"))
        changed = ""
    cost = paid(one.cost_usd, None, unknown=one.cost_unknown)
    cost = "cost unknown" if cost == "unknown" else cost
    worker = plain(one.instance_alias or one.instance)
    parts = [f"{glyphs.sign(one.state)} {word(one.state)}", changed, cost, wall(one.wall_time_secs), worker]
    told.append((f" {glyphs.dot} ".join(filter(None, parts)), "plain"))
    if one.gate is not None and not one.gate.passed:
        told.append(
            (f"{glyphs.sign('failed')} its gate failed: {plain(shlex.join(one.gate.command))}", "bad")
        )
    if verdict == "accept":
        told += [(f"! {words}", "warn") for words in (uncommitted(one), looked.left_out) if words]
    else:
        told.append(("The next attempt begins at once, and is told what you say and note here.", "plain"))
    return told


def note_lines(notes: Notes) -> list[Told]:
    """The notes that go with it."""
    every = notes.all()
    told: list[Told] = [
        (f"{escaped(one.place.label)}: {escaped(one.text)}", "cold") for one in every[:_SHOWN_NOTES]
    ]
    if len(every) > _SHOWN_NOTES:
        told.append((f"and {len(every) - _SHOWN_NOTES} more notes", "cold"))
    return told


def dependents(subtasks: Sequence[int]) -> str:
    """Which subtasks use the result of one that is to be rejected."""
    named = " ".join(f"[{one}]" for one in subtasks)
    return f"{named} began with its result, and will keep what came of that"


def objection(known: AttemptList, looked: Looked, verdict: Verdict) -> str:
    """Why what was looked at cannot be approved, or rejected, as things stand; empty when it can."""
    if known.latest != looked.attempt:
        return f"attempt {known.latest} is the latest now: look at that one"
    before, now = (commit_of(attempt_of(one, looked.attempt)) for one in (looked.known, known))
    if before != now:
        return f"its commit is {plain(now[:SHORT]) or 'not known'} now: read its diff again"
    if verdict == "reject":
        return plain(known.not_rejectable)
    if known.not_approvable:
        return plain(known.not_approvable)
    return f"its diff is not known: {looked.unknown}" if looked.unknown and now else ""


def too_many(notes: Notes) -> str:
    """That there are more notes than one review can have."""
    return f"{len(notes)} notes are too many: at most {MOST_NOTES}" if len(notes) > MOST_NOTES else ""


def too_long(text: str) -> str:
    """That a note, or what is said of the whole, is longer than a review can have it."""
    size = len(text.encode("utf-8", "surrogatepass"))
    return f"{size:,} bytes are too many: at most {MOST_TEXT:,}" if size > MOST_TEXT else ""


def command(
    name: str, index: int, verdict: Verdict, looked: Looked, text: str, notes: Notes, *, anyway: bool
) -> str:
    """The equivalent command line."""
    verb = "approve" if verdict == "accept" else "reject"
    words = ["spl", "task", verb, name, str(index), "--attempt", str(looked.attempt)]
    commit = commit_of(attempt_of(looked.known, looked.attempt))
    words += ["--commit", commit[:SHORT]] if commit else []
    words += ["--notes", text] if text else []
    for one in notes.all():
        words += ["--note", f"{_argument(one.place)} {one.text}"]
    return shlex.join([*words, "--anyway"] if anyway else words)


def _argument(place: Place) -> str:
    """A place as the command line takes it, which has none for a whole file: the note then names that."""
    if place.line is None:
        return f"{place.path}:"
    return f"{place.path}:{place.line}{':old' if place.side == 'old' else ''}"


def done(taken: ReviewTaken) -> str:
    """What was done."""
    what = "approved" if taken.review.verdict == "accept" else "rejected"
    then = f"; attempt {taken.next_attempt} begins" if taken.next_attempt is not None else ""
    return f"{what}: recorded as {plain(taken.review.id[:16])}{then}"


def told_next(taken: ReviewTaken) -> list[Told]:
    """What the next attempt is told, and which subtasks keep what came of the rejected result."""
    told: list[Told] = []
    if taken.hint:
        told.append((f"attempt {taken.next_attempt} is told:", "plain"))
        told += [(f"  {escaped(line)}", "muted") for line in taken.hint.split("\n")]
    if taken.dependents:
        told.append((dependents(taken.dependents), "warn"))
    return told
