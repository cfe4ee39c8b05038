"""Freezing from the console: what is asked, what it would meet, and what is told afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from syncropel.errors import DaemonUnreachable, RemoteError
from tests.tui import console_sample as sample
from tests.tui import sample_control as control
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.dialog_page import DialogPage


@asynccontextmanager
async def freezing(
    key: str = "F", client: FakeClient | None = None, rows: tuple[str, ...] = ("2",), **how: Any
) -> AsyncIterator[tuple[Console, DialogPage]]:
    """The dialog, opened with the cursor on DOCS-11 in docs/v0.11."""
    client = client or control.daemon()
    async with console(status=sample.status(), client=client, **how) as page:
        await page.press(*rows, key)
        yield page, DialogPage(page)


def sent(page: Console, path: str = control.FREEZE) -> list[dict[str, Any]]:
    return [call.body for call in page.client.sent if call.path == path]


async def test_it_takes_the_namespace_under_the_cursor_and_keeps_it() -> None:
    async with freezing() as (page, dialog):
        assert dialog.title == "Freeze"
        assert dialog.focused == "Cancel"
        assert dialog.value("namespace") == "docs/v0.11"
        moved = [sample.task(99, namespace="site"), *sample.tasks()]
        page.client.tasks(moved)
        await page.hears(sample.status(tasks_revision=99))
        await page.passes(1)
        assert dialog.value("namespace") == "docs/v0.11"


async def test_on_an_instance_the_namespace_is_asked_for() -> None:
    async with freezing(rows=()) as (_, dialog):
        assert dialog.value("namespace") == ""
        assert dialog.greyed == "which namespace? (n)"
        await dialog.press("n")
        assert "known: docs  docs/v0.11  ops  site" in dialog.part("known")
        await dialog.type("si")
        await dialog.press("right", "enter")
        assert dialog.value("namespace") == "site"
        assert dialog.focused == "reason"


async def test_a_soft_freeze_is_confirmed_with_one_key() -> None:
    async with freezing() as (page, dialog):
        assert dialog.greyed == "it needs a reason (r)"
        await dialog.press("r")
        await dialog.type("wrong prices")
        assert dialog.part("command") == "$ spl kill --namespace docs/v0.11 --reason 'wrong prices'"
        await dialog.press("enter", "f")
        assert sent(page) == [
            {
                "level": "soft", "namespace": "docs/v0.11", "reason": "wrong prices", "grace_secs": 60.0,
                "terminate": False, "actor": page.app.fleets.front.target.actor,
            }
        ]  # fmt: skip
        assert "✓ recorded as 5e1f5e1f5e1f5e1f" in dialog.part("outcome")


async def test_a_hard_freeze_is_confirmed_by_typing_its_namespace() -> None:
    async with freezing() as (page, dialog):
        await dialog.press("l", "right")
        await dialog.fill("grace", "15")
        await dialog.fill("reason", "now")
        await dialog.press("enter")
        assert dialog.focused == "typed"
        await dialog.type("docs")
        assert dialog.greyed == "type docs/v0.11 to confirm (c)"
        await dialog.press("enter")
        assert dialog.focused == "typed", "enter does not get past it"
        assert sent(page) == []
        await dialog.type("/v0.11")
        await dialog.press("enter")
        assert dialog.focused == "Freeze"
        assert sent(page) == []
        await dialog.press("enter")
        assert (sent(page)[0]["level"], sent(page)[0]["grace_secs"]) == ("hard", 15.0)


async def test_an_emergency_stop_is_confirmed_by_a_word_and_has_no_namespace() -> None:
    async with freezing("X") as (page, dialog):
        assert dialog.title == "Emergency stop"
        assert not dialog.dialog.query_one("#field-namespace").display
        await dialog.fill("reason", "everything is wrong")
        await dialog.fill("typed", "emergency")
        assert dialog.greyed == "type EMERGENCY to confirm (c)"
        await dialog.fill("typed", "EMERGENCY")
        assert dialog.part("command") == "$ spl kill --emergency --reason 'everything is wrong'"
        await dialog.press("enter", "enter")
        assert sent(page)[0]["level"] == "emergency"
        assert "namespace" not in sent(page)[0]


@pytest.mark.parametrize("words", ["", "soon", "-1", "1e9", "nan"])
async def test_a_grace_that_is_no_time_is_said(words: str) -> None:
    async with freezing() as (_, dialog):
        await dialog.press("l", "right")
        await dialog.fill("grace", words)
        assert dialog.greyed == "grace is seconds from 0 to 86400 (g)"


async def test_letters_in_a_field_are_words_and_never_freeze() -> None:
    async with freezing() as (page, dialog):
        await dialog.press("r")
        await dialog.type("fff e g l")
        assert dialog.value("reason") == "fff e g l"
        assert sent(page) == []


async def test_the_blast_radius_is_of_what_is_filled_in_and_is_kept_fresh() -> None:
    async with freezing() as (page, dialog):
        assert "3 in flight on worker-a, worker-b · 1 pending · $0.28 at stake" in dialog.part("after-fields")
        assert page.client.sent[-1].query == {
            "level": "soft", "namespace": "docs/v0.11", "terminate": "false"
        }  # fmt: skip
        page.client.answers[control.BLAST] = control.blast(ends="at once", in_flight=7)
        await dialog.press("e", "right")
        assert "7 in flight" in dialog.part("after-fields")
        assert "what is in flight is ended at once" in dialog.part("after-fields")
        await page.passes(3)
        await page.hears(sample.status(at=sample.AT + 3))
        assert "Blast radius, 3s ago:" in dialog.part("after-fields")
        page.client.answers[control.BLAST] = control.nothing_met()
        await page.passes(3)
        assert "nothing is in flight and nothing waits there" in dialog.part("after-fields")


async def test_a_blast_radius_that_cannot_be_told_is_said_and_does_not_hinder() -> None:
    client = control.daemon()
    client.answers[control.BLAST] = RemoteError(500, "internal_error", "STORE_ERROR", "disk full", "")
    async with freezing(client=client) as (page, dialog):
        assert "blast radius not known: disk full" in dialog.part("after-fields")
        await dialog.fill("reason", "now")
        await dialog.press("enter", "f")
        assert len(sent(page)) == 1


async def frozen(page: Console, dialog: DialogPage) -> None:
    await dialog.fill("reason", "now")
    await dialog.press("enter", "f")


async def test_it_follows_the_freeze_until_all_have_confirmed() -> None:
    async with freezing() as (page, dialog):
        await frozen(page, dialog)
        assert "waiting for the fleet's answer" in dialog.part("outcome")
        partly = control.freeze(("coordinator", "worker-a"), ("worker-c",))
        await page.hears(sample.status(freezes=[partly]))
        assert "confirmed by 2 of 3 instances" in dialog.part("outcome")
        assert "worker-c not reached for 41s" in dialog.part("outcome")
        assert "confirmed by 2 of 3, not worker-c" in banner(page)
        await page.passes(5)
        assert "worker-c not reached for 46s" in dialog.part("outcome")
        whole = control.freeze(("coordinator", "worker-a", "worker-c"))
        await page.hears(sample.status(freezes=[whole]))
        assert "✓ confirmed by all 3 instances within 36 ms" in dialog.part("outcome")
        assert dialog.is_open, "it stays until it is dismissed"
        await dialog.press("escape")
        assert "FROZEN hard: docs/v0.11" in page.part("banner")
        assert "confirmed" not in page.part("banner"), "all have: nothing more to say"


def banner(page: Console) -> str:
    from tui.widgets.lines import Lines

    return page.app.screen_stack[-2].query_one("#banner", Lines).text


async def test_a_daemon_that_goes_away_while_it_is_followed_is_told() -> None:
    async with freezing() as (page, dialog):
        await frozen(page, dialog)
        await page.hears(sample.status(freezes=[control.freeze(("coordinator",), ("worker-a",))]))
        await page.loses()
        await page.passes(8)
        assert "the connection is away: this was true 8s ago" in dialog.part("outcome")


async def test_somebody_lifting_it_meanwhile_is_told() -> None:
    async with freezing() as (page, dialog):
        await frozen(page, dialog)
        await page.hears(sample.status(freezes=[control.freeze(("coordinator",), ("worker-a",))]))
        await page.hears(sample.status())
        assert "it was lifted again" in dialog.part("outcome")


async def test_an_answer_that_never_comes_is_not_known_and_not_sent_again() -> None:
    client = control.daemon()
    client.answers[control.FREEZE] = DaemonUnreachable("no answer in time", "?")
    async with freezing(client=client) as (page, dialog):
        await frozen(page, dialog)
        assert "? it is unknown whether the request took effect: no answer in time" in dialog.part("outcome")
        assert "look at the red banner" in dialog.part("outcome")
        await dialog.press("f", "tab", "enter")
        assert len(sent(page)) == 1


async def test_a_refusal_may_be_answered_with_another_try() -> None:
    client = control.daemon()
    client.answers[control.FREEZE] = RemoteError(
        409, "conflict", "CONFLICT", "'docs/v0.11' is frozen already: soft, r", "lift it: spl unkill"
    )
    async with freezing(client=client) as (page, dialog):
        await frozen(page, dialog)
        assert "✗ refused: 'docs/v0.11' is frozen already" in dialog.part("outcome")
        assert "lift it: spl unkill" in dialog.part("outcome")
        assert dialog.greyed == ""


async def test_read_only_shows_what_it_would_meet_and_the_command_but_does_nothing() -> None:
    async with freezing(read_only=True) as (page, dialog):
        await dialog.fill("reason", "now")
        assert "3 in flight" in dialog.part("after-fields")
        assert dialog.part("command") == "$ spl kill --namespace docs/v0.11 --reason now"
        assert dialog.greyed == "this console is read-only: --read-only"
        await dialog.press("enter", "f", "enter")
        assert sent(page) == []
