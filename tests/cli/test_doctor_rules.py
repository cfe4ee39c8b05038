"""`spl doctor` about the rules for agents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .conftest import Ran


def test_rules_for_agents_are_checked_before_a_start_would_refuse_them(
    spl: Callable[..., Ran], home: Path
) -> None:
    assert spl("init").code == 0
    config = home / ".syncro" / "config.toml"
    rule = '[[permissions.rules]]\nname = "look"\nwhen = "%s"\ndecide = "deny"\n'
    config.write_text(rule % "comand == null")
    ran = spl("doctor")
    assert ran.code == 1
    assert "rule look: unknown name 'comand'" in ran.out
    config.write_text(rule % "command == null")
    assert "rules about what agents may do: 1" in spl("doctor").out
