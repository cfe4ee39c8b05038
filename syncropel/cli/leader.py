"""`spl leader`: who leads the fleet, and in which term."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from syncropel.cli.support.agreeing import agree
from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, add_verb, verbs
from syncropel.cli.support.terminal import clean, is_json, print_json, say
from syncropel.errors import WARNING
from syncropel.settings.home import actor_from

if TYPE_CHECKING:
    from syncropel.wire import LeaderOut

_PLACES = {
    "leads": "it leads",
    "follows": "it follows",
    "fenced": "fenced: it begins and decides nothing",
    "unclaimed": "it coordinates without a term of its own",
}


def configure(parser: Parser) -> None:
    group = verbs(parser)
    show = add_verb(group, "show", "say who leads the fleet, since when, and in which term")
    show.set_defaults(run=run_show)
    take = add_verb(
        group,
        "take",
        "make this daemon the leader, in a term of its own",
        epilog="`spl fleet promote WORKER` does this, too. Type it for a worker that was made a coordinator\n"
        "by hand, and at the old coordinator when it is to lead again. Whoever led before is fenced as\n"
        "soon as it is told.",
    )
    take.add_argument("--yes", action="store_true", help="do not ask")
    take.set_defaults(run=run_take)
    forget = add_verb(
        group,
        "forget-former",
        "say that the former coordinator is gone for good",
        epilog="The fleet then no longer counts as split. If the former coordinator comes back,\n"
        "the first worker that it meets fences it.",
    )
    forget.add_argument("--yes", action="store_true", help="do not ask")
    forget.set_defaults(run=run_forget)


def run_show(args: Namespace) -> int:
    """Returns 1 when something is not as it should be."""
    with connect(args) as client:
        from syncropel.client import leader_calls
        from syncropel.client.leader_text import leader_problems

        found = client.send(leader_calls.leader())
    if is_json(args):
        print_json(found)
    else:
        say(*leader_lines(found))
    return 1 if leader_problems(found) else 0


def run_take(args: Namespace) -> int:
    agree(args, f"{WARNING}lead the fleet from here?", "nothing was changed: nobody agreed")
    with connect(args) as client:
        from syncropel.client import leader_calls

        found = client.send(leader_calls.take(actor_from(os.environ)))
    if is_json(args):
        print_json(found)
    else:
        say(
            f"✓ {clean(found.alias or found.did)} leads the fleet in term {found.term}",
            *_problem_lines(found),
        )
    return 0


def run_forget(args: Namespace) -> int:
    question = f"{WARNING}count the former coordinator as gone, although it may still run work?"
    agree(args, question, "nothing was changed: nobody agreed")
    with connect(args) as client:
        from syncropel.client import leader_calls

        found = client.send(leader_calls.forget_former(actor_from(os.environ)))
    if is_json(args):
        print_json(found)
    else:
        say("✓ the former coordinator counts as gone: the fleet is no longer split")
    return 0


def leader_lines(found: LeaderOut) -> list[str]:
    """The output of `spl leader show`."""
    from syncropel.client.leader_text import led_words

    lines = [f"Leader: {clean(led_words(found))}"]
    lines += [f"  DID: {clean(found.did)}"] if found.did else []
    lines += [f"  Address: {clean(found.address)}"] if found.address else []
    lines.append(f"  This daemon: {_PLACES.get(found.place, found.place)}")
    if found.told:
        words = "is gone, its operator says" if found.told == "gone" else "knows that it leads no more"
        lines.append(f"  Former coordinator: {words}")
    return [*lines, *_problem_lines(found)]


def _problem_lines(found: LeaderOut) -> list[str]:
    from syncropel.client.leader_text import leader_problems

    return [
        line
        for one in leader_problems(found)
        for line in (f"✗ {clean(one.words)}", *([f"  {clean(one.helps)}"] if one.helps else []))
    ]
