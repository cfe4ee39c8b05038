"""`spl records`: the whole log, to list, search, and follow; and one record in full."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support import following
from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, UsageError, add_limit, add_list_verb, add_verb, index, verbs
from syncropel.cli.support.progress import Progress
from syncropel.cli.support.terminal import is_json, print_json, print_json_line, say
from syncropel.cli.text import thread as thread_text
from syncropel.errors import InvalidRecord
from syncropel.record.canonical import parse_json

if TYPE_CHECKING:
    from syncropel.wire import QueryProgress, RecordOut

PAGE: Final = 1000
"""Records that a daemon returns at once."""
MAX_OFFSET: Final = 10_000
"""Matches that a daemon skips at most."""


def configure(parser: Parser) -> None:
    group = verbs(parser)
    listing = add_list_verb(group, "list", "list records in the order in which they arrived", ["id"])
    _filters(listing)
    add_limit(listing)
    listing.set_defaults(run=run_list)
    query = add_verb(group, "query", "search the log with a filter document")
    query.add_argument(
        "filter", metavar="FILTER", help='such as \'{"body.cost_usd": {"$gt": 1}}\'; - reads it from stdin'
    )
    query.add_argument(
        "--sort",
        action="append",
        default=[],
        metavar="PATH",
        help="sort by this column or body path; repeat it for more (default: sequence)",
    )
    query.add_argument("--desc", action="store_true", help="highest first")
    add_limit(query)
    query.add_argument(
        "--offset", type=index, metavar="N", default=0, help="skip the first N, at most 10,000"
    )
    query.add_argument("--explain", action="store_true", help="say on stderr how many records were looked at")
    query.set_defaults(run=run_query)
    watch = add_verb(group, "watch", "follow the log: each new record, until Ctrl-C")
    _filters(watch)
    watch.set_defaults(run=run_watch)
    show = add_verb(group, "show", "show one record in full")
    show.add_argument("id", metavar="ID", help="the record's id")
    show.set_defaults(run=run_show)


def _filters(parser: Parser) -> None:
    parser.add_argument(
        "--since", type=index, metavar="SEQUENCE", help="only records after this place in the log"
    )
    parser.add_argument("--actor", metavar="DID", help="only records of this actor")
    parser.add_argument("--act", metavar="ACT", help="only this act, such as INTEND or KNOW")
    parser.add_argument("--topic", metavar="TOPIC", help="only records with this topic in their body")


def run_list(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        since = args.since
        wanted = {"actor": args.actor, "act": args.act, "topic": args.topic}
        if since is None and not any(wanted.values()):
            since = max(0, client.send(calls.health()).records - args.limit)
        found: list[RecordOut] = []
        while len(found) < args.limit:
            page = client.send(calls.records(since=since, limit=min(args.limit - len(found), PAGE), **wanted))
            found += page.data
            since = page.next_cursor
            if since is None:
                break
    if is_json(args):
        data = [one.model_dump(mode="json") for one in found]
        print_json({"object": "list", "data": data, "next_cursor": since})
    else:
        say(*map(record_line, found))
    return 0


def run_query(args: Namespace) -> int:
    paths = args.sort or (["sequence"] if args.desc else [])
    document: dict[str, Any] = {
        "filter": _filter_document(sys.stdin.read() if args.filter == "-" else args.filter),
        "sort": [f"-{path}" if args.desc else path for path in paths],
        "limit": min(args.limit, PAGE),
        "offset": args.offset,
        "explain": args.explain,
    }
    found: list[RecordOut] = []
    examined = 0
    with connect(args) as client, Progress() as progress:
        from syncropel.client import calls

        while True:
            page = client.send(calls.query_records(document))
            progress.clear()
            found += page.data
            examined += page.plan.examined if page.plan is not None else 0
            if not is_json(args):
                say(*map(record_line, page.data))
            if page.next_cursor is None or len(found) >= args.limit:
                break
            if page.progress is not None:
                progress.show(_looked(page.progress, len(found)))
            left = min(args.limit - len(found), PAGE)
            document |= {"cursor": page.next_cursor, "offset": 0, "limit": left}
    plan = page.plan.model_copy(update={"examined": examined}) if page.plan is not None else None
    if is_json(args):
        print_json(page.model_copy(update={"data": found, "plan": plan}))
        return 0
    if plan is not None:
        where = f"on {plan.thread}" if plan.walked == "thread" else f"in the log after #{plan.after}"
        say(f"records looked at: {plan.examined}, {where}", stream=sys.stderr)
    if page.next_cursor is not None or page.next_offset is not None:
        may = "there may be more" if page.stopped_for == "time" else "there are more"
        following = args.offset + len(found)
        how = f"--offset {following}" if following <= MAX_OFFSET else "raise --limit"
        say(f"{may}: {how}", stream=sys.stderr)
    return 0


def _looked(progress: QueryProgress, found: int) -> str:
    behind, ahead = map(_count, (progress.looked_at, progress.to_look_at))
    return f"looked at {behind} of {ahead} records, {found:,} found"


def _count(number: int) -> str:
    return f"{number / 1e6:.1f} M" if number >= 1_000_000 else f"{number:,}"


def _filter_document(text: str) -> Any:
    try:
        return parse_json(text)
    except InvalidRecord as error:
        raise UsageError(f"FILTER: {error.message}", """try '{"act": "KNOW"}'""") from None


def run_watch(args: Namespace) -> int:
    from syncropel.cli.support.connect import import_client

    import_client()
    from syncropel.client import reading
    from syncropel.wire import RecordOut

    path = "/v1/records/watch" if args.since is None else f"/v1/records/watch?since={args.since}"
    for event in following.events(args, path):
        if event.name != "record.created":
            continue
        document = event.data["record"]
        if not _wanted(args, document):
            continue
        if is_json(args):
            print_json_line(document)
        else:
            say(record_line(reading.document(RecordOut, document)))
    return 0


def _wanted(args: Namespace, record: dict[str, Any]) -> bool:
    told = {"actor": record["actor"], "act": record["act"], "topic": record["body"].get("topic")}
    return all(getattr(args, name) in (None, value) for name, value in told.items())


def run_show(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        record = client.send(calls.record(args.id))
    if is_json(args):
        print_json(record)
        return 0
    say(
        f"Record: {record.id}",
        f"  Act: {record.act}",
        f"  Thread: {record.thread}",
        f"  Actor: {record.actor}",
        f"  Clock: {record.clock}",
        *(f"  Parent: {parent}" for parent in record.parents),
        f"  Data type: {record.data_type}",
        *([f"  Judged by: {record.judged_by}"] if record.judged_by else []),
        f"  Sequence: {record.sequence}",
        f"  Received: {thread_text.when(record.received_at)}",
        "  Body:",
        *(f"    {line}" for line in json.dumps(record.body, ensure_ascii=False, indent=2).splitlines()),
    )
    return 0


def record_line(record: RecordOut) -> str:
    """A record of the whole log in one line: its position and thread, then as in its thread."""
    return f"#{record.sequence}  {record.thread}  {thread_text.record_line(record).strip()}"
