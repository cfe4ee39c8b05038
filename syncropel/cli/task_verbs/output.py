"""`spl task logs`: the output of subtasks, optionally followed."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import UsageError, add_verb, index, positive
from syncropel.cli.support.terminal import complain, is_json, tell
from syncropel.cli.task_verbs import output_following
from syncropel.cli.task_verbs.output_printer import Printer
from syncropel.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from syncropel.client import Client
    from syncropel.wire import OutputPage

LAST_LINES: Final = 10
"""Lines of each subtask, where all of them are shown."""
MAX_TAIL: Final = 10_000
PAGE_BYTES: Final = 256 * 1024


def configure(group: Any) -> None:
    """Add the verb to `spl task`."""
    verb = add_verb(
        group,
        "logs",
        "show what subtasks write, running or ended",
        epilog=f"Without N: the last {LAST_LINES} lines of every subtask, with its number in front of each.\n"
        "Control characters are shown as escapes such as \\x1b; --raw gives the bytes as they are.",
    )
    verb.add_argument("name", metavar="NAME", help="a task's alias or thread")
    verb.add_argument("subtask", type=index, nargs="?", metavar="N", help="this subtask only, from its start")
    verb.add_argument(
        "-f", "--follow", action="store_true", help="then follow new output until the subtask ends"
    )
    verb.add_argument("--attempt", type=positive, metavar="K", help="another attempt than the latest")
    verb.add_argument("--tail", type=_lines, metavar="LINES", help="begin with the last N lines")
    verb.add_argument("--raw", action="store_true", help="the bytes as they are, into a pipe or a file")
    verb.add_argument("--stderr", action="store_true", help="what the agent wrote to its error output")
    verb.set_defaults(run=run)


def _lines(text: str) -> int:
    import argparse

    if not text.isdecimal() or int(text) > MAX_TAIL:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines from 0 to {MAX_TAIL}")
    return int(text)


def run(args: Namespace) -> int:
    if args.raw:
        _check_raw(args)
    if args.subtask is None:
        return _run_all(args)
    if args.follow:
        return output_following.follow(args, [args.subtask], args.tail)
    printer = Printer(args)
    with connect(args) as client:
        for page in _pages(client, args, args.subtask, args.tail):
            printer.take(page)
    printer.finish()
    return 0


def _check_raw(args: Namespace) -> None:
    if is_json(args):
        raise UsageError("--raw and -o json exclude each other", "leave one of them out")
    if args.subtask is None:
        raise UsageError(
            "--raw gives the bytes of one subtask", f"name it: spl task logs {args.name} N --raw"
        )
    if sys.stdout.isatty():
        raise UsageError(
            "--raw writes to a pipe or a file: a terminal would obey what the goal wrote",
            f"such as: spl task logs {args.name} {args.subtask} --raw > output.log",
        )


def _run_all(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        join = client.send(calls.join(args.name))
        indexes = [child.index for child in join.subtasks if child.instance or args.follow]
        if not indexes:
            tell(f"{args.name}: no subtask has begun", f"see why: spl task join-status {args.name}")
            return 0
        if not args.follow:
            return _tell_all(client, args, indexes)
    return output_following.follow(args, indexes, _tail_of_all(args))


def _tail_of_all(args: Namespace) -> int:
    return LAST_LINES if args.tail is None else int(args.tail)


def _tell_all(client: Client, args: Namespace, indexes: list[int]) -> int:
    """The last lines of each; returns 1 when the output of one could not be read."""
    code = 0
    for one in indexes:
        printer = Printer(args, prefix=True)
        try:
            for page in _pages(client, args, one, _tail_of_all(args)):
                printer.take(page)
            printer.finish()
        except RemoteError as error:
            complain(f"[{one}] {error.message}", error.hint, error=error)
            code = 1
    return code


def _pages(client: Client, args: Namespace, one: int, tail: int | None) -> Iterator[OutputPage]:
    """The pages up to where the output ended at the first look."""
    from syncropel.client import output_calls

    asked = {"limit": PAGE_BYTES, "raw": args.raw, "stderr": args.stderr}
    page = client.send(output_calls.output(args.name, one, attempt=args.attempt, tail=tail, **asked))
    until = page.size
    yield page
    while page.next_offset < until or _is_being_made(page):
        before, until = page.next_offset, page.size if _is_being_made(page) else until
        page = client.send(
            output_calls.output(args.name, one, attempt=page.attempt, offset=page.next_offset, **asked)
        )
        yield page
        if page.next_offset < before or (page.next_offset == before and not _is_being_made(page)):
            return  # it has become shorter


def _is_being_made(page: OutputPage) -> bool:
    """Whether the attempt has ended, but its instance has not read all of the agent's output yet."""
    return not page.ended and page.state not in ("pending", "blocked", "in_progress")
