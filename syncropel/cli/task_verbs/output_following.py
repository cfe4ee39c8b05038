"""Follows the output of subtasks until they end, across restarts of their instances and of the daemon."""

from __future__ import annotations

import queue
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.following import RECONNECT_SECS
from syncropel.cli.support.terminal import complain
from syncropel.cli.task_verbs.output_printer import Printer
from syncropel.errors import Conflict, DaemonUnreachable, OutputUnreachable, RemoteError, SyncropelError

if TYPE_CHECKING:
    from syncropel.client import Event
    from syncropel.wire import OutputPage

MAX_FOLLOWED: Final = 64
"""Most subtasks at once: each takes a connection."""
_QUEUED: Final = 64


def follow(args: Namespace, indexes: list[int], tail: int | None) -> int:
    """Print what these subtasks write until all have ended; return the exit code.

    `tail`: how many lines to begin with; None: all. Raises what the first connection raises, and Conflict
    when there are too many.
    """
    if len(indexes) > MAX_FOLLOWED:
        raise Conflict(
            f"{args.name} has {len(indexes)} subtasks: {MAX_FOLLOWED} can be followed at once",
            f"follow one of them: spl task logs {args.name} N -f",
        )
    if len(indexes) == 1 and args.subtask is not None:
        printer = Printer(args)
        for item in _items(args, indexes[0], tail):
            _print(printer, item)
        printer.finish()
        return 0
    return _follow_all(args, indexes, tail)


def _print(printer: Printer, item: OutputPage | SyncropelError) -> None:
    if isinstance(item, SyncropelError):
        printer.lost(item)
    else:
        printer.take(item)


def _follow_all(args: Namespace, indexes: list[int], tail: int | None) -> int:
    came: queue.Queue[tuple[int, OutputPage | SyncropelError | None, bool]] = queue.Queue(_QUEUED)

    def take(one: int) -> None:
        failure: SyncropelError | None = None
        try:
            for item in _items(args, one, tail):
                came.put((one, item, False))
        except SyncropelError as error:
            failure = error
        came.put((one, failure, True))

    printers = {one: Printer(args, prefix=True) for one in indexes}
    for one in indexes:
        threading.Thread(target=take, args=(one,), daemon=True, name=f"output {one}").start()
    going, code = set(indexes), 0
    while going:
        one, item, is_last = came.get()
        if not is_last:
            assert item is not None
            _print(printers[one], item)
            continue
        going.discard(one)
        printers[one].finish()
        if isinstance(item, SyncropelError):
            complain(f"[{one}] {item.message}", item.hint, error=item)
            code = 1
    return code


def _items(args: Namespace, one: int, tail: int | None) -> Iterator[OutputPage | SyncropelError]:
    """Pages, and notices of temporary losses between them. Raises what cannot be waited out."""
    from syncropel.client import output_calls

    follow = partial(output_calls.output_follow, args.name, one, raw=args.raw, stderr=args.stderr)
    path = follow(attempt=args.attempt, tail=tail)
    page: OutputPage | None = None
    said = ""
    while True:
        cursor = "" if page is None else str(page.next_offset)
        try:
            for item in _stream(args, path, cursor):
                if isinstance(item, SyncropelError):
                    said = item.message
                else:
                    page, said = item, ""
                    path = follow(attempt=page.attempt)
                yield item
        except (DaemonUnreachable, OutputUnreachable) as error:
            if page is None:
                raise
            if said != error.message:
                said = error.message
                yield error
        if page is not None and output_calls.is_whole(page):
            newer = None if args.attempt else _newer_attempt(args, one, page)
            if newer is None:
                return
            path, page = (
                follow(attempt=newer),
                None,
            )
            continue
        time.sleep(RECONNECT_SECS)


def _newer_attempt(args: Namespace, one: int, page: OutputPage) -> int | None:
    from syncropel.client import output_calls

    with connect(args) as client:
        latest = client.send(output_calls.output(args.name, one, limit=0)).attempt
    return latest if latest > page.attempt else None


def _stream(args: Namespace, path: str, cursor: str) -> Iterator[OutputPage | SyncropelError]:
    from syncropel.client import reading
    from syncropel.wire import OutputPage

    try:
        with connect(args) as client, client.watch(path, cursor) as stream:
            for event in stream:
                if event.name == "output":
                    yield reading.document(OutputPage, event.data)
                elif event.name == "output.lost":
                    yield OutputUnreachable(*_words(event))
                elif event.name == "error":
                    raise RemoteError(503, "error", str(event.data.get("code")), *_words(event))
    except RemoteError as error:
        if error.code == OutputUnreachable.code:
            raise OutputUnreachable(error.message, error.hint) from None
        raise


def _words(event: Event) -> tuple[str, str]:
    return str(event.data.get("message")), str(event.data.get("hint", ""))
