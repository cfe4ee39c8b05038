"""The scenes that have a picture: how each comes about, and what it must say in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from console import world
from console.fakes import NOT_RUNNING
from console.page import LARGE, MEDIUM, SMALL, Page
from syncropel.errors import RemoteError

Act = Callable[[Page], Awaitable[None]]


async def nothing(page: Page) -> None:
    """Just look."""


@dataclass(frozen=True)
class Scene:
    """`options` open the page, `act` is what happens then, `says` are texts that must be on the screen."""

    name: str
    says: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    act: Act = nothing
    no_color: bool = False
    sizes: tuple[tuple[int, int], ...] = (SMALL, MEDIUM)


def pictures() -> list[tuple[str, Scene, tuple[int, int]]]:
    """Every picture: its file's name, its scene and its size."""
    return [(f"{scene.name}-{size[0]}x{size[1]}", scene, size) for scene in SCENES for size in scene.sizes]


async def falls_silent(page: Page) -> None:
    await page.after(13)


async def loses_daemon(page: Page) -> None:
    """The stream breaks once; the first retry is pending."""
    page.daemon.error = NOT_RUNNING
    page.daemon.cut()
    await page.settle()
    await page.after(3)


async def retries(page: Page) -> None:
    """Two more tries fail without an answer."""
    page.daemon.error = RemoteError(
        500, "internal_error", "INTERNAL", "something broke (id 7f3a)", "see the log"
    )
    page.daemon.cut()
    await page.settle()
    await page.wakes()
    await page.wakes()
    await page.after(7)


async def goes_down(page: Page) -> None:
    await loses_daemon(page)
    for _ in range(4):
        await page.wakes()
    await page.after(9)


async def filters(page: Page) -> None:
    await page.press("slash")
    await page.type("status:stale")


async def filters_tasks(page: Page) -> None:
    await page.press("slash")
    await page.type("!blocked")


async def asks_for_help(page: Page) -> None:
    await page.press("question_mark")


async def goes_in(page: Page) -> None:
    await page.press("enter")


async def opens_worker(page: Page) -> None:
    await page.press("j", "enter")


async def goes_to_end(page: Page) -> None:
    await page.press("end")


async def looks_at_failure(page: Page) -> None:
    await page.press("enter", "j")


MANY_TASKS = [world.task(number) for number in range(1, 1001)]
FIVE = MANY_TASKS[:5]
FLEET = {"screen": "fleet", "status": world.status()}
TASKS = {"screen": "tasks", "status": world.status(), "tasks": FIVE, "joins": {world.THREAD: world.join()}}
DENIED = RemoteError(401, "auth_error", "UNAUTHORIZED", "the token is unknown", "mint one: spl token create")

SCENES = (
    Scene("fleet", ("3 live", "worker-b", "TUT-001[1]", "waits for", "● LIVE"), FLEET),
    Scene("fleet-wide", ("f9ccd634", "429874", "docs/v0.11"), FLEET, sizes=(LARGE,)),
    Scene("fleet-one", ("spl fleet start --workers 2",), {"status": world.idle()}),
    Scene("fleet-many", ("worker-0999", "of 1,001"), {"status": world.crowd(1000)}, goes_to_end),
    Scene("fleet-filtered", ("filter status:stale: 5 of 51",), {"status": world.crowd(50)}, filters),
    Scene(
        "fleet-frozen", ("❄ FROZEN docs/v0.11 (soft)",), {"status": world.status(freezes=[world.freeze()])}
    ),
    Scene(
        "fleet-emergency",
        ("EMERGENCY STOP", "2 more freezes"),
        {
            "status": world.status(
                emergency=True,
                freezes=[world.freeze(), world.freeze(namespace="ops"), world.freeze(namespace="web")],
            )
        },
    ),
    Scene("fleet-no-daemon", ("✗ DOWN", "spl fleet start --workers 2"), {"error": NOT_RUNNING}),
    Scene("fleet-denied", ("✗ UNAUTHORIZED (401)", "mint one"), {"error": DENIED}),
    Scene("fleet-silent", ("◐ STALE 13s", "what you see is 13s old"), FLEET, falls_silent),
    Scene("fleet-lost", ("◐ STALE 3s", "r reconnect now"), FLEET, loses_daemon),
    Scene("fleet-retrying", ("↻ RETRYING #3", "STALE 7s", "something broke"), FLEET, retries),
    Scene("fleet-down", ("✗ DOWN", "STALE 12s", "no daemon is running"), FLEET, goes_down),
    Scene("fleet-read-only", ("READ-ONLY",), FLEET | {"read_only": True}),
    Scene("fleet-no-color", ("● LIVE",), FLEET, no_color=True),
    Scene("fleet-ascii", ("* LIVE", "-- Instances"), FLEET | {"ascii_only": True}),
    Scene("fleet-help", ("Keys of Fleet", "the fleet goes on"), FLEET, asks_for_help),
    Scene("fleet-instance", ("did:sync:instance:923a4e6d10646e27", "› worker-a]"), FLEET, opens_worker),
    Scene("tasks", ("TUT-005", "waits for [0] worker-a", "… not joined yet"), TASKS),
    Scene("tasks-wide", ("SUBTASK", "TUT-005"), TASKS, sizes=(LARGE,)),
    Scene("tasks-empty", ("spl task add",), {"screen": "tasks", "status": world.idle()}),
    Scene(
        "tasks-one",
        ("is not fanned out",),
        {"screen": "tasks", "status": world.idle(), "tasks": [world.task(2)]},
    ),
    Scene("tasks-many", ("TUT-1000", "of 1,000"), TASKS | {"tasks": MANY_TASKS}, goes_to_end),
    Scene("tasks-filtered", ("filter !blocked: 4 of 5",), TASKS, filters_tasks),
    Scene("tasks-full", ("› TUT-001]", "Timeline"), TASKS, goes_in),
    Scene(
        "tasks-subtasks-many",
        ("of 1,000", "750/1000 accepted"),
        TASKS | {"joins": {world.THREAD: world.wide(1000)}},
        goes_in,
    ),
    Scene(
        "tasks-joined",
        ("✓ joined: accept", "1.45×", "[0] → [2]"),
        TASKS | {"joins": {world.THREAD: world.joined()}},
        goes_in,
    ),
    Scene(
        "tasks-failed",
        ("✗ cannot join any more", "spl task retry TUT-001 --subtask 1", "exit status 3"),
        TASKS | {"joins": {world.THREAD: world.broken()}},
        looks_at_failure,
    ),
    Scene("tasks-no-daemon", ("✗ DOWN", "spl serve"), {"screen": "tasks", "error": NOT_RUNNING}),
    Scene("tasks-silent", ("◐ STALE 13s",), TASKS, falls_silent),
    Scene("tasks-retrying", ("↻ RETRYING #3",), TASKS, retries),
    Scene("tasks-down", ("✗ DOWN", "TUT-004"), TASKS, goes_down),
    Scene("tasks-read-only", ("READ-ONLY",), TASKS | {"read_only": True}),
    Scene(
        "tasks-frozen", ("❄ FROZEN docs/v0.11",), TASKS | {"status": world.status(freezes=[world.freeze()])}
    ),
    Scene(
        "tasks-no-color",
        ("◆ [0]", "✓ accept"),
        TASKS | {"joins": {world.THREAD: world.joined()}},
        goes_in,
        no_color=True,
    ),
    Scene(
        "tasks-ascii",
        ("+ joined: accept", "1.45x"),
        TASKS | {"joins": {world.THREAD: world.joined()}, "ascii_only": True},
        goes_in,
    ),
    Scene("tasks-help", ("Keys of Tasks", "subtasks or timeline"), TASKS, asks_for_help),
)
