"""`docs/man/spl.1`: the manual page of `spl`, from its parser."""

from __future__ import annotations

import argparse
from typing import Final

from docs_tools.cli_page import EXIT_CODES, commands
from docs_tools.environment_page import READ
from syncropel import __version__
from syncropel.cli.support.parsing import COMMANDS

_OF_ALL: Final = (
    ("-o, --output FORM", "Text (the default), json, or yaml; for lists also wide and name."),
    ("--url URL", "Talk to a daemon over TCP instead of this home's socket."),
    ("--context NAME", "Talk to the fleet of that name."),
    ("-h, --help", "Show the help of a command."),
)
_SHOWN_ONCE: Final = {"-h", "-o", "--url", "--context"}


def man_page() -> str:
    """The page as troff, with the macros of man(7)."""
    lines = [
        '.\\" Made by `python -m docs_tools` from syncropel/cli: change it there.',
        f'.TH SPL 1 "" "Syncropel {__version__}" "User Commands"',
        ".SH NAME",
        "spl \\- run fleets of agent daemons from one keyboard",
        ".SH SYNOPSIS",
        ".B spl",
        "[\\fB\\-\\-url\\fR \\fIURL\\fR | \\fB\\-\\-context\\fR \\fINAME\\fR]",
        "\\fICOMMAND\\fR [\\fIVERB\\fR] [\\fIFLAG\\fR]... [\\fIARGUMENT\\fR]...",
        ".SH DESCRIPTION",
        "Without a URL or a context, a command talks to the daemon of this home over its Unix socket.",
        ".SH COMMANDS",
    ]
    for name, summary in COMMANDS.items():
        lines += [".TP", f".B {_plain(name)}", _sentence(summary)]
    lines.append(".SH FLAGS OF EVERY COMMAND")
    for flag, meaning in _OF_ALL:
        lines += [".TP", f".B {_plain(flag)}", _plain(meaning)]
    for path, parser in commands().items():
        lines += _section(path, parser)
    lines.append(".SH ENVIRONMENT")
    for one in READ:
        lines += [".TP", f".B {_plain(one.name)}", _plain(one.meaning.replace("`", ""))]
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXIT_CODES.items():
        lines += [".TP", f".B {code}", _plain(meaning.replace("`", ""))]
    return "\n".join([*lines, ".SH SEE ALSO", "The documentation that comes with the source."]) + "\n"


def _section(path: str, parser: argparse.ArgumentParser) -> list[str]:
    actions = [
        one
        for one in parser._actions
        if one.help != argparse.SUPPRESS and not _SHOWN_ONCE & set(one.option_strings)
    ]
    shown = " ".join(_word(one) for one in actions if not one.option_strings)
    lines = [f'.SH "{_plain(f"spl {path}".upper())}"', f".B spl {_plain(path)}"]
    lines += [_plain(f"[FLAG]... {shown}".strip()), ".PP", _plain(parser.description or "")]
    for one in actions:
        lines += [".TP", f".B {_plain(_word(one))}", _sentence(one.help or "")]
    return lines


def _word(action: argparse.Action) -> str:
    value = action.metavar or (action.dest.upper() if action.choices is None else "|".join(action.choices))
    if not action.option_strings:
        return str(value) if action.nargs not in ("?", "*") else f"[{value}]"
    flags = ", ".join(action.option_strings)
    if action.nargs == 0:
        return flags
    return f"{flags} [{value}]" if action.nargs == "?" else f"{flags} {value}"


def _sentence(text: str) -> str:
    told = text[:1].upper() + text[1:]
    return _plain(told if told.endswith((".", ")")) or not told else f"{told}.")


def _plain(text: str) -> str:
    """Text that troff shows as it is."""
    told = " ".join(text.replace("%%", "%").split()).replace("\\", "\\e").replace("-", "\\-")
    told = "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in told)
    return f"\\&{told}" if told[:1] in (".", "'") else told
