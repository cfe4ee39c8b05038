"""`spl thread`: threads and their records, to inspect, follow, and export as a bundle."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from syncropel.cli import thread_bundles, thread_fork
from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, add_limit, add_list_verb, add_verb, index, positive, verbs
from syncropel.cli.support.terminal import is_json, print_json, print_json_line, say
from syncropel.cli.text import thread as thread_text
from syncropel.errors import DaemonUnreachable

if TYPE_CHECKING:
    from syncropel.client import Client
    from syncropel.wire import RecordOut, ThreadSummary

PAGE = 1000


def configure(parser: Parser) -> None:
    group = verbs(parser)
    listing = add_list_verb(group, "list", "list threads, the last active first", ["id"])
    add_limit(listing)
    listing.set_defaults(run=run_list)
    named(add_verb(group, "show", "show a thread's state, and who takes part in it")).set_defaults(
        run=run_show
    )
    records = named(add_list_verb(group, "records", "list a thread's records, by clock", ["id"]))
    records.add_argument("--since", type=index, metavar="CLOCK", help="only records with a later clock")
    records.add_argument("--limit", type=positive, metavar="N", help="at most N (default: all)")
    records.set_defaults(run=run_records)
    watch = named(add_verb(group, "watch", "follow a thread: its records, then each new one, until Ctrl-C"))
    watch.add_argument(
        "--since", type=index, metavar="CLOCK", help="begin with records that have a later clock"
    )
    watch.set_defaults(run=run_watch)
    thread_fork.configure(group)
    thread_bundles.configure(group)


def named(parser: Parser) -> Parser:
    """Add the argument for one thread."""
    parser.add_argument("name", metavar="THREAD", help="a thread's id, or its task's alias")
    return parser


def run_list(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        found: list[ThreadSummary] = []
        cursor: int | None = None
        while len(found) < args.limit:
            page = client.send(calls.threads(since=cursor, limit=min(args.limit - len(found), PAGE)))
            found += page.data
            cursor = page.next_cursor
            if cursor is None:
                break
    if is_json(args):
        data = [one.model_dump(mode="json") for one in found]
        print_json({"object": "list", "data": data, "next_cursor": cursor})
    else:
        say(*thread_text.list_lines(found, cursor is not None))
    return 0


def run_show(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        state = client.send(calls.thread_state(args.name))
        taking_part = client.send(calls.participants(args.name))
    if is_json(args):
        print_json(
            {**state.model_dump(mode="json"), "participants": taking_part.model_dump(mode="json")["data"]}
        )
    else:
        say(*thread_text.show_lines(state, taking_part.data))
    return 0


def run_records(args: Namespace) -> int:
    with connect(args) as client:
        found = _records(client, args.name, args.since, args.limit)
        if is_json(args):
            data = [record.model_dump(mode="json") for record in found]
            print_json({"object": "list", "data": data, "next_cursor": None})
            return 0
        for record in found:
            say(thread_text.record_line(record))
    return 0


def _records(client: Client, name: str, since: int | None, limit: int | None) -> Iterator[RecordOut]:
    """Page after page, so that a long thread appears at once."""
    from syncropel.client import calls

    left = limit
    while True:
        page = client.send(calls.thread_records(name, since=since, limit=PAGE))
        for record in page.data:
            if left == 0:
                return
            yield record
            left = None if left is None else left - 1
        if page.next_cursor is None:
            return
        since = page.next_cursor


def run_watch(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import reading, thread_calls
        from syncropel.wire import RecordOut

        thread = client.send(thread_calls.thread(args.name)).id
        path, last = thread_calls.watch_path(thread, -1 if args.since is None else args.since), ""
        while True:
            with client.watch(path, last) as events:
                for event in events:
                    last = event.id or last
                    if event.name == "record.created":
                        sent = event.data["record"]
                        _show_event(args, reading.document(RecordOut, sent), sent)
                    elif event.name == "server_shutdown":
                        raise DaemonUnreachable("the daemon is stopping", "watch again after its restart")
                    elif event.name == "error":
                        break  # too slow to keep up; the last id says where to continue


def _show_event(args: Namespace, record: RecordOut, document: dict[str, Any]) -> None:
    if is_json(args):
        print_json_line(document)
    else:
        say(thread_text.record_line(record))
