"""`spl task review`, and `spl task approve|reject NAME N`: attempts side by side, and what is said of one."""

from __future__ import annotations

import os
import re
from argparse import Namespace
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import UsageError, add_verb, index, positive
from syncropel.cli.support.terminal import complain, is_json, print_json, say
from syncropel.cli.task_verbs.diff import patch_of
from syncropel.errors import Conflict, SyncropelError
from syncropel.settings.home import actor_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from syncropel.client import Client
    from syncropel.client.patch import Side

_PLACE: Final = re.compile(r"(?P<path>.+?):(?P<line>[1-9][0-9]{0,8})(?P<old>:old)?\s+(?P<text>\S.*)", re.S)
_BARE_PLACE: Final = re.compile(r"\S+:[1-9][0-9]{0,8}(:old)?")
_OF_ATTEMPTS: Final = ("attempt", "commit", "note", "anyway")
_FEW: Final = 7
"""Characters of a commit that name it for sure enough."""


def configure(group: Any) -> None:
    """Add the verb to `spl task`."""
    verb = add_verb(group, "review", "show the attempts at a subtask side by side, and their reviews")
    verb.add_argument("name", metavar="NAME", help="a task's alias or thread")
    verb.add_argument(
        "index", type=index, nargs="?", default=0, metavar="N", help="which subtask (default: 0)"
    )
    verb.set_defaults(run=run)


def add_flags(verb: Any, name: str) -> None:
    """Add to `approve` and `reject` what is about one attempt. `name`: of the verb."""
    verb.add_argument(
        "index",
        type=index,
        nargs="?",
        metavar="N",
        help="review the accepted attempt at this subtask (default: judge the whole task)",
    )
    verb.add_argument("--attempt", type=positive, metavar="K", help="with N: the attempt you looked at")
    verb.add_argument("--commit", metavar="SHA", help="with N: the commit you looked at")
    verb.add_argument(
        "--note",
        action="append",
        default=[],
        metavar="'PATH:LINE TEXT'",
        help="with N: a note on a line (PATH:LINE:old: before the change), or without a place on the whole",
    )
    verb.set_defaults(anyway=False)
    if name == "reject":
        verb.add_argument(
            "--anyway",
            action="store_true",
            help="with N: also when subtasks that depend on it have begun; they keep their results",
        )


def refuse_stray(args: Namespace) -> None:
    """Raise UsageError for flags that do not go together."""
    if args.index is None:
        stray = next((one for one in _OF_ATTEMPTS if getattr(args, one)), None)
        if stray is not None:
            raise UsageError(f"--{stray} is about an attempt", f"name its subtask: spl task … {args.name} N")
    elif args.subtask is not None:
        raise UsageError("--subtask is for a subtask that waits to begin", "leave it out, or leave N out")
    elif args.domain:
        raise UsageError("--domain is about the whole task", "leave it out, or leave N out")


def run(args: Namespace) -> int:
    """Show the attempts."""
    from syncropel.cli.text import review as text
    from syncropel.client import review_calls

    with connect(args) as client:
        found = client.send(review_calls.attempts(args.name, args.index))
    if is_json(args):
        print_json(found)
    else:
        say(*text.attempts_lines(args.name, found))
    return 0


def run_review(args: Namespace, verdict: str) -> int:
    """Approve or reject the attempt that was looked at."""
    from syncropel.cli.text import review as text
    from syncropel.client import review_calls

    said = [_said(one) for one in args.note]
    if verdict == "reject" and not (args.notes.strip() or said):
        raise UsageError(
            "a rejection needs notes: the next attempt has to know what to change",
            f"for example: spl task reject {args.name} {args.index} --note 'src/a.py:12 off by one'",
        )
    with connect(args) as client:
        attempt, commit = _looked_at(client, args)
        body = {
            "verdict": verdict,
            "attempt": attempt,
            "commit": commit,
            "text": args.notes,
            "notes": _notes(client, args, attempt, said),
            "anyway": args.anyway,
            "actor": actor_from(os.environ),
        }
        taken = client.send(review_calls.review(args.name, args.index, body))
    if is_json(args):
        print_json(taken)
    else:
        say(*text.taken_lines(args.name, taken))
    return 0


def _said(note: str) -> str:
    """The text of a flag `--note`. Raises UsageError when it says nothing."""
    text = note.strip()
    if not text:
        raise UsageError("--note is empty", "such as: --note 'src/a.py:12 off by one'")
    if _BARE_PLACE.fullmatch(text):
        raise UsageError(f"--note {text} says nothing of that line", f"such as: --note '{text} off by one'")
    return text


def _looked_at(client: Client, args: Namespace) -> tuple[int, str]:
    """The attempt that is meant, and its commit. Raises Conflict when that is not the one that was named."""
    from syncropel.client import review_calls

    found = client.send(review_calls.attempts(args.name, args.index))
    attempt = args.attempt or found.latest
    one = next((one for one in found.data if one.attempt == attempt), None)
    commit = one.worktree.commit if one is not None and one.worktree is not None else ""
    named = args.commit
    if named is None or named == commit or (len(named) >= _FEW and commit.startswith(named)):
        return attempt, commit
    raise Conflict(
        f"attempt {attempt} of {args.name} [{args.index}] is commit {commit or '(none)'}, not {named}",
        f"look at it again: spl task review {args.name} {args.index}",
    )


def _notes(client: Client, args: Namespace, attempt: int, said: Sequence[str]) -> list[dict[str, Any]]:
    """The notes, each with the line that it is about, as far as the patch shows it."""
    from syncropel.client.patch import Patch, quote, read_patch

    places = [_PLACE.fullmatch(text) for text in said]
    read = Patch()
    if unknown := any(places):
        try:
            read = read_patch(
                patch_of(client, args.name, args.index, attempt).decode("utf-8", "backslashreplace")
            )
            unknown = False
        except SyncropelError as error:
            complain(f"warning: the notes quote no lines: {error.message}")
    files = {path for file in read.files for path in (file.path, file.before)}
    shown = {place: line.text for line in read.lines for place in read.places(line)}
    notes: list[dict[str, Any]] = []
    for text, found in zip(said, places, strict=True):
        # A path with blanks could be prose as well, unless there is such a file.
        if found is None or (found["path"] not in files and len(found["path"].split()) > 1):
            notes.append({"text": text})
            continue
        path, line = found["path"], int(found["line"])
        side: Side = "old" if found["old"] else "new"
        note = {"path": path, "line": line, "side": side, "text": found["text"]}
        text_of_line = shown.get((side, path, line))
        if text_of_line is None and not unknown:
            place = f"{path}:{line}{':old' if found['old'] else ''}"
            complain(f"warning: the diff does not show {place}: the note on it quotes no line")
        quoted = quote(text_of_line or "")
        notes.append(note | ({"quote": quoted} if quoted else {}))
    return notes
