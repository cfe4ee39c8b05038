"""Every program on the page of the Python client runs, against a real daemon."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import syncropel

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "python.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_runs(program: str, daemon_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCROPEL_HOME", str(daemon_home))
    exec(compile(program, "docs/howto/python.md", "exec"), {"__name__": "__main__"})


def test_what_it_names_is_public() -> None:
    imports = re.findall(r"^from syncropel import (.*)", PAGE, re.MULTILINE)
    named = {name for line in imports for name in line.split(", ")}
    assert named <= set(vars(syncropel)["__all__"])
