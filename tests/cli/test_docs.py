"""The manual page knows every command and every flag."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from syncropel.cli.support.parsing import COMMANDS, CommandParser, build_parser

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
EVERYWHERE = {"-h", "--help", "-o", "--output", "--url", "--context"}


def _children(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _leaves() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for name, command in _children(build_parser()).items():
        assert isinstance(command, CommandParser)
        import_module(command.module).configure(command)
        verbs = _children(command)
        if not verbs:
            yield name, command
        for verb, parser in verbs.items():
            yield f"{name} {verb}", parser


LEAVES = dict(_leaves())


def _section(command: str) -> str:
    head = f"### `spl {command}"
    starts = [at for at in (PAGE.find(head + end) for end in ("`", " ")) if at >= 0]
    assert starts, f"docs/reference/cli.md has no section {head}`"
    body = PAGE[starts[0] :]
    end = body.find("\n## ", 1), body.find("\n### ", 1)
    return body[: min((at for at in end if at > 0), default=len(body))]


@pytest.mark.parametrize("command", LEAVES)
def test_a_command_and_its_flags_are_documented(command: str) -> None:
    section = _section(command)
    for action in LEAVES[command]._actions:
        for flag in action.option_strings:
            if flag not in EVERYWHERE or (flag == "--url" and command == "context add"):
                assert flag in section, f"{flag} of spl {command}"


@pytest.mark.parametrize("flag", ["--output", "-o json", "--url", "--context"])
def test_flags_of_every_command_are_documented_once(flag: str) -> None:
    assert f"`{flag}" in PAGE


def test_every_command_has_a_module() -> None:
    for name in COMMANDS:
        assert import_module(f"syncropel.cli.{name}").configure
