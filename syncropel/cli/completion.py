"""`spl completion`: what a shell needs to complete `spl`, with names that it asks the daemon for."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support.connect import connect, import_client
from syncropel.cli.support.parsing import CommandParser, Parser, build_parser
from syncropel.cli.support.terminal import write
from syncropel.errors import SyncropelError

if TYPE_CHECKING:
    from syncropel.client import Client

SHELLS: Final = ("bash", "zsh", "fish")
LIMIT_SECS: Final = 1.0
"""A shell gets no names from a daemon that has not answered by then: who types does not wait."""
_MOST: Final = 500
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@+-]+")
"""Names that no shell reads as anything else. Bash expands the words that it is given, so a name such as
`$(reboot)`, which anybody may give a task, must never reach it.
"""
_BY_FLAG: Final = {
    "--instance": "instances",
    "--target": "instances",
    "--context": "contexts",
    "--namespace": "namespaces",
    "--from-namespace": "namespaces",
    "--to-namespace": "namespaces",
    "--thread": "threads",
    "--vs-serial": "threads",
}
_BY_COMMAND: Final = {
    "task": "tasks",
    "why": "tasks",
    "thread": "threads",
    "debug": "threads",
    "fleet": "instances",
    "adapter": "instances",
    "namespace": "namespaces",
    "context": "contexts",
}
"""What the first argument of these commands names."""
_NOT_FIRST: Final = frozenset(
    {"task add", "fleet join", "namespace create", "namespace strict", "context add"}
)
"""Commands whose first argument is something new, or no name."""
_FILES: Final = frozenset(
    {"--ca-file", "--token-file", "--passphrase-file", "--in", "--out", "--bundle", "--body"}
)


def configure(parser: Parser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("shell", nargs="?", choices=SHELLS, help="print what this shell has to read")
    what.add_argument("--names", choices=sorted(_READERS), help=argparse.SUPPRESS)
    parser.add_argument("--within", type=float, default=LIMIT_SECS, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    if args.names:
        return _print_names(args)
    import shtab

    write(sys.stdout, shtab.complete(whole_parser(), args.shell))
    return 0


def whole_parser() -> Parser:
    """The parser with every command's flags, each of which knows how its value is completed."""
    parser = build_parser()
    for path, one in _every(parser, ""):
        positional = True
        for action in one._actions:
            if action.option_strings:
                _complete(
                    action, next((_BY_FLAG[flag] for flag in action.option_strings if flag in _BY_FLAG), "")
                )
            elif not isinstance(action, argparse._SubParsersAction):
                named = (
                    _BY_COMMAND.get(path.partition(" ")[0], "")
                    if positional and path not in _NOT_FIRST
                    else ""
                )
                _complete(action, named)
                positional = False
    return parser


def _every(parser: argparse.ArgumentParser, path: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    if isinstance(parser, CommandParser):
        parser.configure()
    yield path, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from _every(child, f"{path} {name}".strip())


def _complete(action: argparse.Action, kind: str) -> None:
    import shtab

    if kind:
        action.complete = _asking(kind)  # type: ignore[attr-defined]
    elif _FILES & set(action.option_strings):
        action.complete = shtab.FILE  # type: ignore[attr-defined]


def _asking(kind: str) -> dict[str, Any]:
    """How each shell asks for names. With `shtab.cmd`, zsh would ask for all when it reads the script."""
    ask, function = f"spl completion --names {kind} 2>/dev/null", f"_spl_names_of_{kind}"
    return {
        "bash": function,
        "zsh": function,
        "fish": f"({ask})",
        "preamble": {
            "bash": f'{function}() {{ compgen -W "$({ask})" -- "$1"; }}',
            "zsh": f'{function}() {{ local -a names; names=(${{(f)"$({ask})"}}); compadd -a names; }}',
        },
    }


# names


def _print_names(args: Namespace) -> int:
    """Print the names of this kind, one a line; nothing when the daemon does not answer at once."""
    import_client()
    from syncropel.client import calls  # noqa: F401 - before the time counts

    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.setitimer(signal.ITIMER_REAL, args.within)
    try:
        names = sorted({name for name in _READERS[args.names](args) if _PLAIN.fullmatch(name)})
    except SyncropelError:
        names = []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    write(sys.stdout, "".join(f"{name}\n" for name in names))
    return 0


def _tasks(args: Namespace) -> Iterable[str]:
    def read(client: Client) -> list[str]:
        from syncropel.client import calls

        return [one.alias or one.thread for one in client.send(calls.tasks(limit=_MOST)).data]

    return _asked(args, read)


def _threads(args: Namespace) -> Iterable[str]:
    def read(client: Client) -> list[str]:
        from syncropel.client import calls

        return [one.id for one in client.send(calls.threads(limit=_MOST)).data]

    return _asked(args, read)


def _instances(args: Namespace) -> Iterable[str]:
    def read(client: Client) -> list[str]:
        from syncropel.client import calls

        return [one.alias or one.did for one in client.send(calls.fleet_status()).instances]

    return _asked(args, read)


def _namespaces(args: Namespace) -> Iterable[str]:
    def read(client: Client) -> list[str]:
        from syncropel.client import calls

        return [one.namespace for one in client.send(calls.namespaces()).data]

    return _asked(args, read)


def _contexts(_: Namespace) -> Iterable[str]:
    from syncropel.cli.support.connect import this_home
    from syncropel.settings import contexts

    return [contexts.LOCAL, *contexts.load(this_home()).known]


def _asked(args: Namespace, read: Any) -> Iterable[str]:
    with connect(args) as client:
        names: list[str] = read(client)
    return names


_READERS: Final = {
    "tasks": _tasks,
    "threads": _threads,
    "instances": _instances,
    "namespaces": _namespaces,
    "contexts": _contexts,
}
