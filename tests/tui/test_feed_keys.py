"""Keys of the feed, and where they are named."""

from __future__ import annotations

import pytest

from tests.tui import console_sample as sample
from tests.tui import sample_feed
from tests.tui.console_page import console
from tests.tui.sample_feed import FeedClient


@pytest.fixture
def client() -> FeedClient:
    return FeedClient(*sample_feed.some())


async def test_help_is_named_in_a_narrow_footer(client: FeedClient) -> None:
    async with console((80, 24), sample.status(), client, screen="feed") as page:
        assert "? help" in page.part("footer")


async def test_the_same_key_follows_and_pauses(client: FeedClient) -> None:
    async with console((120, 30), sample.status(), client, screen="feed") as page:
        for words in ("paused", "following", "paused"):
            await page.press("f")
            assert words in page.part("feed-state")
