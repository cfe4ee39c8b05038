"""Attempts of a subtask side by side, the files that each changed, and what a review needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from rich.cells import cell_len

from tui.model.glyphs import Glyphs, Tone
from tui.model.notes import Notes, place_of
from tui.model.rows import Cell, Column, Row, Rows, state_cell
from tui.model.text import NOTHING, escaped, paid, plain, wall

if TYPE_CHECKING:
    from syncropel.client.patch import FileChange, Patch, PatchLine
    from syncropel.wire import AttemptList, AttemptOut, WorktreeLeft

Verdict = Literal["accept", "reject"]
SHORT: Final = 12
"""Characters of a commit's hash that are shown."""
ATTEMPTS: Final = (
    Column("attempt", "#", 3, right=True),
    Column("state", "RESULT", 13),
    Column("files", "FILES", 5, right=True),
    Column("lines", "LINES", 9, right=True, whole=True),
    Column("cost", "COST", 6, right=True, whole=True),
    Column("wall", "TIME", 7, right=True),
    Column("worker", "WORKER", 9, grow=1, most=20, drop=1),
    Column("review", "REVIEW", 9, grow=1, most=24, drop=2),
    Column("commit", "COMMIT", SHORT, drop=4),
    Column("gate", "GATE", 6, drop=3),
    Column("said", "SAID", 16, grow=3, most=80, drop=5),
)
FILES: Final = (
    Column("state", "", 2),
    Column("path", "FILE", 12, grow=1),
    Column("added", "+", 5, right=True),
    Column("removed", "−", 5, right=True),
    Column("notes", "", 1, drop=1),
)
COMPARED: Final = (
    Column("path", "FILE", 12, grow=1),
    Column("this", "", 11, right=True),
    Column("other", "", 11, right=True),
    Column("how", "", 9, whole=True),
)
NOTES: Final = (Column("place", "NOTE", 10, grow=2, most=60), Column("text", "", 10, grow=3))
_LETTERS: Final = {"added": "A", "deleted": "D", "changed": "M", "renamed": "R", "copied": "C"}
_FILE_TONES: Final[dict[str, Tone]] = {"added": "good", "deleted": "bad"}


@dataclass(frozen=True)
class Looked:
    """What was looked at: the attempts as they stood, one of them, and its diff.

    `unknown`: why its diff is not known, empty when it is; `left_out`: how much of that is not shown.
    """

    known: AttemptList
    attempt: int
    unknown: str = ""
    left_out: str = ""


# attempts


def attempt_of(known: AttemptList | None, number: int) -> AttemptOut | None:
    return next((one for one in known.data if one.attempt == number), None) if known is not None else None


def first_shown(known: AttemptList) -> int:
    """The attempt to begin with: the latest that was given to an instance."""
    return max((one.attempt for one in known.data), default=known.latest)


def has_moved(known: AttemptList, number: int, state: str, commit: str) -> bool:
    """Whether an attempt is in another state, or has left another commit."""
    one = attempt_of(known, number)
    return one is not None and (one.state, commit_of(one)) != (state, commit)


def commit_of(one: AttemptOut | None) -> str:
    """The commit that an attempt has left; empty when it has none, or none is known."""
    return one.worktree.commit if one is not None and one.worktree is not None else ""


def attempt_rows(known: AttemptList, glyphs: Glyphs) -> list[Row]:
    return [_attempt_row(one, known, glyphs) for one in known.data]


def _attempt_row(one: AttemptOut, known: AttemptList, glyphs: Glyphs) -> Row:
    cells = {
        "attempt": Cell(str(one.attempt), "strong" if one.attempt == known.latest else "plain"),
        "state": state_cell(one.state, glyphs),
        "files": Cell(_number(one.worktree.files if one.worktree else None)),
        "lines": Cell(lines_words(one.worktree)),
        "cost": Cell(
            paid(one.cost_usd, None, unknown=one.cost_unknown), "warn" if one.cost_unknown else "plain"
        ),
        "wall": Cell(wall(one.wall_time_secs)),
        "worker": Cell(plain(one.instance_alias or one.instance) or NOTHING),
        "gate": Cell("") if one.gate is None else Cell(*_gate(passed=one.gate.passed, glyphs=glyphs)),
        "review": _review_cell(one),
        "commit": Cell(plain(commit_of(one)[:SHORT]) or NOTHING, "muted"),
        "said": Cell(plain(one.reason or one.last_words).replace("\n", " "), "muted"),
    }
    return Row(str(one.attempt), cells)


def _review_cell(one: AttemptOut) -> Cell:
    """What was said of it last, or what has become of it since."""
    if one.merged is not None:
        return Cell(plain(f"merged to {one.merged.into}"), "good")
    if not one.reviews:
        return Cell("")
    verdict = one.reviews[-1].verdict
    tone: Tone = "good" if verdict == "accept" else "bad"
    return Cell(plain({"accept": "approved", "reject": "rejected"}.get(verdict, verdict)), tone)


def _gate(*, passed: bool, glyphs: Glyphs) -> tuple[str, Tone]:
    return (f"{glyphs.sign('accept')} pass", "good") if passed else (f"{glyphs.sign('failed')} fail", "bad")


def _number(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def lines_words(left: WorktreeLeft | None) -> str:
    """Lines added and removed: `+120 −33`; a dash where that is not known."""
    if left is None:
        return NOTHING
    return signed(left.insertions, left.deletions)


def signed(added: int, removed: int) -> str:
    return f"+{added:,} −{removed:,}"


# files


def file_rows(patch: Patch, notes: Notes, width: int, glyphs: Glyphs) -> Rows:
    """The files of a patch; `width` is the room for a path."""
    noted: dict[str, int] = {}
    for note in notes.all():
        noted[note.place.path] = noted.get(note.place.path, 0) + 1
    files = patch.files

    def row(at: int) -> Row:
        return _file_row(files[at], noted, width, glyphs)

    return Rows((patch, len(files), notes.version, width), [str(one.index) for one in files], row)


def _file_row(one: FileChange, noted: dict[str, int], width: int, glyphs: Glyphs) -> Row:
    count = noted.get(one.path, 0) + (noted.get(one.before, 0) if one.before else 0)
    tone = _FILE_TONES.get(one.state, "plain")
    if one.is_binary:
        added, removed = Cell("bin", "muted"), Cell("")
    else:
        added = Cell(f"+{one.added}" if one.added else "", "good")
        removed = Cell(f"−{one.removed}" if one.removed else "", "bad")
    cells = {
        "state": Cell(_LETTERS[one.state] + "!" * (one.altered > 0), "warn" if one.altered else tone),
        "path": Cell(path_words(one.path, width, glyphs)),
        "added": added,
        "removed": removed,
        "notes": Cell("*" if count else "", "cold"),
    }
    return Row(str(one.index), cells)


def path_words(path: str, width: int, glyphs: Glyphs) -> str:
    """A path in `width` cells: its end is what tells it from others."""
    path = escaped(path)
    if cell_len(path) <= width or width <= cell_len(glyphs.ellipsis):
        return path
    while path and cell_len(path) > width - cell_len(glyphs.ellipsis):
        path = path[max(1, (len(path) - width) // 2) :]
    return glyphs.ellipsis + path


def file_words(one: FileChange) -> str:
    """What became of a file, after its path."""
    words: list[str] = [one.state]
    if not one.is_binary:
        words.append(signed(one.added, one.removed))
    if one.altered:
        lines = "1 line" if one.altered == 1 else f"{one.altered} lines"
        words.append(f"! escapes in {lines}")
    return " · ".join(words)


def lines_of(patch: Patch, one: FileChange) -> list[PatchLine]:
    """The lines of a file, its title first."""
    following = patch.files[one.index + 1].first if one.index + 1 < len(patch.files) else len(patch.lines)
    return patch.lines[one.first : following]


def note_rows(notes: Notes) -> Rows:
    """The notes, by file and line."""
    every = notes.all()

    def row(at: int) -> Row:
        place = escaped(every[at].place.label)
        return Row(
            every[at].place.label, {"place": Cell(place), "text": Cell(escaped(every[at].text), "cold")}
        )

    return Rows((notes, notes.version), [one.place.label for one in every], row)


def line_of_note(patch: Patch, notes: Notes, label: str) -> int | None:
    """The place of the line that a note is on; None when it is not in this patch."""
    place = next((one.place for one in notes.all() if one.place.label == label), None)
    file = next((one for one in patch.files if place and place.path in (one.path, one.before)), None)
    if place is None or file is None:
        return None
    for at, line in enumerate(lines_of(patch, file), file.first):
        found = place_of(patch, line)
        if found is not None and found.key == place.key:
            return at
    return None


# two attempts


class Comparison:
    """The files of two patches, path by path. `numbers` are those of their attempts."""

    def __init__(self, this: Patch, other: Patch, numbers: tuple[int, int]) -> None:
        self.of, self._numbers = (this, other), numbers
        mine, its = _by_path(this), _by_path(other)
        self.pairs = [(path, mine.get(path), its.get(path)) for path in sorted({*mine, *its})]
        self.how = [self._how(one, two) for _, one, two in self.pairs]

    def _how(self, one: FileChange | None, two: FileChange | None) -> str:
        if one is None:
            return f"only in {self._numbers[1]}"
        if two is None:
            return f"only in {self._numbers[0]}"
        this, other = self.of
        if (one.state, one.modes, one.before) != (two.state, two.modes, two.before):
            return "differs"
        if one.is_binary or two.is_binary:
            return "not known"
        return "same" if _body(this, one) == _body(other, two) else "differs"

    def summary(self) -> str:
        counts = {word: self.how.count(word) for word in dict.fromkeys(self.how)}
        return ", ".join(f"{count} {word}" for word, count in counts.items()) or "neither changed a file"


def _by_path(patch: Patch) -> dict[str, FileChange]:
    return {one.path: one for one in patch.files}


def _body(patch: Patch, one: FileChange) -> list[tuple[str, str]]:
    """The lines of a file's change; where they stand may be moved by what changed above them."""
    return [(line.kind, line.text) for line in lines_of(patch, one) if line.kind != "hunk"]


def compared_rows(found: Comparison, width: int, glyphs: Glyphs) -> Rows:
    def row(at: int) -> Row:
        path, one, two = found.pairs[at]
        how = found.how[at]
        tone: Tone = "muted" if how == "same" else "warn"
        cells = {
            "path": Cell(path_words(path, width, glyphs)),
            "this": Cell(_changed(one)),
            "other": Cell(_changed(two)),
            "how": Cell(how, tone),
        }
        return Row(path, cells)

    return Rows((found, width), [path for path, _, _ in found.pairs], row)


def _changed(one: FileChange | None) -> str:
    if one is None:
        return NOTHING
    return "binary" if one.is_binary else signed(one.added, one.removed)


def between(one: AttemptOut, two: AttemptOut, repo: str | None) -> str:
    """How to see what differs between two attempts, or why it cannot be seen."""
    for each in (one, two):
        if not commit_of(each):
            return f"no diff between them: the commit of attempt {each.attempt} is not known"
    if one.instance != two.instance:
        where = " and ".join(plain(each.instance_alias or each.instance) for each in (two, one))
        return f"no diff between them: their commits are on {where}"
    place = f" in {plain(repo)}" if repo else ""
    where = plain(one.instance_alias or one.instance)
    commits = f"{commit_of(two)[:SHORT]} {commit_of(one)[:SHORT]}"
    return plain(f"between them, on {where}{place}: git diff {commits}")
