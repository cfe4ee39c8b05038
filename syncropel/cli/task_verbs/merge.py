"""`spl task merge`: has the branches of finished subtasks merged, and says step by step what comes of it."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import UsageError, add_verb, index
from syncropel.cli.support.terminal import complain, is_json, print_json, say, tell
from syncropel.settings.home import actor_from

if TYPE_CHECKING:
    from syncropel.client import Client
    from syncropel.wire import MergeOut

_POLL_SECS: Final = 0.3


def configure(group: Any) -> None:
    """Add the verb to `spl task`."""
    verb = add_verb(
        group,
        "merge",
        "merge the branches of accepted subtasks",
        epilog="The instance that has the branches merges them one after the other, and runs the gate of\n"
        "the repository on the result. The target is moved once, at the end: a conflict, a gate\n"
        "that fails, or a freeze leaves it as it was. Exits with 1 unless all of it was merged.",
    )
    verb.add_argument("name", metavar="NAME", help="a task's alias or thread")
    verb.add_argument(
        "subtasks",
        type=index,
        nargs="*",
        default=[],
        metavar="N",
        help="which subtasks (default: all that are accepted and have a branch)",
    )
    verb.add_argument(
        "--into",
        default="",
        metavar="BRANCH",
        help="the branch to merge into (default: the repository's base, or what it has checked out)",
    )
    how = verb.add_mutually_exclusive_group()
    how.add_argument(
        "--squash",
        dest="mode",
        action="store_const",
        const="squash",
        default="merge",
        help="one commit for each branch, without its history (default: a merge commit)",
    )
    how.add_argument(
        "--ff-only",
        dest="mode",
        action="store_const",
        const="ff-only",
        help="no new commits: refuse what cannot be fast-forwarded",
    )
    verb.add_argument("--dry-run", action="store_true", help="say what would come of it, and move nothing")
    verb.add_argument("--no-wait", action="store_true", help="do not wait for the end")
    verb.add_argument("--status", action="store_true", help="merge nothing: show the merges so far")
    verb.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Ask, then follow; or show what was asked before."""
    if args.status and (args.subtasks or args.into or args.dry_run or args.no_wait or args.mode != "merge"):
        raise UsageError("--status merges nothing", "leave the other flags and the subtasks out")
    from syncropel.client import merge_calls

    with connect(args) as client:
        if args.status:
            return _show(args, client)
        asked = merge_calls.merge(
            args.name,
            args.subtasks,
            actor_from(os.environ),
            into=args.into,
            mode=args.mode,
            dry_run=args.dry_run,
        )
        return _follow(args, client, client.send(asked))


def _show(args: Namespace, client: Client) -> int:
    from syncropel.cli.text import merge as text
    from syncropel.client import merge_calls

    found = client.send(merge_calls.merges(args.name))
    if is_json(args):
        print_json(found)
    else:
        say(*[text.merge_line(one) for one in found.data] or [f"{args.name} has no merges"])
    return 0


def _follow(args: Namespace, client: Client, merge: MergeOut) -> int:
    from syncropel.cli.text import merge as text
    from syncropel.client import merge_calls, merge_text

    if not is_json(args):
        say(text.begun_line(args.name, merge))
    if args.no_wait:
        if is_json(args):
            print_json(merge)
        else:
            say(f"  Watch progress: spl task merge {args.name} --status")
        return 0
    told = 0
    try:
        while True:
            if not is_json(args):
                say(*(f"  {words}" for step in merge.steps[told:] if (words := merge_text.step_words(step))))
            told = len(merge.steps)
            if merge_text.is_over(merge):
                break
            time.sleep(_POLL_SECS)
            found = client.send(merge_calls.merges(args.name)).data
            merge = next((one for one in found if one.id == merge.id), merge)
    except KeyboardInterrupt:
        complain("it continues without you", f"see: spl task merge {args.name} --status")
        raise
    if is_json(args):
        print_json(merge)
    else:
        say(*text.end_lines(merge))
    if todo := merge_text.advice(args.name, merge):
        tell(merge_text.left_words(merge), "\n".join(todo))
    return 0 if merge_text.is_fine(merge) else 1
