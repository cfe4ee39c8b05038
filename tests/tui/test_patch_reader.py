"""Reading a diff over HTTP: page by page, bounded, in pieces, and honest about what is missing."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from syncropel.client.patch import Patch
from syncropel.errors import DaemonUnreachable, RemoteError
from syncropel.wire import OutputPage
from tests.tui import console_sample as sample
from tests.tui.console_fakes import Clock
from tests.tui.sample_review import SECOND, ReviewClient
from tui.connection import patch_reader
from tui.connection.patch_reader import PIECE, PatchReader
from tui.model import patch_words
from tui.model.glyphs import UNICODE


def added(count: int) -> bytes:
    head = "diff --git a/f b/f\n--- a/f\n+++ b/f\n"
    return (f"{head}@@ -0,0 +1,{count} @@\n" + "".join(f"+line {n}\n" for n in range(count))).encode()


@asynccontextmanager
async def reading(client: ReviewClient, clock: Clock | None = None) -> AsyncIterator[PatchReader]:
    clock = clock or Clock()
    reader = PatchReader(client, (sample.THREAD, 0, 2), lambda: None, clock.sleep, lambda: 1.0)
    reader.ask("accept", "2b")
    running = asyncio.create_task(reader.run())
    try:
        await settled()
        yield reader
    finally:
        running.cancel()


async def settled() -> None:
    for _ in range(500):
        await asyncio.sleep(0)


@pytest.mark.parametrize("page_bytes", [7, 100, 100_000])
async def test_it_is_the_same_however_it_is_cut_into_pages(page_bytes: int) -> None:
    client = ReviewClient()
    client.page_bytes = page_bytes
    async with reading(client) as reader:
        assert reader.is_whole
        assert reader.is_current
        assert [one.path for one in reader.patch.files] == [
            "docs/guide.md", "docs/old.md", "tools/run/check-links.sh", "logo.png",
        ]  # fmt: skip
        assert reader.taken == len(SECOND.encode())
        assert patch_words.left_out(reader) == ""


async def test_ten_thousand_lines_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[int] = []
    take = Patch.take

    def counted(patch: Patch, lines: list[str]) -> None:
        pieces.append(len(lines))
        take(patch, lines)

    monkeypatch.setattr(Patch, "take", counted)
    client = ReviewClient()
    client.diffs[2], client.page_bytes = added(10_000), 1 << 20
    async with reading(client) as reader:
        assert reader.patch.added == 10_000
        assert max(pieces) <= PIECE


@pytest.mark.parametrize(
    ("lines", "most_lines", "most_bytes", "words"),
    [
        (100, 50, 1 << 20, "4 lines and then 450B of 943B are not shown"),
        (100, 1000, 500, "450B of 943B are not shown"),
        (100, 30, 500, "24 lines and then 450B of 943B are not shown"),
    ],
)
async def test_what_there_is_no_room_for_is_counted(
    lines: int, most_lines: int, most_bytes: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patch_reader, "MOST_LINES", most_lines)
    monkeypatch.setattr(patch_reader, "MOST_BYTES", most_bytes)
    client = ReviewClient()
    client.diffs[2], client.page_bytes = added(lines), 500
    async with reading(client) as reader:
        said = patch_words.said(reader, 2, "spl task diff", UNICODE)
        assert not reader.is_whole
        assert said[0][0] == f"! {words}"
        shown = len([one for one in reader.patch.lines if one.kind == "added"])
        assert shown + reader.left_out <= lines
        assert said[1][0] == "→ all of it: spl task diff"


async def test_what_changes_while_it_is_read_is_not_mixed() -> None:
    class Growing(ReviewClient):
        grows = 2

        def _page(self, query: dict[str, object]) -> object:  # type: ignore[override]
            page = super()._page(query)
            if query["offset"] == 0 and self.grows:
                self.grows -= 1
                self.diffs[2] = added(self.grows + 50)
            return page

    client = Growing()
    client.page_bytes = 300
    async with reading(client) as reader:
        assert reader.patch.added == 50
        assert reader.is_whole
    client.grows = 99
    client.diffs[2] = added(200)
    async with reading(client) as reader:
        assert reader.trouble is not None
        assert reader.trouble.message == "it changes while it is read"


async def test_what_is_gone_is_asked_for_once_and_a_silent_worker_again() -> None:
    client, clock = ReviewClient(), Clock()
    client.diffs[2] = RemoteError(
        404, "not_found", "NO_OUTPUT", "its worktree is gone", "see spl worktree list"
    )
    async with reading(client, clock) as reader:
        assert patch_words.said(reader, 2, "", UNICODE) == [
            ("? not known what it changed: its worktree is gone", "bad"), ("→ see spl worktree list", "warn"),
        ]  # fmt: skip
        clock.advance(60)
        await settled()
        assert sum(client.asked.values()) == 1
        client.diffs[2] = DaemonUnreachable("worker-a does not answer", "")
        reader.ask("accept", "2b")
        clock.advance(60)
        await settled()
        client.diffs[2] = SECOND.encode()
        clock.advance(60)
        await settled()
        assert reader.trouble is None
        assert reader.is_whole


async def test_a_later_reading_replaces_the_first_when_it_is_complete() -> None:
    client, clock = ReviewClient(), Clock()
    async with reading(client, clock) as reader:
        before = reader.patch
        client.diffs[2] = DaemonUnreachable("worker-a does not answer", "")
        reader.ask("accept", "3c")
        clock.advance(60)
        await settled()
        assert reader.patch is before
        assert patch_words.looked(reader)[0] == "worker-a does not answer"
        assert "this is what was read before" in patch_words.said(reader, 2, "", UNICODE)[0][0]


async def test_bytes_that_are_no_text_are_shown_as_escapes() -> None:
    class Raw(ReviewClient):
        def _page(self, query: dict[str, object]) -> object:  # type: ignore[override]
            data = added(1).replace(b"line 0", b"a\xffb")
            return OutputPage(
                index=0, attempt=2, state="accept", ended=True, offset=0, next_offset=len(data),
                size=len(data), encoding="base64", data=base64.b64encode(data).decode(),
            )  # fmt: skip

    async with reading(Raw()) as reader:
        assert reader.patch.lines[-1].text == "a\\xffb"
