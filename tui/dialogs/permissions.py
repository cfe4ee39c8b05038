"""`P` and `B` on Policy: whether permission rules are enforced, and restoring the default ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from textual.widget import Widget

from syncropel.client import config_calls
from tui.dialogs.base import Dialog
from tui.dialogs.rule import LOOK
from tui.model.glyphs import Tone
from tui.model.text import plain
from tui.widgets.choice_row import ChoiceRow
from tui.widgets.field import Field

if TYPE_CHECKING:
    from syncropel.wire import RuleList


class RestoreRulesDialog(Dialog):
    """`B` on Policy: restore the rules that control freezes to their defaults."""

    heading = "Restore the default rules"
    button, letter = "Restore", "r"
    danger = False
    needs = "config:write"
    look = LOOK

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        return [
            ("Restores every default freeze rule that was changed or removed. Other rules stay.", "plain")
        ]

    def command(self) -> str:
        return "spl config restore-default-rules"

    async def act(self) -> str:
        written = await self.ask(config_calls.restore_default_rules(self.actor))
        names = ", ".join(map(plain, written.names))
        return f"restored: {names}" if names else "the default rules are already in force"


class PermissionsDialog(Dialog):
    """`P` on Policy: start or stop enforcing the permission rules. The operator chooses which; it is never
    inferred.
    """

    heading = "Permissions"
    letter = "p"
    needs = "config:write"
    look = LOOK
    _VERBS: Final = {"enforce": "enable", "do not enforce": "disable"}
    _SAYS: Final[dict[str, str]] = {
        "enforce": "Whatever no rule allows is denied, to people and agents alike. The daemon refuses it if "
        "that would lock itself out.",
        "do not enforce": "Only the rules that enforce freezes deny anything: a token may do what "
        "its scopes allow.",
    }

    def __init__(self, choice: str, known: RuleList | None) -> None:
        super().__init__()
        self._begun, self._known = choice, known
        self.button = choice.capitalize()

    def begin(self) -> None:
        self._begun = self.verb
        super().begin()

    def fields(self) -> Sequence[Widget]:
        return (Field("rules", "c", ChoiceRow(tuple(self._VERBS), self._begun, id="verb")),)

    @property
    def verb(self) -> str:
        return self.query_one("#verb", ChoiceRow).value

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self._known is None:
            return [("It is not known whether they are enforced.", "warn")]
        return [(f"They are {'' if self._known.enabled else 'not '}enforced.", "strong")]

    def after_fields(self, now: float) -> Sequence[tuple[str, Tone]]:
        return [(self._SAYS[self.verb], "warn")]

    def show(self) -> None:
        if self.is_shown:
            self.button = self.verb.capitalize()
        super().show()

    def command(self) -> str:
        return f"spl config permissions-{self._VERBS[self.verb]}"

    async def act(self) -> str:
        await self.ask(config_calls.switch_permissions(self._VERBS[self._begun], self.actor))
        return f"permissions are {'' if self._begun == 'enforce' else 'not '}enforced now"
