"""`spl worktree`: the git worktrees of attempts, and the removal of those no longer needed."""

from __future__ import annotations

import os
import re
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.numbers import size
from syncropel.cli.support.parsing import Parser, add_list_verb, add_verb, verbs
from syncropel.cli.support.terminal import clean, complain, is_json, print_json, say, table
from syncropel.settings.home import actor_from

if TYPE_CHECKING:
    from syncropel.wire import UnknownWorktrees, WorktreeOut

_UNKNOWN: Final = "unknown"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def configure(parser: Parser) -> None:
    group = verbs(parser)
    listing = add_list_verb(group, "list", "list the worktrees of every instance", ["path"])
    listing.set_defaults(run=run_list)
    prune = add_verb(
        group,
        "prune",
        "remove the worktrees that are no longer needed",
        epilog="Removed are worktrees whose attempt has ended, that hold nothing uncommitted, and whose\n"
        "branch is merged into the base branch of their repository. Branches are never removed.",
    )
    prune.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")
    prune.set_defaults(run=run_prune)
    allow = add_verb(
        group,
        "allow",
        "let files of a repository run as its gate, setup, or teardown",
        epilog="A command of [workspace.repos] that names files of its repository runs only those of the\n"
        "base commit, and only once you have allowed them. What refuses to run names the digest.",
    )
    allow.add_argument("repo", metavar="REPO", help="the repository's name in [workspace.repos]")
    allow.add_argument(
        "digest", metavar="DIGEST", type=_digest, help="the digest of the files: 64 hex digits"
    )
    allow.add_argument("--remove", action="store_true", help="they may not run any more")
    allow.set_defaults(run=run_allow)


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is not a digest of 64 hex digits")
    return text


def run_allow(args: Namespace) -> int:
    """One line; returns 1 when an instance did not take it."""
    with connect(args) as client:
        from syncropel.client import worktree_calls

        actor = actor_from(os.environ)
        done = client.send(worktree_calls.allow_files(args.repo, args.digest, actor, removed=args.remove))
    missed = [one for one in done.data if one.problem]
    if is_json(args):
        print_json(done)
    else:
        may = "may not run any more" if done.removed else "may run"
        where = ", ".join(one.alias or one.instance for one in done.data if not one.problem)
        say(clean(f"◇ files {done.digest[:12]} of {done.repo} {may} on: {where}"))
    for one in missed:
        name = one.alias or one.instance
        complain(
            clean(f"warning: {name} was not told: {one.problem}"), "run the command again when it is back"
        )
    return 1 if missed else 0


def run_list(args: Namespace) -> int:
    """One row per worktree; instances that do not answer are named on stderr."""
    with connect(args) as client:
        from syncropel.client import worktree_calls

        listed = client.send(worktree_calls.worktrees())
    if is_json(args):
        print_json(listed)
        return 0
    if listed.data:
        header = ["TASK", "ATTEMPT", "STATE", "BRANCH", "SIZE", "AHEAD", "UNCOMMITTED", "MERGED", "INSTANCE"]
        say(*table([*header, "PATH"], [_row(one) for one in listed.data]))
    elif not listed.unknown:
        say("no worktrees")
    _tell_unknown(listed.unknown)
    return 0


def run_prune(args: Namespace) -> int:
    """One line per worktree; returns 1 when an instance did not answer."""
    with connect(args) as client:
        from syncropel.client import worktree_calls

        done = client.send(worktree_calls.prune_worktrees(dry_run=args.dry_run))
    if is_json(args):
        print_json(done)
    else:
        verb = "would remove" if done.dry_run else "removed"
        say(*(clean(f"{verb} {_named(one)}") for one in done.removed))
        say(*(clean(f"kept {_named(one)}: {one.kept}") for one in done.kept))
        if not done.removed and not done.kept and not done.unknown:
            say("no worktrees")
        _tell_unknown(done.unknown)
    return 1 if done.unknown else 0


def _row(one: WorktreeOut) -> list[str]:
    merged = {True: "yes", False: "no", None: _UNKNOWN}[one.merged]
    return [
        f"{one.task} [{one.index}]",
        str(one.attempt),
        "running" if one.state == "in_progress" else one.state,
        one.branch or "-",
        _UNKNOWN if one.size is None else size(one.size),
        _number(one.commits_ahead),
        _number(one.uncommitted),
        merged,
        one.alias or one.instance,
        one.path,
    ]


def _number(value: int | None) -> str:
    return _UNKNOWN if value is None else str(value)


def _named(one: WorktreeOut) -> str:
    return f"{one.path} of {one.task} [{one.index}], attempt {one.attempt}, on {one.alias or one.instance}"


def _tell_unknown(instances: Iterable[UnknownWorktrees]) -> None:
    for one in instances:
        name = one.alias or one.instance
        complain(clean(f"warning: the worktrees of {name} are unknown: {one.why}"), f"spl fleet show {name}")
