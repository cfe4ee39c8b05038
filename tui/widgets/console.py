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
    from tui.model.places import Place
    from tui.model.setup import Setup
    from tui.model.typed import Typed
    from tui.preferences import Preferences


class FleetScreens(Protocol):
    """The screens of every fleet."""

    @property
    def name(self) -> str:
        """The name of the base screen in front."""

    def session_of(self, screen: Screen[Any]) -> Session:
        """The session of the fleet that this screen or dialog belongs to."""

    async def look_at(self, name: str) -> None:
        """Bring the fleet with that name to the front."""


class Announcer(Protocol):
    """Announces news to the operator."""

    kinds: Collection[Kind]
    """The kinds of notices that the operator wants to receive."""


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
    def fleet_screens(self) -> FleetScreens: ...

    @property
    def announcer(self) -> Announcer: ...

    async def go(self, place: Place) -> None:
        """Go to this place."""

    def note_place(self) -> None:
        """Take note of where the operator is, to come back."""

    def call_next(self, callback: Callable[..., Any], *args: Any) -> bool:
        """Call it when everything under way is done."""

    @property
    def rested(self) -> Typed:
        """The last key that was typed after a pause, up to the one that is being handled."""

    async def typed(self, line: str) -> None:
        """Run a line typed after `:`."""
