"""The `spl task` verb by which an operator sees and answers what a running subtask asks."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import UsageError, add_verb, index
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.cli.text import questions as text
from syncropel.errors import Conflict
from syncropel.settings.home import actor_from

if TYPE_CHECKING:
    from syncropel.client import Client
    from syncropel.wire import QuestionOut

_TAKEN_SECS: Final = 5.0
_POLL_SECS: Final = 0.1


def configure(group: Any) -> None:
    """Add the verb to `spl task`."""
    answer = add_verb(
        group,
        "answer",
        "answer what a running subtask asks; without an answer, show it",
        epilog="Nothing is allowed for ever: an answer is for this question alone.",
    )
    answer.add_argument("name", metavar="NAME", help="a task's alias or thread")
    answer.add_argument("subtask", type=index, metavar="N", help="the subtask's index, from 0")
    answer.add_argument(
        "question", nargs="?", metavar="QUESTION", help="the question, or how its id begins, if several wait"
    )
    how = answer.add_mutually_exclusive_group()
    how.add_argument("--allow", dest="verdict", action="store_const", const="allow", help="allow it, once")
    how.add_argument("--deny", dest="verdict", action="store_const", const="deny", help="deny it, once")
    how.add_argument("--text", metavar="TEXT", help="answer a question in words")
    answer.add_argument("--note", metavar="TEXT", default="", help="why, for the agent and for the log")
    answer.set_defaults(run=run_answer)


def run_answer(args: Namespace) -> int:
    shows = args.verdict is None and args.text is None
    if args.note and shows:
        raise UsageError("--note goes with an answer", "give --allow, --deny or --text, too")
    with connect(args) as client:
        from syncropel.client import question_calls

        asked = _chosen(client, args)
        if shows:
            detail = client.send(question_calls.question(asked.id, args.name))
            if is_json(args):
                print_json(detail)
            else:
                say(*text.question_lines(detail, time.time()))
            return 0
        record = client.send(
            question_calls.answer_question(
                asked.id,
                asked.digest,
                actor_from(os.environ),
                verdict=args.verdict,
                text=args.text,
                note=args.note,
            )
        )
        if is_json(args):
            print_json(record)
            return 0
        taken = _taken(client, asked, args.name)
        say(f"✓ {args.name} [{asked.index}] {text.decided_words(taken)}", f"  record: {record.id}")
    return 0


def _chosen(client: Client, args: Namespace) -> QuestionOut:
    """The question that is meant: by its id, or the only one that waits. Raises Conflict."""
    from syncropel.client import question_calls

    # Rules may have decided thousands: those that wait are asked for by themselves.
    found = list(client.send(question_calls.questions(task=args.name, open_only=True)).data)
    if args.question is not None and not any(one.id.startswith(args.question) for one in found):
        found = list(client.send(question_calls.questions(task=args.name)).data)
    found = [one for one in found if one.index == args.subtask]
    if args.question is not None:
        named = [one for one in found if one.id.startswith(args.question)]
    else:
        named = [one for one in found if one.state == "open"]
    if len(named) == 1:
        return named[0]
    waiting = [one for one in found if one.state == "open"]
    listed = "\n".join(f"{one.id}  {one.text}" for one in waiting) or "see what else waits: spl inbox"
    if not named:
        what = f"no question {args.question!r}" if args.question else "no question that waits"
        raise Conflict(f"{args.name} [{args.subtask}] has {what}", listed)
    raise Conflict(f"{args.name} [{args.subtask}] has {len(named)} questions: name one", listed)


def _taken(client: Client, asked: QuestionOut, name: str) -> QuestionOut:
    """The question once its instance has taken the answer; as it stands when that takes too long."""
    from syncropel.client import question_calls

    deadline = time.monotonic() + _TAKEN_SECS
    while True:
        now = client.send(question_calls.question(asked.id, name))
        if now.decision is not None or time.monotonic() >= deadline:
            return now
        time.sleep(_POLL_SECS)
