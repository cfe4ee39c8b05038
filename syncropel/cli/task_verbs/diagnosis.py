"""The `spl task` verbs that examine a task: its attempts, and its tree."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import add_verb, index
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.cli.text import diagnosis as diagnosis_text


def configure(group: Any) -> None:
    """Add the verbs to `spl task`."""
    diagnose = add_verb(group, "diagnose", "show how every attempt ended: its process and its worktree")
    diagnose.add_argument("--subtask", type=index, metavar="N", help="only the attempts of this subtask")
    diagnose.set_defaults(run=run_diagnose)
    tree = add_verb(group, "tree", "show the subtasks, each below the one that it waits for")
    tree.set_defaults(run=run_tree)
    diagnose.add_argument("name", metavar="NAME", help="a task's alias or thread")
    tree.add_argument("name", metavar="NAME", help="a task's alias or thread, or one with child threads")


def run_diagnose(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import explain_calls

        told = client.send(explain_calls.diagnose(args.name, args.subtask))
    if is_json(args):
        print_json(told)
    else:
        say(*diagnosis_text.diagnosis_lines(told))
    return 0


def run_tree(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import explain_calls

        tree = client.send(explain_calls.tree(args.name))
    if is_json(args):
        print_json(tree)
    else:
        say(*diagnosis_text.tree_lines(tree))
    return 0
