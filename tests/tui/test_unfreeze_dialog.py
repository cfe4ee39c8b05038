"""Lifting a freeze from the console: exactly the one that was picked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from syncropel.errors import RemoteError
from syncropel.wire import FreezeOut
from tests.tui import console_sample as sample
from tests.tui import sample_control as control
from tests.tui.console_page import Console, console
from tests.tui.dialog_page import DialogPage

SOFT = control.freeze(("coordinator",), level="soft", namespace="docs", record="aa" * 32, at=sample.AT - 60)
HARD = control.freeze(("coordinator",), ("worker-b",), record="bb" * 32, at=sample.AT - 5, grace_secs=30)
EMERGENCY = control.freeze(("coordinator",), level="emergency", namespace="*", record="cc" * 32)
ALL = [SOFT, HARD, EMERGENCY]


@asynccontextmanager
async def opened(
    key: str = "U", freezes: list[FreezeOut] | None = None, rows: tuple[str, ...] = (), **how: Any
) -> AsyncIterator[tuple[Console, DialogPage]]:
    status = sample.status(freezes=ALL if freezes is None else freezes)
    async with console(status=status, client=control.daemon(), **how) as page:
        await page.press(*rows, key)
        yield page, DialogPage(page)


def sent(page: Console) -> list[dict[str, Any]]:
    return [call.body for call in page.client.sent if call.path == control.UNFREEZE]


async def test_all_are_listed_the_worst_first_and_the_first_is_picked() -> None:
    async with opened() as (_, dialog):
        lines = dialog.list("freezes")
        assert [line.split(" · ")[0] for line in lines] == [
            "▸ emergency: everything", "  hard: docs/v0.11", "  soft: docs",
        ]  # fmt: skip
        assert dialog.part("command") == "$ spl unkill --emergency"
        assert dialog.focused == "Cancel"


async def test_the_one_over_the_cursor_is_picked_to_begin_with() -> None:
    async with opened(rows=("2",)) as (_, dialog):
        assert dialog.part("command") == "$ spl unkill --namespace docs/v0.11"
        assert "every write is refused in 24s" in dialog.part("after-fields")
        assert "confirmed by 1 of 2 · waiting for worker-b" in dialog.part("after-fields")
        assert "by did:sync:user:ada" in dialog.part("after-fields")


async def test_exactly_the_picked_one_is_lifted_with_the_reason() -> None:
    async with opened() as (page, dialog):
        await dialog.press("shift+tab", "shift+tab")
        assert dialog.focused == "freezes"
        await dialog.press("down", "down")
        await dialog.fill("reason", "fixed it")
        assert dialog.part("command") == "$ spl unkill --namespace docs --reason 'fixed it'"
        await dialog.press("enter", "enter")
        assert sent(page) == [
            {"namespace": "docs", "reason": "fixed it", "actor": page.app.fleets.front.target.actor}
        ]
        assert "✓ the soft freeze of docs is lifted" in dialog.part("outcome")
        await page.hears(sample.status(freezes=[HARD, EMERGENCY]))
        assert "what it held goes on by itself" in dialog.part("outcome")
        assert "still frozen: hard: docs/v0.11" in dialog.part("outcome")


async def test_the_emergency_is_lifted_by_its_own_word() -> None:
    async with opened(freezes=[EMERGENCY]) as (page, dialog):
        await dialog.press("u")
        assert sent(page) == [{"emergency": True, "actor": page.app.fleets.front.target.actor}]
        await page.hears(sample.status())
        assert "nothing is frozen any more" in dialog.part("outcome")


async def test_the_pick_stays_on_its_freeze_when_others_come() -> None:
    async with opened(freezes=[SOFT]) as (page, dialog):
        await page.hears(sample.status(freezes=ALL))
        assert dialog.part("command") == "$ spl unkill --namespace docs"


async def test_what_somebody_else_lifted_cannot_be_lifted_again() -> None:
    async with opened(freezes=[SOFT, HARD], rows=("2",)) as (page, dialog):
        await page.hears(sample.status(freezes=[SOFT]))
        assert dialog.greyed == "somebody lifted it, or made it harder"
        assert "it is not in force any more" in dialog.part("after-fields")
        await dialog.press("u")
        assert sent(page) == [], "and never the other one instead"


async def test_without_a_freeze_there_is_nothing_to_lift() -> None:
    async with opened(freezes=[]) as (_, dialog):
        assert dialog.greyed == "nothing is frozen"
        assert "nothing is frozen" in dialog.part("says")


async def test_a_refusal_is_told() -> None:
    async with opened(freezes=[SOFT]) as (page, dialog):
        page.client.answers[control.UNFREEZE] = RemoteError(
            404, "not_found", "NOT_FOUND", "'docs' is not frozen", "see the freezes: spl fleet status"
        )
        await dialog.press("u")
        assert "✗ refused: 'docs' is not frozen (HTTP 404)" in dialog.part("outcome")


async def test_the_list_alone_has_nothing_to_confirm() -> None:
    async with opened("L") as (page, dialog):
        assert dialog.title == "Freezes"
        assert "3 freezes are in force" in dialog.part("says")
        await dialog.press("shift+tab", "down")
        assert "hard freeze of docs/v0.11" in dialog.part("after-fields")
        await dialog.press("u", "enter", "enter")
        assert sent(page) == []
        assert not dialog.is_open


async def test_many_freezes_are_told_in_the_banner_as_the_worst_and_a_count() -> None:
    many = [
        *ALL,
        *(control.freeze((), level="soft", namespace=f"n{n}", record=f"{n:064x}") for n in range(3)),
    ]
    async with console(status=sample.status(freezes=many)) as page:
        lines = page.part("banner").splitlines()
        assert [line.split(" · ")[0].split(" for ")[0].strip() for line in lines if "FROZEN" in line] == [
            "❄ FROZEN emergency: everything", "❄ FROZEN hard: docs/v0.11",
        ]  # fmt: skip
        assert "❄ 6 freezes in all, 4 more than here · L lists them" in lines[2]
