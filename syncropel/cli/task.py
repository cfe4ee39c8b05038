"""`spl task`: create tasks, fan them out, and follow them."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import (
    Parser,
    UsageError,
    add_verb,
    amount,
    index,
    money,
    positive,
    verbs,
)
from syncropel.cli.support.terminal import complain, is_json, print_json, say
from syncropel.cli.task_verbs import (
    answering,
    diagnosis,
    diff,
    dispatching,
    listing,
    merge,
    output,
    review,
    saying,
    task_records,
)
from syncropel.cli.task_verbs.subtask import parse_subtasks
from syncropel.cli.task_verbs.task_body import NAME as DECLARED_UNDER
from syncropel.cli.task_verbs.task_body import Declared, read_declared
from syncropel.cli.task_verbs.task_file import remember_alias, task_file_path, write_task_file
from syncropel.cli.text import explain as explain_text
from syncropel.cli.text import task as task_text
from syncropel.settings.home import actor_from, data_dir_from
from syncropel.wire.joins import SHORTHANDS


def configure(parser: Parser) -> None:
    group = verbs(parser)
    _configure_add(group)
    _configure_fan_out(group)
    _configure_dispatch(group)
    for name, summary, run in (
        ("join-status", "show how a fan-out is: each subtask, and whether it has joined", run_join_status),
        ("show", "show one task", run_show),
    ):
        _named(add_verb(group, name, summary)).set_defaults(run=run)
    speedup = _named(add_verb(group, "speedup", "compare a fan-out's wall time with a serial run"))
    speedup.add_argument(
        "--vs-serial", metavar="THREAD", help="a task that did the same work serially, to compare with"
    )
    speedup.set_defaults(run=run_speedup)
    retry = _named(add_verb(group, "retry", "run one subtask again"))
    retry.add_argument("--subtask", type=index, metavar="N", required=True, help="its index, from 0")
    retry.add_argument("--hint", metavar="TEXT", help="what the next attempt should know")
    retry.add_argument(
        "--target",
        metavar="TARGET",
        help="where it runs from now on, such as worker-b or least-loaded-worker",
    )
    retry.add_argument("--budget", type=money, metavar="USD", help="what each attempt may cost from now on")
    retry.add_argument("--model", metavar="NAME", help="one of the models that its adapter allows")
    retry.add_argument(
        "--resume", action="store_true", help="refuse, with the reason, unless its agent's session can go on"
    )
    dispatching.add_allow_unknown(retry)
    retry.set_defaults(run=run_retry)
    amend = _named(
        add_verb(
            group, "amend", "change a running fan-out's budget or join, or when child threads close a task"
        )
    )
    change = amend.add_mutually_exclusive_group(required=True)
    change.add_argument("--budget", type=money, metavar="USD", help="what all subtasks together may cost")
    change.add_argument("--join", metavar="EXPR", help=f"{SHORTHANDS}, or CEL over children")
    amend.add_argument("--reason", metavar="TEXT", help="why, for the log")
    amend.set_defaults(run=run_amend)
    what_if = _named(add_verb(group, "what-if", "show when it would have joined with another predicate"))
    what_if.add_argument("--join", required=True, metavar="EXPR", help=f"{SHORTHANDS}, or CEL")
    what_if.set_defaults(run=run_what_if)
    listing.configure(group)
    diagnosis.configure(group)
    output.configure(group)
    diff.configure(group)
    merge.configure(group)
    review.configure(group)
    task_records.configure(group)
    answering.configure(group)
    saying.configure(group)


def _configure_add(group: Any) -> None:
    add = add_verb(group, "add", "create a task")
    add.add_argument("goal", help="what is to be done")
    add.add_argument("--alias", help="a short name, such as TUT-001")
    add.add_argument(
        "--priority", choices=("high", "medium", "low"), default="medium", help="how urgent it is"
    )
    add.add_argument("--domain", default="", help="the field of work, such as docs")
    add.add_argument("--hypothesis", default="", help="what the work is to show")
    add.add_argument(
        "--criteria",
        action="append",
        default=[],
        metavar="TEXT",
        help="a success criterion; repeat it for more",
    )
    add.add_argument("--labels", default="", metavar="A,B", help="labels, separated by commas")
    add.add_argument("--assignee", default="", help="the actor who is to do it")
    add.add_argument("--namespace", help="the namespace (default: the parent's, or `default`)")
    add.add_argument(
        "--parent", metavar="NAME[:N]", help="the task, or its subtask N, that this task is a part of"
    )
    add.add_argument(
        "--join",
        metavar="EXPR",
        help=f"when its child threads close it: {SHORTHANDS}, or CEL over children",
    )
    add.add_argument(
        "--body",
        metavar="FILE",
        help="begin the task's file with the text of this one; fan-out reads its section `## Subtasks`",
    )
    add.set_defaults(run=run_add)


def _configure_fan_out(group: Any) -> None:
    fan_out = _named(
        add_verb(
            group,
            "fan-out",
            "split a task into subtasks that run on workers",
            epilog="A subtask: goal=…,target=…[,budget=0.50][,timeout=300][,depends=0+1][,adapter=bash]\n"
            "A target: worker-<alias>, specific:<did>, least-loaded-worker or round-robin\n"
            'A value with a comma in it is quoted: goal="this, then that",target=worker-a',
        )
    )
    fan_out.add_argument(
        "--subtask", action="append", default=[], metavar="SPEC", help="one subtask; repeat it for more"
    )
    fan_out.add_argument(
        "--body",
        metavar="FILE",
        help="take the subtasks from this file (default: the task's own file)",
    )
    fan_out.add_argument(
        "--join", help=f"when it joins: {SHORTHANDS}, or CEL over children and parent (default: all)"
    )
    dispatching.add_allow_unknown(fan_out)
    fan_out.add_argument("--namespace", help="the namespace (default: the task's)")
    fan_out.add_argument("--budget", type=money, metavar="USD", help="what all subtasks together may cost")
    fan_out.add_argument(
        "--may-add",
        type=amount,
        metavar="N",
        help="how many subtasks its agents may add in all (default: none)",
    )
    fan_out.add_argument(
        "--add-depth",
        type=positive,
        metavar="N",
        help="how deep: with 1, a subtask that an agent added adds none (default: 1)",
    )
    fan_out.set_defaults(run=run_fan_out)


def _configure_dispatch(group: Any) -> None:
    dispatch = _named(add_verb(group, "dispatch", "give a whole task to one instance, also one that failed"))
    dispatch.add_argument(
        "--goal", metavar="TEXT", help="the goal for the instance (default: the task's goal)"
    )
    dispatch.add_argument("--hint", metavar="TEXT", help="what the next attempt should know")
    dispatch.add_argument(
        "--wait", action="store_true", help="wait for its end; exit 1 unless it is accepted"
    )
    dispatching.add_flags(dispatch)
    dispatch.set_defaults(run=run_dispatch)


def _named(parser: Parser) -> Parser:
    parser.add_argument("name", metavar="NAME", help="a task's alias or thread")
    return parser


def run_add(args: Namespace) -> int:
    fields = {
        "goal": args.goal,
        "alias": args.alias,
        "priority": args.priority,
        "domain": args.domain,
        "labels": [label.strip() for label in args.labels.split(",") if label.strip()],
        "hypothesis": args.hypothesis,
        "criteria": args.criteria,
        "assignee": args.assignee,
        "join": args.join,
        "namespace": args.namespace,
        "parent": args.parent,
        "actor": actor_from(os.environ),
    }
    if not args.goal.strip():
        raise UsageError("the goal is empty", 'for example: spl task add "Write the docs" --alias DOC-1')
    body = _checked_body(args.body) if args.body else None
    with connect(args) as client:
        from syncropel.client import calls

        # An empty namespace is a mistake, such as an unset variable, and is reported.
        given = {key: value for key, value in fields.items() if value or (key, value) == ("namespace", "")}
        task = client.send(calls.create_task(given))
    if is_json(args):
        print_json(task)
    else:
        say(*task_text.created_lines(task))
    folder = data_dir_from(os.environ)
    try:
        write_task_file(folder, task, body)
        remember_alias(folder, task.alias, task.thread)
    except (OSError, ValueError) as error:
        complain(f"warning: the task's file was not written: {error}")
    return 0


def _checked_body(name: str) -> str:
    """The text of a body file; its declared subtasks, if any, are checked."""
    path = Path(name)
    read_declared(path)
    return path.read_text(encoding="utf-8")


def _declared(args: Namespace) -> Declared:
    """The subtasks of a fan-out: from its flags, or else from a file."""
    if args.subtask:
        return Declared(parse_subtasks(args.subtask))
    path = Path(args.body) if args.body else task_file_path(data_dir_from(os.environ), args.name)
    found = read_declared(path) if path is not None and (args.body or path.is_file()) else Declared([])
    if not found.subtasks:
        where = f"; {path} declares none under ## {DECLARED_UNDER}" if path is not None else ""
        raise UsageError(
            f"a fan-out needs at least one --subtask{where}",
            'for example: --subtask "goal=…,target=worker-a"',
        )
    return found


def run_fan_out(args: Namespace) -> int:
    if args.add_depth is not None and not args.may_add:
        raise UsageError("--add-depth has no effect without --may-add", "say how many: --may-add 5")
    found = _declared(args)
    join = args.join or found.join or "all"
    spec = {
        "subtasks": found.subtasks,
        "join": join,
        "namespace": args.namespace,
        "budget_usd": args.budget,
        "may_add": args.may_add,
        "add_depth": args.add_depth,
        "actor": actor_from(os.environ),
        "allow_unknown": args.allow_unknown or None,
    }
    with connect(args) as client:
        from syncropel.client import calls

        given = {key: value for key, value in spec.items() if value is not None}
        record = client.send(calls.fan_out(args.name, given))
        status = client.send(calls.join(args.name)) if args.allow_unknown else None
    if is_json(args):
        print_json(record)
    else:
        say(*task_text.fan_out_lines(args.name, record.thread, record.id, len(found.subtasks), join))
    for child in status.subtasks if status is not None else ():
        if child.instance is None and child.why:
            complain(f"warning: [{child.index}] waits: {child.why}")
    return 0


def run_dispatch(args: Namespace) -> int:
    path = task_file_path(data_dir_from(os.environ), args.name)
    content = str(path) if path is not None and path.is_file() else None
    asked = {"task": args.name, "goal": args.goal, "hint": args.hint, "content": content}
    return dispatching.dispatch(
        args, {**asked, **dispatching.asked(args)}, wait=args.wait or args.wait_secs is not None
    )


def run_join_status(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        status = client.send(calls.join(args.name))
    if is_json(args):
        print_json(status)
    else:
        say(*task_text.join_lines(status))
    return 0


def run_show(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        task = client.send(calls.task(args.name))
    if is_json(args):
        print_json(task)
    else:
        say(*task_text.task_lines(task))
    return 0


def run_speedup(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        report = client.send(calls.speedup(args.name, args.vs_serial))
    if is_json(args):
        print_json(report)
    else:
        say(*task_text.speedup_lines(report))
    return 0


def run_what_if(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import explain_calls

        told = client.send(explain_calls.what_if(args.name, args.join))
    if is_json(args):
        print_json(told)
    else:
        say(*explain_text.what_if_lines(told))
    return 0


def run_retry(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        record = client.send(
            calls.retry(
                args.name,
                args.subtask,
                actor_from(os.environ),
                args.hint,
                args.target,
                args.budget,
                model=args.model,
                resume=args.resume,
                allow_unknown=args.allow_unknown,
            )
        )
        status = client.send(calls.join(args.name))
    if is_json(args):
        print_json(record)
    else:
        say(*task_text.retry_lines(args.name, record.thread, args.subtask, status))
    return 0


def run_amend(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        actor = actor_from(os.environ)
        record = client.send(
            calls.amend(args.name, actor, budget_usd=args.budget, join=args.join, reason=args.reason)
        )
        task = client.send(calls.task(args.name))
        status = client.send(calls.join(args.name)) if task.children_join is None else None
    if is_json(args):
        print_json(record)
    elif status is None:
        say(f"◇ Join of {task.thread} is now: {args.join}")
    else:
        say(*task_text.amended_lines(args.name, status, args.budget is not None))
    return 0
