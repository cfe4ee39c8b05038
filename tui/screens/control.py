"""The keys that change the fleet: which dialog each opens, about the item under the cursor.

Opening a dialog is awaited, so that keys typed ahead reach it, and not the screen behind.
"""

from __future__ import annotations

from tui import dialogs
from tui.model import bulk, inbox, merging, retries, subject_actions
from tui.model.freezes import over
from tui.model.marks import Marks
from tui.model.subject import Subject, namespace_of
from tui.model.subject_actions import Verb
from tui.widgets.session_bound import SessionBound


class Control(SessionBound):
    """A screen with these keys. Its `subject` is the item under the cursor."""

    def subject(self) -> Subject:
        """The item under the cursor."""
        return Subject()

    def marked(self) -> Marks:
        """The marked rows that the keys act on; none: on the item under the cursor."""
        return Marks()

    async def action_freeze(self) -> None:
        """Freeze the namespace of the item under the cursor, or those of all marked rows."""
        marks = self.marked()
        spaces = {namespace_of(self.world, one.subject) for one in marks.all} - {""}
        if marks and not spaces:
            self.notify("what is marked is in no namespace", title="Freeze", severity="warning", timeout=6)
        elif len(spaces) > 1:
            await self.app.push_screen(dialogs.BulkFreezeDialog(marks))
        else:
            here = spaces or {namespace_of(self.world, self.subject())}
            await self.app.push_screen(dialogs.FreezeDialog(here.pop()))

    async def action_emergency(self) -> None:
        await self.app.push_screen(dialogs.FreezeDialog("", "emergency"))

    async def action_unfreeze(self) -> None:
        await self.app.push_screen(dialogs.UnfreezeDialog(self._freeze_here()))

    async def action_freezes(self) -> None:
        await self.app.push_screen(dialogs.FreezesDialog(self._freeze_here()))

    async def action_drill(self) -> None:
        await self.app.push_screen(dialogs.DrillDialog())

    def _freeze_here(self) -> str:
        """The record of the freeze that covers the item under the cursor."""
        world = self.world
        return over(world, namespace_of(world, self.subject()))

    async def action_merge(self) -> None:
        """Merge the branches of the task under the cursor, or say why there is nothing to merge."""
        subject = self.subject()
        if marks := self.marked():
            words = f"Merge: one task at a time; {len(marks)} are marked, and esc clears the marks"
            self.notify(words, severity="warning", timeout=6)
        elif why_not := merging.objection(self.world, subject):
            self.notify(why_not, title="Merge", severity="warning", timeout=6)
        else:
            await self.app.push_screen(dialogs.MergeDialog(subject.thread))

    async def action_act(self, verb: Verb) -> None:
        """Open the dialog for a verb, or say why it does not apply."""
        if marks := self.marked():
            await self._act_on(verb, marks)
            return
        subject = self.subject()
        if verb in ("approve", "reject") and (asked := inbox.asked_by(self.world, subject)) is not None:
            await self.app.push_screen(dialogs.AnswerDialog(asked))
            return
        whole = subject.index is None and verb == "retry"
        if whole and retries.failed_of(self.world, subject.thread):
            await self.app.push_screen(dialogs.RetryFailedDialog(subject.thread))
            return
        verb = subject_actions.meant(verb, self.world, subject)
        why_not = subject_actions.objection(verb, self.world, subject)
        if why_not:
            self.notify(
                why_not,
                title=subject_actions.SUBJECT_ACTIONS[verb].title,
                severity="warning",
                timeout=6,
            )
        else:
            await self.app.push_screen(dialogs.acting(verb, subject))

    async def _act_on(self, verb: Verb, marks: Marks) -> None:
        """The same for all marked rows."""
        if verb not in bulk.SINGLE:
            await self.app.push_screen(dialogs.BulkActionDialog(verb, marks))
            return
        words = f"{subject_actions.SUBJECT_ACTIONS[verb].button}: to one at a time; {len(marks)} are marked"
        self.notify(f"{words}, and esc clears the marks", severity="warning", timeout=6)
