"""What may be imported where: the door is cheap, models know no Textual."""

from __future__ import annotations

import subprocess
import sys

import pytest


def loaded(statement: str) -> str:
    """The modules that are loaded after a statement in a fresh interpreter."""
    code = f"{statement}; import sys; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    return ran.stdout


def test_a_web_server_is_imported_for_the_page_alone() -> None:
    found = {one.partition(".")[0] for one in loaded("import tui.console_app").split()}
    assert not found & {"aiohttp", "textual_serve"}
    assert "aiohttp" in loaded("import tui.web.server")


@pytest.mark.parametrize(
    "statement",
    [
        "import tui.app",
        "import tui.connection, tui.refetch, tui.actions, tui.session",
        "import tui.model.fleet, tui.model.tree, tui.model.world, tui.model.facts, tui.model.bars",
    ],
)
def test_no_textual_is_imported(statement: str) -> None:
    assert not [one for one in loaded(statement).split() if one.partition(".")[0] == "textual"]
