"""Giving one goal to one instance, and waiting for what becomes of it: `spl run`, `spl task dispatch`."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli import task_text
from syncropel.cli.connect import connect
from syncropel.cli.parsing import Parser, money, positive
from syncropel.cli.terminal import complain, is_json, print_json, say
from syncropel.settings import actor_from

if TYPE_CHECKING:
    from syncropel.api.schema import ChildOut, Dispatched, JoinStatus
    from syncropel.client import Client

_POLL_SECS: Final = 0.3


def add_flags(parser: Parser) -> None:
    """The flags that say where and within which limits."""
    parser.add_argument(
        "--target", metavar="TARGET", help="an instance's alias or DID (default: the least loaded worker)"
    )
    parser.add_argument("--adapter", metavar="NAME", help="such as bash (default: the instance's own)")
    parser.add_argument("--budget", type=money, metavar="USD", help="what it may cost")
    parser.add_argument("--timeout", type=positive, metavar="SECS", help="how long it may take")
    parser.add_argument("--namespace", help="what a freeze of it would cover")
    parser.add_argument(
        "--wait-secs", type=positive, metavar="SECS", help="wait no longer than this for its end"
    )


def asked(args: Namespace) -> dict[str, Any]:
    """What `add_flags` took, as the API wants it."""
    return {
        "target": args.target,
        "adapter": args.adapter,
        "budget_usd": args.budget,
        "timeout_secs": args.timeout,
        "namespace": args.namespace,
        "actor": actor_from(os.environ),
    }


def dispatch(args: Namespace, request: Mapping[str, Any], *, wait: bool) -> int:
    """Ask for it and print it; with `wait` also its end.

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
            status, ended = _ended(client, made, args.wait_secs)
        except KeyboardInterrupt:
            complain("it goes on without you", f"see: spl task join-status {made.alias}")
            raise
    child = status.subtasks[0]
    if is_json(args):
        print_json(status)
    elif ended:
        say(*task_text.ended_lines(child))
    return 0 if ended and child.verdict == "accept" else 1


def _ended(client: Client, made: Dispatched, patience: int | None) -> tuple[JoinStatus, bool]:
    """The join once the attempt, or a later one, has a result; why it does not begin is said meanwhile.

    After `patience` seconds the join as it stands, and False.
    """
    from syncropel.client import calls

    said = ""
    until = None if patience is None else time.monotonic() + patience
    while True:
        status = client.send(calls.join(made.thread))
        child = status.subtasks[0]
        if child.attempt >= made.attempt and child.verdict is not None:
            return status, True
        if until is not None and time.monotonic() >= until:
            complain(
                f"{made.alias} has not ended after {patience}s: {_stands(child)}",
                f"it goes on without you, see: spl task join-status {made.alias}\n"
                f"or end it: spl task cancel {made.alias}",
            )
            return status, False
        if child.state in ("pending", "blocked") and child.why not in ("", said):
            said = child.why
            complain(f"waiting: {said}")
        time.sleep(_POLL_SECS)


def _stands(child: ChildOut) -> str:
    if child.state == "in_progress":
        return f"it runs on {child.instance_alias or child.instance}"
    return child.why or f"it is {child.state}"
