"""What the console is opened with: the fleets it can look at, and how. Made by the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from syncropel.client import Target


@dataclass(frozen=True)
class Fleet:
    """One fleet that can be looked at.

    `read_only` says why it opens read-only, empty when it does not. `here` says that it is this home's own,
    so that the console may offer to start it. `firm` says why a read-only one cannot be unlocked, empty when
    it can. `offline` names the file that stands for a daemon.
    """

    name: str
    target: Target
    read_only: str = ""
    colour: str = ""
    here: bool = False
    firm: str = ""
    offline: str = ""


class Grammar(Protocol):
    """The words of the command line, for the console's own."""

    def parse(self, words: Sequence[str]) -> Mapping[str, Any]:
        """The flags of a command by name, its words under `command` and `verb`. Raises SyncropelError."""
        ...

    def complete(self, words: Sequence[str], begun: str) -> Sequence[str]:
        """What can follow `words` and begins with `begun`: commands, verbs, flags, choices."""
        ...


@dataclass(frozen=True)
class Setup:
    """How to open the console.

    `current` names one of `fleets`. `screen` is empty for the one that was looked at last. `keys` are those
    of `[console.keys]` by action, `notify` the switches of `[console.notify]`; `where` tells file and line of
    one of them, for messages. `preferences` is the private file that keeps theme, screen, order and commands;
    None keeps nothing. `program` is how this very program is run as a process, empty when it must not
    be; `version` is the console's own. `bundle` is a file that is looked at instead of a daemon. `again`
    reads the fleets as they are configured now. `farewell` is done when the terminal is gone, before the end.
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
        """One fleet, as it is."""
        fleet = Fleet("local", target)
        return cls((fleet,), fleet.name, **how)

    def find(self, name: str) -> Fleet | None:
        return next((one for one in self.fleets if one.name == name), None)
