"""What the console is opened with: which fleets, and how. Built by the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from syncropel.client import Target


BASE_SCREENS: Final[Mapping[str, str]] = {
    "fleet": "spl fleet status --live",
    "tasks": "spl task list",
    "threads": "spl thread list",
    "feed": "spl records watch",
    "policy": "spl config list-permission-rules",
    "inbox": "spl inbox",
}
"""The screens on the keys 1 to 9, in this order, each with the command that shows the same. The class of
`fleet` is `FleetScreen` in `tui.screens`."""


@dataclass(frozen=True)
class Fleet:
    """A fleet that the console can open.

    `read_only` is the reason it opens read-only, empty when it does not. `here` says that it belongs to this
    home, so the console may offer to start it. `firm` is the reason a read-only fleet cannot be unlocked,
    empty when it can. `offline` names the file that stands in for a daemon.
    """

    name: str
    target: Target
    read_only: str = ""
    colour: str = ""
    here: bool = False
    firm: str = ""
    offline: str = ""


class Grammar(Protocol):
    """The command line's grammar, for the console's own command line."""

    def parse(self, words: Sequence[str]) -> Mapping[str, Any]:
        """A command's flags by name, with its words under `command` and `verb`. Raises SyncropelError."""
        ...

    def complete(self, words: Sequence[str], begun: str) -> Sequence[str]:
        """What can follow `words` and begins with `begun`: commands, verbs, flags, choices."""
        ...


@dataclass(frozen=True)
class Setup:
    """How to open the console.

    `current` names one of `fleets`. `screen` is empty for the last one used. `keys` are those of
    `[console.keys]` by action, `notify` the switches of `[console.notify]`; `where` gives the file and line
    of one of them, for messages. `preferences` is the private file that keeps theme, screen, sort orders, and
    commands; None keeps nothing. `program` is how to run this program as a process, empty when that is not
    allowed; `version` is the console's own. `bundle` is a file to open instead of a daemon. `again` rereads
    the configured fleets. `farewell` is called when the terminal is gone, before the process ends.
    """

    fleets: tuple[Fleet, ...]
    current: str
    screen: str = ""
    ascii_only: bool = False
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    where: Callable[[str], str] = "[console.keys] {}".format
    preferences: Path | None = None
    grammar: Grammar | None = None
    program: tuple[str, ...] = ()
    version: str = ""
    notify: Mapping[str, Any] = field(default_factory=dict)
    bundle: Path | None = None
    again: Callable[[], tuple[Fleet, ...]] | None = None
    farewell: Callable[[], None] | None = None

    @classmethod
    def single(cls, target: Target, **how: Any) -> Setup:
        """A single fleet, with defaults."""
        fleet = Fleet("local", target)
        return cls((fleet,), fleet.name, **how)

    def find(self, name: str) -> Fleet | None:
        return next((one for one in self.fleets if one.name == name), None)
