"""`I`: merges the branches of a task's accepted subtasks, after a preview of exactly that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from textual.widget import Widget
from textual.widgets import Input

from syncropel.client import merge_calls, merge_text
from syncropel.errors import SyncropelError
from tui.dialogs.base import Dialog
from tui.model import merging
from tui.model.glyphs import Tone, word
from tui.model.merging import Choice
from tui.model.request_state import Outcome, failed, outcome_lines
from tui.model.subject import Subject, short_label, task_label
from tui.model.text import plain
from tui.widgets.choice_row import ChoiceRow
from tui.widgets.field import Field, entry
from tui.widgets.flat_button import FlatButton

if TYPE_CHECKING:
    from syncropel.wire import MergeOut

_LOOK_SECS: Final = 1.0
"""A merge that goes on is looked at as often."""


class MergeDialog(Dialog):
    """A preview is a dry run. Only what a preview has shown without a problem can be merged."""

    button, letter, danger = "Merge", "m", False
    needs = "repo:write"
    look = "look whether it was recorded: spl task merge NAME --status"

    def __init__(self, thread: str, choice: Choice | None = None) -> None:
        super().__init__()
        self.subject = Subject(thread=thread)
        self._given = choice or Choice()
        self._merges: list[MergeOut] = []
        self._trouble: SyncropelError | None = None
        self._refused: Outcome | None = None
        """Why there was no preview."""
        self._chosen: Choice | None = None
        """What the preview was asked of."""
        self._preview = self._merge = ""
        self._asking = self._reading = False
        self._revision, self._looked = -1, 0.0

    # reading

    def ask_again(self) -> None:
        self._revision = -1

    def show(self) -> None:
        if not self.is_shown:
            return
        self._look()
        super().show()
        self.query_one("#button-preview", FlatButton).display = self.outcome.may_ask
        self.query_one("#button-preview", FlatButton).show("Preview", self._no_preview())

    def _look(self) -> None:
        """Read the merges when a task has changed, and now and then while one is followed."""
        status, now = self.world.status, self.console.clock()
        if self._reading or status is None or not self.world.link.at(now).is_live:
            return
        goes_on = any(self._goes_on(one) for one in (self._preview, self._merge) if one)
        if status.tasks_revision != self._revision or (goes_on and now - self._looked >= _LOOK_SECS):
            self._revision, self._looked, self._reading = status.tasks_revision, now, True
            self.run_worker(self._read(), name="merges", exit_on_error=False)

    async def _read(self) -> None:
        try:
            found = await self.ask(merge_calls.merges(self.subject.thread))
        except SyncropelError as error:
            self._trouble = error
        else:
            self._merges, self._trouble = found.data, None
        finally:
            self._reading = False
        self.show()

    def _found(self, identity: str) -> MergeOut | None:
        return next((one for one in self._merges if one.id == identity), None)

    def _goes_on(self, identity: str) -> bool:
        found = self._found(identity)
        return found is None or not merge_text.is_over(found)

    # content

    @property
    def task_name(self) -> str:
        return task_label(self.world, self.subject)

    def title_words(self) -> str:
        return f"Merge the branches of {short_label(self.world, self.subject)}"

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        others = [one for one in self._merges if one.id != self._merge]
        told = merging.earlier(others, self.glyphs)
        if self._trouble is not None:
            told.append((f"not known how merges stand: {plain(self._trouble.message)}", "warn"))
        return told

    def fields(self) -> Sequence[Widget]:
        given = self._given
        only = " ".join(map(str, given.subtasks))
        return (
            Field("subtasks", "n", entry("only", only, "all that are accepted; or some: 0 3")),
            Field("into", "i", entry("into", given.into, "the repository's base branch")),
            Field("how", "h", ChoiceRow(merging.MODES, given.mode, id="how")),
        )

    def more_buttons(self) -> Sequence[FlatButton]:
        return (FlatButton("preview", "p", "Preview"),)

    def _choice(self) -> Choice | None:
        """What is filled in; None when the subtasks are not to be understood."""
        try:
            subtasks = merging.indexes(self.query_one("#only", Input).value)
        except ValueError:
            return None
        into = self.query_one("#into", Input).value.strip()
        return Choice(subtasks, into, self.query_one("#how", ChoiceRow).value)

    def after_fields(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self._refused is not None:
            return outcome_lines(self._refused, now, self.glyphs)
        if self._chosen is None or self._chosen != self._choice():
            return [("A preview merges nothing, and runs no gate.", "muted")]
        preview = self._found(self._preview)
        if preview is None:
            return [(f"{self.glyphs.sign('in_progress')} the preview was asked for", "busy")]
        branches = " ".join(f"[{one.index}]" for one in preview.branches)
        head = f"Preview: {branches} into {plain(preview.into) or 'the base branch'}"
        told: list[tuple[str, Tone]] = [(head, "strong")]
        told += merging.progress(self.task_name, preview, self.glyphs)
        if merge_text.is_fine(preview):
            told.append(("If the repository has a gate, it runs before anything is moved.", "warn"))
        return told

    def _shown(self) -> Choice | None:
        """What the preview of the present choice has shown without a problem."""
        choice, preview = self._choice(), self._found(self._preview)
        if choice is None or choice != self._chosen or preview is None or not merge_text.is_fine(preview):
            return None
        return merging.exactly(choice, preview)

    def command(self) -> str:
        shown, choice = self._shown(), self._choice()
        if choice is None:
            return ""
        return merging.command(self.task_name, shown or choice, dry_run=shown is None)

    def _mistake(self) -> str:
        if self._choice() is None:
            return "subtasks are numbers, such as 0 3 (n)"
        return merging.objection(self.world, self.subject)

    def objection(self) -> str:
        if mistake := self._mistake():
            return mistake
        if self._chosen != self._choice():
            return "preview it first (p)"
        preview = self._found(self._preview)
        if preview is None or not merge_text.is_over(preview):
            return "its preview goes on"
        return "" if merge_text.is_fine(preview) else f"its preview ended: {word(preview.state)}"

    def _no_preview(self) -> str:
        """Why a preview cannot be asked for."""
        closed = self.hindered(self.console.clock())
        return closed or ("it was asked for" if self._asking else self._mistake())

    def _next(self) -> str:
        return "button-do" if self._shown() is not None else "button-preview"

    # the actions

    def by_letter(self, letter: str) -> bool:
        if letter == "p" and self.outcome.may_ask:
            self._begin_preview()
            return True
        return super().by_letter(letter)

    def pressed(self, button: FlatButton) -> None:
        self._begin_preview()

    def _begin_preview(self) -> None:
        choice = self._choice()
        if choice is not None and not self._no_preview():
            self._chosen, self._preview, self._refused, self._asking = choice, "", None, True
            self.run_worker(self._ask_preview(choice), name="preview", exit_on_error=False)
        self.show()

    async def _ask_preview(self, choice: Choice) -> None:
        try:
            made = await self._ask(choice, dry_run=True)
        except SyncropelError as error:
            self._chosen, self._refused = None, failed(error, self.console.clock(), self.look)
        else:
            self._preview = made.id
        finally:
            self._asking = False
        self.show()

    async def _ask(self, choice: Choice, *, dry_run: bool) -> MergeOut:
        call = merge_calls.merge(
            self.subject.thread,
            choice.subtasks,
            self.actor,
            into=choice.into,
            mode=choice.mode,
            dry_run=dry_run,
        )
        made = await self.ask(call)
        if self._found(made.id) is None:
            self._merges = [made, *self._merges]
        return made

    async def act(self) -> str:
        shown = self._shown()
        assert shown is not None
        made = await self._ask(shown, dry_run=False)
        self._merge = made.id
        branches = " ".join(f"[{one.index}]" for one in made.branches)
        return f"asked for: {plain(made.instance_alias or made.instance)} merges {branches}"

    def follows(self, now: float) -> Sequence[tuple[str, Tone]]:
        merge = self._found(self._merge)
        return merging.progress(self.task_name, merge, self.glyphs) if merge is not None else ()
