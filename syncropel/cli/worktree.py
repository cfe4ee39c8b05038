"""`spl worktree`: the git worktrees of attempts, and the removal of those no longer needed."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.numbers import size
from syncropel.cli.support.parsing import Parser, add_verb, verbs
from syncropel.cli.support.terminal import clean, complain, is_json, print_json, say, table

if TYPE_CHECKING:
    from syncropel.wire import UnknownWorktrees, WorktreeOut

_UNKNOWN: Final = "unknown"


def configure(parser: Parser) -> None:
    group = verbs(parser)
    listing = add_verb(group, "list", "list the worktrees of every instance")
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
