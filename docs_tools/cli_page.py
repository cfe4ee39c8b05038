"""Blocks of `reference/cli.md`: how each command is typed, with its arguments, flags and defaults."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module
from typing import Final

from docs_tools.markdown import filled, table
from syncropel.cli.main import BROKEN_PIPE, FAILED, INTERRUPTED, USAGE
from syncropel.cli.support.parsing import COMMANDS, CommandParser, build_parser

EVERYWHERE = frozenset({"--help", "--output", "--url", "--context"})
"""Flags that every command has; the page explains them once."""


EXIT_CODES: Final = {
    0: "Done.",
    FAILED: "Failed: the daemon does not answer or refuses, the answer is no, or output is lost.",
    USAGE: "Invalid usage: an unknown command or flag, a mistake in a `--subtask`, or an index, status, or "
    "target that does not exist.",
    INTERRUPTED: "Interrupted with Ctrl-C.",
    BROKEN_PIPE: "The reader of the output went away, as in `spl records list | head -1`.",
}


def children(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands below a parser, by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def commands() -> dict[str, argparse.ArgumentParser]:
    """Every runnable command, as typed after `spl`, with its parser."""
    return dict(_leaves())


def _leaves() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for name, command in children(build_parser()).items():
        assert isinstance(command, CommandParser)
        import_module(command.module).configure(command)
        yield from _below(name, command)


def _below(name: str, command: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    verbs = children(command)
    if not verbs:
        yield name, command
    for verb, parser in verbs.items():
        yield from _below(f"{name} {verb}", parser)


def own_actions(command: str, parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The arguments and flags of one command, without those of every command."""
    return [
        action
        for action in parser._actions
        if action.help != argparse.SUPPRESS
        and (
            not action.option_strings
            or action.option_strings[-1] not in EVERYWHERE
            or (command.startswith("context ") and action.option_strings[-1] == "--url" and action.required)
            or (command.startswith("expr ") and action.option_strings[-1] == "--context" and action.required)
        )
    ]


def typed(command: str, parser: argparse.ArgumentParser) -> str:
    """The usage line: required arguments, and `[FLAG…]` when there may be more."""
    parts = ["spl", command]
    optional = False
    for action in own_actions(command, parser):
        if action.option_strings and action.required:
            parts.append(f"{action.option_strings[-1]} {_value(action)}")
        elif action.option_strings:
            optional = True
        else:
            parts.append(_positional(action))
    return " ".join([*parts, *(["[FLAG…]"] if optional else [])])


def _positional(action: argparse.Action) -> str:
    name = _value(action)
    return {"?": f"[{name}]", "*": f"[{name}…]", "+": f"{name}…"}.get(str(action.nargs), name)


def _value(action: argparse.Action) -> str:
    if action.metavar:
        return str(action.metavar)
    if action.choices is not None:
        return "|".join(map(str, action.choices))
    return action.dest.upper()


def block(command: str, parser: argparse.ArgumentParser) -> str:
    """A command's usage, and a table of its arguments and flags."""
    actions = own_actions(command, parser)
    usage = f"```text\n{typed(command, parser)}\n```"
    if not actions:
        return usage
    rows = [(_name(action), _default(action), _meaning(action)) for action in actions]
    return f"{usage}\n\n{table(('argument or flag', 'default', 'meaning'), rows)}"


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{_positional(action)}`"
    flags = ", ".join(f"`{one}`" for one in action.option_strings[:-1])
    last = action.option_strings[-1]
    value = (
        "" if action.nargs == 0 else f" [{_value(action)}]" if action.nargs == "?" else f" {_value(action)}"
    )
    return ", ".join(filter(None, (flags, f"`{last}{value}`")))


def _default(action: argparse.Action) -> str:
    if action.required and action.nargs not in ("*", "?"):
        return "required"
    default = action.default
    if action.nargs == 0 or default in (None, "", []) or default is argparse.SUPPRESS:
        return ""
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def _meaning(action: argparse.Action) -> str:
    if not action.help:
        raise ValueError(f"{'/'.join(action.option_strings) or action.dest} has no help")
    text = str(action.help)
    return text[0].upper() + text[1:] + "." if not text.endswith((".", "?")) else text


def overview() -> str:
    """Every first-level command with its summary."""
    return table(
        ("command", "does"), [(f"[`spl {name}`](#{_anchor(name)})", text) for name, text in COMMANDS.items()]
    )


def _anchor(name: str) -> str:
    first = next(one for one in commands() if one.split()[0] == name)
    return f"spl-{first.replace(' ', '-')}"


def cli_page(present: str) -> str:
    """The page with every generated block renewed; its prose is written by hand."""
    blocks = {f"spl {command}": block(command, parser) for command, parser in commands().items()}
    codes = table(("exit code", "meaning"), [(str(code), told) for code, told in EXIT_CODES.items()])
    return filled(present, {"commands": overview(), "exit codes": codes, **blocks})
