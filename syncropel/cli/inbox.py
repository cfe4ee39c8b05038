"""`spl inbox`: what waits for the operator, and which command answers it."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.numbers import duration
from syncropel.cli.support.parsing import Parser, add_list_output, add_output, add_target
from syncropel.cli.support.terminal import complain, is_json, print_json, print_json_line, say, tell
from syncropel.cli.text.questions import BAR
from syncropel.errors import DaemonUnreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from syncropel.wire import InboxItem, Page

_LOOK_SECS: Final = 1.0


def configure(parser: Parser) -> None:
    add_target(parser)
    add_output(parser)
    add_list_output(parser, ["question", "alias", "thread"])
    parser.add_argument("--watch", action="store_true", help="print it whenever it changes, until Ctrl-C")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    if args.watch:
        return _watch(args)
    page = _look(args)
    if is_json(args):
        print_json(page)
    else:
        say(*inbox_lines(page.data, time.time()))
    return 0


def inbox_lines(items: Sequence[InboxItem], now: float) -> list[str]:
    """The inbox as text, the oldest first. `now`: unix seconds."""
    if not items:
        return ["nothing waits for you"]
    lines = []
    for one in items:
        place = f"{one.alias or one.thread}" + ("" if one.index is None else f" [{one.index}]")
        where = f" on {one.instance_alias or one.instance}" if one.instance else ""
        left = f", denied in {duration(one.until - now)}" if one.until is not None else ""
        lines.append(f"◇ {one.kind}: {place}{where}, since {duration(now - one.since)}{left}")
        lines += [f"{BAR}{one.what}", f"  → {one.command}"]
    return lines


def _look(args: Namespace) -> Page[InboxItem]:
    with connect(args) as client:
        from syncropel.client import question_calls

        return client.send(question_calls.inbox())


def _watch(args: Namespace) -> int:
    """Print the inbox whenever something comes or goes. A daemon that is away is waited for."""
    known: list[tuple[str, ...]] | None = None
    away = ""
    while True:
        try:
            page = _look(args)
        except DaemonUnreachable as error:
            if known is None:
                raise
            if away != error.message:
                complain(error.message, "waiting for it to come back; Ctrl-C ends this")
                away = error.message
        else:
            if away:
                away = ""
                tell("the daemon is back")
            now = [_which(one) for one in page.data]
            if now != known:
                known = now
                _print(args, page)
        time.sleep(_LOOK_SECS)


def _which(one: InboxItem) -> tuple[str, ...]:
    files = one.what if one.kind == "collision" else ""  # more may touch the same ones
    return one.kind, one.thread, str(one.index), str(one.attempt), one.question, files


def _print(args: Namespace, page: Page[InboxItem]) -> None:
    if is_json(args):
        print_json_line(page.model_dump(mode="json"))
    else:
        say(*inbox_lines(page.data, time.time()), "")
