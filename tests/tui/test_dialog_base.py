"""What every dialog does: it starts on Cancel, asks once, and tells the truth about what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual import events

from syncropel.client import Call, calls
from syncropel.errors import DaemonNotRunning, DaemonUnreachable, RemoteError, SyncropelError
from syncropel.wire import ControlWritten
from tests.tui import console_sample as sample
from tests.tui import sample_control as control
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.dialog_page import DialogPage
from tests.tui.plain_dialog import ConfirmDialog, Question

PATH = "/v1/fleet/unfreeze"
QUESTION = Question(
    title="Unfreeze docs",
    button="Unfreeze",
    lines=(("Lift the freeze of docs?", "plain"),),
    command="spl unkill --namespace docs",
    make=lambda: calls.unfreeze("did:sync:user:tester", "docs"),
    done="docs is not frozen any more",
    letter="u",
)


class SlowClient(FakeClient):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.answering = asyncio.Event()

    async def send(self, call: Call[Any]) -> Any:
        answer = super().send(call)
        if call.path == PATH:
            await self.answering.wait()
        return await answer


@asynccontextmanager
async def asking(
    client: FakeClient | None = None, question: Question = QUESTION, **how: Any
) -> AsyncIterator[tuple[Console, DialogPage]]:
    client = client or FakeClient()
    client.answers.setdefault(PATH, ControlWritten(record="ab" * 32, namespace="docs"))
    async with console(status=sample.status(), client=client, **how) as page:
        page.app.push_screen(ConfirmDialog(question))
        await page.settle()
        yield page, DialogPage(page)


async def test_it_starts_on_cancel_and_esc_changes_nothing() -> None:
    async with asking() as (page, dialog):
        assert dialog.focused == "Cancel"
        assert "Lift the freeze of docs?" in dialog.part("says")
        assert dialog.part("command") == "$ spl unkill --namespace docs"
        await dialog.press("escape")
        assert not dialog.is_open
        assert page.client.asked[PATH] == 0


async def test_enter_on_cancel_changes_nothing() -> None:
    async with asking() as (page, dialog):
        await dialog.press("enter")
        assert not dialog.is_open
        assert page.client.asked[PATH] == 0


@pytest.mark.parametrize("keys", [["u"], ["tab", "enter"], ["right", "space"]])
async def test_one_letter_or_the_button_does_it_once_and_says_so(keys: list[str]) -> None:
    async with asking() as (page, dialog):
        await dialog.press(*keys)
        assert dialog.part("outcome") == "✓ docs is not frozen any more"
        assert dialog.focused == "Close"
        await dialog.press("u", "tab", "enter", "u")
        assert page.client.asked[PATH] == 1, "a second time is a dialog of its own"
        await dialog.press("escape")
        assert not dialog.is_open


async def test_the_command_is_copied() -> None:
    async with asking() as (page, dialog):
        await dialog.press("ctrl+y")
        assert page.app.clipboard == "spl unkill --namespace docs"
        assert dialog.is_open


async def test_read_only_is_greyed_with_the_reason() -> None:
    async with asking(read_only=True) as (page, dialog):
        assert dialog.greyed == "this console is read-only: --read-only"
        assert "Unfreeze is greyed: this console is read-only: --read-only" in dialog.part("why-not")
        await dialog.press("u", "tab", "enter")
        assert page.client.asked[PATH] == 0
        assert dialog.is_open


async def test_it_is_greyed_while_the_daemon_is_away_and_comes_back() -> None:
    async with asking() as (page, dialog):
        await page.loses()
        assert "RETRYING" in dialog.greyed
        await dialog.press("u")
        assert page.client.asked[PATH] == 0
        page.client.refuse = None
        await page.hears(sample.status())
        await page.passes(5)
        assert dialog.greyed == ""
        await dialog.press("u")
        assert page.client.asked[PATH] == 1


async def test_an_objection_greys_it() -> None:
    question = Question(**vars(QUESTION) | {"objection": lambda: "docs is not frozen"})
    async with asking(question=question) as (page, dialog):
        assert dialog.greyed == "docs is not frozen"
        await dialog.press("u")
        assert page.client.asked[PATH] == 0


@pytest.mark.parametrize(
    ("error", "told", "again"),
    [
        (RemoteError(403, "auth_error", "FORBIDDEN", "no scope fleet:write", "ask for it"),
         "✗ refused: no scope fleet:write (HTTP 403)", True),
        (DaemonNotRunning("no daemon answers", "start it: spl serve"), "✗ not sent: no daemon answers", True),
        (DaemonUnreachable("no answer in time", "?"),
         "? it is unknown whether the request took effect: no answer in time", False),
        (RemoteError(500, "internal_error", "STORE_ERROR", "disk full", "make room"),
         "? it is unknown whether the request took effect: disk full", False),
    ],
)  # fmt: skip
async def test_a_failure_is_told_inside_and_nothing_is_retried(
    error: SyncropelError, told: str, again: bool
) -> None:
    client = FakeClient()
    client.answers[PATH] = error
    async with asking(client) as (page, dialog):
        await dialog.press("u")
        assert told in dialog.part("outcome").replace("\n ", "")
        await page.passes(30)
        assert client.asked[PATH] == 1
        await page.hears(sample.status(at=sample.AT + 30))
        await dialog.press("u")
        assert client.asked[PATH] == 1 + again


async def test_a_slow_daemon_is_waited_for_and_said() -> None:
    client = SlowClient()
    async with asking(client) as (page, dialog):
        await dialog.press("u")
        await page.passes(2)
        assert "sent, waiting for the daemon's answer for 2s" in dialog.part("outcome")
        await dialog.press("u")
        client.answering.set()
        await page.settle()
        assert dialog.part("outcome").startswith("✓")
        assert client.asked[PATH] == 1


async def test_what_was_sent_is_told_though_the_dialog_was_closed() -> None:
    client = SlowClient()
    async with asking(client) as (page, dialog):
        await dialog.press("u")
        await dialog.press("escape")
        assert not dialog.is_open
        client.answering.set()
        await page.settle()
        assert [one.message for one in page.app._notifications] == ["✓ docs is not frozen any more"]


async def test_what_was_typed_ahead_of_a_fields_focus_comes_to_the_field() -> None:
    async with console(status=sample.status(), client=control.daemon()) as page:
        dialog = DialogPage(page)
        await page.press("2", "F")
        cancel = dialog.dialog.focused
        assert cancel is not None
        # All at once, as they come when the terminal was quicker than the console.
        for key in ("r", "f", "x", "enter"):
            cancel._forward_event(events.Key(key, key if len(key) == 1 else "\r"))
        await page.settle()
        assert dialog.value("reason") == "fx"
        assert dialog.focused == "Freeze", "it goes on, and has neither cancelled nor frozen"
        assert page.client.asked[control.FREEZE] == 0
