"""The `spl task` verbs that each put one record on the task's thread: its life cycle and its judgement."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from dataclasses import dataclass
from typing import Any, Final

from syncropel.cli.connect import connect
from syncropel.cli.parsing import add_verb
from syncropel.cli.terminal import is_json, print_json, say
from syncropel.errors import Conflict
from syncropel.settings import actor_from


@dataclass(frozen=True)
class Step:
    """A step of a task's life: the record's act and topic, the flag for its words, and what is then said."""

    summary: str
    act: str
    topic: str
    flag: str
    said: str
    words_required: bool = False


STEPS: Final = {
    "start": Step("say that work has begun", "DO", "task_started", "reason", "started"),
    "block": Step("say that it cannot go on", "DO", "task_blocked", "reason", "blocked", True),
    "defer": Step("put it off", "DO", "task_deferred", "reason", "deferred"),
    "cancel": Step(
        "give it up; a fan-out spawns nothing more", "DO", "task_cancelled", "reason", "cancelled"
    ),
    "fail": Step("say that it failed", "DO", "task_failed", "reason", "failed"),
    "reopen": Step("take it up again", "DO", "task_reopened", "reason", "reopened"),
    "comment": Step("add a comment", "DO", "task_comment", "text", "commented", True),
}
VERDICTS: Final = {"approve": ("accept", "approved"), "reject": ("reject", "rejected")}


def configure(group: Any) -> None:
    """Add the verbs to `spl task`."""
    for name, step in STEPS.items():
        verb = add_verb(group, name, step.summary)
        verb.add_argument("name", metavar="NAME", help="a task's alias or thread")
        verb.add_argument(
            f"--{step.flag}", dest="words", metavar="TEXT", default="", required=step.words_required
        )
        verb.set_defaults(run=run_step, step=step)
    done = add_verb(group, "done", "say that the work is done and can be judged")
    done.add_argument("name", metavar="NAME", help="a task's alias or thread")
    done.add_argument("--summary", metavar="TEXT", default="", help="what was done")
    done.add_argument("--domain", default="", help="the field of work, such as docs")
    done.set_defaults(run=run_done)
    for name, (verdict, said) in VERDICTS.items():
        judge = add_verb(group, name, f"judge it: {verdict}")
        judge.add_argument("name", metavar="NAME", help="a task's alias or thread")
        judge.add_argument("--notes", metavar="TEXT", default="", help="why")
        judge.add_argument("--domain", default="", help="the field of work, such as docs")
        judge.set_defaults(run=run_judge, verdict=verdict, said=said)


def run_step(args: Namespace) -> int:
    step: Step = args.step
    return _post(args, step.act, {"topic": step.topic, step.flag: args.words}, step.said)


def run_judge(args: Namespace) -> int:
    body = {"verdict": args.verdict, "notes": args.notes, "domain": args.domain}
    return _post(args, "KNOW", body, args.said)


def run_done(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        thread = client.send(calls.task(args.name)).thread
        opened_by = [
            record
            for record in client.send(calls.thread_records(thread, limit=100)).data
            if record.act == "INTEND" and record.body.get("task") is True
        ]
    if not opened_by:
        raise Conflict(f"{args.name} has no task INTEND to fulfil", f"see: spl task show {args.name}")
    body = {"fulfills": opened_by[0].id, "summary": args.summary, "domain": args.domain}
    return _post(args, "KNOW", body, "done")


def _post(args: Namespace, act: str, body: dict[str, Any], said: str) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        task = client.send(calls.task(args.name))
        given = {key: value for key, value in body.items() if value}
        record = client.send(
            calls.post_record(
                {
                    "thread": task.thread,
                    "actor": actor_from(os.environ),
                    "act": act,
                    "body": {**given, "at": time.time()},
                }
            )
        )
    if is_json(args):
        print_json(record)
    else:
        say(f"✓ {task.alias or task.thread} {said}", f"  record: {record.id}")
    return 0
