"""`spl views`: the index beside the log, which can always be dropped and built anew."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace

from syncropel.cli.support.connect import chosen_context, chosen_url, connect, this_home
from syncropel.cli.support.parsing import Parser, add_output, add_verb, verbs
from syncropel.cli.support.terminal import clean, is_json, print_json, say


def configure(parser: Parser) -> None:
    group = verbs(parser)
    status = add_verb(group, "status", "say how far the views contain the log")
    status.set_defaults(run=run_status)
    for verb, told in (
        ("build", "build the views of this home, or what they lack; the daemon has to be stopped"),
        ("drop", "remove the views of this home; the next start builds them anew from the log"),
    ):
        one = group.add_parser(verb, help=told, description=f"{told[0].upper()}{told[1:]}.")
        add_output(one)
        one.set_defaults(run=run_tool, verb=verb)


def run_status(args: Namespace) -> int:
    """Returns 1 when the views are not well: a daemon cannot read or write them, or, without one, those of
    this home lack records. What a daemon has not written yet it has in memory.
    """
    from syncropel.errors import DaemonUnreachable

    try:
        with connect(args) as client:
            from syncropel.client import store_calls

            found = client.send(store_calls.store())
    except DaemonUnreachable:
        if chosen_url(args) or chosen_context(args).url:
            raise
        args.verb = "status"
        return run_tool(args)
    through, records, problem = found.views_through, found.records, found.views_problem
    if is_json(args):
        print_json({"object": "views", "through": through, "records": records, "problem": problem})
    else:
        mark, why = ("✗", [f"  {clean(problem)}"]) if problem else ("✓", [])
        say(f"{mark} the views contain {through} of {records} records", *why)
        if not problem and through < records:
            say("  the others are in memory, and written within a second")
    return 1 if problem else 0


def run_tool(args: Namespace) -> int:
    # A separate process, because only the daemon's layer may open a store.
    home = str(this_home().path)
    words = [sys.executable, "-P", "-m", "syncropel.daemon.views_tool", args.verb, "--home", home]
    return subprocess.run([*words, *(["--json"] if is_json(args) else [])], check=False).returncode
