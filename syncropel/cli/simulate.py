"""`spl simulate`: a fan-out in virtual time, before it costs anything."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support.parsing import Parser, UsageError, add_output, amount, index, money, positive
from syncropel.cli.support.progress import ProgressLines
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.cli.task_verbs.subtask import parse_subtasks
from syncropel.cli.task_verbs.task_body import NAME as DECLARED_UNDER
from syncropel.cli.task_verbs.task_body import Declared, read_declared
from syncropel.cli.text import simulation as text

if TYPE_CHECKING:
    from syncropel.offline.simulation.assumptions import Assumptions, Spread, Work

RUNS: Final = 200
MOST_SUBTASKS: Final = 10_000
_MOST_RUNS: Final = 100_000
_KEYS: Final = "secs=M..P, cost=M..P, fails=SHARE"
_OF: Final = re.compile(r"(\d+(?:[+-]\d+)*):(.+)")


def configure(parser: Parser) -> None:
    parser.description = (
        "Run a fan-out in virtual time, many times over, with work that is drawn by chance:\n"
        "when it would join, what it would cost, and which worker holds it up.\n"
        "No daemon is asked, and nothing is run."
    )
    parser.epilog = (
        "for example: spl simulate plan.md --secs 300..1200 --cost 0.20..0.80 --fails 5% --retries 1\n"
        "A range M..P says: half of the attempts stay below M, and 19 of 20 below P."
    )
    add = parser.add_argument
    add(
        "file",
        nargs="?",
        metavar="FILE",
        help=f"a file with a section ## {DECLARED_UNDER}, as `spl task fan-out --body` takes it",
    )
    add("--subtask", action="append", default=[], metavar="SPEC", help="a subtask, as of spl task fan-out")
    add(
        "--join",
        metavar="PREDICATE",
        default="",
        help="all, any, k_of_n:K, or a CEL expression over children",
    )
    add("--budget", type=money, metavar="USD", help="what all of it may cost")
    add(
        "--worker",
        action="append",
        type=_worker,
        default=[],
        metavar="ALIAS=SLOTS",
        help="a worker, and how many goals it runs at once (default: those that the targets name, 4 each)",
    )
    add("--secs", type=_range, metavar="M..P", help="how long an attempt takes (default 300..1200)")
    add("--cost", type=_range, metavar="M..P", help="what an attempt costs in US dollars (default 0)")
    add("--fails", type=_share, metavar="SHARE", help="how many attempts fail, such as 5%% (default 0)")
    add(
        "--of",
        action="append",
        type=_of,
        default=[],
        metavar="N:KEY=VALUE,…",
        help="other assumptions for some subtasks, such as 0+3-5:secs=60..90,cost=1,fails=0.2",
    )
    add("--retries", type=amount, default=0, metavar="N", help="how often you try a failed subtask again")
    add("--retry-secs", type=amount, default=60, metavar="SECS", help="how long after it failed (default 60)")
    add("--lost", type=_share, default=0.0, metavar="SHARE", help="how many attempts lose their instance")
    add("--runs", type=positive, default=RUNS, metavar="N", help=f"how often it is run (default {RUNS})")
    add("--seed", type=index, default=0, metavar="N", help="another seed draws other work (default 0)")
    add_output(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    from syncropel.offline.simulation.plan import read_plan, workers_for
    from syncropel.offline.simulation.summary import simulate_many

    if args.runs > _MOST_RUNS:
        raise UsageError(f"--runs is {_MOST_RUNS} at most", f"the default is {RUNS}")
    declared = _declared(args)
    body = {"subtasks": declared.subtasks, "join": args.join or declared.join or "all"}
    spec = read_plan({**body, **({} if args.budget is None else {"budget_usd": args.budget})})
    assumed = _assumed(args, workers_for(spec, dict(args.worker)), len(spec.subtasks))
    lines = ProgressLines(sys.stderr)

    def done(number: int) -> None:
        lines(f"run {number} of {args.runs}")

    try:
        found = simulate_many(spec, assumed, args.seed, args.runs, done)
        slow = found.bottleneck
        more = None if slow is None else assumed.with_another_slot(slow.alias)
        better = None if more is None else simulate_many(spec, more, args.seed, args.runs, done)
    finally:
        lines("")
    if is_json(args):
        print_json(text.document(args.seed, assumed, found, better))
    else:
        goals = [one.goal for one in spec.subtasks]
        say(*text.lines(goals, spec.join, args.seed, assumed, found, better))
    return 0


def _declared(args: Namespace) -> Declared:
    if bool(args.file) == bool(args.subtask):
        raise UsageError(
            "give a FILE or --subtask, and not both", 'for example: --subtask "goal=…,target=worker-a"'
        )
    if args.subtask:
        return Declared(parse_subtasks(args.subtask))
    found = read_declared(Path(args.file))
    if not found.subtasks:
        raise UsageError(
            f"{args.file} declares no subtasks under ## {DECLARED_UNDER}", "see: spl task fan-out --help"
        )
    return found


def _assumed(args: Namespace, workers: dict[str, int], subtasks: int) -> Assumptions:
    from syncropel.offline.simulation.assumptions import Assumptions, Work

    usual = Work()
    work = Work(args.secs or usual.secs, args.cost or usual.cost_usd, args.fails or usual.fails)
    of: dict[int, Work] = {}
    for indexes, changes in args.of:
        for one in indexes:
            if one >= subtasks:
                raise UsageError(
                    f"--of names subtask {one}, but the subtasks are 0 to {subtasks - 1}",
                    "indexes count from 0",
                )
            of[one] = _changed(of.get(one, work), changes)
    return Assumptions(
        workers, work, of, retries=args.retries, retry_secs=float(args.retry_secs), lost=args.lost
    )


def _changed(work: Work, changes: dict[str, Any]) -> Work:
    from dataclasses import replace

    return replace(work, **changes)


def _worker(given: str) -> tuple[str, int]:
    alias, equals, slots = given.rpartition("=")
    if not equals:
        alias, slots = given, "4"
    if not alias.startswith("worker-") or alias == "worker-":
        raise ArgumentTypeError(f"{alias!r} is not the alias of a worker, such as worker-a")
    return alias, positive(slots)


def _range(given: str) -> Spread:
    """`M..P`, or one number for what does not vary."""
    from syncropel.offline.simulation.assumptions import Spread

    low, dots, high = given.partition("..")
    try:
        median, p95 = float(low), float(high if dots else low)
    except ValueError:
        median, p95 = -1.0, -1.0
    if not 0 <= median <= p95 <= 1e9:
        raise ArgumentTypeError(
            f"{given!r} is not a range such as 300..1200: half stay below the first number"
        )
    if median == 0 < p95:
        raise ArgumentTypeError(f"{given!r}: half of the values are above 0, or none is; write 0.01..{high}")
    return Spread(median, p95)


def _share(given: str) -> float:
    """`5%` or `0.05`; not all, for then nothing would ever end."""
    number, percent = (given[:-1], 100.0) if given.endswith("%") else (given, 1.0)
    try:
        share = float(number) / percent
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise ArgumentTypeError(f"{given!r} is not a share below 100%, such as 5% or 0.05")
    return share


def _of(given: str) -> tuple[list[int], dict[str, Any]]:
    """`0+3-5:secs=60..90,cost=1,fails=0.2`"""
    found = _OF.fullmatch(given)
    if found is None:
        raise ArgumentTypeError(f"{given!r} is not INDEXES:KEY=VALUE, such as 0+3-5:{_KEYS}")
    changes: dict[str, Any] = {}
    for pair in found[2].split(","):
        key, _, value = pair.partition("=")
        if key == "secs":
            changes["secs"] = _range(value)
        elif key == "cost":
            changes["cost_usd"] = _range(value)
        elif key == "fails":
            changes["fails"] = _share(value)
        else:
            raise ArgumentTypeError(f"{key!r} is no assumption; known: {_KEYS}")
    return _indexes(found[1]), changes


def _indexes(given: str) -> list[int]:
    found: list[int] = []
    for part in given.split("+"):
        first, _, last = part.partition("-")
        if "-" in last or int(last or first) < int(first) or int(last or first) >= MOST_SUBTASKS:
            raise ArgumentTypeError(f"{part!r} is not an index or a range of them, such as 3-5")
        found += range(int(first), int(last or first) + 1)
    return found
