"""The review pane: what each attempt changed, notes that stay, and only what was looked at is judged."""

from __future__ import annotations

import pytest

from syncropel.client.patch import PatchLine
from syncropel.errors import RemoteError
from tests.tui.console_page import Console
from tests.tui.dialog_page import DialogPage
from tests.tui.sample_inbox import changed
from tests.tui.sample_review import (
    COMMITS,
    SUBTASK,
    ReviewClient,
    attempt,
    attempts,
    left,
    long_diff,
    rejected,
    reviewing,
    taken,
)  # fmt: skip
from tui.screens.review import ReviewScreen
from tui.widgets.patch_view import PatchView


def line(screen: ReviewScreen) -> PatchLine:
    found = screen.view.line
    assert found is not None
    return found


def said(page: Console) -> list[str]:
    return [one.message for one in page.app._notifications]


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_attempts_stand_side_by_side_above_files_and_hunks(size: tuple[int, int]) -> None:
    async with reviewing(size=size) as (page, _, screen):
        assert "DOCS-11 › [0] review" in page.part("header")
        assert "LIVE" in page.part("header")
        for words in ("RESULT", "+4 −3", "$0.42", "1m 35s", "worker-a", "rejected", "A approve", "J reject"):
            assert words in page.drawn
        assert page.table("attempts").chosen == "2"
        assert page.rows("files") == ["0", "1", "2", "3"]
        assert isinstance(page.app.focused, PatchView)
        await page.press("G")
        assert "a binary file: its content is not shown" in page.drawn
        await page.press("g")
        assert r"100!+access = \"user\u202e \u2066# check\u2069 \u2066\"".replace('\\"', '"') in page.drawn
        assert line(screen).kind == "file"


async def test_in_ascii_nothing_else_is_drawn() -> None:
    async with reviewing(size=(80, 24), ascii_only=True) as (page, _, _):
        assert page.drawn.isascii()
        assert "+4 -3" in page.drawn


async def test_every_line_can_be_reached_and_none_is_hidden_by_the_width() -> None:
    async with reviewing(size=(80, 24)) as (page, _, screen):
        seen: list[str] = []
        for _ in range(60):
            cursor = [one for one in screen.view.text.splitlines()[1:] if one.startswith("▸")]
            seen += [one for one in cursor if one not in seen[-1:]]
            await page.press("j")
        text = "\n".join(seen)
        for words in ("US dollars, taxes excluded", "eam said when this was written down", "renamed from",
                      "mode 100644 → 100755 (executable)", "No newline at end of file", "-gone"):  # fmt: skip
            assert words in text


async def test_hunks_and_files_are_gone_to_by_key() -> None:
    async with reviewing() as (page, _, screen):
        for key, words in (
            ("]", "@@ -1,4 +1,4 @@ # Guide"), ("]", "@@ -98,3 +98,4 @@ See the appendix."),
            ("[", "@@ -1,4 +1,4 @@ # Guide"), ("right", "docs/old.md"),
            ("right", "tools/run/check-links.sh"), ("left", "docs/old.md"),
        ):  # fmt: skip
            await page.press(key)
            assert line(screen).text == words
        assert page.table("files").chosen == "1"
        await page.press("right", "right", "right")
        assert "no further file in that direction" in said(page)
        await page.press("tab", "tab")
        assert page.app.focused is page.table("files")
        await page.press("g", "j", "enter")
        assert line(screen).text == "docs/old.md"
        assert page.app.focused is screen.view


async def test_another_attempt_is_shown_from_its_start() -> None:
    async with reviewing() as (page, _, screen):
        await page.press("j", "j", "<")
        assert page.table("attempts").chosen == "1"
        assert page.rows("files") == ["0", "1"]
        assert "+Prices are in dollars." in screen.view.text
        assert line(screen).text == "docs/guide.md"
        await page.press("<")
        assert "no further attempt in that direction" in said(page)
        await page.press(">")
        assert page.rows("files") == ["0", "1", "2", "3"]
        await page.press("tab", "k")
        assert page.rows("files") == ["0", "1"], "the table of attempts chooses, too"


async def test_two_attempts_are_compared_file_by_file() -> None:
    async with reviewing(size=(200, 50)) as (page, client, _):
        await page.press("d")
        assert page.part("review-state").splitlines() == [
            " attempt 2 beside attempt 1: 1 differs, 1 same, 2 only in 2",
            " between them, on worker-a in app: git diff 1a1a1a1a1a1a 2b2b2b2b2b2b",
        ]
        rows = [" ".join(one.split()[:7]) for one in page.table("compared").text().splitlines()[2:6]]
        assert rows == [
            "▸ docs/guide.md +2 −1 +1 −1 differs",
            "docs/old.md +0 −1 +0 −1 same",
            "logo.png binary – only in 2",
            "tools/run/check-links.sh +1 −1 – only in 2",
        ]
        await page.press("d")
        assert page.part("review-state") == ""
        client.lists(
            attempts(
                rejected().model_copy(update={"instance": "did:b", "instance_alias": "worker-b"}), attempt()
            )
        )
        await page.hears(changed())
        await page.passes(1)
        await page.press("d")
        assert "no diff between them: their commits are on worker-b and worker-a" in page.part("review-state")
        client.lists(attempts(attempt(1, worktree=None), attempt()))
        await page.hears(changed(19))
        await page.passes(1)
        assert "no diff between them: the commit of attempt 1 is not known" in page.part("review-state")


async def test_what_was_looked_at_is_approved_with_its_commit() -> None:
    async with reviewing() as (page, client, _):
        await page.press("A")
        dialog = DialogPage(page)
        assert dialog.title == "Approve DOCS-11 [0], attempt 2"
        assert "commit 2b2b2b2b2b2b on spl/DOCS-11-0-2: Give prices in dollars" in dialog.part("says")
        assert "4 files +4 −3 · $0.42 · 1m 35s · worker-a" in dialog.part("says")
        assert dialog.focused == "Cancel"
        assert client.reviews == []
        await page.passes(1)
        await page.press("a")
        assert client.reviews == [{
            "actor": page.app.fleets.front.target.actor, "verdict": "accept", "attempt": 2,
            "commit": COMMITS[2], "text": "", "notes": [], "anyway": False,
        }]  # fmt: skip
        assert "✓ approved: recorded as abababababababab" in dialog.part("outcome")


async def test_a_key_that_was_typed_before_it_was_drawn_approves_nothing() -> None:
    async with reviewing() as (page, client, _):
        for key in ("A", "a"):
            page.app.post_message(page.key(key))
        await page.settle()
        assert client.reviews == []
        await page.press("a")
        assert client.reviews == [], "nobody reads that fast"
        assert "press it again" in DialogPage(page).part("outcome")
        await page.passes(1)
        await page.press("a")
        assert len(client.reviews) == 1


async def noted(page: Console, *keys: str, text: str) -> None:
    await page.press(*keys, "n")
    await DialogPage(page).type(text)
    await page.press("enter", "enter")


async def test_notes_on_lines_are_what_the_next_attempt_is_told() -> None:
    async with reviewing() as (page, client, screen):
        await noted(page, "]", "j", "j", text="say which")
        await noted(page, "j", "j", text="too long")
        await noted(page, "G", text="who asked for it?")
        await page.press("g")
        assert "note▎too long" in screen.view.text
        assert page.rows("notes") == ["docs/guide.md:2", "docs/guide.md:2 (before)", "logo.png"]
        await page.press("tab", "tab", "tab", "g", "j", "enter")
        assert line(screen).text == "Prices are in euro."
        hint = "Attempt 2 was rejected in review.\ndocs/guide.md:2 — too long"
        client.answers[f"{SUBTASK}/reviews"] = taken(
            next_attempt=3, hint=hint, review=taken().review.model_copy(update={"verdict": "reject"})
        )
        await page.press("J")
        dialog = DialogPage(page)
        assert "docs/guide.md:2: too long" in dialog.part("after-fields")
        await dialog.fill("text", "not like this")
        await page.passes(1)
        await page.press("enter", "enter")
        (sent,) = client.reviews
        assert (sent["verdict"], sent["attempt"], sent["text"]) == ("reject", 2, "not like this")
        euro = "Prices are in euro."
        assert [one for one in sent["notes"] if one.get("side") == "old"] == [
            {"text": "say which", "path": "docs/guide.md", "line": 2, "side": "old", "quote": euro}
        ]
        assert {"text": "who asked for it?", "path": "logo.png"} in sent["notes"]
        assert "✓ rejected: recorded as abababababababab; attempt 3 begins" in dialog.part("outcome")
        assert "docs/guide.md:2 — too long" in dialog.part("outcome")
        assert "--note 'logo.png: who asked for it?'" in " ".join(page.drawn.replace("│", "").split())
        await page.press("escape")
        assert "▎" not in screen.view.text, "they were sent"


async def test_a_rejection_says_why() -> None:
    async with reviewing() as (page, client, _):
        await page.press("J")
        await page.passes(1)
        assert DialogPage(page).greyed == "say why (t), or note it on a line (esc, n)"
        await page.press("J")
        assert client.reviews == []


async def test_a_note_stays_with_its_line_while_ten_thousand_others_are_laid_out_anew() -> None:
    client = ReviewClient()
    client.diffs[2], client.page_bytes = long_diff(3000), 1 << 20
    async with reviewing(client) as (page, _, screen):
        await page.press("G")
        assert line(screen).text == "new 2999"
        await noted(page, text="the last one")
        assert line(screen).text == "new 2999"
        assert "note▎the last one" in screen.view.text
        await page.resize((80, 24))
        assert line(screen).text == "new 2999"
        assert [one.place.label for one in screen.notes.all()] == ["f2999:1"]
        await page.press("n")
        assert DialogPage(page).value("note") == "the last one"


async def test_drafts_survive_a_lost_connection_another_screen_and_another_attempt() -> None:
    async with reviewing() as (page, client, screen):
        await noted(page, "]", "j", "j", text="say which")
        await page.press("J")
        await DialogPage(page).fill("text", "half a sen")
        await page.press("escape", "<", ">")
        assert "note▎say which" in screen.view.text
        await page.down()
        assert "note▎say which" in screen.view.text
        assert "-Prices are in euro." in screen.view.text, "what was read stays"
        await noted(page, "j", text="written while it was away")
        await page.press("A")
        assert "nothing is sent while the connection is" in DialogPage(page).greyed
        await page.press("escape")
        client.refuse = None
        client.snapshot(changed(20))
        await page.passes(30)
        await page.press("escape", "v")
        await page.passes(1)
        assert "note▎say which" in page.drawn
        assert "note▎written while it was away" in page.drawn
        await page.press("J")
        assert DialogPage(page).value("text") == "half a sen"


async def test_a_new_attempt_is_said_and_nothing_older_is_judged() -> None:
    async with reviewing() as (page, client, _):
        await page.press("A")
        await page.passes(1)
        client.lists(attempts(rejected(), rejected(2), attempt(3, state="in_progress", worktree=None)))
        client.diffs[3] = b""
        await page.hears(changed())
        await page.passes(1)
        dialog = DialogPage(page)
        assert dialog.greyed == "attempt 3 is the latest now: look at that one"
        await page.press("A")
        assert client.reviews == []
        await page.press("escape")
        await page.passes(1)
        assert "attempt 3 is the latest: attempt 2 can not be reviewed any more; > shows it" in page.drawn
        await page.press(">")
        assert "attempt 3 changed nothing in worker-a's worktree" in page.drawn
        assert "it still runs: this is how it stood when it was read" in page.drawn


async def test_a_diff_of_another_commit_is_not_approved() -> None:
    async with reviewing() as (page, client, _):
        await page.press("A")
        await page.passes(1)
        client.lists(attempts(rejected(), attempt(worktree=left(2, commit="9f" * 20))))
        await page.hears(changed())
        await page.passes(1)
        assert DialogPage(page).greyed == "its commit is 9f9f9f9f9f9f now: read its diff again"


async def test_what_the_daemon_refuses_is_said_in_words() -> None:
    async with reviewing() as (page, client, _):
        client.answers[f"{SUBTASK}/reviews"] = RemoteError(
            409, "conflict", "CONFLICT", "attempt 3 is the latest: it began meanwhile", "spl task review …"
        )
        await page.press("A")
        await page.passes(1)
        await page.press("a")
        assert "✗ refused: attempt 3 is the latest: it began meanwhile (HTTP 409)" in DialogPage(page).part(
            "outcome"
        )


async def test_subtasks_that_use_its_result_are_named_and_agreed_to() -> None:
    client = ReviewClient(attempts(dependents=[3]))
    async with reviewing(client) as (page, _, _):
        await page.press("J")
        dialog = DialogPage(page)
        await dialog.fill("text", "no")
        await page.passes(1)
        assert "[3] began with its result, and will keep what came of that" in dialog.part("after-fields")
        assert dialog.greyed == "others use its result (w)"
        await page.press("escape", "J")
        await page.passes(1)
        await page.press("w", "right")
        assert dialog.greyed == ""
        assert "--anyway" in dialog.part("command")
        await page.press("enter", "enter")
        assert [one["anyway"] for one in client.reviews] == [True]
