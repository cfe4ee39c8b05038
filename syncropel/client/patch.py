"""A patch as git writes it, read into files and numbered lines. No line of it is left out.

Lines of a hunk are taken by the counts in its header, as `git apply` takes them: what a file contains cannot
pass for a header, and so hide what comes after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from syncropel.wire.review_limits import MOST_QUOTE

Kind = Literal["file", "fact", "hunk", "context", "added", "removed", "mark", "odd"]
State = Literal["added", "deleted", "changed", "renamed", "copied"]
Side = Literal["old", "new"]

DRAWN_CHARS: Final = 2000
"""A longer line is cut where it is drawn, and says by how much: one of a megabyte would bury all after it."""
SIGNS: Final[dict[Kind, str]] = {"context": " ", "added": "+", "removed": "-"}
_KINDS: Final[dict[str, Kind]] = {sign: kind for kind, sign in SIGNS.items()}
_HUNK: Final = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_NOWHERE: Final = "/dev/null"
_EXECUTABLE: Final = "100755"
_KINDS_OF_FILE: Final = {"120000": "a symbolic link", "160000": "a submodule", _EXECUTABLE: "executable"}
_QUOTED: Final = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_LETTERS: Final = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


class PatchLine(NamedTuple):
    """One line. `text` is without its sign; `old` and `new` are its numbers in the file before and after.

    `file`: the title of a file. `fact`: what else changed of it than lines. `mark`: that the line before has
    no end. `odd`: a line that is not understood, as it is.
    """

    kind: Kind
    text: str
    file: int
    old: int | None = None
    new: int | None = None

    @property
    def whole(self) -> str:
        """The line with its sign."""
        return SIGNS.get(self.kind, "") + self.text


@dataclass
class FileChange:
    """What became of one file. `before` is its former path, where that was another one."""

    index: int
    path: str = ""
    before: str = ""
    state: State = "changed"
    added: int = 0
    removed: int = 0
    is_binary: bool = False
    modes: tuple[str, str] = ("", "")
    """As git writes them, such as 100644; empty when there was none, or it stayed the same."""
    likeness: str = ""
    altered: int = 0
    """Lines with characters that are drawn as escapes."""
    first: int = 0
    """The place of its title among the lines."""
    hunks: list[int] = field(default_factory=list)
    """The places of the headers of its hunks."""

    @property
    def facts(self) -> list[str]:
        """What else changed than lines."""
        old, new = self.modes
        told = []
        if self.before:
            how = "copied" if self.state == "copied" else "renamed"
            likeness = f" ({self.likeness} the same)" if self.likeness else ""
            told.append(f"{how} from {self.before}{likeness}")
        if old and new:
            told.append(f"mode {old} → {new}{_worded(new if old != _EXECUTABLE else '')}")
        elif (only := new or old) and only in _KINDS_OF_FILE:
            told.append(f"it {'is' if new else 'was'} {_KINDS_OF_FILE[only]}")
        if self.is_binary:
            told.append("a binary file: its content is not shown")
        return told


def _worded(mode: str) -> str:
    return f" ({_KINDS_OF_FILE[mode]})" if mode in _KINDS_OF_FILE else ""


class Patch:
    """What has been read so far: `files`, and all `lines` in order. Add lines as they come, without their
    ends. `is_altered` says of a line whether it is drawn with escapes.
    """

    def __init__(self, is_altered: Callable[[str], bool] = lambda text: False) -> None:
        self._is_altered = is_altered
        self.files: list[FileChange] = []
        self.lines: list[PatchLine] = []
        self._left = [0, 0]
        """Lines of the hunk that are still to come, of the file before and after."""
        self._next = [0, 0]
        self._in_head = False

    @property
    def added(self) -> int:
        return sum(one.added for one in self.files)

    @property
    def removed(self) -> int:
        return sum(one.removed for one in self.files)

    @property
    def ready(self) -> int:
        """How many lines stay as they are, whatever comes."""
        return self.files[-1].first if self._in_head else len(self.lines)

    def take(self, lines: Sequence[str]) -> None:
        """Read some more lines."""
        for line in lines:
            if any(self._left) and self._take_body(line):
                continue
            self._left = [0, 0]  # it is not what its header says
            if line.startswith("diff --git "):
                self._close()
                self._open(line)
            elif line.startswith("\\ ") and not self._in_head and self.files:
                self._add("mark", line)
            elif (found := _HUNK.match(line)) is not None and self.files:
                self._open_hunk(line, found)
            elif not (self._in_head and self._take_head(line)):
                self._add("odd", line)

    def finish(self) -> None:
        """There are no more lines."""
        self._close()

    def places(self, line: PatchLine) -> Iterator[tuple[Side, str, int]]:
        """Where a line stands: the side, the path, and its number. A line of context stands on both sides."""
        if not self.files:
            return
        file = self.files[line.file]
        if line.old is not None:
            yield "old", file.before or file.path, line.old
        if line.new is not None:
            yield "new", file.path, line.new

    def _add(self, kind: Kind, text: str, old: int | None = None, new: int | None = None) -> None:
        if self.files and self._is_altered(text[:DRAWN_CHARS]):
            self.files[-1].altered += 1
        self.lines.append(PatchLine(kind, text, max(0, len(self.files) - 1), old, new))

    # a file

    def _open(self, line: str) -> None:
        _, new = _paths(line.removeprefix("diff --git "))
        self.files.append(FileChange(len(self.files), new, first=len(self.lines)))
        self._add("file", new)
        self._in_head = True

    def _take_head(self, line: str) -> bool:
        """Take a line of a file's head; False for one that is not understood."""
        one = self.files[-1]
        word, _, rest = line.partition(" ")
        match line.split(" ", 3):
            case ["new", "file", "mode", mode]:
                one.state, one.modes = "added", ("", mode)
            case ["deleted", "file", "mode", mode]:
                one.state, one.modes = "deleted", (mode, "")
            case ["old", "mode", mode]:
                one.modes = (mode, one.modes[1])
            case ["new", "mode", mode]:
                one.modes = (one.modes[0], mode)
            case ["similarity", "index", likeness]:
                one.likeness = likeness
            case ["rename" | "copy" as how, "from", *_]:
                one.state = "renamed" if how == "rename" else "copied"
                one.before = _path(line.split(" ", 2)[2], "")
            case ["rename" | "copy", "to", *_]:
                one.path = _path(line.split(" ", 2)[2], "")
            case ["Binary", "files", *_] if line.endswith(" differ"):
                one.is_binary = True
            case ["dissimilarity", "index", _]:
                pass
            case _ if word == "index":
                pass
            case _ if word in ("---", "+++"):
                self._take_path(rest, "a/" if word == "---" else "b/")
            case _:
                return False
        return True

    def _take_path(self, rest: str, prefix: str) -> None:
        one = self.files[-1]
        path = _path(rest.removesuffix("\t"), prefix)
        if path != _NOWHERE and (prefix == "b/" or one.state == "deleted"):
            one.path = path

    def _close(self) -> None:
        """All of the file's head is known: say it under its title."""
        if self.files and self._in_head:
            self._in_head = False
            one = self.files[-1]
            self.lines[one.first] = self.lines[one.first]._replace(text=one.path)
            head = self.lines[one.first + 1 :]
            facts = [PatchLine("fact", fact, one.index) for fact in one.facts]
            self.lines[one.first + 1 :] = [*facts, *head]

    # a hunk

    def _open_hunk(self, line: str, found: re.Match[str]) -> None:
        self._close()
        old, olds, new, news = found.groups()
        self._left = [int(olds or 1), int(news or 1)]
        self._next = [int(old), int(new)]
        self.files[-1].hunks.append(len(self.lines))
        self._add("hunk", line)

    def _take_body(self, line: str) -> bool:
        """Take a line of a hunk; False for one that cannot be."""
        if line.startswith("\\ "):
            self._add("mark", line)
            return True
        kind = _KINDS.get(line[:1])
        of_old, of_new = kind in ("context", "removed"), kind in ("context", "added")
        if kind is None or self._left[0] < of_old or self._left[1] < of_new:
            return False
        self._left[0] -= of_old
        self._left[1] -= of_new
        old, new = self._next
        self._add(kind, line[1:], old if of_old else None, new if of_new else None)
        self._next = [old + of_old, new + of_new]
        one = self.files[-1]
        one.added += kind == "added"
        one.removed += kind == "removed"
        return True


def read_patch(patch: str) -> Patch:
    """A patch that is there as a whole."""
    read = Patch()
    read.take(patch.removesuffix("\n").split("\n") if patch else ())
    read.finish()
    return read


def quote(text: str) -> str:
    """A line as a note quotes it: cut, in one line, and without a NUL, which no variable can hold."""
    return text[:DRAWN_CHARS].strip().replace("\r", "").replace("\0", "\\x00")[:MOST_QUOTE]


# paths


def _paths(rest: str) -> tuple[str, str]:
    """The two paths in the first line of a file's head. Where they differ and have blanks, the lines after it
    say them again.
    """
    if rest.startswith('"') and (end := _end_of_quoted(rest)) is not None:
        old, new = rest[:end], rest[end + 1 :]
    elif rest.endswith('"') and ' "' in rest:
        old, _, new = rest.partition(' "')
        new = f'"{new}'
    else:
        half = len(rest) // 2
        old, new = rest[:half], rest[half + 1 :]
        if old[2:] != new[2:]:
            old, _, new = rest.partition(" b/")
            new = f"b/{new}"
    return _path(old, "a/"), _path(new, "b/")


def _end_of_quoted(text: str) -> int | None:
    found = re.match(r'"(?:[^"\\]|\\.)*"', text)
    return found.end() if found else None


def _path(text: str, prefix: str) -> str:
    """A path as it is on disk; bytes that are not UTF-8 are escapes."""
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        raw = _QUOTED.sub(_unquoted, text[1:-1].encode("utf-8", "surrogateescape"))
        text = raw.decode("utf-8", "backslashreplace")
    return text.removeprefix(prefix) if text != _NOWHERE else text


def _unquoted(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if len(code) > 1:
        return bytes([int(code, 8) & 0xFF])
    return _LETTERS.get(code, code)
