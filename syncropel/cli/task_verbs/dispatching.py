"""Gives one goal to one instance, and waits for its result: `spl run`, `spl task dispatch`."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, money, positive
from syncropel.cli.support.terminal import complain, is_json, print_json, say
from syncropel.cli.support.waiting import Waiting
from syncropel.cli.text import task as task_text
from syncropel.settings.home import actor_from


def add_flags(parser: Parser) -> None:
    """Add the flags for target and limits."""
    parser.add_argument(
        "--target",
        metavar="TARGET",
        help="an instance's alias or DID, least-loaded-worker or round-robin "
        "(default: the least loaded worker, or this instance when no worker is live)",
    )
    add_allow_unknown(parser)
    parser.add_argument(
        "--adapter", metavar="NAME", help="the adapter, such as bash (default: the instance's own)"
    )
    parser.add_argument("--model", metavar="NAME", help="one of the models that the instance allows for it")
    parser.add_argument(
        "--repo",
        metavar="NAME",
        help="work in a git worktree of this repository of the worker's [workspace.repos]",
    )
    parser.add_argument("--budget", type=money, metavar="USD", help="what each attempt may cost")
    parser.add_argument("--timeout", type=positive, metavar="SECS", help="the time limit")
    parser.add_argument("--namespace", help="the namespace (default: the task's)")
    parser.add_argument(
        "--wait-secs",
        type=positive,
        metavar="SECS",
        help="wait no longer than this; then exit 1, and the task goes on",
    )


def add_allow_unknown(parser: Parser) -> None:
    parser.add_argument(
        "--allow-unknown",
        action="store_true",
        help="accept a target that has never joined this fleet or lacks the adapter, and wait for it",
    )


def asked(args: Namespace) -> dict[str, Any]:
    """The values of `add_flags`, in the API's form."""
    return {
        "target": args.target,
        "adapter": args.adapter,
        "model": args.model,
        "repo": args.repo,
        "budget_usd": args.budget,
        "timeout_secs": args.timeout,
        "namespace": args.namespace,
        "allow_unknown": args.allow_unknown or None,
        "actor": actor_from(os.environ),
    }


def dispatch(args: Namespace, request: Mapping[str, Any], *, wait: bool) -> int:
    """Send the request and print it; with `wait` also its result.

    Exits 1 when that is not an accept, or has not come within `--wait-secs`.
    """
    with connect(args) as client:
        from syncropel.client import calls

        given = {key: value for key, value in request.items() if value is not None}
        made = client.send(calls.dispatch(given))
        if not is_json(args):
            say(*task_text.dispatched_lines(made))
        if not wait:
            if is_json(args):
                print_json(made)
            return 0
        try:
            status, ended = Waiting(client, made, args.wait_secs).end()
        except KeyboardInterrupt:
            complain("it continues without you", f"see: spl task join-status {made.alias}")
            raise
    child = status.subtasks[0]
    if is_json(args):
        print_json(status)
    elif ended:
        say(*task_text.ended_lines(child))
    return 0 if ended and child.verdict == "accept" else 1
