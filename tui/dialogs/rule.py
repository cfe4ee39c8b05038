"""`A`, `E`, and `R` on Policy: write a rule, with its expression checked while typing, or remove one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from syncropel.client import config_calls
from syncropel.errors import SyncropelError
from tui.dialogs.base import Dialog
from tui.model import rules
from tui.model.glyphs import Tone
from tui.model.policies import Policies
from tui.model.request_state import NotDone, Stage
from tui.model.rules import SORTS, Checked, Draft, Kind
from tui.model.scratchpad import caret
from tui.model.text import plain
from tui.widgets.choice_row import ChoiceRow
from tui.widgets.field import Field, entry
from tui.widgets.lines import Lines, Span

if TYPE_CHECKING:
    from syncropel.wire import ExpressionChecked, RuleOut

PAUSE_SECS: Final = 0.15
"""Pause in typing before the expression is checked."""
LOOK: Final = "look at the rules: they are read again by themselves"
_LABEL: Final = 20
_TYPED: Final = ("name", "expression", "ops", "priority", "goal", "target")
"""The ids of the fields for text, not all of which every kind of rule has."""
"""The width of a field's name in the style sheet."""


class RuleDialog(Dialog):
    """Adds a rule, or changes the one it was opened for. `known` are the existing rules, as last read.

    For a new rule, the kind can be chosen among `kinds`.
    """

    button, letter = "Set the rule", "s"
    danger = False
    needs = "config:write"
    look = LOOK

    def __init__(
        self, draft: Draft, known: Policies, changes: RuleOut | None = None, kinds: Sequence[Kind] = ()
    ) -> None:
        super().__init__()
        self._begun, self._known, self._changes, self._kinds = draft, known, changes, tuple(kinds)
        self._checked = Checked()

    # input

    def fields(self) -> Sequence[Widget]:
        draft, sort = self._begun, self._begun.sort
        fields: list[Widget] = []
        if self._kinds:
            fields.append(Field("kind", "k", ChoiceRow(self._kinds, draft.kind, id="kind")))
        if self._changes is None:
            fields.append(Field("name", "n", entry("name", draft.name, "a rule of this name is replaced")))
        fields += [
            Field("expression", "x", entry("expression", draft.expression, "CEL")),
            Lines(id="checked"),
        ]
        if sort.opens or any(SORTS[one].opens for one in self._kinds):
            goal = entry("goal", draft.goal, "what its tasks are to do; {id} is the record")
            target = entry("target", draft.target, "an instance that does it at once; empty: a person")
            fields += [Field("goal", "g", goal), Field("target", "t", target)]
        if sort.effects:
            chosen = draft.effect if draft.effect in sort.effects else sort.effects[0]
            fields.append(Field(sort.flag.lstrip("-"), "e", ChoiceRow(sort.effects, chosen, id="effect")))
        if sort.ops:
            fields.append(
                Field("ops", "o", entry("ops", draft.ops, f"all, or some of {' '.join(rules.OPS)}"))
            )
        return [*fields, Field("priority", "p", entry("priority", draft.priority, "a whole number"))]

    @property
    def draft(self) -> Draft:
        """The rule as filled in."""
        inputs = ((name, self.query_one_optional(f"#{name}", Input)) for name in _TYPED)
        typed = {name: one.value.strip() for name, one in inputs if one is not None}
        effect = self.query_one("#effect", ChoiceRow).value if self._begun.sort.effects else ""
        kind = cast(Kind, self.query_one("#kind", ChoiceRow).value) if self._kinds else self._begun.kind
        name = typed.get("name", self._begun.name)
        return Draft(
            kind, name, typed["expression"], effect, typed.get("ops", ""), typed["priority"],
            typed.get("goal", ""), typed.get("target", ""),
        )  # fmt: skip

    def missing(self) -> str:
        return self.draft.missing()[0]

    def objection(self) -> str:
        return self.draft.missing()[1] or self._checked.objection()

    # content

    def title_words(self) -> str:
        kind = self._begun.kind
        if self._kinds:
            return "Add a rule about work"
        return f"Change {kind} rule {plain(self._begun.name)}" if self._changes else f"Add a {kind} rule"

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        return [(self.draft.sort.means, "plain")]

    def after_fields(self, now: float) -> Sequence[tuple[str, Tone]]:
        draft = self.draft
        if self._known.rules(draft.kind) is None:
            return [("whether there is one of that name already was not read", "warn")]
        former = self._known.rule(draft.kind, draft.name)
        return [(f"it replaces: {rules.summary(former)}", "warn")] if former is not None else ()

    def command(self) -> str:
        return self.draft.command()

    def show(self) -> None:
        if self.is_shown:
            opens = self.draft.sort.opens
            for name in ("#field-goal", "#field-target"):
                if (field := self.query_one_optional(name)) is not None:
                    field.display = opens
        super().show()
        if not self.is_shown or self.outcome.stage is Stage.DONE:
            return
        lines, outcome = [], self._checked.outcome
        if outcome.stage == "invalid" and outcome.column is not None:
            typed = self.query_one("#expression", Input)
            scrolled = round(typed.scroll_offset.x)
            sign = caret(typed.value, outcome.column, _LABEL, scrolled, self.room, self.glyphs.up)
            lines.append((Span(sign, "bad"),))
        told: list[tuple[str, Tone]] = [
            (" " * _LABEL + one.text, one.tone) for one in self._checked.lines(self.glyphs)
        ]
        self.query_one("#checked", Lines).show([*lines, *self._spans(told)])

    # checking

    def on_mount(self) -> None:
        super().on_mount()
        self._check()

    @on(Input.Changed, "#expression")
    def _typed(self, event: Input.Changed) -> None:
        if event.value.strip() != self._checked.of:
            self._check()

    @on(ChoiceRow.Changed)
    def _chosen(self) -> None:
        """An expression may be valid for one kind and invalid for another."""
        if self._kinds:
            self._check()

    def _check(self) -> None:
        expression = self.draft.expression
        self._checked = self._checked.asking(expression) if expression else Checked()
        if expression:
            self.run_worker(self._ask(), group="check", exclusive=True, exit_on_error=False)
        else:
            self.workers.cancel_group(self, "check")

    async def _ask(self) -> None:
        await self.session.outside.sleep(PAUSE_SECS)
        asked = self._checked.of
        answer: ExpressionChecked | SyncropelError
        try:
            fields = {"context": self.draft.sort.context, "expression": asked}
            answer = await self.ask(config_calls.check_expression(fields))
        except SyncropelError as error:
            answer = error
        if asked == self._checked.of:
            self._checked = self._checked.answered(answer)
            self.show()

    # the action

    def begin(self) -> None:
        self._begun = self.draft  # a closed dialog has no fields any more
        super().begin()

    async def act(self) -> str:
        draft = self._begun
        if (known := self._known.named(draft.kind)) is not None:
            await unchanged(self, draft.kind, draft.name, known.get(draft.name))
        await self.ask(config_calls.put_rule(draft.kind, draft.name, draft.body(self.actor)))
        return f"{draft.kind} rule {plain(draft.name)} is in force"


class RemoveRuleDialog(Dialog):
    """`R` on Policy: removes the rule it was opened for; `rule` is None where it has not been read yet."""

    button, letter = "Remove", "r"
    needs = "config:write"
    look = LOOK

    def __init__(self, kind: Kind, name: str, rule: RuleOut | None) -> None:
        super().__init__()
        self._kind, self._rule_name, self._rule = kind, name, rule

    def title_words(self) -> str:
        return f"Remove {self._kind} rule {plain(self._rule_name)}"

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self._rule is None:
            return [("this rule has not been read yet", "warn")]
        told: list[tuple[str, Tone]] = [(rules.summary(self._rule), "strong")]
        if self._rule.default:
            told.append(("This rule enforces freezes: without it they stop nothing. B puts it back.", "bad"))
        return told

    def command(self) -> str:
        return rules.removal(self._kind, self._rule_name)

    async def act(self) -> str:
        if self._rule is not None:
            await unchanged(self, self._kind, self._rule_name, self._rule)
        await self.ask(config_calls.remove_rule(self._kind, self._rule_name, self.actor))
        return f"{self._kind} rule {plain(self._rule_name)} was removed"


async def unchanged(dialog: Dialog, kind: Kind, name: str, was: RuleOut | None) -> None:
    """Raises NotDone when the rule has changed since the dialog opened; SyncropelError."""
    known = await dialog.ask(config_calls.rules(kind))
    now = next((one for one in known.data if one.name == name), None)
    if (now.record if now else None) == (was.record if was else None):
        return
    if now is None:
        raise NotDone(f"{name} was removed since this was opened", "close this, and look at the rules again")
    who = plain(now.actor).rsplit(":", 1)[-1]
    raise NotDone(
        f"{who} set {name} since this was opened, {rules.summary(now)}", "close this, and look again"
    )
