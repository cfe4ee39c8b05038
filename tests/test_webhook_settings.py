"""`[webhooks.NAME]` in config.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncropel.errors import SetupError
from syncropel.settings.config import load_settings
from syncropel.settings.home import Home
from syncropel.settings.webhooks import EVENTS


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("[webhooks.chat]", "give either url or url_file"),
        ('[webhooks.chat]\nurl = "https://x/"\nurl_file = "y"', "give either url or url_file"),
        ('[webhooks.chat]\nurl = "ftp://x"', "url is not the URL of a web server"),
        ('[webhooks.chat]\nurl = "https://["', "url is not the URL of a web server"),
        ('[webhooks.chat]\nurl = "https://x/"\nevents = ["joy"]', "known: join, failure"),
        ('[webhooks.chat]\nurl = "https://x/"\nevents = []', "events must be a list"),
        ("[webhooks.chat]\nurl = 3", "url must be a str"),
        ('[webhooks.chat]\nurl = "https://x/"\ncolour = 1', "unknown key 'colour'"),
        ('[webhooks.Chat]\nurl = "https://x/"', "invalid name 'Chat'"),
        ("[webhooks]\nchat = 1", "must be a table"),
    ],
)
def test_one_that_cannot_be_one_is_refused_by_name(home: Home, table: str, why: str) -> None:
    home.config.write_text(f"{table}\n")
    with pytest.raises(SetupError) as told:
        load_settings(home, {})
    assert why in f"{told.value.message}; {told.value.hint}"
    assert "chat" in told.value.message.casefold()


def test_it_hears_of_everything_unless_it_says_otherwise(home: Home) -> None:
    home.config.write_text(
        '[webhooks.chat]\nurl = "https://x/"\n[webhooks.pager]\nurl_file = "p"\nevents = ["freeze"]\n'
    )
    hooks = load_settings(home, {}).webhooks.hooks
    assert {name: one.events for name, one in hooks.items()} == {"chat": EVENTS, "pager": ("freeze",)}
    assert hooks["chat"].texts
