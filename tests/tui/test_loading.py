"""What the first paint waits for, and that the rest is there by itself soon after."""

from __future__ import annotations

import subprocess
import sys

import pytest

from syncropel import client
from syncropel import wire as schema
from tui import dialogs, screens

PROGRAM = """
import asyncio, contextlib, sys

def tell(when):
    later = ["httpx", "pydantic", "syncropel.client.transport", "tui.app.commands", "tui.dialogs.freeze"]
    later += ["tui.screens.replay", "tui.screens.fleet"]
    print(when, *(one for one in later if one in sys.modules), file=sys.__stdout__)

def client(target):
    tell("asked")
    return Silent()

class Silent:
    @contextlib.asynccontextmanager
    async def watch(self, path, last_id=""):
        await asyncio.Event().wait()
        yield

    async def close(self):
        pass

async def main():
    from syncropel.client import Target
    from tui.app.console_app import ConsoleApp
    from tui.connection.session import Outside
    from tui.model.setup import Setup

    app = ConsoleApp(Setup.single(Target()), outside=Outside(client), painted=lambda: tell("painted"))
    async with app.run_test() as pilot:
        while "tui.dialogs.why" not in sys.modules:
            await pilot.pause()
    tell("open")

asyncio.run(main())
"""


def test_the_first_screen_is_drawn_before_anything_is_imported_that_it_does_not_need() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert ran.stderr == ""
    painted, asked, opened = ran.stdout.splitlines()
    assert painted == "painted tui.screens.fleet"
    assert asked.split()[1:4] == ["httpx", "pydantic", "syncropel.client.transport"]
    assert {"tui.dialogs.freeze", "tui.screens.replay"} <= set(opened.split())


@pytest.mark.parametrize("package", [client, schema, screens, dialogs], ids=lambda one: one.__name__)
def test_every_name_that_is_promised_is_there(package: object) -> None:
    names = dir(package)
    assert len(names) >= 5
    for name in names:
        assert getattr(package, name) is not None


def test_a_name_that_was_never_promised_is_not_there() -> None:
    with pytest.raises(AttributeError, match="FleetStatut"):
        schema.FleetStatut  # type: ignore[attr-defined]  # noqa: B018
