"""What is made from the code is as the code says now, and says all of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs_tools import environment_page, http_page, pages
from docs_tools.http_examples import EXAMPLES
from docs_tools.markdown import filled
from docs_tools.settings_page import documented

ROOT = Path(__file__).parents[2]
CODE = [path for name in ("syncropel", "syncropel_console", "tui") for path in (ROOT / name).rglob("*.py")]


def test_no_page_is_stale() -> None:
    assert [str(path.relative_to(ROOT)) for path in pages.stale()] == [], "make docs"


def test_every_variable_that_the_code_names_is_documented_and_no_other() -> None:
    named = {
        name
        for path in CODE
        for name in re.findall(r"\b(?:SPL|SYNCROPEL)_[A-Z]+(?:_[A-Z]+)*\b", path.read_text(encoding="utf-8"))
    }
    known = {one.name for one in (*environment_page.READ, *environment_page.GIVEN)}
    assert named == known - {"NO_COLOR"}


def test_every_route_has_an_example_and_no_other() -> None:
    assert {f"{method} {path}" for method, path, _ in http_page.operations()} == set(EXAMPLES)


def test_a_setting_without_a_docstring_is_an_error() -> None:
    class Bare:
        """A section."""

        port: int = 1

    with pytest.raises(ValueError, match=r"Bare\.port has no docstring"):
        documented(Bare)


@pytest.mark.parametrize(
    "page",
    [
        "<!-- made: a -->\n<!-- /made -->\n",
        "".join(f"<!-- made: {name} -->\n<!-- /made -->\n" for name in "abc"),
        "<!-- made: a -->\n<!-- /made -->\n<!-- made: b -->\n<!-- /made -->\n" * 2,
    ],
)
def test_a_page_has_each_block_once(page: str) -> None:
    with pytest.raises(KeyError):
        filled(page, {"a": "x", "b": "y"})


def test_a_block_is_made_anew_and_the_rest_stays() -> None:
    page = "before\n<!-- made: a -->\n\nold \\1\n\n<!-- /made -->\nafter\n"
    assert filled(page, {"a": "new \\1"}) == "before\n<!-- made: a -->\n\nnew \\1\n\n<!-- /made -->\nafter\n"
