"""`spl debug`: the past of threads, as text. The console's Threads screen shows the same."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, UsageError, add_verb, positive, verbs
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.cli.text import replay as replay_text

if TYPE_CHECKING:
    from syncropel.client import Client
    from syncropel.wire.replay import ReplayFrame, ReplayPage

PAGE = 200


def configure(parser: Parser) -> None:
    group = verbs(parser)
    replay = add_verb(group, "replay", "walk through the records of a thread, with what each changed")
    replay.add_argument("name", metavar="THREAD", help="a thread's id, or its task's alias")
    replay.add_argument(
        "--from", dest="first", type=positive, metavar="N", default=1, help="begin at record N"
    )
    replay.add_argument("--to", dest="last", type=positive, metavar="N", help="end with record N")
    replay.add_argument("--changes", action="store_true", help="only records that change the status")
    replay.set_defaults(run=run_replay)
    diff = add_verb(group, "thread-diff", "compare two threads step by step")
    diff.add_argument("left", metavar="A", help="a thread's id, or its task's alias")
    diff.add_argument("right", metavar="B", help="the other")
    diff.add_argument("--whole", action="store_true", help="also show the steps that are the same")
    diff.set_defaults(run=run_diff)


def run_replay(args: Namespace) -> int:
    if args.last is not None and args.last < args.first:
        raise UsageError(f"--to {args.last} is before --from {args.first}", "give the smaller number first")
    with connect(args) as client:
        pages = _pages(client, args)
        first = next(pages)
        if is_json(args):
            frames = [*_wanted(args, first), *(frame for page in pages for frame in _wanted(args, page))]
            data = [frame.model_dump(mode="json") for frame in frames]
            thread = first.thread.model_dump(mode="json")
            print_json({"object": "list", "thread": thread, "total": first.total, "data": data})
            return 0
        say(*replay_text.head_lines(first))
        broken = 0
        for page in (first, *pages):
            for frame in _wanted(args, page):
                broken += not frame.hash_ok
                say(*replay_text.frame_lines(frame))
    if broken:
        say(*replay_text.broken_lines(broken))
        return 1
    return 0


def _pages(client: Client, args: Namespace) -> Iterator[ReplayPage]:
    from syncropel.client import thread_calls

    since: int | None = args.first - 1
    while since is not None:
        wanted = PAGE if args.last is None else min(PAGE, args.last - since)
        page = client.send(thread_calls.replay(args.name, since=since, limit=wanted))
        yield page
        since = page.next_cursor if args.last is None or (page.next_cursor or 0) < args.last else None


def _wanted(args: Namespace, page: ReplayPage) -> list[ReplayFrame]:
    if not args.changes:
        return page.data
    return [frame for frame in page.data if frame.status_before != frame.status_after]


def run_diff(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import thread_calls

        diff = client.send(thread_calls.thread_diff(args.left, args.right))
        rows, cursor = list(diff.rows), diff.next_cursor
        while cursor is not None:
            page = client.send(thread_calls.thread_diff(args.left, args.right, since=cursor))
            rows += page.rows
            cursor = page.next_cursor
    diff = diff.model_copy(update={"rows": rows, "next_cursor": None})
    if is_json(args):
        print_json(diff)
    else:
        say(*replay_text.diff_lines(diff, whole=args.whole))
    return 0
