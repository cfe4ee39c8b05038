"""`spl expr`: check an expression, or evaluate it against the daemon's current state."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from syncropel.cli.support.connect import connect, import_client
from syncropel.cli.support.parsing import Parser, UsageError, add_verb, verbs
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.errors import InvalidRecord
from syncropel.record.canonical import parse_json
from syncropel.settings.home import actor_from


def configure(parser: Parser) -> None:
    import_client()
    from syncropel.wire import EXPRESSION_CONTEXTS

    group = verbs(parser)
    for verb, summary in (
        ("check", "say whether an expression compiles, and where it does not"),
        ("eval", "evaluate an expression over the daemon's present state"),
    ):
        # Its `--context` is the expression's; the fleet's comes before the command: spl --context prod expr …
        one = add_verb(group, verb, summary, conflict_handler="resolve")
        one.add_argument("expression", metavar="EXPR", help="the CEL expression; - reads it from stdin")
        one.add_argument(
            "--context",
            dest="cel_context",
            required=True,
            choices=EXPRESSION_CONTEXTS,
            help="where the expression is to be used",
        )
        if verb == "eval":
            one.add_argument(
                "--thread", default="", metavar="NAME", help="the task or thread that it is about"
            )
            one.add_argument(
                "--record", metavar="FILE", help="a file with the record that it is about, as JSON"
            )
        one.set_defaults(run=run_check if verb == "check" else run_eval)
    add_verb(group, "cache", "show the cache of compiled expressions").set_defaults(run=run_cache)


def _fields(args: Namespace) -> dict[str, Any]:
    import sys

    text = sys.stdin.read().strip() if args.expression == "-" else args.expression
    return {"context": args.cel_context, "expression": text, "actor": actor_from(os.environ)}


def run_check(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import config_calls

        checked = client.send(config_calls.check_expression(_fields(args)))
    if is_json(args):
        print_json(checked)
    else:
        say(f"✓ compiles in {checked.context} ({checked.size} steps)")
    return 0


def run_eval(args: Namespace) -> int:
    fields = _fields(args)
    if args.thread:
        fields["thread"] = args.thread
    if args.record:
        fields["record"] = _record(args.record)
    with connect(args) as client:
        from syncropel.client import config_calls

        answer = client.send(config_calls.evaluate_expression(fields))
    if is_json(args):
        print_json(answer)
    else:
        say(json.dumps(answer.value, ensure_ascii=False))
        say(f"  {answer.type} · {answer.steps} steps · {answer.micros:.1f} µs")
    return 0


def run_cache(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import config_calls

        cache = client.send(config_calls.expression_cache())
    if is_json(args):
        print_json(cache)
    else:
        say(
            f"Compiled expressions: {cache.size} of {cache.capacity}",
            f"  Hits: {cache.hits} of {cache.hits + cache.misses} ({cache.hit_rate_pct:.1f}%)",
            f"  Compile: {cache.avg_compile_micros:.0f} µs on average, {cache.compile_errors} failed",
        )
    return 0


def _record(path: str) -> Any:
    try:
        return parse_json(Path(path).read_bytes())
    except (OSError, InvalidRecord) as error:
        raise UsageError(f"cannot read a record from {path}: {error}", "one JSON object") from None
