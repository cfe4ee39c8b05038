"""A dialog as a person uses it: what it says, which button has the focus, what is greyed."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Input

from tests.tui.console_page import Console
from tui.dialogs.base import Dialog
from tui.widgets.choice_list import ChoiceList
from tui.widgets.flat_button import FlatButton
from tui.widgets.lines import Lines


class DialogPage:
    """The dialog in front of a console."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @property
    def dialog(self) -> Dialog:
        screen = self.console.app.screen
        assert isinstance(screen, Dialog), f"no dialog is open, but {screen}"
        return screen

    @property
    def is_open(self) -> bool:
        return isinstance(self.console.app.screen, Dialog)

    @property
    def title(self) -> str:
        title = vars(self.dialog.query_one("#dialog"))["_border_title"]  # its property gives markup
        assert isinstance(title, Content)
        return title.plain

    def part(self, name: str) -> str:
        """Lines of the dialog: says, command, outcome, why-not, and those of its own."""
        return self.dialog.query_one(f"#{name}", Lines).text

    def value(self, field: str) -> str:
        """What is filled into a field."""
        return self.dialog.query_one(f"#{field}", Input).value

    def list(self, name: str) -> list[str]:
        """The lines of a list to pick from."""
        return self.dialog.query_one(f"#{name}", ChoiceList).text.splitlines()

    @property
    def words(self) -> str:
        """All that stands on the screen, what lies behind the dialog included."""
        return self.console.drawn

    @property
    def focused(self) -> str:
        """The label of the button, or the id of the field, that has the focus."""
        focused = self.dialog.focused
        return focused.label if isinstance(focused, FlatButton) else str(focused.id if focused else None)

    @property
    def greyed(self) -> str:
        """Why the action cannot be done; empty when it can."""
        return self.dialog.query_one("#button-do", FlatButton).why_not

    async def press(self, *keys: str) -> None:
        await self.console.press(*keys)

    async def type(self, words: str) -> None:
        """Into the field that has the focus."""
        await self.press(*words)

    async def fill(self, field: str, words: str) -> None:
        """Go to a field and put these words there."""
        entry = self.dialog.query_one(f"#{field}", Input)
        entry.focus()
        entry.value = ""
        await self.console.settle()
        await self.type(words)
