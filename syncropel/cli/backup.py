"""`spl backup`: take, list, check, and restore backups of this home."""

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
from syncropel.cli.support.parsing import Parser, UsageError, add_output, as_list, verbs
from syncropel.cli.support.passphrase import add_passphrase, asked, given
from syncropel.cli.support.terminal import clean, errors_are_json, is_json, print_json, say, table
from syncropel.settings.home import Home
from syncropel.settings.passphrase import need_library

_UNKNOWN = "unknown"


def configure(parser: Parser) -> None:
    group = verbs(parser)
    taken = _verb(group, "now", "take a backup now, with the daemon running or not", run_now)
    taken.add_argument("--to", metavar="DIR", help="write it only into this folder, not to the usual places")
    taken.add_argument("--with-keys", action="store_true", help="also keys and secrets, sealed (asks how)")
    taken.add_argument(
        "--unsealed", action="store_true", help="with --with-keys: do not seal them (mode 0600)"
    )
    add_passphrase(taken)
    as_list(_verb(group, "list", "list the backups of this home", run_list), ["path"])
    check = _verb(group, "verify", "check each record of a backup, and what is beside it", run_verify)
    check.add_argument("backup", nargs="?", default="", help="its path or name (default: the newest)")
    check.add_argument("--with-keys", action="store_true", help="ask for the passphrase of the keys")
    add_passphrase(check)
    back = _verb(group, "restore", "put a backup in the place of the log; stop the daemon first", run_restore)
    back.add_argument("backup", nargs="?", default="", help="its path or name (default: the newest)")
    back.add_argument("--with-keys", action="store_true", help="also the identity and the secrets")
    back.add_argument("--with-config", action="store_true", help="also settings and contexts")
    back.add_argument("--with-data", action="store_true", help="also task files and aliases")
    back.add_argument("--instance", default="", metavar="ID", help="whose, where the folder has several")
    add_passphrase(back)
    _verb(group, "prune", "remove the backups that the settings do not keep", run_prune)


def _verb(group: Any, name: str, summary: str, run: Any) -> Parser:
    verb: Parser = group.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    add_output(verb)
    verb.set_defaults(run=run)
    return verb


def run_now(args: Namespace) -> int:
    home, to = this_home(), None if args.to is None else str(Path(args.to).absolute())
    if args.unsealed and not args.with_keys:
        raise UsageError("--unsealed is for the keys", "add --with-keys")
    # Before anything is written: who has no passphrase gets no half of a backup.
    secret = asked(args, home, new=True) if args.with_keys and not args.unsealed else ""
    if secret:
        need_library()
    done = _by_daemon(home, to)
    if done is None:
        done = _tool(home, "now", *(["--to", to] if to else []))
    if done is None:
        return 1
    if args.with_keys:
        folders = [str(Path(one).parent) for one in (done["path"], *done["also"])]
        done["keys"] = _tool(
            home, "keys", *(word for one in folders for word in ("--to", one)), secret=secret
        )
    failed = args.with_keys and done["keys"] is None
    if is_json(args):
        print_json(done)
        return int(failed)
    say(f"✓ {done['records']} records in {clean(done['path'])}")
    say(*(f"  and in {clean(one)}" for one in done["also"]), "  check it: spl backup verify")
    if done.get("kept"):
        say(f"  an earlier one with records that this log lacks: {clean(done['kept'])}")
    if not failed:
        say(*_keys_lines(done.get("keys"), done["sealed_keys"]))
    return int(failed)


def _keys_lines(keys: dict[str, Any] | None, sealed_beside: bool | None) -> list[str]:
    """What became of the keys. `keys`: those that this command saved; `sealed_beside`: whether whoever took
    the backup saved them, by the settings that it has; None where it does not say so.
    """
    if keys is None:
        if sealed_beside is None:
            return ["  settings and task files are beside it; whether keys are is unknown: spl backup verify"]
        if sealed_beside:
            return ["  settings, task files, and sealed keys are beside it"]
        return ["  settings and task files are beside it; keys and secrets are not: --with-keys"]
    paths = [clean(one) for one in (keys["path"], *keys["also"])]
    if keys["sealed"]:
        lines = [f"  keys and secrets, sealed: {one}" for one in paths]
        lines += [f"  not sealed, from before: {clean(one)}" for one in keys["unsealed"]]
        return [*lines, "  without the passphrase nobody opens them: keep it somewhere else"]
    lines = [f"  keys and secrets, NOT sealed: {one}" for one in paths]
    return [*lines, "  anyone who can read this file can act as this instance"]


def _by_daemon(home: Home, to: str | None) -> dict[str, Any] | None:
    """The daemon's answer; None when none is running. Raises SyncropelError."""
    import_client()
    from syncropel.cli.support.backup_progress import told_how_far
    from syncropel.client import Client, Target, store_calls
    from syncropel.errors import DaemonUnreachable

    where = Target(socket=home.socket, home=home.display())
    try:
        with Client(where) as client, told_how_far(where):
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
    if not found["data"]:
        say("no backups")
        return 0
    header = ["BACKUP", "RECORDS", "MADE", "SIZE", "NOTE"]
    say(*table(header, [_row(one) for one in found["data"]]))
    return 0


def _row(one: dict[str, Any]) -> list[str]:
    made = datetime.fromtimestamp(one["made_at"]).astimezone().isoformat(sep=" ", timespec="seconds")
    records = _UNKNOWN if one["records"] is None else str(one["records"])
    note = "kept: a later log lacked some of it" if one["aside"] else ""
    return [clean(one["path"]), records, made, size(one["bytes"]), note]


def run_verify(args: Namespace) -> int:
    home = this_home()
    secret = asked(args, home, new=False) if args.with_keys else given(args, home)
    found = _tool(home, "verify", "--backup", args.backup, secret=secret)
    if found is None:
        return 1
    if is_json(args):
        print_json(found)
        return 0
    folded = f"{found['threads']} threads, {found['tasks']} tasks"
    lines = [
        f"✓ {found['records']} records, each as its id says; {folded}",
        f"  {clean(found['path'])}",
    ]
    if not found["manifest"]:
        lines.append("  it has no manifest: whether these are all its records is unknown")
    lines += [line for one in found["archives"] for line in _archive_lines(one)]
    if not any(one["kind"] == "keys" for one in found["archives"]):
        lines.append("  no keys are beside it: a lost home cannot be restored as the same instance")
    say(*lines)  # at once: who reads only the first line ends the pipe
    return 0


def _archive_lines(one: dict[str, Any]) -> list[str]:
    what = "keys and secrets" if one["kind"] == "keys" else "settings and task files"
    if one["files"] is None:
        told = f"◇ {what} are sealed; whether they are whole is unknown: no passphrase given"
    else:
        told = f"✓ {what}: {one['files']} files, each as it was saved"
    return [told, f"  {clean(one['path'])}"]


def run_restore(args: Namespace) -> int:
    home = this_home()
    parts = [part for part in ("keys", "config", "data") if getattr(args, f"with_{part}")]
    secret = asked(args, home, new=False) if args.with_keys else ""
    words = [word for part in parts for word in ("--with", part)]
    named = str(Path(args.backup).absolute()) if "/" in args.backup else args.backup
    done = _tool(home, "restore", "--backup", named, "--instance", args.instance, *words, secret=secret)
    if done is None:
        return 1
    if is_json(args):
        print_json(done)
        return 0
    say(f"✓ restored {done['records']} records from {clean(done['path'])}")
    if done["lost"]:
        say(f"  {done['lost']} records that were known are not in it")
    if done["put_back"]:
        say(f"✓ restored {', '.join(done['put_back'])} of {clean(done['did'])}")
    elif done["others"]:
        say(f"  this instance stays {clean(done['did'])}; the backup's own keys: --with-keys")
    say(*(f"  the former {clean(Path(one).name)} is kept" for one in done["kept"]))
    say("  start the daemon: spl serve")
    return 0


def run_prune(args: Namespace) -> int:
    gone = _tool(this_home(), "prune")
    if gone is None:
        return 1
    if is_json(args):
        print_json(gone)
    else:
        say(*(f"removed {clean(one)}" for one in gone["data"]) if gone["data"] else ("nothing to remove",))
    return 0


def _tool(home: Home, *words: str, secret: str = "") -> dict[str, Any] | None:
    """The tool's answer; None when it failed, and has said why on stderr. `secret`: a passphrase for it."""
    command = [sys.executable, "-P", "-m", "syncropel.daemon.backup_tool", words[0], "--home", str(home.path)]
    command += [*words[1:], *(["--passphrase"] if secret else []), *(["--json"] if errors_are_json() else [])]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, input=secret.encode())
    if done.returncode != 0:
        return None
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
