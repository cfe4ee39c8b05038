"""The operator's page knows every key, screen, state, field and column; nothing in it is invented."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tui.app import themes
from tui.app.console_app import ConsoleApp
from tui.model import (
    actions,
    compare,
    feed,
    fleet,
    inbox,
    keymap,
    policy,
    replay,
    review,
    rows,
    tasks,
    threads,
    tree,
)
from tui.model.glyphs import ASCII, UNICODE, word
from tui.model.link import Phase
from tui.screens.compare import CompareScreen
from tui.screens.feed import FeedScreen
from tui.screens.fleet import FleetScreen
from tui.screens.inbox import InboxScreen
from tui.screens.join import JoinScreen
from tui.screens.policy import PolicyScreen
from tui.screens.replay import ReplayScreen
from tui.screens.review import ReviewScreen
from tui.screens.tasks import TasksScreen
from tui.screens.threads import ThreadsScreen
from tui.widgets.scratchpad import Scratchpad

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "console.md").read_text()
KEYS = PAGE[PAGE.index("## Keys") : PAGE.index("## The connection")]


@pytest.mark.parametrize("action", actions.ALL, ids=lambda one: one.id)
def test_every_key_is_documented(action: actions.Action) -> None:
    for key in action.shown_keys().split():
        assert f"`{key}`" in KEYS


def test_every_documented_key_exists() -> None:
    known = {key for action in actions.ALL for key in action.shown_keys().split()}
    told = {
        key for row in re.findall(r"^\| (`.*?) \|", KEYS, re.MULTILINE) for key in re.findall(r"`(.+?)`", row)
    }
    assert told == known


def test_every_screen_and_state_of_the_connection_is_documented() -> None:
    for screen in (
        *ConsoleApp.MODES,
        actions.JOIN,
        actions.DETAIL,
        actions.REPLAY,
        actions.COMPARE,
        actions.REVIEW,
    ):
        assert f"| {screen.capitalize()} |" in PAGE
    for phase in Phase:
        assert phase.value in PAGE


def test_every_sign_is_documented_beside_its_word() -> None:
    states = PAGE[PAGE.index("## States") : PAGE.index("## Filters")]
    for state, sign in UNICODE.signs.items():
        if state in ("unknown", "retrying", "down"):
            continue
        line = next(one for one in states.splitlines() if one.startswith(f"| `{sign}`"))
        assert word(state) in line
        assert ASCII.signs[state].replace("|", "\\|") in line


@pytest.mark.parametrize(
    "screen",
    [
        FleetScreen,
        TasksScreen,
        JoinScreen,
        FeedScreen,
        PolicyScreen,
        ThreadsScreen,
        CompareScreen,
        InboxScreen,
    ],
)
def test_every_filter_field_is_documented(screen: type[FleetScreen]) -> None:
    for field in screen.fields:
        assert f"`{field}`" in PAGE


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("instances", fleet.INSTANCES),
        ("running", fleet.DISPATCHES),
        ("fan-outs", fleet.FANOUTS),
        ("feed", feed.FEED),
        ("threads", threads.THREADS),
        ("records", replay.FRAMES),
        ("steps", compare.COMPARED),
        *((pane.title.lower(), pane.columns) for pane in policy.PANES),
        ("tasks", tasks.TASKS),
        ("subtasks", tree.SUBTASKS),
        ("inbox", inbox.INBOX),
        ("attempts", review.ATTEMPTS),
    ],
)
def test_the_order_in_which_columns_give_way_is_documented(table: str, columns: list[rows.Column]) -> None:
    assert f"| {table} | {', '.join(rows.drop_order(columns))} |" in PAGE


def test_every_theme_is_documented() -> None:
    assert all(f"`{theme.name}`" in PAGE for theme in themes.ALL)


def test_every_action_is_done_by_somebody() -> None:
    from tui.screens.base import ConsoleScreen
    from tui.widgets.table import Table

    owners = (
        (ConsoleApp, actions.APP),
        (ConsoleScreen, actions.SCREEN),
        (Table, actions.TABLE),
        (FeedScreen, actions.OWN[actions.FEED]),
        (ThreadsScreen, actions.OWN[actions.THREADS]),
        (ReplayScreen, actions.OWN[actions.REPLAY]),
        (PolicyScreen, actions.OWN[actions.POLICY]),
        (Scratchpad, actions.OWN["scratchpad"]),
        (ReviewScreen, actions.OWN[actions.REVIEW]),
    )
    for owner, known in owners:
        for action in known:
            assert hasattr(owner, f"action_{action.id.partition('(')[0]}")


def test_the_example_of_other_keys_is_one_that_the_console_takes() -> None:
    (example,) = re.findall(r"```toml\n(\[console\.keys\].*?)```", PAGE, re.DOTALL)
    keys = tomllib.loads(example)["console"]["keys"]
    assert len(keys) >= 3
    action = next(one for one in actions.ALL if one.name == "freeze")
    assert keymap.read(keys, "{}".format).of(action) == ("ctrl+k",)
