"""The console that is opened on one daemon, as the demo does it."""

from __future__ import annotations

import pytest

import tui.app.launch
from syncropel.cli.console import open_on
from syncropel.client import Target
from tui.model.setup import Setup


def test_its_command_line_knows_the_words_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Setup] = []
    monkeypatch.setattr(tui.app.launch, "run", lambda setup: opened.append(setup) or 0)
    assert open_on(Target(url="http://127.0.0.1:1"), "tasks") == 0
    (setup,) = opened
    assert setup.screen == "tasks"
    assert setup.grammar is not None
    assert "retry" in setup.grammar.complete(["task"], "re")
