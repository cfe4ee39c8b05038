"""Answering an agent from the console: what is shown, what is sent, and what never is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from syncropel.client import Call
from syncropel.client.verify import shown_digest
from syncropel.errors import RemoteError
from syncropel.wire import OptionOut
from tests.tui.console_page import Console
from tests.tui.dialog_page import DialogPage
from tests.tui.sample_inbox import ME, SHOWN, InboxClient, answered, changed, decided, detail, inbox, item
from tui.widgets.flat_button import FlatButton

LONG = {"diffs": [{"path": "/w/a.py", "old": "", "new": "".join(f"line {n}\n" for n in range(200))}]}


@asynccontextmanager
async def answering(
    client: InboxClient | None = None, rest: float = 1.0, **how: Any
) -> AsyncIterator[tuple[Console, DialogPage]]:
    """The dialog of the first item, looked at for a while."""
    async with inbox(client or InboxClient(item()), **how) as page:
        await page.press("enter")
        await page.passes(rest)
        yield page, DialogPage(page)


def client_of(page: Console) -> InboxClient:
    assert isinstance(page.client, InboxClient)
    return page.client


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_it_shows_exactly_what_would_be_done(size: tuple[int, int]) -> None:
    async with answering(size=size) as (_, dialog):
        assert dialog.title == "DOCS-11 [2] asks for permission"
        assert dialog.focused == "Cancel"
        assert "attempt 2 on worker-a · tool execute · asked 3m 00s ago" in dialog.part("says")
        assert "◇ is denied in 6m 5" in dialog.part("says")
        assert dialog.part("shown").splitlines() == [
            "command:",
            "│ make test",
            'arguments: ["make", "test"]',
            'file: "/w/note.txt"',
            "│ @@ -1,2 +1,2 @@",
            "│  one",
            "│ -two",
            "│ +2",
        ]
        assert dialog.part("command") == "$ spl task answer DOCS-11 2 q_1 --allow"
        assert dialog.greyed == ""


async def test_characters_that_are_drawn_as_nothing_are_escapes() -> None:
    shown = {"command": "rm \u3164-rf a\ufe0f\u202eb"}
    asked = detail(shown=shown, digest=shown_digest(shown))
    async with answering(InboxClient(item(), questions=(asked,))) as (_, dialog):
        assert r"rm \u3164-rf a\ufe0f\u202eb" in dialog.part("shown")


async def test_one_key_allows_it_with_the_digest_of_what_was_shown() -> None:
    async with answering() as (page, dialog):
        await dialog.press("a")
        assert client_of(page).given == [
            {"digest": shown_digest(SHOWN), "actor": page.app.fleets.front.target.actor, "verdict": "allow"}
        ]
        assert "✓ allowed once: recorded as 5e1f5e1f5e1f5e1f" in dialog.part("outcome")
        assert "waiting until its instance takes the answer" in dialog.part("outcome")
        client_of(page).shows(detail(state="decided", answer=answered(), decision=decided()))
        client_of(page).waits()
        await page.hears(changed())
        await page.passes(1)
        assert f"✓ allowed by {ME}; its agent was told" in dialog.part("outcome")


async def test_it_is_denied_with_a_note() -> None:
    async with answering() as (page, dialog):
        await dialog.press("d")
        assert dialog.focused == "note"
        await dialog.type("not a d")
        assert dialog.part("command") == "$ spl task answer DOCS-11 2 q_1 --deny --note 'not a d'"
        await dialog.press("enter")
        assert dialog.focused == "Deny"
        assert client_of(page).given == []
        await dialog.press("enter")
        sent = client_of(page).given
        assert [(one["verdict"], one["note"]) for one in sent] == [("deny", "not a d")]
        assert "✓ denied" in dialog.part("outcome")


async def test_a_question_is_answered_in_words() -> None:
    asked = detail(kind="question", text="which colour?", shown={}, command=None)
    client = InboxClient(item(kind="question"), questions=(asked,))
    async with answering(client) as (page, dialog):
        assert dialog.title == "DOCS-11 [2] asks"
        assert dialog.greyed == "type an answer first (t)"
        await dialog.press("s")
        assert client.given == []
        await dialog.press("t")
        await dialog.type("blue, as ever")
        assert dialog.part("command") == "$ spl task answer DOCS-11 2 q_1 --text 'blue, as ever'"
        await dialog.press("enter", "enter")
        actor = page.app.fleets.front.target.actor
        assert client.given == [{"digest": asked.digest, "actor": actor, "text": "blue, as ever"}]


async def test_a_key_that_was_typed_before_it_was_drawn_answers_nothing() -> None:
    async with inbox(InboxClient(item())) as page:
        for key in ("enter", "a"):
            page.app.post_message(page.key(key))
        await page.settle()
        dialog = DialogPage(page)
        assert dialog.is_open
        assert client_of(page).given == []
        await dialog.press("a")
        assert client_of(page).given == [], "nobody reads that fast"
        assert "press it again" in dialog.part("outcome")
        await page.passes(1)
        await dialog.press("a")
        assert len(client_of(page).given) == 1


async def test_keys_typed_while_it_is_being_read_answer_nothing() -> None:
    class SlowClient(InboxClient):
        go_on = asyncio.Event()

        async def send(self, call: Call[Any]) -> Any:
            if call.path == "/v1/questions/q_1":
                await self.go_on.wait()
            return await super().send(call)

    client = SlowClient(item())
    async with answering(client) as (page, dialog):
        assert "reading what it asks" in dialog.part("says")
        assert dialog.greyed == "what it asks is not known yet"
        await dialog.press("a", "tab", "enter")
        client.go_on.set()
        await page.settle()
        assert client.given == []
        assert dialog.is_open


async def test_a_key_that_is_held_down_does_not_answer_the_next_one() -> None:
    client = InboxClient(item(1), item(2, index=3), questions=(detail(1), detail(2, index=3)))
    async with answering(client) as (page, dialog):
        await dialog.press("a")
        assert len(client.given) == 1
        client.waits(item(2, index=3))
        await page.hears(changed())
        await page.passes(1)
        await dialog.press("n")
        assert dialog.title == "DOCS-11 [3] asks for permission"
        for _ in range(30):
            page.clock.advance(0.05)
            await dialog.press("a")
        assert len(client.given) == 1
        await page.passes(1)
        await dialog.press("a")
        assert len(client.given) == 2


async def test_a_click_too_soon_answers_nothing() -> None:
    async with answering(rest=0.0) as (page, dialog):
        button = dialog.dialog.query_one("#button-do", FlatButton)
        button.post_message(FlatButton.Pressed(button, by_mouse=True))
        await page.settle()
        assert client_of(page).given == []
        await page.passes(1)
        button.post_message(FlatButton.Pressed(button, by_mouse=True))
        await page.settle()
        assert len(client_of(page).given) == 1


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_long_one_is_read_to_its_end_before_it_is_allowed(size: tuple[int, int]) -> None:
    client = InboxClient(item(), questions=(detail(shown=LONG),))
    async with answering(client, size=size) as (page, dialog):
        assert "read it to its end first (pgdn)" in dialog.greyed
        await dialog.press("a")
        assert client.given == []
        assert "line 199" not in page.drawn
        seen = page.drawn
        await dialog.press("pagedown")
        assert "+line" in page.drawn
        assert page.drawn != seen
        await dialog.press("end")
        assert "+line 199" in page.drawn
        assert dialog.greyed == ""
        await dialog.press("home")
        assert "file: " in page.drawn
        await dialog.press("a")
        assert len(client.given) == 1


async def test_somebody_else_was_first() -> None:
    client = InboxClient(item())
    path = "/v1/questions/q_1/answer"
    client.answers[path] = RemoteError(
        409, "conflict", "CONFLICT", "it is answered already", "see: spl inbox"
    )
    async with answering(client) as (_, dialog):
        client.shows(detail(state="answered", answer=answered(by="did:sync:user:them")))
        await dialog.press("a")
        assert "✗ refused: it is answered already (HTTP 409)" in dialog.part("outcome")
        assert "did:sync:user:them has answered it" in dialog.part("says")
        assert dialog.greyed == "it has its answer"


async def test_an_answer_elsewhere_is_told_while_it_is_open() -> None:
    client = InboxClient(item())
    async with answering(client) as (page, dialog):
        client.waits()
        late = decided(how="time_limit", chosen="reject_once", reason="nobody answered")
        client.shows(detail(state="decided", decision=late))
        await page.hears(changed())
        await page.passes(1)
        assert "✗ denied by its time limit: nobody answered; its agent was told" in dialog.part("says")
        await dialog.press("a", "d", "enter", "enter")
        assert client.given == []


async def test_what_is_shown_has_changed() -> None:
    client = InboxClient(item())
    async with answering(client) as (page, dialog):
        client.shows(detail(shown={"command": "rm -rf build"}))
        client.waits(item(), item(2))
        await page.hears(changed())
        await page.passes(0.2)
        assert "what it shows has changed since you opened this" in dialog.part("says")
        assert "│ rm -rf build" in dialog.part("shown")
        await dialog.press("a")
        assert client.given == [], "that was for what stood there before"
        await page.passes(1)
        await dialog.press("a")
        assert client.given[0]["digest"] == shown_digest({"command": "rm -rf build"})


async def test_what_does_not_match_its_digest_cannot_be_answered() -> None:
    client = InboxClient(item(), questions=(detail(digest="0" * 64),))
    async with answering(client) as (_, dialog):
        assert dialog.greyed == "what the daemon shows is not what its digest says"
        await dialog.press("a")
        assert client.given == []


async def test_what_offers_no_once_can_only_be_denied() -> None:
    offered = [OptionOut(kind="allow_always", name="always"), OptionOut(kind="reject_once", name="no")]
    client = InboxClient(item(), questions=(detail(options=offered),))
    async with answering(client) as (_, dialog):
        assert dialog.greyed == "its agent offers nothing that allows it once"
        await dialog.press("a")
        assert client.given == []
        await dialog.press("d", "enter", "enter")
        assert [one["verdict"] for one in client.given] == ["deny"]


async def test_nothing_is_sent_while_the_daemon_is_away_or_from_a_read_only_console() -> None:
    async with answering() as (page, dialog):
        await page.loses()
        assert "nothing is sent while the connection is" in dialog.greyed
        await dialog.press("a")
        assert client_of(page).given == []
    async with answering(InboxClient(item()), read_only=True) as (page, dialog):
        assert "read-only" in dialog.greyed
        await dialog.press("a")
        assert client_of(page).given == []


async def test_what_an_agent_writes_never_reaches_the_terminal_as_such() -> None:
    shown = {"command": "echo [red]x[/] \x1b]0;title\x07\n\u202egnp.exe", "more": {"\x1b[2J": "\r"}}
    client = InboxClient(item(), questions=(detail(shown=shown, text="\x1b[31m[b]really?"),))
    async with answering(client) as (page, dialog):
        drawn = page.drawn
        assert not {"\x1b", "\x07", "\u202e", "\r"} & set(drawn)
        assert "│ echo [red]x[/] \\x1b]0;title\\x07" in drawn
        assert "│ \\u202egnp.exe" in drawn
        assert "\\x1b[31m[b]really?" in drawn
        assert '"\\u001b[2J": "\\r"' in dialog.part("shown")


async def test_a_line_that_is_too_long_goes_on_in_one_that_cannot_be_taken_for_another() -> None:
    client = InboxClient(item(), questions=(detail(shown={"command": "x" * 100}),))
    async with answering(client, size=(80, 24)) as (_, dialog):
        lines = dialog.part("shown").splitlines()
        assert lines[1] == "│ " + "x" * 72
        assert lines[2] == "┆ " + "x" * 28


async def test_after_an_answer_the_next_is_offered() -> None:
    client = InboxClient(item(1), item(2, index=3), questions=(detail(1), detail(2, index=3)))
    async with answering(client) as (page, dialog):
        button = dialog.dialog.query_one("#button-next", FlatButton)
        assert button.label == "Next: DOCS-11 [3]"
        await dialog.press("a")
        client.waits(item(2, index=3))
        await page.hears(changed())
        await page.passes(1)
        await dialog.press("n")
        assert dialog.title == "DOCS-11 [3] asks for permission"
        assert not dialog.dialog.query_one("#button-next", FlatButton).display
        await dialog.press("escape")
        assert not dialog.is_open


async def test_next_goes_through_all_that_wait_and_begins_again() -> None:
    numbers = (1, 2, 3)
    items = [item(number, index=number) for number in numbers]
    client = InboxClient(*items, questions=tuple(detail(number, index=number) for number in numbers))
    async with answering(client) as (page, dialog):
        seen = [dialog.title]
        for _ in numbers:
            await page.passes(1)
            await dialog.press("n")
            seen.append(dialog.title)
    assert [title.split("]")[0] for title in seen] == [f"DOCS-11 [{number}" for number in (1, 2, 3, 1)]


async def test_what_is_not_shown_can_only_be_denied() -> None:
    client = InboxClient(item(), questions=(detail().model_copy(update={"shown": None}),))
    async with answering(client) as (_, dialog):
        assert dialog.greyed == "what it would do is not shown"
        await dialog.press("a")
        assert client.given == []
        await dialog.press("d", "enter", "enter")
        assert [one["verdict"] for one in client.given] == ["deny"]
