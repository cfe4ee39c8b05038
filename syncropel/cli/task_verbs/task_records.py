"""The `spl task` verbs that each write one record to the task's thread: its life cycle and its judgement."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import add_verb, index
from syncropel.cli.support.terminal import complain, is_json, print_json, say
from syncropel.cli.task_verbs import review
from syncropel.cli.task_verbs.uncommitted import refuse_uncommitted
from syncropel.errors import Conflict
from syncropel.settings.home import actor_from

if TYPE_CHECKING:
    from syncropel.client import Call, Client
    from syncropel.client.task_records import Attempt
    from syncropel.wire import ChildOut, PostedRecord, TaskDetail

WAIT_SECS: Final = 10.0
_POLL_SECS: Final = 0.1
STEPS: Final = {
    "start": "record that work has begun",
    "block": "record that the work cannot go on",
    "defer": "defer the task",
    "cancel": "cancel the task; its fan-out spawns nothing more",
    "fail": "record that the task failed",
    "reopen": "open the task again",
    "comment": "add a comment",
}
"""The steps of `client.task_records.STEPS`, which is not imported before a command runs."""
_NEEDS_WORDS: Final = ("block", "comment")
_FLAGS: Final = {"comment": "text"}
_MOST: Final = 5
VERDICTS: Final = {"approve": "accept", "reject": "reject"}


def configure(group: Any) -> None:
    """Add the verbs to `spl task`."""
    for name, summary in STEPS.items():
        verb = _named(add_verb(group, name, summary))
        flag, required = _FLAGS.get(name, "reason"), name in _NEEDS_WORDS
        told = "the comment" if name == "comment" else "why, for the log"
        verb.add_argument(f"--{flag}", dest="words", metavar="TEXT", default="", required=required, help=told)
        if name == "cancel":
            verb.add_argument("--end", action="store_true", help="end running subtasks, too")
        verb.set_defaults(run=run_step, step=name, end=False)
    done = _named(add_verb(group, "done", "record that the work is done and can be judged"))
    done.add_argument("--summary", metavar="TEXT", default="", help="what was done")
    done.add_argument("--domain", default="", help="the field of work, such as docs")
    done.add_argument("--force", action="store_true", help="skip the check for uncommitted changes")
    done.set_defaults(run=run_done)
    for name, verdict in VERDICTS.items():
        judge = _named(add_verb(group, name, f"judge the work, or one attempt at a subtask: {verdict}"))
        review.add_flags(judge, name)
        judge.add_argument("--notes", metavar="TEXT", default="", help="why")
        judge.add_argument("--domain", default="", help="the field of work, such as docs")
        judge.add_argument(
            "--subtask",
            type=index,
            metavar="N",
            help="the subtask that waits for your decision",
        )
        judge.set_defaults(run=run_judge, judgement=name)
    stop = _named(add_verb(group, "stop", "end a subtask that is in flight; its verdict is terminated"))
    stop.add_argument("--subtask", type=index, metavar="N", required=True, help="its index, from 0")
    stop.add_argument("--reason", metavar="WORD", default="", help="why, in a word (default: stopped)")
    stop.add_argument(
        "--wait",
        type=float,
        default=WAIT_SECS,
        metavar="SECS",
        help="how long to wait for its end",
    )
    stop.set_defaults(run=run_stop)


def _named(verb: Any) -> Any:
    verb.add_argument("name", metavar="NAME", help="a task's alias or thread")
    return verb


def run_step(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls, task_records

        task = client.send(calls.task(args.name))
        code = 0
        if not (args.end and task.status == "cancelled"):  # there, only running work is to be ended
            made = task_records.step(task.thread, args.step, args.words, **_signature())
            code = _send(args, client, task, made, task_records.STEPS[args.step].said)
        if args.step == "cancel" and task.subtasks:
            _tell_or_end(args, client, args.name)
        return code


def _tell_or_end(args: Namespace, client: Client, name: str) -> None:
    """Report what a cancelled fan-out is still running, and end it if requested."""
    from syncropel.client import calls, task_records

    join = client.send(calls.join(name))
    running = [one for one in join.subtasks if one.state == "in_progress"]
    if args.end:
        for one in running:
            attempt = task_records.running_attempt(join, one.index)
            client.send(task_records.stop(attempt, "cancelled", **_signature()))
    if running and not is_json(args):
        told = "is being ended" if args.end else "still runs"
        lines = [f"  [{one.index}] {told} on {one.instance_alias or one.instance}" for one in running[:_MOST]]
        lines += [f"  and {len(running) - _MOST} more"] if len(running) > _MOST else []
        say(*lines, *([] if args.end else [f"  end what runs: spl task cancel {name} --end"]))


def run_judge(args: Namespace) -> int:
    review.refuse_stray(args)
    if args.index is not None:
        return review.run_review(args, VERDICTS[args.judgement])
    with connect(args) as client:
        from syncropel.client import calls, task_records

        task = client.send(calls.task(args.name))
        said = task_records.VERDICTS[args.judgement][1]
        if args.subtask is not None:
            verdict, actor = VERDICTS[args.judgement], actor_from(os.environ)
            answer = calls.answer(args.name, args.subtask, verdict, actor, args.notes)
            return _send(args, client, task, answer, f"[{args.subtask}] {said}")
        made = task_records.judge(task.thread, args.judgement, args.notes, domain=args.domain, **_signature())
        return _send(args, client, task, made, said)


def run_done(args: Namespace) -> int:
    if args.force:
        complain("warning: --force: not checked for uncommitted changes in this folder")
    else:
        refuse_uncommitted(Path())
    with connect(args) as client:
        from syncropel.client import calls, task_records

        task = client.send(calls.task(args.name))
        opened_by = [
            record
            for record in client.send(calls.thread_records(task.thread, limit=100)).data
            if record.act == "INTEND" and record.body.get("task") is True
        ]
        if not opened_by:
            raise Conflict(f"{args.name} has no task INTEND to fulfil", f"see: spl task show {args.name}")
        made = task_records.done(
            task.thread, opened_by[0].id, args.summary, domain=args.domain, **_signature()
        )
        return _send(args, client, task, made, "done")


def run_stop(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls, task_records

        task = client.send(calls.task(args.name))
        join = client.send(calls.join(args.name))
        running = task_records.running_attempt(join, args.subtask)
        made = task_records.stop(running, args.reason, **_signature())
        _send(args, client, task, made, f"[{args.subtask}] is being stopped")
        ended = _wait_for_end(client, args.name, running, args.wait)
    if is_json(args) or ended is None or args.wait == 0:
        return 0
    return _tell_end(args, ended)


def _wait_for_end(client: Client, name: str, running: Attempt, secs: float) -> ChildOut | None:
    """The subtask once that attempt has a result; None when the wait is over first."""
    from syncropel.client import calls

    deadline = time.monotonic() + secs
    while time.monotonic() < deadline:
        found = client.send(calls.join(name)).subtasks
        child = next((one for one in found if one.index == running.index), None)
        if child is None or child.attempt != running.attempt or child.verdict is not None:
            return child
        time.sleep(_POLL_SECS)
    return None


def _tell_end(args: Namespace, child: ChildOut) -> int:
    told = f"[{child.index}] {child.verdict or child.state}"
    if "not proven empty" not in (child.summary or ""):
        say(f"  {told}")
        return 0
    complain(f"{told}: {child.summary}", f"see: spl task join-status {args.name}")
    return 1


def _signature() -> dict[str, Any]:
    return {"actor": actor_from(os.environ), "at": time.time()}


def _send(args: Namespace, client: Client, task: TaskDetail, made: Call[PostedRecord], said: str) -> int:
    record = client.send(made)
    if is_json(args):
        print_json(record)
    else:
        say(f"✓ {task.alias or task.thread} {said}", f"  record: {record.id}")
    return 0
