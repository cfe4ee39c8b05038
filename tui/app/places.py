"""Goes to places: those visited before, and those that were given a name."""

from __future__ import annotations

from typing import Any

from textual.app import App

from tui import screens
from tui.app.fleet_screens import FleetScreens
from tui.connection.fleets import Fleets
from tui.model.actions import DETAIL, JOIN, LOGS, OUTPUT, REPLAY, REVIEW
from tui.model.places import Place, Visited
from tui.model.setup import BASE_SCREENS
from tui.screens.base import ConsoleScreen


class Places:
    """Each fleet has its own."""

    def __init__(self, app: App[Any], fleets: Fleets, fleet_screens: FleetScreens) -> None:
        self._app, self._fleets, self._screens = app, fleets, fleet_screens
        self._visited: dict[str, Visited] = {}
        self._going = False

    @property
    def visited(self) -> Visited:
        """Those of the fleet in front."""
        return self._visited.setdefault(self._fleets.front.key, Visited())

    def note(self) -> bool:
        """Take note of where the operator is, before they leave and when they have come; return whether that
        is a place to come back to.
        """
        front = None if self._going else self._screens.front()
        if front is not None and (place := front.place(self._screens.name)) is not None:
            self.visited.come(place)
            return True
        return False

    async def move(self, by: int) -> None:
        """Go back to the place before, or on to the one after. From what is no place, back is to the last."""
        place = self.visited.move(by) if self.note() or by > 0 else self.visited.here
        if place is None:
            way = "back" if by < 0 else "forward"
            self._app.notify(f"there is nowhere further {way} to go", timeout=3)
        else:
            await self.go(place)

    async def go(self, place: Place) -> None:
        """Go there. A view also sets its filter and sort orders."""
        self._going = True  # what is passed on the way was not visited
        try:
            front = await self._open(place)
        finally:
            self._going = False
        if front is None:
            return
        if place.is_view:
            front.look_as(place)
        elif place.row:
            front.seek(place.table, place.row)

    async def _open(self, place: Place) -> ConsoleScreen | None:
        base = place.screen if place.screen in BASE_SCREENS else place.base
        await self._screens.clear(base if base in BASE_SCREENS else next(iter(BASE_SCREENS)))
        if (made := _made(place)) is not None:
            await self._app.push_screen(made)
        return self._screens.front()


def _made(place: Place) -> ConsoleScreen | None:
    """The screen on top of the base screen; None for a base screen itself."""
    thread, index = place.thread, place.index
    if place.screen == JOIN:
        return screens.JoinScreen(thread)
    if place.screen == LOGS:
        return screens.LogsScreen(place.did)
    if place.screen == REPLAY:
        return screens.ReplayScreen(thread)
    if place.screen == DETAIL and place.did:
        return screens.InstanceScreen(place.did)
    if place.screen == DETAIL and index is None:
        return screens.TaskScreen(thread)
    made = {DETAIL: screens.SubtaskScreen, OUTPUT: screens.OutputScreen, REVIEW: screens.ReviewScreen}
    return made[place.screen](thread, index) if place.screen in made and index is not None else None
