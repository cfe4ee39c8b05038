"""Saying something to a running agent from the console, and what becomes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from syncropel.errors import RemoteError
from syncropel.wire import JoinStatus, MessageOut, Page
from tests.tui import console_sample as sample
from tests.tui.console_page import Console
from tests.tui.dialog_page import DialogPage
from tests.tui.sample_inbox import ME, POSTED, InboxClient, changed, inbox

SAY = f"/v1/tasks/{sample.THREAD}/subtasks/2/messages"
SAID = f"/v1/tasks/{sample.THREAD}/messages"


def message(**changes: Any) -> MessageOut:
    facts: dict[str, Any] = {
        "id": POSTED.id,
        "thread": sample.THREAD,
        "alias": "DOCS-11",
        "index": 2,
        "attempt": 2,
        "text": "leave the tests alone",
        "by": ME,
        "at": sample.AT,
        "state": "queued",
        "delivered_at": None,
        "answered_at": None,
    }
    return MessageOut(**facts | changes)


@asynccontextmanager
async def saying(*said: MessageOut, **how: Any) -> AsyncIterator[tuple[Console, DialogPage]]:
    """The dialog, opened with the cursor on DOCS-11 [2], which runs."""
    client = InboxClient()
    client.answers |= {SAY: POSTED, SAID: Page[MessageOut](data=list(said))}
    async with inbox(client, screen="tasks", **how) as page:
        await page.press("enter")
        await page.passes(0.5)
        await page.press("down", "down", "H")
        yield page, DialogPage(page)


def sent(page: Console) -> list[dict[str, Any]]:
    return [call.body for call in page.client.sent if call.path == SAY]


def with_subtask(**changes: Any) -> JoinStatus:
    """The join with these changes of subtask 2."""
    join = sample.join()
    children = [one.model_copy(update=changes) if one.index == 2 else one for one in join.subtasks]
    return join.model_copy(update={"subtasks": children})


async def test_it_is_said_and_followed_until_it_is_answered() -> None:
    earlier = [message(id=f"{n:064x}", text=f"word {n}\x1b[2J", state="answered") for n in range(6)]
    async with saying(*earlier) as (page, dialog):
        assert dialog.title == "Say something to DOCS-11 [2]"
        assert "✓ answered: word 5 [2J" in dialog.part("says")
        assert "word 1 " not in dialog.part("says"), "only the last ones are shown"
        assert "\x1b" not in page.drawn
        assert dialog.greyed == "type a message first (t)"
        await dialog.type("leave the tests alone")
        assert dialog.part("command") == "$ spl task say DOCS-11 2 'leave the tests alone'"
        page.client.answers[SAID] = Page[MessageOut](data=[message()])
        await dialog.press("enter", "enter")
        actor = page.app.fleets.front.target.actor
        assert sent(page) == [{"text": "leave the tests alone", "actor": actor}]
        assert "✓ recorded as 5e1f5e1f5e1f5e1f" in dialog.part("outcome")
        assert "· queued: leave the tests alone" in dialog.part("outcome")
        for revision, state, words in ((18, "delivered", "… delivered"), (19, "answered", "✓ answered")):
            page.client.answers[SAID] = Page[MessageOut](data=[message(state=state)])
            await page.hears(changed(revision))
            await page.passes(0.5)
            assert words in dialog.part("outcome")


async def test_what_cannot_be_said_is_told() -> None:
    async with saying() as (page, dialog):
        gone = RemoteError(410, "gone", "GONE", "DOCS-11 [2] has ended", "spl task retry DOCS-11 --subtask 2")
        page.client.answers[SAY] = gone
        await dialog.type("hello")
        await dialog.press("enter", "enter")
        assert "✗ refused: DOCS-11 [2] has ended (HTTP 410)" in dialog.part("outcome")
        page.client.join(with_subtask(attempt=3))
        await page.hears(changed())
        await page.passes(0.5)
        assert dialog.greyed == "it moved on to attempt 3 since this was opened"
        await dialog.press("escape", "up", "H")
        assert not dialog.is_open
        assert [one.message for one in page.app._notifications] == ["it is accept: nothing is running"]


async def test_its_subtask_says_what_became_of_it() -> None:
    async with saying(size=(160, 24)) as (page, dialog):
        await dialog.press("escape")
        for revision, state in ((18, "queued"), (19, "answered")):
            page.client.join(with_subtask(said=message(state=state)))
            await page.hears(changed(revision))
            await page.passes(0.5)
            in_tree = "queued: leave the" in page.drawn
            assert in_tree == (state == "queued"), "what is answered needs nobody's attention"
        await page.press("enter")
        assert "said        ✓ answered: leave the tests alone" in page.drawn
