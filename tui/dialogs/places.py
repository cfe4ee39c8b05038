"""`b`: views and bookmarks of this fleet: go to one, save what is in front, forget one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from tui.dialogs.base import Dialog
from tui.model import places
from tui.model.glyphs import Tone
from tui.model.places import Place
from tui.model.setup import BASE_SCREENS
from tui.model.text import first_line
from tui.widgets.choice_list import ChoiceList
from tui.widgets.field import Field, entry
from tui.widgets.flat_button import FlatButton


class PlacesDialog(Dialog):
    """`here` is what is in front, with the row under its cursor; None when nobody can come back to
    it. `go` goes to a place. What is saved is on this side only: it sends nothing.
    """

    AUTO_FOCUS = "#places"
    heading = "Views and bookmarks"
    danger = False

    def __init__(self, here: Place | None, go: Callable[[Place], Awaitable[None]]) -> None:
        super().__init__()
        self._here, self._go = here, go
        self._said: tuple[str, Tone] | None = None

    @property
    def _kept(self) -> dict[str, Place]:
        return self.console.preferences.places(self.session.fleet.name)

    @property
    def _called(self) -> str:
        return self.query_one("#name", Input).value.strip()

    def on_mount(self) -> None:
        super().on_mount()
        if not self._kept:
            self.set_focus(self.query_one("#name", Input))

    def fields(self) -> Sequence[Widget]:
        return (
            ChoiceList(id="places"),
            Field("name", "n", entry("name", placeholder="of what is to be saved")),
        )

    def more_buttons(self) -> Sequence[FlatButton]:
        return (
            FlatButton("view", "v", "Save view"), FlatButton("mark", "m", "Bookmark"),
            FlatButton("forget", "x", "Forget"),
        )  # fmt: skip

    def show(self) -> None:
        if self.is_shown:
            lines = [
                (name, self.glyphs.text(f"{first_line(name)}  {self._sign(one)} {one.told()}"))
                for name, one in sorted(self._kept.items())
            ]
            choices = self.query_one("#places", ChoiceList)
            choices.show(lines)
            if choices.is_gone:
                choices.picked = lines[0][0] if lines else ""
            choices.display = bool(lines)
            here, name = self._here, self._called
            lists = here is not None and here.screen in BASE_SCREENS
            what = places.objection(name)
            no_view = "only a list with a filter or an order is a view" if not lists else what
            no_mark = "there is no row here" if here is None or (lists and not here.row) else what
            self.query_one("#button-view", FlatButton).show("Save view", no_view)
            self.query_one("#button-mark", FlatButton).show("Bookmark", no_mark)
            self.query_one("#button-forget", FlatButton).show("Forget", "" if lines else "there is none")
        super().show()

    def _sign(self, one: Place) -> str:
        return "/" if one.is_view else self.glyphs.arrow

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        if not self._kept:
            return [
                (
                    "none yet. A view keeps a list's filter and order; a bookmark keeps one thing.",
                    "plain",
                ),
                (
                    "Type a name, press enter, then v saves this view, or m what the cursor is on.",
                    "muted",
                ),
            ]
        return [("enter goes there · n: a name to save under · v view, m bookmark, x forget", "muted")]

    def after_fields(self, now: float) -> Sequence[tuple[str, Tone]]:
        lines: list[tuple[str, Tone]] = []
        if self._here is not None and self._called:
            over = f"replaces what is called {self._called}: " if self._called in self._kept else ""
            lines += [(f"{over}v: {self._here.as_view().told()}", "plain")] if self._is_list else []
            lines += [(f"{over}m: {self._here.told()}", "plain")] if self._is_row else []
        return [*lines, self._said] if self._said is not None else lines

    @property
    def _is_list(self) -> bool:
        return self._here is not None and self._here.screen in BASE_SCREENS

    @property
    def _is_row(self) -> bool:
        return self._here is not None and (not self._is_list or bool(self._here.row))

    def by_letter(self, letter: str) -> bool:
        button = next((one for one in self.query(FlatButton) if one.letter == letter), None)
        if button is not None:
            self.pressed(button)
            return True
        return super().by_letter(letter)

    def pressed(self, button: FlatButton) -> None:
        picked = self.query_one("#places", ChoiceList).picked
        if button.why_not:
            self._said = (button.why_not, "warn")
        elif button.letter == "x":
            self._kept.pop(picked, None)
            self._said = (f"forgot {picked}", "muted")
        elif self._here is not None:
            self._kept[self._called] = self._here.as_view() if button.letter == "v" else self._marked()
            self._said = (f"saved {self._called}; :view {self._called} goes there", "good")
            self.query_one("#places", ChoiceList).picked = self._called
            self.query_one("#name", Input).value = ""
            self.set_focus(self.query_one("#places"))
        self.console.preferences.save()
        if self.console.preferences.trouble:
            self._said = (self.console.preferences.trouble, "warn")
        self.show()

    def _marked(self) -> Place:
        """One thing: neither filter nor order belong to it."""
        assert self._here is not None
        return replace(self._here, filter="", sorts=())

    @on(ChoiceList.Done)
    def _chosen(self, event: ChoiceList.Done) -> None:
        event.stop().prevent_default()  # the base class would focus the button
        if (place := self._kept.get(self.query_one("#places", ChoiceList).picked)) is not None:
            self.dismiss()
            self.console.call_next(self._go, place)

    @on(Input.Submitted)
    def _named(self, event: Input.Submitted) -> None:
        """Enter in the name: the letters are buttons again."""
        event.stop().prevent_default()
        self.set_focus(self.query_one("#button-view" if self._is_list else "#button-mark"))
