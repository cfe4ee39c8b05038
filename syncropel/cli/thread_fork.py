"""`spl thread fork`: make a thread the child of another one, optionally with work to run."""

from __future__ import annotations

import os
import secrets
import time
from argparse import Namespace
from typing import Any

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import UsageError, add_verb, money
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.record.threads import fork_thread
from syncropel.settings.home import actor_from


def configure(group: Any) -> None:
    """Add the verb to `spl thread`."""
    fork = add_verb(
        group,
        "fork",
        "make a thread a child of this one",
        epilog="With --goal and --target its work is given to an instance, as by spl task dispatch;\n"
        "without them the parent is told what the child comes to, whoever works on it.",
    )
    fork.add_argument("name", metavar="PARENT", help="the parent: a thread's id, or its task's alias")
    fork.add_argument("--child", metavar="THREAD", help="the child's id, th_… (default: a new one)")
    fork.add_argument("--goal", metavar="TEXT", help="what is to be done")
    fork.add_argument("--target", metavar="TARGET", help="where, such as worker-a or least-loaded-worker")
    fork.add_argument("--adapter", metavar="NAME", help="the adapter (default: the worker's own)")
    fork.add_argument("--timeout", type=float, metavar="SECS", help="the time limit")
    fork.add_argument("--budget", type=money, metavar="USD", help="what each attempt may cost")
    fork.add_argument("--alias", metavar="NAME", help="a short name for the child's task")
    fork.set_defaults(run=run)


def run(args: Namespace) -> int:
    if args.target and not args.goal:
        raise UsageError("--target needs a goal", "say what is to be done: --goal TEXT")
    work = {
        "goal": args.goal,
        "target": args.target,
        "adapter": args.adapter,
        "timeout_secs": args.timeout,
        "budget_usd": args.budget,
        "alias": args.alias,
    }
    with connect(args) as client:
        from syncropel.client import task_records, thread_calls

        parent = client.send(thread_calls.thread(args.name)).id
        child = args.child or fork_thread(parent, secrets.token_hex(16))
        made = task_records.fork(parent, child, work, actor=actor_from(os.environ), at=time.time())
        record = client.send(made)
    if is_json(args):
        print_json(record)
        return 0
    runs = args.goal and args.target
    say(
        f"◇ Forked {child}",
        f"  parent: {parent}",
        f"  record: {record.id}",
        f"  work: {args.goal} → {args.target}" if runs else "  work: none, the child is watched",
        f"  See its state: spl thread show {args.name}",
    )
    return 0
