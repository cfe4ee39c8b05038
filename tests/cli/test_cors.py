"""`spl config auth-…-cors-origins` against a real daemon."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Ran
from .live import daemon_home, live

__all__ = ["daemon_home", "live"]
Spl = Callable[..., Ran]
pytestmark = pytest.mark.usefixtures("live")

PAGES = ("https://syncropel.com", "https://app.example.com")


def test_origins_are_set_listed_and_cleared(spl: Spl) -> None:
    done = spl("config", "auth-set-cors-origins", *PAGES)
    assert (done.code, done.out) == (0, f"✓ recorded: pages of {PAGES[0]}, {PAGES[1]} may call\n")
    assert spl("config", "auth-list-cors-origins").out.split() == list(PAGES)
    assert spl("config", "auth-list-cors-origins", "-o", "json").json == {"origins": list(PAGES)}
    cleared = spl("config", "auth-clear-cors-origins")
    assert (cleared.code, cleared.out) == (0, "✓ recorded: no page may call\n")
    assert "none" in spl("config", "auth-list-cors-origins").out


def test_what_is_no_origin_is_a_mistake_of_who_typed_it(spl: Spl) -> None:
    wrong = spl("config", "auth-set-cors-origins", PAGES[0], "https://app.example.com/page")
    assert (wrong.code, wrong.out) == (2, "")
    assert "'https://app.example.com/page' is not an origin" in wrong.err
    assert "an origin has no path: https://app.example.com" in wrong.err
    assert spl("config", "auth-set-cors-origins").code == 2
    assert "none" in spl("config", "auth-list-cors-origins").out
