"""The command line's parser: which commands exist, and how mistakes are reported."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

from syncropel import __version__
from syncropel.cli.support.documents import FORMS, LIST_FORMS
from syncropel.cli.support.terminal import write
from syncropel.errors import BadRequest

COMMANDS: Final = {
    "init": "create the home of this instance, its identity, and its settings",
    "serve": "start the daemon",
    "stop": "stop the daemon",
    "service": "have systemd or launchd start the daemon, and keep it running",
    "status": "show the state of the daemon",
    "doctor": "check this instance, from its files to its machine",
    "task": "create tasks, fan them out, follow them, and judge them",
    "run": "give one goal to an instance, and wait for the result",
    "simulate": "run a fan-out in virtual time: when it would join, and what it would cost",
    "inbox": "list what waits for you: questions, approvals, failed, silent, and late work",
    "why": "say why a task has its status, with the records that prove it",
    "thread": "look at threads and their records, and move them in bundles",
    "trust": "show whose results were accepted, and how often",
    "backup": "take, list, check, and restore backups of the log",
    "store": "check the log against what was known of it, and go on after a loss",
    "views": "look at the index of the log, drop it, and build it anew",
    "records": "list, search, and follow the whole log",
    "logs": "show the daemon's own log",
    "debug": "walk through the past of a thread, and compare two threads",
    "fleet": "start, stop, and look at a fleet of instances",
    "leader": "show who leads the fleet, and settle it after a promotion",
    "agent": "let coding agents of this machine work on a repository",
    "mcp": "serve a running agent its tools, over stdio; agents start it themselves",
    "worktree": "list the git worktrees of goals, and remove those no longer needed",
    "adapter": "list the adapters of the instances, with their capabilities",
    "federation": "show which parts of federation this version has",
    "kill": "freeze a namespace, or stop the fleet in an emergency",
    "unkill": "lift a freeze",
    "drill": "practise the kill switch",
    "drain": "empty an instance, or the fleet, before you stop it",
    "webhook": "list and try the webhooks that hear what happens",
    "provider": "pause a provider whose quota is spent, for the whole fleet",
    "consent": "say which namespace may share its records with which",
    "namespace": "register, list, and close namespaces",
    "config": "add, list, and remove rules; enable permissions",
    "expr": "check and evaluate expressions",
    "context": "name the fleets that you operate, and choose one",
    "console": "open the full-screen console",
    "demo": "show a fleet at work, in a temporary home",
    "token": "mint, list, and revoke tokens of service accounts",
    "completion": "print what bash, zsh, or fish needs to complete spl",
    "version": "print the version",
    "help": "explain spl, or one of its commands",
}
"""Command → summary. Each is in `syncropel.cli.<command>`, which is imported when it is chosen."""


WATCH_SECS: Final = 2.0


class UsageError(BadRequest):
    """Invalid usage: the command exits 2."""

    code = "USAGE"


class Parser(argparse.ArgumentParser):
    """argparse, with errors as exceptions and without abbreviated flags."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("allow_abbrev", False)
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*args, **kwargs)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see: {self.prog} --help")

    def _print_message(self, message: str, file: Any = None) -> None:
        if message:
            write(file or sys.stderr, message)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # argparse would answer an unknown command with the full list and no suggestion.
        if action.choices is None or value in action.choices:
            return
        known = [str(choice) for choice in action.choices]
        near = difflib.get_close_matches(str(value), known, n=1)
        told = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        flag = "/".join(action.option_strings)
        raise UsageError(f"{f'invalid {flag}' if flag else 'unknown command'} {str(value)!r}", told)


class CommandParser(Parser):
    """The parser of one command; its flags come from the command's module, on first use."""

    module = ""

    def configure(self) -> None:
        """Add the module's flags, once."""
        if self.module:
            module, self.module = self.module, ""
            import_module(module).configure(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.configure()
        return super().parse_known_args(args, namespace)


def build_parser() -> Parser:
    """The parser of `spl`, with no command's module imported yet."""
    parser = Parser(prog="spl", description="Run fleets of agent daemons from one keyboard.")
    parser.add_argument("-V", "--version", action="version", version=f"spl {__version__}")
    add_target(parser)
    add_output(parser)
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", parser_class=CommandParser)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        command.module = f"syncropel.cli.{name}"
    return parser


def verbs(parser: Parser) -> Any:
    """The sub-commands of a noun; without one, its help is shown."""
    return parser.add_subparsers(metavar="VERB", dest="verb", parser_class=Parser, required=True)


def add_verb(group: Any, name: str, summary: str, **kwargs: Any) -> Parser:
    """A sub-command, with the flags that every sub-command has."""
    verb: Parser = group.add_parser(
        name, help=summary, description=summary[0].upper() + summary[1:] + ".", **kwargs
    )
    add_target(verb)
    add_output(verb)
    return verb


def add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        choices=FORMS,
        default=argparse.SUPPRESS,
        help="text (default), json: what the API answered, or yaml: the same",
    )


def add_list_verb(group: Any, name: str, summary: str, names: Sequence[str], **kwargs: Any) -> Parser:
    """A sub-command that prints a list, with the flags that every such has. `names`: the fields of an item
    that may name it, the best first; none when items have no names.
    """
    verb = add_verb(group, name, summary, **kwargs)
    as_list(verb, names)
    return verb


def as_list(verb: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """Give a parser that has `-o` the flags of `add_list_verb`."""
    add_list_output(verb, names)
    verb.add_argument(
        "--watch",
        nargs="?",
        type=seconds,
        const=WATCH_SECS,
        metavar="SECS",
        dest="watch_secs",
        help=f"print it again when it has changed, looking every SECS seconds (default {WATCH_SECS:g})",
    )


def add_list_output(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """Let a parser that has `-o` print lists in every form."""
    output = parser._option_string_actions["--output"]
    output.choices = LIST_FORMS if names else [one for one in LIST_FORMS if one != "name"]
    output.help = (
        "text (default), wide: all fields in a table, json: what the API answered, yaml: the same"
        f"{', name: names alone' if names else ''}"
    )
    if names:
        parser.add_argument(
            "-q",
            "--quiet",
            action="store_const",
            const="name",
            dest="output",
            default=argparse.SUPPRESS,
            help="names alone, one a line: -o name",
        )
    parser.set_defaults(list_names=tuple(names))


def add_limit(parser: argparse.ArgumentParser) -> None:
    """Add a limit on the length of a list."""
    parser.add_argument("--limit", type=positive, metavar="N", default=100, help="at most N (default 100)")


def add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url",
        default=argparse.SUPPRESS,
        help="talk to a daemon over TCP instead of this home's socket (or SPL_URL)",
    )
    parser.add_argument(
        "--context",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="talk to the fleet of that name, see: spl context list (or SPL_CONTEXT)",
    )


def port(text: str) -> int:
    """A TCP port; 0 is any free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def positive(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def amount(text: str) -> int:
    """A whole number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def index(text: str) -> int:
    """A subtask's index, from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not an index from 0")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds, at least a tenth."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.1")
    return value


def money(text: str) -> float:
    """An amount of US dollars above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount above 0, such as 0.50")
    return value
