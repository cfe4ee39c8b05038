"""What is said about a diff: how far it was read, what is not shown of it, and why it is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tui.model.glyphs import Glyphs, Tone
from tui.model.text import count, escaped, plain

if TYPE_CHECKING:
    from syncropel.client.patch import Patch
    from syncropel.errors import SyncropelError
    from syncropel.wire import AttemptList, AttemptOut

Told = tuple[str, Tone]


class Read(Protocol):
    """A patch, and how far it was read."""

    patch: Patch
    trouble: SyncropelError | None
    size: int
    taken: int
    left_out: int
    is_read: bool
    is_current: bool
    state: str
    worker: str

    @property
    def is_whole(self) -> bool: ...


def trouble(error: SyncropelError) -> str:
    """An error with what helps."""
    return plain(f"{error.message} → {error.hint}" if error.hint else error.message)


def left_out(read: Read) -> str:
    """How much of it is not shown; empty when all of it is."""
    if not read.is_read or read.is_whole:
        return ""
    lines = f"{read.left_out:,} lines" if read.left_out else ""
    more = f"{count(read.size - read.taken)}B" if read.size > read.taken else ""
    return f"{' and then '.join(filter(None, (lines, more)))} of {count(read.size)}B are not shown"


def said(read: Read, attempt: int, command: str, glyphs: Glyphs) -> list[Told]:
    """What stands below the lines of a diff, or in their place. `command` prints all of it."""
    told: list[Told] = []
    if read.trouble is not None:
        before = "this is what was read before; " if read.is_read else ""
        told.append(
            (
                f"{glyphs.sign('unknown')} {before}not known what it changed: {plain(read.trouble.message)}",
                "bad",
            )
        )
        told += [(f"{glyphs.arrow} {plain(read.trouble.hint)}", "warn")] if read.trouble.hint else []
    elif not read.is_read:
        far = f" {count(read.taken)}B of {count(read.size)}B" if read.size else ""
        told.append((f"{glyphs.sign('in_progress')} reading{far}", "busy"))
    elif words := left_out(read):
        told += [(f"! {words}", "alarm"), (f"{glyphs.arrow} all of it: {plain(command)}", "warn")]
    elif not read.patch.lines:
        whose = f" in {plain(read.worker)}'s worktree" if read.worker else ""
        told.append((f"attempt {attempt} changed nothing{whose}", "plain"))
    if read.is_read and read.state == "in_progress":
        told.append(("it still runs: this is how it stood when it was read; o reads it again", "warn"))
    return [(glyphs.text(words), tone) for words, tone in told]


def looked(read: Read | None) -> tuple[str, str]:
    """Why a diff is not known, and how much of it is not shown; both empty when all was there to be read."""
    if read is None:
        return "it was not read yet", ""
    if read.trouble is not None:
        return plain(read.trouble.message), left_out(read)
    return "" if read.is_current else "it is being read", left_out(read)


def newer(known: AttemptList, attempt: int, key: str) -> str:
    """That the attempt which is shown is not the latest any more."""
    listed = any(one.attempt == known.latest for one in known.data)
    go = f"{key} shows it" if listed else "it was given to no instance yet"
    return f"attempt {known.latest} is the latest: attempt {attempt} can not be reviewed any more; {go}"


def uncommitted(attempt: AttemptOut | None) -> str:
    """That the diff has more than the commit; empty when it does not."""
    number = attempt.worktree.uncommitted if attempt is not None and attempt.worktree else 0
    if not number:
        return ""
    files = "1 file is" if number == 1 else f"{number} files are"
    return f"{files} not committed: the diff has them, a commit that is approved does not"


def as_text(read: Read) -> str:
    """The lines of a diff for a pager, with what a terminal would act on as escapes."""
    return "\n".join(
        f"\n--- {escaped(one.text)} ---" if one.kind == "file" else escaped(one.whole)
        for one in read.patch.lines
    )
