"""`spl store`: whether the log is complete, and how to continue without records that it lost."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from datetime import datetime
from typing import TYPE_CHECKING

from syncropel.cli.support.connect import connect, this_home
from syncropel.cli.support.parsing import Parser, add_output, add_verb, verbs
from syncropel.cli.support.terminal import clean, is_json, print_json, say

if TYPE_CHECKING:
    from syncropel.wire import StoreLoss, StoreOut


def configure(parser: Parser) -> None:
    group = verbs(parser)
    status = add_verb(group, "status", "say whether the log has every record that was known")
    status.set_defaults(run=run_status)
    accept = add_verb(
        group,
        "accept-loss",
        "go on with a log that is held, without the records that it lacks",
        epilog="A log is held when records are missing that this instance knew of: health, reads, and\n"
        "freezes work, and everything else waits. Restore a backup instead if there is one: spl backup list.",
    )
    accept.add_argument("--reason", default="", help="why, for the daemon's log")
    accept.set_defaults(run=run_accept)
    altered = add_verb(group, "accept-altered", "take an altered record as it is now")
    altered.add_argument("record", help="its id, as `spl store status` shows it")
    altered.add_argument("--reason", default="", help="why, for the daemon's log")
    altered.set_defaults(run=run_accept_altered)
    verify = group.add_parser(
        "verify",
        help="read the whole log of this home, and check its records, their order, and the freezes",
        description="Read the whole log of this home. Check every record against its id, that records are in "
        "the order in which they were judged, and that nothing got past a freeze. Works with the daemon "
        "running or not. Exits 1 when something is wrong.",
    )
    add_output(verify)
    verify.set_defaults(run=run_verify)
    copying = group.add_parser(
        "copy",
        help="copy the log of this home to an empty file or database, or from one",
        description="Copy the whole log: from this home's to another place, or from there into this home's. "
        "The daemon must be stopped, and the target empty. The copy is read back before it counts.",
        epilog="The password for a database is that of [store] password_file, or SPL_STORE_PASSWORD.",
    )
    either = copying.add_mutually_exclusive_group(required=True)
    either.add_argument("--to", metavar="PLACE", help="a postgresql:// URL, or the path of a new file")
    either.add_argument("--from", dest="source", metavar="PLACE", help="the same, of a log that is there")
    add_output(copying)
    copying.set_defaults(run=run_copy)


def run_status(args: Namespace) -> int:
    """Returns 1 when the log is not as it was known."""
    with connect(args) as client:
        from syncropel.client import store_calls

        found = client.send(store_calls.store())
    if is_json(args):
        print_json(found)
    else:
        say(*store_lines(found))
    return 0 if found.state == "sound" else 1


def run_accept(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import store_calls

        found = client.send(store_calls.accept_loss(args.reason))
    if is_json(args):
        print_json(found)
    else:
        say(f"✓ the log goes on with {found.records} records", *map(_loss, found.losses[-1:]))
    return 0


def run_accept_altered(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import store_calls

        found = client.send(store_calls.accept_altered(args.record, args.reason))
    if is_json(args):
        print_json(found)
    else:
        say(f"✓ record {clean(args.record)} is taken as it is", f"  {len(found.altered)} still in quarantine")
    return 0


def run_verify(args: Namespace) -> int:
    return _apart(args, "store_tool", "verify")


def run_copy(args: Namespace) -> int:
    return _apart(args, "copy_tool", *(("--from", args.source) if args.source else ("--to", args.to)))


def _apart(args: Namespace, tool: str, *words: str) -> int:
    """Run a tool of the daemon's layer, which alone may open a store, as a process of its own."""
    home = ["--home", str(this_home().path)]
    json = ["--json"] if is_json(args) else []
    whole = [sys.executable, "-P", "-m", f"syncropel.daemon.{tool}", *words, *home, *json]
    return subprocess.run(whole, check=False).returncode


def store_lines(found: StoreOut) -> list[str]:
    """The output of `spl store status`."""
    sound = found.state == "sound"
    return [
        f"{'✓' if sound else '✗'} {found.state}: {found.records} records",
        *([f"  {clean(found.problem)}"] if found.problem else []),
        *([f"  {clean(found.hint)}"] if found.hint else []),
        *(f"  {clean(one)}" for one in found.notices),
        *([f"  ✗ the views: {clean(found.views_problem)}"] if found.views_problem else []),
        *([f"  log {found.log}, {_digest(found)}"] if found.log else []),
        *map(_loss, found.losses),
        *(f"  altered: {one.id} on {clean(one.thread)}" for one in found.altered),
    ]


def _digest(found: StoreOut) -> str:
    told = f"digest {found.digest[:16] or 'of no record'}"
    if 0 < found.digested < found.records:
        return f"{told} of the first {found.digested} records: the others are being read"
    return told


def _loss(one: StoreLoss) -> str:
    when = datetime.fromtimestamp(one.at).astimezone().isoformat(sep=" ", timespec="seconds")
    how = "accepted" if one.accepted else "a copy of before was put in its place"
    where = f"; in {clean(one.backup)}" if one.backup else ""
    if one.has >= one.had:
        return f"  {when}: another log of {one.has} records instead of one of {one.had} ({how}){where}"
    return f"  {when}: {one.had - one.has} of {one.had} records lost ({how}){where}"
