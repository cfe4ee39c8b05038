"""Every dialog in its states: in words, and where its layout shows as a picture."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from syncropel.errors import DaemonUnreachable, RemoteError
from syncropel.wire import FleetStatus
from tests.tui import console_sample as sample
from tests.tui import sample_control as control
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.console_states import SMALL, USUAL, Drawn, ScreenState, Size, cases, drawn
from tests.tui.dialog_page import DialogPage
from tests.tui.drilled_daemon import PAST, DrilledDaemon

__all__ = ["drawn"]

Steps = Callable[[Console, DialogPage], Awaitable[None]]
MANY = [
    control.freeze(("coordinator", "worker-a"), ("worker-b",), record="bb" * 32, at=sample.AT - 5),
    control.freeze(
        ("coordinator",), level="emergency", namespace="*", record="cc" * 32, reason="all is wrong"
    ),
    *(
        control.freeze(("coordinator",), level="soft", namespace=f"team-{n}", record=f"{n:064x}")
        for n in range(4)
    ),
]


def opens(*keys: str) -> Steps:
    async def steps(page: Console, dialog: DialogPage) -> None:
        await page.press(*keys)

    return steps


def freezes(*after: str, level: int = 0, typed: str = "") -> Steps:
    """Fill in a freeze, then press these keys."""

    async def steps(page: Console, dialog: DialogPage) -> None:
        await page.press("2", "F", "l", *["right"] * level)
        await dialog.fill("reason", "wrong prices on the site")
        if typed:
            await dialog.fill("typed", typed)
        await page.press("enter", *after)

    return steps


def confirmed(*by: str, waiting: tuple[str, ...] = ()) -> Steps:
    async def steps(page: Console, dialog: DialogPage) -> None:
        await freezes("enter", level=1, typed="docs/v0.11")(page, dialog)
        await page.hears(sample.status(freezes=[control.freeze(by, waiting)]))

    return steps


async def is_lost(page: Console, dialog: DialogPage) -> None:
    await confirmed("coordinator", waiting=("worker-b",))(page, dialog)
    await page.down()


async def is_down_before(page: Console, dialog: DialogPage) -> None:
    await freezes()(page, dialog)
    await page.down()


async def is_lifted(page: Console, dialog: DialogPage) -> None:
    await page.press("2", "U", "u")
    await page.hears(sample.status(freezes=MANY[1:]))


def drills(hold: str = "", *after: str) -> Steps:
    """Start a drill that waits at a path, and press these keys."""

    async def steps(page: Console, dialog: DialogPage) -> None:
        client, session = page.client, page.app.fleets.front
        assert isinstance(client, DrilledDaemon)
        client.hold = hold
        session.target = replace(session.target, fleet_token="secret")
        await page.press("D", "s")
        await page.passes(2)
        await page.press(*after)

    return steps


def daemon(**answers: Any) -> FakeClient:
    client = control.daemon()
    client.answers |= {getattr(control, name): answer for name, answer in answers.items()}
    return client


@dataclass(frozen=True)
class State:
    """A state, how to come to it, and words that must then stand there."""

    steps: Steps
    words: tuple[str, ...]
    client: Callable[[], FakeClient] = control.daemon
    status: FleetStatus = field(default_factory=sample.status)
    how: dict[str, Any] = field(default_factory=dict)


FROZEN_ALREADY = RemoteError(
    409, "conflict", "CONFLICT", "'docs/v0.11' is frozen already: soft, release", "lift it: spl unkill"
)
GIVEN = {
    "freeze-soft": State(freezes(), ("[▸ soft]", "3 in flight on worker-a", "▸[Freeze (f)]")),
    "freeze-hard": State(
        freezes(level=1, typed="docs/v0.11"), ("[▸ hard]", "grace (g)", "--level hard", "▸[Freeze (f)]")
    ),
    "freeze-emergency": State(
        opens("X"), ("Emergency stop", "no new work in the whole fleet", "spl kill --emergency", "▸[Cancel")
    ),
    "freeze-typed-wrong": State(
        freezes(level=1, typed="docs"), ("Freeze is greyed: type docs/v0.11 to confirm (c)",)
    ),
    "freeze-nothing-met": State(
        freezes(), ("nothing is in flight and nothing waits there",),
        lambda: daemon(BLAST=control.nothing_met()),
    ),
    "freeze-much-met": State(
        freezes(), ("12840 in flight", "176 more", "201 instances will have to confirm"),
        lambda: daemon(BLAST=control.much_met()),
    ),
    "freeze-unheard-of": State(
        opens("F", "n", "d", "o", "x"), ("nobody uses dox: is it spelled right?",),
        lambda: daemon(BLAST=control.nothing_met()),
    ),
    "freeze-confirmed-partly": State(
        confirmed("coordinator", "worker-a", waiting=("worker-c",)),
        ("confirmed by 2 of 3 instances", "worker-c not reached for 41s", "every write is refused in"),
    ),
    "freeze-confirmed": State(
        confirmed("coordinator", "worker-a", "worker-b"),
        ("✓ confirmed by all 3 instances within 36 ms", "❄ FROZEN hard: docs/v0.11", "▸[Close (esc)]"),
    ),
    "freeze-daemon-lost": State(is_lost, ("the connection is away: this was true 15s ago",)),
    "freeze-daemon-down": State(
        is_down_before, ("Freeze is greyed: nothing is sent while the connection is ✗ DOWN",)
    ),
    "freeze-refused": State(
        freezes("enter"), ("✗ refused: 'docs/v0.11' is frozen already", "spl unkill"),
        lambda: daemon(FREEZE=FROZEN_ALREADY),
    ),
    "freeze-not-known": State(
        freezes("enter"),
        ("? it is unknown whether the request took effect: no answer in time", "look at the red banner"),
        lambda: daemon(FREEZE=DaemonUnreachable("no answer in time", "?")),
    ),
    "freeze-read-only": State(
        freezes(), ("Freeze is greyed: this console is read-only",), how={"read_only": True}
    ),
    "freeze-no-colour": State(freezes(), ("[▸ soft]", "▸[Freeze (f)]")),
    "freeze-ascii": State(freezes(level=1), ("[> hard]", "type docs/v0.11"), how={"ascii_only": True}),
    "unfreeze": State(
        opens("2", "U"), ("▸ hard: docs/v0.11", "spl unkill --namespace docs/v0.11"),
        status=sample.status(freezes=MANY),
    ),
    "unfreeze-done": State(
        is_lifted, ("✓ the hard freeze of docs/v0.11 is lifted", "still frozen: emergency: everything"),
        status=sample.status(freezes=MANY),
    ),
    "unfreeze-nothing": State(opens("U"), ("Unfreeze is greyed: nothing is frozen",)),
    "freezes": State(
        opens("L"), ("6 freezes are in force", "emergency: everything", "[Close (esc)]"),
        status=sample.status(freezes=MANY),
    ),
    "freezes-banner": State(
        opens(), ("❄ FROZEN emergency: everything", "6 freezes in all, 4 more than here · L lists them"),
        status=sample.status(freezes=MANY),
    ),
    "drill": State(
        opens("D"), ("6 drills, 1 failed", "spl drill kill", "✗ FAILED"), lambda: DrilledDaemon(PAST)
    ),
    "drill-setting-up": State(
        drills("/v1/tasks/DRILL"), ("… setting up      2s", "▸[Stop (esc)]"), DrilledDaemon
    ),
    "drill-freezing": State(drills(control.FREEZE), ("… freezing        2s",), DrilledDaemon),
    "drill-draining": State(
        drills("/v1/dispatches"),
        ("✓ trying to write 45 writes refused, 0 leaked", "… draining"),
        DrilledDaemon,
    ),
    "drill-unfreezing": State(drills(control.UNFREEZE), ("… unfreezing",), DrilledDaemon),
    "drill-stopped": State(
        drills("/v1/dispatches", "escape"), ("broken off", "stopped; the practice freeze is lifted"),
        DrilledDaemon,
    ),
    "drill-passed": State(
        drills(), ("34 ms (3 instances)", "0 (must be 0)", "✓ drill passed", "7 drills, 1 failed"),
        lambda: DrilledDaemon(PAST),
    ),
    "drill-leaked": State(
        drills(), ("9 (must be 0)", "✗ drill FAILED: 9 writes leaked"),
        lambda: DrilledDaemon(PAST, leaks=True),
    ),
    "retry": State(
        opens("2", "enter", "down", "down", "R"),
        ("Retry subtask DOCS-11 [2]", "spl task retry DOCS-11 --subtask 2", "[Retry (r)]"),
    ),
    "cancel-task": State(
        opens("2", "C"), ("Cancel task DOCS-11", "spawns nothing more", "[Cancel the task (c)]")
    ),
    "drain": State(opens("down", "Z"), ("Drain instance worker-a", "spl drain start --instance worker-a")),
}  # fmt: skip
PICTURED: dict[str, tuple[Size, ...]] = {
    "freeze-soft": (USUAL,), "freeze-hard": (SMALL,), "freeze-emergency": (SMALL,),
    "freeze-typed-wrong": (USUAL,), "freeze-much-met": (SMALL,), "freeze-confirmed-partly": (SMALL,),
    "freeze-confirmed": (USUAL,), "freeze-refused": (USUAL,), "freeze-not-known": (SMALL,),
    "freeze-no-colour": (USUAL,), "freeze-ascii": (SMALL,),
    "unfreeze": (SMALL,), "unfreeze-done": (USUAL,), "freezes": (SMALL,), "freezes-banner": (USUAL,),
    "drill": (USUAL,), "drill-draining": (SMALL,), "drill-stopped": (USUAL,), "drill-passed": (SMALL,),
    "drill-leaked": (USUAL,),
    "retry": (SMALL,), "cancel-task": (USUAL,), "drain": (SMALL,),
}  # fmt: skip
"""The states that have a picture, and in which size: where the layout is tight, or is made for the room."""
STATES = {name: ScreenState(given.words, sizes=PICTURED.get(name, ())) for name, given in GIVEN.items()}


@pytest.mark.parametrize(("name", "size"), cases(STATES))
async def test_dialog(name: str, size: Size, drawn: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    given = GIVEN[name]
    monkeypatch.setattr("secrets.token_hex", lambda _: "ab12cd")
    async with console(size, given.status, given.client(), **given.how) as page:
        await given.steps(page, DialogPage(page))
        await drawn(page, STATES[name])
        if name == "freeze-no-colour":
            assert page.app.no_color
            push = DialogPage(page).dialog.focused
            assert push is not None
            assert any(part.style and part.style.reverse for part in push.render_line(0)), "the focus"


def test_every_picture_is_of_a_state() -> None:
    assert set(PICTURED) <= set(STATES)
