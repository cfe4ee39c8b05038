"""`spl doctor`: check this instance, from its files to its machine."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import asdict
from typing import Final

from syncropel.cli.support.connect import import_client, this_home
from syncropel.cli.support.parsing import Parser, add_output
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.settings.home import data_dir_from

_GLYPHS: Final = {"ok": "✓", "warn": "·", "fail": "✗"}


def configure(parser: Parser) -> None:
    add_output(parser)
    parser.add_argument("--deep", action="store_true", help="read the whole store, page by page")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    import_client()
    from syncropel.launcher.checkup import examine
    from syncropel.launcher.finding import Patient

    findings = examine(Patient(this_home(), data_dir_from(os.environ), args.deep))
    failed = [one for one in findings if one.state == "fail"]
    if is_json(args):
        print_json({"healthy": not failed, "findings": [asdict(one) for one in findings]})
        return 1 if failed else 0
    for one in findings:
        say(f"{_GLYPHS[one.state]} {one.state:<4}  {one.about}: {one.told}")
        if one.hint:
            say(f"        {one.hint}")
    warned = sum(one.state == "warn" for one in findings)
    say("", f"{len(failed)} failed · {warned} to look at · {len(findings) - len(failed) - warned} fine")
    return 1 if failed else 0
