"""The `spl task` verb by which an operator says something to a running subtask."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import UsageError, add_verb, index
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.cli.text import questions as text
from syncropel.settings.home import actor_from

if TYPE_CHECKING:
    from syncropel.client import Client
    from syncropel.wire import MessageOut

_HEARD_SECS: Final = 2.0
_POLL_SECS: Final = 0.1
_STATES: Final = {
    "queued": "queued: its agent gets it when its turn ends, or with its next attempt",
    "delivered": "delivered",
    "answered": "delivered and answered",
}


def configure(group: Any) -> None:
    """Add the verb to `spl task`."""
    verb = add_verb(group, "say", "say something to a running subtask, or list what was said")
    verb.add_argument("name", metavar="NAME", help="a task's alias or thread")
    verb.add_argument("subtask", type=index, nargs="?", metavar="N", help="the subtask's index, from 0")
    verb.add_argument("text", nargs="?", metavar="TEXT", help="what its agent is to hear")
    verb.add_argument(
        "--list", dest="listing", action="store_true", help="list what was said, and what became of it"
    )
    verb.set_defaults(run=run_say)


def run_say(args: Namespace) -> int:
    empty = args.text is not None and not args.text.strip()
    if empty or args.listing == (args.text is not None) or not (args.listing or args.subtask is not None):
        raise UsageError(
            "say something to a subtask, or list what was said",
            'for example: spl task say NAME 0 "leave the tests alone"; or: spl task say NAME --list',
        )
    with connect(args) as client:
        from syncropel.client import question_calls

        if args.listing:
            page = client.send(question_calls.messages(args.name, args.subtask))
            if is_json(args):
                print_json(page)
            else:
                say(*text.message_lines(page.data))
            return 0
        made = question_calls.say(args.name, args.subtask, args.text, actor_from(os.environ))
        record = client.send(made)
        if is_json(args):
            print_json(record)
            return 0
        heard = _heard(client, args, record.id)
        state = _STATES.get(heard.state, heard.state) if heard is not None else "recorded"
        say(f"✓ {args.name} [{args.subtask}] {state}", f"  record: {record.id}")
    return 0


def _heard(client: Client, args: Namespace, record: str) -> MessageOut | None:
    """The message once its agent has got it; as it stands when that takes longer."""
    from syncropel.client import question_calls

    deadline = time.monotonic() + _HEARD_SECS
    while True:
        found = client.send(question_calls.messages(args.name, args.subtask)).data
        one = next((one for one in found if one.id == record), None)
        if (one is not None and one.state != "queued") or time.monotonic() >= deadline:
            return one
        time.sleep(_POLL_SECS)
