"""The first minutes: nobody there, no token, a wrong one, another version; starting a fleet; no room."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import psutil
import pytest

from syncropel.client import Target
from syncropel.errors import DaemonNotRunning, DaemonUnreachable, RemoteError, SyncropelError
from tests.tui import console_sample as sample
from tests.tui.console_fakes import Clock, FakeClient
from tests.tui.console_page import Console, console
from tests.tui.console_snapshots import Pictured
from tests.tui.console_states import SMALL, USUAL, Drawn, ScreenState, Size, cases, drawn
from tests.tui.dialog_page import DialogPage
from tests.tui.fleets_page import HOME
from tui.app.console_app import ConsoleApp
from tui.connection.runner import Subprocess
from tui.connection.session import Outside
from tui.model.setup import Fleet, Setup
from tui.screens.fleet import _NO_FANOUTS

__all__ = ["drawn"]

ABSENT = DaemonNotRunning("no daemon is running at ~/.syncro", "start it: spl serve")
NO_TOKEN = RemoteError(401, "auth_error", "UNAUTHORIZED", "this needs a bearer token", "send one")
PROD = Fleet("prod", Target(url="https://prod.example.org"), "not on this machine")
HELD = Fleet("prod", Target(url="https://prod.example.org", token="spl_x_y_0123456789abcdef"))


class FakeRunner:
    """Says lines, then ends with a status when it is told to."""

    def __init__(self, status: int = 0, lines: Sequence[str] = ("✓ coordinator is live",)) -> None:
        self.status, self.lines = status, lines
        self.ran: list[Sequence[str]] = []
        self.go_on = asyncio.Event()
        self.cancelled = False

    async def run(self, words: Sequence[str], said: Callable[[str], None]) -> int:
        self.ran.append(words)
        for line in self.lines:
            said(line)
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return self.status


@asynccontextmanager
async def alone(
    error: SyncropelError,
    fleet: Fleet = HOME,
    size: tuple[int, int] = (80, 24),
    runner: FakeRunner | None = None,
) -> AsyncIterator[Console]:
    """A console whose daemon refuses."""
    client, clock = FakeClient(), Clock()
    client.refuse = error
    outside = Outside(lambda _: client, clock, clock.sleep, lambda: 1.0, runner or FakeRunner())
    app = ConsoleApp(Setup((fleet,), fleet.name, program=("spl",)), outside=outside)
    app.animation_level = "none"
    app.delay_update = lambda delay=0.0: None  # type: ignore[method-assign] # it waits by a clock of its own
    async with app.run_test(size=size) as pilot:
        page = Console(app, pilot, client, clock)
        await page.settle()
        yield page


PICTURED: dict[str, tuple[Size, ...]] = {"no-fleet": (SMALL,), "wrong-token": (USUAL,)}
CASES: dict[str, tuple[SyncropelError, Fleet, tuple[str, ...]]] = {
    "no-fleet": (ABSENT, HOME, ("no fleet runs in ~/.syncro yet", "^s starts one", "spl task add")),
    "nobody-there": (
        DaemonNotRunning("no daemon answers at https://prod.example.org", "start it"), PROD,
        ("nobody answers at https://prod.example.org", "spl context show prod"),
    ),
    "no-token": (NO_TOKEN, PROD, ("asks for a token", "spl context token prod --token-stdin")),
    "wrong-token": (NO_TOKEN, HELD, ("does not take the token", "was it revoked")),
    "other-version": (
        DaemonUnreachable("/v1/fleet/watch answered something else", "is it as new?"), HOME,
        ("not as this console expects", "spl version"),
    ),
}  # fmt: skip


STATES = {
    name: ScreenState(words, sizes=PICTURED.get(name, ()), not_there=("spl_x_y", "spl serve"))
    for name, (_, _, words) in CASES.items()
}
"""One way to begin is named, not two; a token is not shown."""


@pytest.mark.parametrize(("name", "size"), cases(STATES))
async def test_it_says_what_to_type_next(name: str, size: Size, drawn: Drawn) -> None:
    error, fleet, _ = CASES[name]
    async with alone(error, fleet, size) as page:
        await drawn(page, STATES[name])


async def test_a_fleet_is_started_from_here_with_what_it_says(picture: Callable[[Pictured], None]) -> None:
    runner = FakeRunner(lines=["coordinator: starting", "worker-a: starting"])
    async with alone(ABSENT, runner=runner) as page:
        await page.press("ctrl+s")
        dialog = DialogPage(page)
        assert dialog.focused == "Cancel"
        assert dialog.part("command") == "$ spl fleet start --workers 2"
        await dialog.fill("workers", "3")
        await page.press("enter", "enter")
        assert runner.ran == [["spl", "fleet", "start", "--workers", "3"]]
        assert "worker-a: starting" in dialog.part("after-fields")
        picture(page)
        opened = page.client.opened
        page.client.refuse = None
        page.client.snapshot(sample.status())
        runner.go_on.set()
        await page.settle()
        assert "✓ a fleet of 3 workers runs" in dialog.part("outcome")
        assert page.client.opened > opened, "it connects at once"
        await page.press("escape")
        assert "● LIVE" in page.part("header")


async def test_a_start_that_fails_is_told_and_can_be_tried_again() -> None:
    runner = FakeRunner(1, ["error: port 9100 is taken", "hint: choose another: --port 0"])
    runner.go_on.set()
    async with alone(ABSENT, runner=runner) as page:
        await page.press("ctrl+s", "s")
        await page.settle()
        dialog = DialogPage(page)
        assert "✗ it did not start: error: port 9100" in dialog.part("outcome")
        await page.press("s")
        assert len(runner.ran) == 2, "it can be tried again"


async def test_leaving_while_it_starts_gives_it_up() -> None:
    runner = FakeRunner()
    async with alone(ABSENT, runner=runner) as page:
        await page.press("ctrl+s", "s")
        assert runner.ran
    assert runner.cancelled


@pytest.mark.parametrize("number", ["", "0", "17", "two", "-1"])
async def test_nonsense_workers_are_refused(number: str) -> None:
    runner = FakeRunner()
    async with alone(ABSENT, runner=runner) as page:
        await page.press("ctrl+s")
        dialog = DialogPage(page)
        await dialog.fill("workers", number)
        assert "from 1 to 16" in dialog.greyed
        await page.press("enter", "enter")
        assert runner.ran == []


async def test_only_the_fleet_of_this_home_is_started_and_only_when_there_is_none() -> None:
    async with alone(DaemonNotRunning("x", "y"), PROD) as page:
        await page.press("ctrl+s")
        assert "only the fleet of this home" in DialogPage(page).greyed
    async with console(status=sample.status()) as page:
        await page.press("ctrl+s")
        assert not DialogPage(page).is_open


async def test_other_versions_are_told_in_the_header() -> None:
    async with console(status=sample.status(version="9.9.9"), version="0.1.0") as page:
        assert "daemon v9.9.9, console v0.1.0" in page.part("header")
    async with console(status=sample.status(version="0.1.0"), version="0.1.0") as page:
        assert "console v" not in page.part("header")


@pytest.mark.parametrize("size", [(40, 10), (59, 40), (80, 15), (10, 3)])
@pytest.mark.parametrize("screen", ["fleet", "tasks"])
async def test_without_room_it_says_so_and_does_not_crash(screen: str, size: tuple[int, int]) -> None:
    frozen = sample.status(freezes=[sample.freeze(level="emergency", namespace="")])
    async with console(size, frozen, screen=screen) as page:
        words = page.part("tiny")
        assert f"{size[0]}x{size[1]}"[: size[0] - 3] in words
        if size[0] >= 40:
            assert "● LIVE" in words
            assert "❄ FROZEN emergency" in words
        await page.press("question_mark", "escape", "colon", "escape", "c", "escape", "F", "escape", "2", "1")
        await page.resize((80, 24))
        assert page.part("tiny") == ""
        assert "Fleet" in page.part("header")


@pytest.mark.parametrize("size", [(40, 10)], ids=["40x10"])
async def test_picture_of_no_room(size: tuple[int, int], picture: Callable[[Pictured], None]) -> None:
    async with console(size, sample.status(freezes=[sample.freeze()])) as page:
        assert "40x10 is too small" in page.part("tiny")
        picture(page)


# the real runner


async def test_a_process_is_run_and_heard() -> None:
    said: list[str] = []
    code = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)"
    assert await Subprocess().run([sys.executable, "-c", code], said.append) == 3
    assert sorted(said) == ["one", "two"]


async def test_a_process_that_is_given_up_is_interrupted_and_waited_for() -> None:
    code = (
        "import signal, sys\n"
        "def undo(*_):\n    print('undone', flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGINT, undo)\nprint('begun', flush=True)\nsignal.pause()"
    )
    begun = asyncio.Event()
    before = set(psutil.Process().children())
    running = asyncio.create_task(
        Subprocess().run([sys.executable, "-c", code], lambda line: begun.set() if line == "begun" else None)
    )
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert set(psutil.Process().children()) <= before


@pytest.mark.parametrize("line", _NO_FANOUTS)
def test_what_to_type_for_a_fan_out_is_whole_on_a_narrow_terminal(line: str) -> None:
    assert len(line) <= 80 - 2
