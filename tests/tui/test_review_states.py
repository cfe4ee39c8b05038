"""The review pane where there is no diff, a huge one, or one that is not all there."""

from __future__ import annotations

import pytest

from syncropel.errors import DaemonUnreachable, RemoteError
from tests.tui import console_sample as sample
from tests.tui.dialog_page import DialogPage
from tests.tui.sample_review import SUBTASK, ReviewClient, attempt, attempts, left, long_diff, reviewing


@pytest.mark.parametrize(
    ("diff", "words", "why"),
    [
        (b"", "attempt 2 changed nothing in worker-a's worktree", ""),
        (RemoteError(404, "not_found", "NO_OUTPUT", "its worktree is gone", "see it in git"),
         "not known what it changed: its worktree is gone", "its diff is not known: its worktree is gone"),
        (DaemonUnreachable("worker-a does not answer (last heard 9 s ago)", ""),
         "not known what it changed: worker-a does not answer",
         "its diff is not known: worker-a does not answer (last heard 9 s ago)"),
        (b"no patch\x1b[2J at all\n", "no patch\\x1b[2J at all", ""),
    ],
)  # fmt: skip
async def test_no_diff_says_why_and_is_not_approved_unseen(
    diff: bytes | RemoteError | DaemonUnreachable, words: str, why: str
) -> None:
    client = ReviewClient()
    client.diffs[2] = diff
    async with reviewing(client, size=(80, 24)) as (page, _, _):
        assert words in page.drawn
        await page.press("A")
        await page.passes(1)
        assert DialogPage(page).greyed == why


async def test_what_is_not_shown_and_not_committed_is_said_before_it_is_approved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tui.connection.patch_reader.MOST_LINES", 500)
    client = ReviewClient(attempts(attempt(1, worktree=left(1, uncommitted=2))))
    client.diffs[1], client.page_bytes = long_diff(200), 1 << 20
    async with reviewing(client, size=(80, 24)) as (page, _, _):
        assert "2 files are not committed: the diff has them" in page.drawn
        await page.press("G")
        assert "! 533 lines of" in page.drawn
        assert "→ all of it: spl task diff DOCS-11 0 --attempt 1" in page.drawn
        await page.press("A")
        for words in ("2 files are not committed", "are not shown"):
            assert words in DialogPage(page).part("says")


@pytest.mark.parametrize("count", [0, 1, 1000])
async def test_none_one_and_a_thousand_files(count: int) -> None:
    client = ReviewClient()
    client.diffs[2], client.page_bytes = long_diff(count), 1 << 20
    async with reviewing(client, size=(80, 24)) as (page, _, screen):
        assert f"FILES {count}" in page.drawn.replace(",", "")
        await page.press("G")
        if count:
            assert screen.view.patch.lines[screen.view.at].text == f"new {count - 1}"
            assert page.table("files").chosen == str(count - 1)
        await page.press("n")
        assert DialogPage(page).is_open == bool(count)


async def test_before_anything_is_known_keys_do_nothing() -> None:
    client = ReviewClient()
    client.answers[f"{SUBTASK}/attempts"] = DaemonUnreachable("nobody answers", "")
    async with reviewing(client) as (page, _, screen):
        await page.press("A", "J", "n", "]", "right", ">", "d", "e")
        assert page.app.screen is screen
        assert "nobody answers" in page.drawn
        client.lists(attempts())
        await page.passes(10)
        await page.passes(1)
        assert page.rows("files") == ["0", "1", "2", "3"]


async def test_a_subtask_without_an_attempt_and_a_row_that_is_none() -> None:
    client = ReviewClient(
        attempts(attempt(1)).model_copy(update={"data": [], "latest": 0, "state": "pending"})
    )
    async with reviewing(client) as (page, _, _):
        assert "it was given to no instance yet" in page.drawn
        await page.press("escape", "escape", "v")
        assert "this row is not a subtask: tab to the subtasks, then press v" in [
            one.message for one in page.app._notifications
        ]
        assert page.client.asked[f"/v1/tasks/{sample.THREAD}/subtasks/0/attempts"] > 0
