"""`spl task list`: tasks, by status and labels."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import add_limit, add_list_verb
from syncropel.cli.support.selectors import Matches, parse_selector
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.cli.text import task as task_text

if TYPE_CHECKING:
    from syncropel.client import Client
    from syncropel.wire import Page, TaskSummary


def configure(group: Any) -> None:
    """Add the verb to `spl task`."""
    listing = add_list_verb(group, "list", "list tasks, the last changed first", ["alias", "thread"])
    listing.add_argument("--status", help="only tasks with this status, such as open or approved")
    listing.add_argument(
        "-l",
        "--selector",
        metavar="LABELS",
        default="",
        help="only tasks whose labels match, such as docs,!draft,team=web",
    )
    add_limit(listing)
    listing.set_defaults(run=run)


def run(args: Namespace) -> int:
    matches = parse_selector(args.selector) if args.selector else None
    with connect(args) as client:
        from syncropel.client import calls

        if matches is None:
            page = client.send(calls.tasks(status=args.status, limit=args.limit))
        else:
            page = _selected(client, args, matches)
    if is_json(args):
        print_json(page)
    else:
        say(*task_text.list_lines(page.data, page.next_cursor is not None))
    return 0


def _selected(client: Client, args: Namespace, matches: Matches) -> Page[TaskSummary]:
    """The first tasks whose labels match, from as many pages as that takes."""
    from syncropel.client import calls
    from syncropel.wire import Page, TaskSummary

    found: list[TaskSummary] = []
    before = None
    while True:
        page = client.send(calls.tasks(status=args.status, before=before))
        found += [one for one in page.data if matches(one.labels)]
        before = page.next_cursor
        if len(found) > args.limit:
            kept = found[: args.limit]
            return Page[TaskSummary](data=kept, next_cursor=kept[-1].revision)
        if before is None:
            return Page[TaskSummary](data=found)
