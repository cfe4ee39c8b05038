"""`spl thread snapshot` and `spl thread restore`: exports threads to a file, and imports them."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import UsageError, add_verb
from syncropel.cli.support.terminal import is_json, print_json, say, write_bytes
from syncropel.cli.text import thread as thread_text
from syncropel.errors import SetupError

STANDARD = "-"


def configure(group: Any) -> None:
    """Add the verbs to `spl thread`."""
    snapshot = add_verb(group, "snapshot", "write threads into a bundle, a file that can be checked")
    snapshot.add_argument(
        "--threads", nargs="+", default=[], metavar="THREAD", help="these threads: ids, or aliases of tasks"
    )
    snapshot.add_argument("--all", action="store_true", help="the whole log")
    snapshot.add_argument(
        "--causal-closure", action="store_true", help="with --threads: also everything that belongs to them"
    )
    snapshot.add_argument("--to-namespace", metavar="NS", help="only what may be shared with this namespace")
    snapshot.add_argument(
        "--out", metavar="F", required=True, help="the file, such as incident.snap.jsonl; - is stdout"
    )
    snapshot.set_defaults(run=run_snapshot)
    restore = add_verb(group, "restore", "restore a bundle into this daemon's log: all of it or nothing")
    restore.add_argument("--in", dest="source", metavar="F", required=True, help="the file; - is stdin")
    restore.add_argument(
        "--dry-run", action="store_true", help="check every line and say what would happen; write nothing"
    )
    restore.add_argument(
        "--on-conflict",
        choices=("fail", "skip"),
        default="fail",
        help="what to do when another record has the same clock here: restore nothing, or skip the record",
    )
    restore.add_argument("--reserved", action="store_true", help="also restore the engine's own threads")
    restore.add_argument(
        "--take-up-work", action="store_true", help="continue unfinished work of the bundle here"
    )
    restore.set_defaults(run=run_restore)


def run_snapshot(args: Namespace) -> int:
    if bool(args.threads) == args.all:
        raise UsageError(
            "no threads named" if not args.all else "--all and --threads exclude each other",
            "--threads T-1 …, perhaps with --causal-closure; or --all",
        )
    if args.to_namespace is not None and not args.to_namespace:
        raise UsageError("--to-namespace is empty", "name the namespace that the bundle is for")
    if args.all and args.causal_closure:
        raise UsageError("--causal-closure goes with --threads", "--all already includes everything")
    with connect(args) as client:
        from syncropel.client import thread_calls
        from syncropel.wire.bundles import WITHHELD

        path = thread_calls.snapshot_path(
            args.threads, causal_closure=args.causal_closure, to_namespace=args.to_namespace or ""
        )
        with client.download(path, thread_calls.PATIENCE_SECS) as answer:
            withheld = answer.headers.get(WITHHELD)
            if args.to_namespace and withheld is None:
                raise SetupError("this daemon does not know consent", "upgrade it; nothing was written")
            if args.out == STANDARD:
                for piece in answer.pieces:
                    write_bytes(piece)
                return 0
            size, lines = _write(Path(args.out), answer.pieces)
    left_out = {"withheld_threads": int(withheld)} if withheld else {}  # a guest is not told how many
    if is_json(args):
        print_json({"path": args.out, "records": lines - 1, "bytes": size, **left_out})
    else:
        say(*thread_text.snapshot_lines(args.out, lines - 1, size))
        for count in filter(None, left_out.values()):
            say(f"  left out: {count} threads that may not be shared with '{args.to_namespace}'")
    return 0


def run_restore(args: Namespace) -> int:
    bundle = _read(args.source)
    with connect(args) as client:
        from syncropel.client import thread_calls

        report = client.send(
            thread_calls.restore(
                bundle,
                dry_run=args.dry_run,
                on_conflict=args.on_conflict,
                reserved=args.reserved,
                take_up_work=args.take_up_work,
            )
        )
    if is_json(args):
        print_json(report)
    else:
        say(*thread_text.restore_lines(report))
    return 0


def _write(path: Path, pieces: Iterable[bytes]) -> tuple[int, int]:
    """Write to a temporary file and rename, so that an interruption leaves no half bundle; return bytes and
    lines.
    """
    # Records may be confidential: the file is readable by its owner only.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    size = lines = 0
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for piece in pieces:
                file.write(piece)
                size += len(piece)
                lines += piece.count(b"\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise SetupError(
            f"{path} cannot be written: {error.strerror or error}", "choose another place: --out F"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return size, lines


def _read(source: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if source == STANDARD else Path(source).read_bytes()
    except OSError as error:
        raise SetupError(
            f"{source} cannot be read: {error.strerror or error}", "write one with: spl thread snapshot"
        ) from error
