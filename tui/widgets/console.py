"""What screens, dialogs, and widgets may ask of the application, as protocols.

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
    """Completion for a line typed after `:`."""

    def complete(self, line: str) -> list[str]: ...


class Console(Protocol):
    """The application, as far as its screens and dialogs may know it."""

    setup: Setup
    glyphs: Glyphs
    keymap: Keymap
    preferences: Preferences
    fleets: Fleets
    clock: Callable[[], float]
    """Wall clock, in unix seconds."""

    @property
    def size(self) -> Size: ...

    @property
    def commands(self) -> CommandLine: ...

    @property
    def told_kinds(self) -> Collection[Kind]:
        """The kinds of notices that the operator wants to receive."""

    @property
    def screen_name(self) -> str:
        """The name of the screen in front."""

    def crumbs(self) -> str:
        """The breadcrumb trail: the titles of the stacked screens."""

    async def look_at(self, name: str) -> None:
        """Bring the fleet with that name to the front."""

    def session_of(self, screen: Screen[Any]) -> Session:
        """The session of the fleet that this screen or dialog belongs to."""

    def open_replay(self, thread: str, position: int | None = None) -> None:
        """Open the replay of a thread at a record, or at its end by default."""

    def open_output(self, thread: str, index: int) -> None:
        """Open the output of a subtask."""

    def compare_with(self, thread: str) -> None:
        """Pick another thread to compare this one with."""

    def yank(self, words: str) -> None:
        """Copy to the terminal's clipboard, and say so."""

    def call_next(self, callback: Callable[..., Any], *args: Any) -> bool:
        """Call it when everything under way is done."""

    async def typed(self, line: str) -> None:
        """Run a line typed after `:`."""
