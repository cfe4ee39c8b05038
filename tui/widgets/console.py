"""What screens, dialogs and widgets may ask of the application, as protocols.

The application imports them, so they must not import it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from textual.geometry import Size
    from textual.screen import Screen

    from tui.connection.fleets import Fleets
    from tui.connection.session import Session
    from tui.model.glyphs import Glyphs
    from tui.model.keymap import Keymap
    from tui.model.notices import Kind
    from tui.model.setup import Setup
    from tui.preferences import Preferences


class CommandLine(Protocol):
    """What a line after `:` can be completed to."""

    def complete(self, line: str) -> list[str]: ...


class Console(Protocol):
    """The application, as far as what lies on it may know it."""

    setup: Setup
    glyphs: Glyphs
    keymap: Keymap
    preferences: Preferences
    fleets: Fleets
    clock: Callable[[], float]
    """Wall clock, unix seconds."""

    @property
    def size(self) -> Size: ...

    @property
    def commands(self) -> CommandLine: ...

    @property
    def told_kinds(self) -> Collection[Kind]:
        """The kinds of notices that the operator wants to be told."""

    @property
    def screen_name(self) -> str:
        """The word of the screen in front."""

    def crumbs(self) -> str:
        """Where the operator is: the titles of the screens that lie on each other."""

    async def look_at(self, name: str) -> None:
        """Bring the fleet of that name to the front."""

    def session_of(self, screen: Screen[Any]) -> Session:
        """The session of the fleet on whose screens this one lies."""

    def open_replay(self, thread: str, position: int | None = None) -> None:
        """Replay a thread from a record on, from its end when none is given."""

    def open_output(self, thread: str, index: int) -> None:
        """What a subtask writes."""

    def compare_with(self, thread: str) -> None:
        """Pick another thread to compare this one with."""

    def yank(self, words: str) -> None:
        """Copy to the terminal's clipboard, and say so."""

    def call_next(self, callback: Callable[..., Any], *args: Any) -> bool:
        """Call it when what is under way is done."""

    async def typed(self, line: str) -> None:
        """Do what a line typed after `:` says."""
