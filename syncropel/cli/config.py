"""`spl config`: rules, permissions, origins, and recovery when permissions locked everybody out."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from typing import Any, Final

from syncropel.cli import config_cors
from syncropel.cli.support.connect import connect, this_home
from syncropel.cli.support.parsing import Parser, add_list_verb, add_verb, verbs
from syncropel.cli.support.terminal import is_json, print_json, say, table
from syncropel.settings.home import actor_from

_ORIGINS: Final = {"default": "default", "here": "instance", "fleet": "fleet"}
_EFFECTS: Final = ("effect", "severity", "target")
OPS: Final = ("record_write", "thread_read", "config_read")
_A_RULE: Final = {
    "permission": "a permission rule",
    "routing": "a routing rule",
    "health": "a health check",
    "precondition": "a precondition",
    "aitl": "an ask-in-the-loop rule",
    "trigger": "a trigger",
    "fold": "a fold rule",
}


def configure(parser: Parser) -> None:
    group = verbs(parser)
    _rule(group, "add-permission-rule", "permission", "allow or deny what an expression matches")
    _rule(group, "add-rule", "routing", "route subtasks: the expression gives an alias or a DID, or is empty")
    _rule(group, "add-health", "health", "add a health check: an expression that is true while all is well")
    _rule(group, "add-precondition", "precondition", "hold every subtask until the expression is true of it")
    _rule(group, "add-aitl", "aitl", "ask an operator before a subtask starts that the expression is true of")
    _rule(group, "add-trigger", "trigger", "open a task for every record that the expression is true of")
    _rule(group, "add-fold-rule", "fold", "show of every task what the expression folds its records to")
    for verb, kind, summary in (
        ("list-permission-rules", "permission", "list permission rules in order of evaluation"),
        ("list-rules", "routing", "list routing rules"),
        ("list-health", "health", "list health checks"),
        ("list-preconditions", "precondition", "list what subtasks wait for before they start"),
        ("list-aitl", "aitl", "list the rules that ask an operator"),
        ("list-fold-rules", "fold", "list what tasks are folded to beside their status"),
        ("list-triggers", "trigger", "list what opens tasks, and for which records"),
    ):
        add_list_verb(group, verb, summary, ["name"]).set_defaults(run=run_list, kind=kind)
    for verb, kind in (
        ("remove-permission-rule", "permission"),
        ("remove-rule", "routing"),
        ("remove-health", "health"),
        ("remove-precondition", "precondition"),
        ("remove-aitl", "aitl"),
        ("remove-trigger", "trigger"),
        ("remove-fold-rule", "fold"),
    ):
        remove = add_verb(group, verb, f"remove {_A_RULE[kind]}")
        remove.add_argument("name", metavar="NAME", help="its name")
        remove.set_defaults(run=run_remove, kind=kind)
    restore = add_verb(group, "restore-default-rules", "put back the default freeze rules")
    restore.set_defaults(run=run_restore)
    for verb in ("enable", "disable"):
        switch = add_verb(group, f"permissions-{verb}", f"{verb} the permission rules")
        switch.set_defaults(run=run_switch, switch=verb)
    unlock = add_verb(group, "permissions-unlock", "disable permissions in the store of a stopped daemon")
    unlock.set_defaults(run=run_unlock)
    config_cors.configure(group)


def _rule(group: Any, verb: str, kind: str, summary: str) -> None:
    rule = add_verb(group, verb, summary)
    rule.add_argument("name", metavar="NAME", help="its name; a rule of this name is replaced")
    rule.add_argument("--expression", required=True, metavar="CEL", help="the expression")
    rule.add_argument(
        "--priority", type=int, default=100, metavar="N", help="rules with lower numbers are evaluated first"
    )
    if kind == "permission":
        rule.add_argument("--effect", choices=("allow", "deny"), required=True, help="what a match means")
        rule.add_argument(
            "--op",
            action="append",
            choices=OPS,
            help="only for this operation; repeat it for more (default: all)",
        )
    if kind == "trigger":
        rule.add_argument(
            "--goal", required=True, metavar="TEXT", help="the task's goal; {id} stands for the record's id"
        )
        rule.add_argument(
            "--target", metavar="TARGET", help="run the task there (default: it waits for a person)"
        )
    if kind == "health":
        rule.add_argument(
            "--severity",
            choices=("warning", "critical"),
            default="warning",
            help="the severity when the expression is false",
        )
    rule.set_defaults(run=run_add, kind=kind)


def run_add(args: Namespace) -> int:
    fields: dict[str, Any] = {
        "expression": args.expression,
        "priority": args.priority,
        "effect": next((found for name in _EFFECTS if (found := getattr(args, name, None))), ""),
        "ops": getattr(args, "op", None) or [],
        "actor": actor_from(os.environ),
    }
    if goal := getattr(args, "goal", ""):
        fields["goal"] = goal
    with connect(args) as client:
        from syncropel.client import config_calls

        written = client.send(config_calls.put_rule(args.kind, args.name, fields))
    return _told(args, written, f"✓ {args.kind} rule '{args.name}' recorded")


def run_list(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import config_calls

        found = client.send(config_calls.rules(args.kind))
    if is_json(args):
        print_json(found)
        return 0
    if args.kind == "permission":
        say(
            "Permissions: enabled (what no rule matches is denied)"
            if found.enabled
            else "Permissions: disabled (only freeze rules deny)"
        )
    rows = [
        [
            str(one.priority),
            one.name + (" (default)" if one.default else ""),
            one.effect or "-",
            ",".join(one.ops) or "-",
            _ORIGINS.get(one.origin, one.origin),
            one.expression + (f" → {one.goal}" if one.goal else ""),
        ]
        for one in found.data
    ]
    say(*table(["PRIORITY", "NAME", "EFFECT", "OPS", "FROM", "EXPRESSION"], rows))
    for one in found.data:
        if one.waiting:
            say(f"'{one.name}' waits for {', '.join(one.waiting)}")
        if one.failures:
            times = "once" if one.failures == 1 else f"{one.failures} times"
            say(f"'{one.name}' could not be evaluated {times}: {one.last_error}")
    return 0


def run_remove(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import config_calls

        written = client.send(config_calls.remove_rule(args.kind, args.name, actor_from(os.environ)))
    return _told(args, written, f"✓ {args.kind} rule '{args.name}' removed")


def run_restore(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import config_calls

        written = client.send(config_calls.restore_default_rules(actor_from(os.environ)))
    names = ", ".join(written.names)
    return _told(
        args, written, f"✓ restored: {names}" if names else "✓ the default rules are already in force"
    )


def run_switch(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import config_calls

        written = client.send(config_calls.switch_permissions(args.switch, actor_from(os.environ)))
    return _told(args, written, f"✓ permissions {args.switch}d")


def run_unlock(args: Namespace) -> int:
    home = this_home()
    # A separate process, because only the daemon's layer may open a store.
    words = [sys.executable, "-P", "-m", "syncropel.daemon.unlock", "--home", str(home.path)]
    words += ["--actor", actor_from(os.environ), *(["--json"] if is_json(args) else [])]
    return subprocess.run(words, check=False).returncode


def _told(args: Namespace, written: Any, text: str) -> int:
    if is_json(args):
        print_json(written)
    else:
        say(text)
        if written.waiting:
            say(f"  on its way to {', '.join(written.waiting)}; who has taken it: spl fleet status")
    return 0
