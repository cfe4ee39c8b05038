"""The action table: every key of the console, what it does and where, and the command that does the same.

Bindings, the help of each screen and the page in docs/ come from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Where = Literal["everywhere", "table", "fleet", "tasks"]
Risk = Literal["look", "change"]


@dataclass(frozen=True)
class Action:
    """One thing that a key does.

    `keys` as Textual calls them, the first is the one to teach. `run` is the Textual action. `short` stands
    in the footer when not empty. `risk` says whether the daemon is changed, `cli` is the same as a command.
    """

    id: str
    keys: tuple[str, ...]
    run: str
    description: str
    where: Where = "everywhere"
    short: str = ""
    risk: Risk = "look"
    cli: str = ""


ACTIONS: Final = (
    Action(
        "fleet",
        ("1",),
        "show_screen('fleet')",
        "fleet: instances, dispatches, fan-outs, freezes",
        cli="spl fleet status",
    ),
    Action(
        "tasks",
        ("2",),
        "show_screen('tasks')",
        "tasks: list, join-status tree, timeline",
        cli="spl task list",
    ),
    Action(
        "enter",
        ("enter",),
        "enter",
        "go in: an instance, a task",
        "table",
        "in",
        cli="spl fleet show, spl task show",
    ),
    Action("filter", ("slash",), "filter", "filter: text, !not, field:value", "table", "filter"),
    Action(
        "sort",
        ("s",),
        "sort",
        "sort by the next column; once more around: the daemon's order",
        "table",
        "sort",
    ),
    Action("copy", ("y",), "copy", "copy the chosen row's id to the clipboard", "table", "copy id"),
    Action(
        "timeline",
        ("t",),
        "timeline",
        "subtasks or timeline, where both have no room",
        "tasks",
        "timeline",
        cli="spl task join-status",
    ),
    Action("back", ("escape",), "back", "go back; leave the filter", "table", "back"),
    Action("next", ("tab",), "focus_table(1)", "the next table", "table", "next"),
    Action("previous", ("shift+tab",), "focus_table(-1)", "the previous table", "table"),
    Action("down", ("j", "down"), "move(1)", "a row down", "table"),
    Action("up", ("k", "up"), "move(-1)", "a row up", "table"),
    Action("page_down", ("pagedown", "ctrl+f"), "page(1)", "a page down", "table"),
    Action("page_up", ("pageup", "ctrl+b"), "page(-1)", "a page up", "table"),
    Action("first", ("home", "g"), "edge(-1)", "the first row", "table"),
    Action("last", ("end", "G"), "edge(1)", "the last row", "table"),
    Action("reconnect", ("r",), "reconnect", "reconnect now", cli="spl status"),
    Action("colours", ("c",), "colours", "the next set of colours"),
    Action("palette", ("ctrl+p",), "command_palette", "find an action by its name"),
    Action("help", ("question_mark",), "help", "the keys of this screen", short="help"),
    Action("quit", ("q",), "quit", "leave the console; the fleet goes on", short="quit"),
)

_SHOWN: Final = {
    "slash": "/",
    "question_mark": "?",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
}


def shown_key(key: str) -> str:
    """A key as a person writes it."""
    return _SHOWN.get(key, key)


def keys_text(action: Action) -> str:
    """`j, down`"""
    return ", ".join(shown_key(key) for key in action.keys)


def actions_of(screen: str) -> Iterator[Action]:
    """What a screen's keys do: its own first, then those of its tables, then those that work everywhere."""
    for where in (screen, "table", "everywhere"):
        yield from (action for action in ACTIONS if action.where == where)


def help_entries(screen: str) -> list[tuple[str, str, str]]:
    """Keys, description and command of each key of a screen; opposite movements share a line."""
    entries: list[tuple[str, str, str]] = []
    stem_before = ""
    for action in actions_of(screen):
        stem = action.run.partition("(")[0]
        keys, text = keys_text(action), action.description
        if action.where == "table" and stem == stem_before:
            first_keys, first_text, cli = entries.pop()
            keys, text = f"{first_keys} / {keys}", f"{first_text} / {text}"
            entries.append((keys, text, cli))
        else:
            entries.append((keys, text, action.cli))
        stem_before = stem
    return entries
