"""What the console's tests share in one process: modules, style sheets, and no frame that a timer draws."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from tests.tui.console_snapshots import picture, utc
from tui.app import loading

__all__ = ["picture", "utc"]


@pytest.fixture(scope="session", autouse=True)
def _all_is_imported() -> None:
    """What the console imports after its first paint is there: no test can wait for a thread that imports."""
    asyncio.run(loading.client_loaded())
    asyncio.run(loading.screens_loaded())


@pytest.fixture(scope="session", autouse=True)
def _frames_are_drawn_by_the_tests() -> Iterator[None]:
    """A test draws what is due when all else has happened: no frame depends on how fast the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textual.screen.UPDATE_PERIOD", 3600.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def _each_sheet_is_parsed_once() -> Iterator[None]:
    """Every app parses the same style sheets with the same variables: a quarter of what a picture costs."""
    parse = Stylesheet._parse_rules
    known: dict[object, list[RuleSet]] = {}

    def parse_once(sheet: Stylesheet, *place: Any, **more: Any) -> list[RuleSet]:
        key = (place, tuple(more.items()), frozenset(sheet._variables.items()))
        if key not in known:
            known[key] = parse(sheet, *place, **more)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield
