"""What may be imported where: the door is cheap, models know no Textual."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

from syncropel.client import Target
from tui.app import launch as app
from tui.model.setup import Setup


def loaded(statement: str) -> str:
    """The modules that are loaded after a statement in a fresh interpreter."""
    code = f"{statement}; import sys; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    return ran.stdout


def test_the_collector_leaves_alone_what_was_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = list[bool]()

    async def drawn(_: object) -> None:
        assert gc.get_freeze_count() > 10_000
        assert gc.isenabled()

    def taken(_: object) -> None:
        looked.append(gc.isenabled())

    monkeypatch.setattr(app, "_run", drawn)
    monkeypatch.setattr(app, "_take_terminal", taken)
    try:
        assert app.run(Setup.single(Target(url="http://127.0.0.1:1"))) == 0
    finally:
        gc.unfreeze()
    assert looked == [False]


def test_a_web_server_is_imported_for_the_page_alone() -> None:
    found = {one.partition(".")[0] for one in loaded("import tui.app.console_app").split()}
    assert not found & {"aiohttp", "textual_serve"}
    assert "aiohttp" in loaded("import tui.web.server")


@pytest.mark.parametrize(
    "statement",
    [
        "import tui.app.launch",
        "import tui.connection.events, tui.connection.coalescing_poller, tui.connection.session",
        "import tui.model.actions, tui.model.keymap, tui.preferences",
        "import tui.model.fleet, tui.model.tree, tui.model.world, tui.model.facts, tui.model.bars",
    ],
)
def test_no_textual_is_imported(statement: str) -> None:
    assert not [one for one in loaded(statement).split() if one.partition(".")[0] == "textual"]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "None 0.025"),
        ({"NO_COLOR": "1"}, "ansi-dark 0.025"),
        ({"ESCDELAY": "300"}, "None 0.3"),
    ],
)
def test_what_textual_reads_once_is_said_before_it_is_imported(environ: dict[str, str], said: str) -> None:
    program = (
        "import os, tui.app.launch; tui.app.launch.prepare(os.environ); "
        "from textual.constants import ESCAPE_DELAY; "
        "print(os.environ.get('TEXTUAL_THEME'), ESCAPE_DELAY)"
    )
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in ("NO_COLOR", "ESCDELAY", "TEXTUAL_THEME")
    }
    ran = subprocess.run(
        [sys.executable, "-c", program], env=kept | environ, capture_output=True, text=True, timeout=60
    )
    assert ran.stdout.strip() == said
