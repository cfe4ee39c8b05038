"""`spl backup`: take, list, check, and restore backups of this home's log."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import Namespace
from datetime import datetime
from pathlib import Path
from typing import Any

from syncropel.cli.support.connect import import_client, this_home
from syncropel.cli.support.numbers import size
from syncropel.cli.support.parsing import Parser, add_output, verbs
from syncropel.cli.support.terminal import clean, is_json, print_json, say, table
from syncropel.settings.config import Home

_UNKNOWN = "unknown"


def configure(parser: Parser) -> None:
    group = verbs(parser)
    taken = _verb(group, "now", "take a backup now, with the daemon running or not", run_now)
    taken.add_argument("--to", metavar="DIR", help="write it into this folder instead of the usual one")
    _verb(group, "list", "list the backups of this home", run_list)
    check = _verb(group, "verify", "check each record of a backup, in a scratch folder", run_verify)
    check.add_argument("backup", nargs="?", default="", help="its path or name (default: the newest)")
    back = _verb(group, "restore", "put a backup in the place of the log; stop the daemon first", run_restore)
    back.add_argument("backup", nargs="?", default="", help="its path or name (default: the newest)")
    _verb(group, "prune", "remove the backups that the settings do not keep", run_prune)


def _verb(group: Any, name: str, summary: str, run: Any) -> Parser:
    verb: Parser = group.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    add_output(verb)
    verb.set_defaults(run=run)
    return verb


def run_now(args: Namespace) -> int:
    home, to = this_home(), None if args.to is None else str(Path(args.to).absolute())
    done = _by_daemon(home, to)
    if done is None:
        done = _tool(home, "now", *(["--to", to] if to else []))
    if done is None:
        return 1
    if is_json(args):
        print_json(done)
        return 0
    say(f"✓ {done['records']} records in {clean(done['path'])}", "  check it: spl backup verify")
    if done.get("kept"):
        say(f"  an earlier one with records that this log lacks: {clean(done['kept'])}")
    return 0


def _by_daemon(home: Home, to: str | None) -> dict[str, Any] | None:
    """The daemon's answer; None when none is running. Raises SyncropelError."""
    import_client()
    from syncropel.client import Client, Target, store_calls
    from syncropel.errors import DaemonUnreachable

    try:
        with Client(Target(socket=home.socket, home=home.display())) as client:
            return client.send(store_calls.take_backup(to)).model_dump(mode="json")
    except DaemonUnreachable:
        return None


def run_list(args: Namespace) -> int:
    found = _tool(this_home(), "list")
    if found is None:
        return 1
    if is_json(args):
        print_json(found)
        return 0
    if not found:
        say("no backups")
        return 0
    header = ["BACKUP", "RECORDS", "MADE", "SIZE", "NOTE"]
    say(*table(header, [_row(one) for one in found]))
    return 0


def _row(one: dict[str, Any]) -> list[str]:
    made = datetime.fromtimestamp(one["made_at"]).astimezone().isoformat(sep=" ", timespec="seconds")
    records = _UNKNOWN if one["records"] is None else str(one["records"])
    note = "kept: a later log lacked some of it" if one["aside"] else ""
    return [clean(one["path"]), records, made, size(one["bytes"]), note]


def run_verify(args: Namespace) -> int:
    found = _tool(this_home(), "verify", "--backup", args.backup)
    if found is None:
        return 1
    if is_json(args):
        print_json(found)
        return 0
    folded = f"{found['threads']} threads, {found['tasks']} tasks"
    say(
        f"✓ {found['records']} records, each as its id says; {folded}",
        f"  {clean(found['path'])}",
    )
    if not found["manifest"]:
        say("  it has no manifest: whether these are all its records is unknown")
    return 0


def run_restore(args: Namespace) -> int:
    done = _tool(this_home(), "restore", "--backup", args.backup)
    if done is None:
        return 1
    if is_json(args):
        print_json(done)
        return 0
    say(f"✓ restored {done['records']} records from {clean(done['path'])}")
    if done["lost"]:
        say(f"  {done['lost']} records that were known are not in it")
    say(*(f"  the former {Path(one).name} is kept" for one in done["kept"]), "  start the daemon: spl serve")
    return 0


def run_prune(args: Namespace) -> int:
    gone = _tool(this_home(), "prune")
    if gone is None:
        return 1
    if is_json(args):
        print_json(gone)
    else:
        say(*(f"removed {clean(one)}" for one in gone) if gone else ("nothing to remove",))
    return 0


def _tool(home: Home, *words: str) -> Any:
    """The tool's answer; None when it failed, and has said why on stderr."""
    command = [sys.executable, "-m", "syncropel.daemon.backup_tool", words[0], "--home", str(home.path)]
    done = subprocess.run([*command, *words[1:]], check=False, stdout=subprocess.PIPE)
    return json.loads(done.stdout) if done.returncode == 0 else None
