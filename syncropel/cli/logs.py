"""`spl logs`: the daemon's own log, newest lines first, optionally followed."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Final

from syncropel.cli.support import following
from syncropel.cli.support.connect import connect, import_client
from syncropel.cli.support.parsing import Parser, add_limit, add_output, add_target, index
from syncropel.cli.support.terminal import complain, is_json, print_json, print_json_line, say
from syncropel.cli.text.thread import when

if TYPE_CHECKING:
    from syncropel.wire import LogLine, LogPage

LEVELS: Final = ("ERROR", "WARN", "INFO", "DEBUG", "TRACE")


def configure(parser: Parser) -> None:
    add_target(parser)
    add_output(parser)
    parser.add_argument(
        "--level",
        choices=LEVELS,
        default="TRACE",
        help="only lines of this level or above: ERROR, WARN, INFO, DEBUG or TRACE",
    )
    parser.add_argument("--since", type=index, metavar="SEQUENCE", help="only lines after this one")
    add_limit(parser)
    parser.add_argument("--follow", action="store_true", help="print each new line until Ctrl-C")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import log_calls

        page = client.send(
            log_calls.log_lines(since=args.since, level=args.level, limit=min(args.limit, 1000))
        )
    if args.follow:
        return _follow(args, page)
    if is_json(args):
        print_json(page)
        return 0
    _tell_missed(page.missed)
    for line in page.data:
        _say(args, line)
    return 0


def _follow(args: Namespace, page: LogPage) -> int:
    import_client()
    from syncropel.client import log_calls, reading
    from syncropel.wire import LogLine

    _tell_missed(page.missed)
    for line in page.data:
        _say(args, line)
    path = log_calls.log_watch(level=args.level)
    for event in following.events(args, path, str(page.next_cursor or 0)):
        if event.name == "log.gap":
            _tell_missed(event.data["missed"])
        elif event.name == "log.line":
            _say(args, reading.document(LogLine, event.data))
    return 0


def _tell_missed(lines: int) -> None:
    if lines:
        complain(f"{lines} lines were not kept in memory", "they are in the daemon's logs/spl.log")


def _say(args: Namespace, line: LogLine) -> None:
    if is_json(args):
        print_json_line(line.model_dump(mode="json"))
        return
    about = "".join(
        f"  {name}={value}"
        for name, value in (("thread", line.thread), ("record", line.record), ("actor", line.actor))
        if value
    )
    say(f"{when(line.at)}  {line.level:<5}  {line.target}  {line.message}{about}")
    say(*(f"    {one}" for one in line.traceback.splitlines()))
