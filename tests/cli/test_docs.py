"""The page of the commands: each one is there under its name, and flags of every command stand there once."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from docs_tools.cli_page import commands
from syncropel.cli.support.parsing import COMMANDS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", commands())
def test_a_command_has_a_section_that_says_what_it_does(command: str) -> None:
    made = f"### `spl {command}`\n\n<!-- made: spl {command} -->"
    assert PAGE.count(made) == 1
    told = PAGE[PAGE.index(made) :].partition("<!-- /made -->")[2].split("\n#")[0]
    assert len(told.split()) >= 3


@pytest.mark.parametrize("flag", ["--output", "-o json", "--url", "--context"])
def test_flags_of_every_command_are_documented_once(flag: str) -> None:
    assert f"`{flag}" in PAGE


def test_every_command_has_a_module() -> None:
    for name in COMMANDS:
        assert import_module(f"syncropel.cli.{name}").configure
