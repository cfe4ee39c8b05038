"""`spl run`: run one goal on an instance, and wait for it."""

from __future__ import annotations

from argparse import Namespace

from syncropel.cli.support.parsing import Parser, UsageError, add_output, add_target
from syncropel.cli.task_verbs import dispatching


def configure(parser: Parser) -> None:
    add_target(parser)
    add_output(parser)
    parser.add_argument("goal", metavar="GOAL", help="what is to be done")
    parser.add_argument("--alias", help="a short name for its task (default: the next TASK-0001)")
    parser.add_argument("--domain", default="", help="the field of work, such as docs")
    dispatching.add_flags(parser)
    parser.add_argument("--detach", action="store_true", help="do not wait for its end")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    if not args.goal.strip():
        raise UsageError("the goal is empty", 'for example: spl run "make test" --adapter bash')
    if args.detach and args.wait_secs is not None:
        raise UsageError("--detach does not wait, and --wait-secs says for how long", "leave one of them out")
    request = {"goal": args.goal, "alias": args.alias, "domain": args.domain, **dispatching.asked(args)}
    return dispatching.dispatch(args, request, wait=not args.detach)
