"""The command line's grammar, for the console's `:`; it runs nothing.

Arguments that a command requires may be missing there: a dialog asks for them. Unknown bare words are passed
on as `rest`, so that `drain start worker-a` can be typed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any, Final

from syncropel.cli.support.parsing import COMMANDS, Parser, UsageError, build_parser

_NOT_HERE: Final = {"-h", "--help", "-o", "--output", "--url", "--context", "-q", "--quiet", "--watch"}


class Grammar:
    """Parses and completes what may be typed after `spl`."""

    def parse(self, words: Sequence[str]) -> dict[str, Any]:
        """`command`, `verb` if there is one, `rest`, and all flags by name. Raises UsageError."""
        parser = build_parser()
        _loosen(parser)
        found, rest = parser.parse_known_args(_open(parser, words))
        unknown = [word for word in rest if word.startswith("-")]
        if unknown:
            raise UsageError(f"{words[0]} has no flag {unknown[0]}", f"see: spl {words[0]} --help")
        known = {name: value for name, value in vars(found).items() if name != "run"}
        return known | {"verb": known.get("verb") or "", "rest": rest}

    def complete(self, words: Sequence[str], begun: str) -> list[str]:
        """Commands, verbs, flags, or the choices of a flag."""
        if not words:
            return [name for name in COMMANDS if name.startswith(begun)]
        parser: argparse.ArgumentParser = build_parser()
        for word in words:
            child = _children(parser).get(word)
            if child is not None:
                parser = _configured(child)
        flags = {flag: action for action in parser._actions for flag in action.option_strings}
        last = flags.get(words[-1])
        if last is not None and last.nargs != 0:
            return [str(one) for one in last.choices or () if str(one).startswith(begun)]
        offered = [
            *_children(parser),
            *(flag for flag in flags if flag not in _NOT_HERE and flag not in words),
        ]
        return [one for one in offered if one.startswith(begun)]


def _open(parser: Parser, words: Sequence[str]) -> list[str]:
    """The words; on the way, the command's own parser is configured and made lenient."""
    child = _children(parser).get(words[0]) if words else None
    if child is not None:
        for one in _all(_configured(child)):
            _loosen(one)
    return list(words)


def _configured(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """A command's parser with its flags, which its module adds on first use."""
    configure = getattr(parser, "configure", None)
    if configure is not None:
        configure()
    return parser


def _children(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _all(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for child in _children(parser).values():
        yield from _all(child)


def _loosen(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        action.required = False
        if (
            not action.option_strings
            and action.nargs is None
            and not isinstance(action, argparse._SubParsersAction)
        ):
            action.nargs = "?"
    for group in parser._mutually_exclusive_groups:
        group.required = False
