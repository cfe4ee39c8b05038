"""`spl fleet promote`: a worker takes the place of a coordinator that is gone."""

from __future__ import annotations

import sys
from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING, Any

from syncropel.cli.support.agreeing import agree
from syncropel.cli.support.connect import import_client, this_home
from syncropel.cli.support.parsing import Parser, add_output
from syncropel.cli.support.progress import ProgressLines, replace_line
from syncropel.cli.support.terminal import clean, complain, is_json, print_json, say
from syncropel.errors import WARNING, Conflict

if TYPE_CHECKING:
    from syncropel.launcher.survey import Survey


def configure(group: Any) -> None:
    promote: Parser = group.add_parser(
        "promote",
        help="make a worker the coordinator, in place of one that is gone",
        description="Make a worker of this machine the coordinator, in place of one that is gone.",
    )
    add_output(promote)
    promote.add_argument("name", metavar="WORKER", help="alias or DID of the worker")
    promote.add_argument(
        "--force",
        action="store_true",
        help="even though the present coordinator may still run: it is fenced when it is told",
    )
    promote.add_argument("--yes", action="store_true", help="do not ask")
    promote.set_defaults(run=run)


def run(args: Namespace) -> int:
    import_client()
    from syncropel.launcher.one_promotion import one_promotion

    with one_promotion(this_home()):
        return _promote(args)


def _promote(args: Namespace) -> int:
    from syncropel.launcher.promotion import Promotion
    from syncropel.launcher.survey import still_there, survey
    from syncropel.settings.config import load_settings

    found = survey(this_home(), args.name)
    again = found.take_up()
    present = still_there(found.former, load_settings(found.worker.home, {}))
    if present and not args.force:
        raise Conflict(
            f"{present}: {found.worker.alias} is not promoted beside it",
            "end it first: spl stop; if it cannot be ended, --force promotes beside it: it is fenced\n"
            "as soon as it is told, and until then both give out work",
        )
    stream = sys.stderr if is_json(args) else sys.stdout
    if present:
        complain(f"{WARNING}{present}", "until it is told or ended, the fleet has two coordinators")
    say(*plan_lines(found, again=again), stream=stream)
    agree(
        args,
        f"{WARNING}promote {found.worker.alias}?",
        f"{found.worker.alias} was not promoted: nobody agreed",
    )
    promotion = Promotion(
        found,
        say=lambda line: say(line, stream=stream),
        warn=complain,
        progress=partial(replace_line, stream) if stream.isatty() else lambda _: None,
        reading=ProgressLines(stream),
    )
    status = promotion.run()
    if is_json(args):
        print_json(status)
    else:
        say(*next_lines(found))
    return 0


def plan_lines(found: Survey, *, again: bool) -> list[str]:
    """What will be done, and what the new coordinator will and will not know."""
    worker, former = found.worker.alias, found.former
    place = f" (home={former.home.display()})" if former.home is not None else ""
    lines = [
        f"{'Going on to promote' if again else 'Promoting'} {worker}, in place of the coordinator at "
        f"{former.url or 'an unknown address'}{place}"
    ]
    followers = ", ".join(one.alias for one in found.followers) or "no other worker"
    lines.append(f"  Will report to {worker}: {followers}")
    running = [f"{count} on {alias}" for alias, count in found.goals.items() if count]
    if running:
        lines.append(f"  Running goals, which go on: {', '.join(running)}")
    lines += [f"  {clean(line)}" for line in found.left_alone]
    lines.append(
        f"  {worker} knows: credentials, namespaces, rules, and freezes as it last heard them; its goals"
    )
    lines += [
        f"    it lacks the {freeze.level} freeze of {clean(freeze.namespace)!r} of {alias}: will be set"
        for alias, freeze in found.missed
    ]
    missed, other = found.missed_rules
    lines += [
        f"    it lacks the drain of {found.name_of(drain.instance)} of {alias}: will be set"
        for alias, drain in found.missed_drains
    ]
    lines += [f"    it lacks the rule {clean(rule.name)!r} of {alias}: will be set" for alias, rule in missed]
    lines += [f"    its rule {clean(name)!r} is another one on {alias}: not changed" for alias, name in other]
    if found.unasked:
        names = ", ".join(found.unasked)
        known = "freezes, drains, rules, and revocations known only to"
        lines.append(f"    unknown: {known} {names}, which cannot be asked")
    log = f" ({former.home.store})" if former.home is not None else ""
    return [
        *lines,
        f"  {worker} does not know what only the log of the old coordinator has{log}:",
        "    tasks, fan-outs, and their joins: what runs now ends without a join, and its result stays on",
        "    its worker; accounts and tokens made there; revocations that did not reach the workers",
    ]


def next_lines(found: Survey) -> list[str]:
    """What is left to do."""
    former = found.former
    there = f"SYNCROPEL_HOME={found.worker.home.display()}"
    lines = ["", "Fleet ready. Inspect with:", f"  {there} spl fleet list", f"  {there} spl fleet status"]
    if former.home is not None:
        lines += [
            "The old coordinator has not been told yet: until it has, the fleet counts as split.",
            f"  Its log stays at {former.home.store}",
        ]
    else:
        lines.append("The old coordinator has not been told yet: until it has, the fleet counts as split.")
    lines.append(
        f"  When it is started, it is told. If it is gone for good: {there} spl leader forget-former"
    )
    return lines
