"""The Policy screen: what is allowed and why, with a scratchpad for expressions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from textual import on
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input

from tui import dialogs
from tui.connection import policies
from tui.dialogs.base import Dialog
from tui.model import policy, unread, work_rules
from tui.model.actions import POLICY
from tui.model.facts import Fact
from tui.model.policies import Policies
from tui.model.policy import PANES, Pane
from tui.model.rows import longest
from tui.model.rules import KINDS, SORTS, WORK, Draft, Kind
from tui.model.text import plain
from tui.screens.base import ConsoleScreen
from tui.screens.detail import DetailScreen
from tui.widgets.bindings import bindings
from tui.widgets.detail_pane import DetailPane
from tui.widgets.lines import Lines, Span, Spans
from tui.widgets.scratchpad import Scratchpad
from tui.widgets.split_pane import SplitPane
from tui.widgets.table import Table
from tui.widgets.toned import clip

if TYPE_CHECKING:
    from syncropel.wire import RuleOut

READ_GAP_SECS: Final = 5.0
"""Changes are read again at most this often."""


class PolicyScreen(ConsoleScreen):
    """`5`"""

    name_ = POLICY
    fields = (
        "name", "effect", "ops", "expression", "actor", "state", "severity", "priority", "namespace", "level",
        "frozen", "description", "reason", "reached", "default",
    )  # fmt: skip
    BINDINGS = bindings("policy")

    def __init__(self) -> None:
        super().__init__()
        self.policies = Policies()
        self.pane = PANES[0]
        self._due = asyncio.Event()
        self._records: int | None = None

    def body(self) -> Sequence[Widget]:
        glyphs = self.console.glyphs
        tables = [Table(pane.columns, glyphs, id=pane.key) for pane in PANES]
        for table in tables[1:]:
            table.display = False
        rows = SplitPane(Vertical(*tables, classes="rows"), DetailPane())
        return (Lines(id="standing"), Lines(id="tabs"), rows, Scratchpad(id="scratchpad"))

    # reading

    def sleep(self, secs: float) -> Awaitable[None]:
        return self.session.outside.sleep(secs)

    def while_shown(self) -> Coroutine[Any, Any, None]:
        return self._reading()

    async def _reading(self) -> None:
        """Read at once, then whenever the log has grown."""
        self._due.set()
        while True:
            await self._due.wait()
            self._due.clear()
            self.policies = await policies.read(self.session, self.console.clock, self.policies)
            self.show()
            await self.sleep(READ_GAP_SECS)

    def _notice(self) -> None:
        """New records may be new rules. What failed is requested again, unless it was refused."""
        records = self.world.status.records if self.world.status is not None else None
        if records != self._records or (self.policies.again and self.world.link.is_live):
            self._records = records
            self._due.set()

    # showing

    def fill(self, now: float) -> None:
        self._notice()
        world, glyphs, width = self.world, self.console.glyphs, self.size.width
        line, more = policy.standing(self.policies, glyphs), policy.figures(self.policies, now)
        told = [(Span(" " + clip(one.text, width - 2), one.tone),) for one in (line, more)]
        counts: dict[str, str] = {}
        for pane in PANES:
            rows = policy.pane_rows(pane.key, self.policies, world, world.moment(now), glyphs)
            counts[pane.key] = unread.count(None if rows is None else len(rows))
            if pane is self.pane:
                why = self.policies.trouble.get(pane.key, "")
                empty = pane.empty if rows is not None else self.unread(pane.what, why)
                table = self._table(pane)
                if rows is not None:
                    table.measure(rows.source, partial(longest, rows, pane.columns))
                self.select(table, rows, pane.title, empty)
                self.about_below(table)
        unread_here = counts[self.pane.key] == unread.COUNT
        self.query_one("#standing", Lines).show([*told, *self._troubles(width, now, unread_here)])
        self.query_one("#tabs", Lines).show([self._tabs(counts)])
        self.query_one(Scratchpad).show()

    def _tabs(self, counts: dict[str, str]) -> Spans:
        spans = [Span(" ")]
        for pane in PANES:
            here = pane is self.pane
            name = pane.title if here else pane.title.lower()
            words = f"[{name} {counts[pane.key]}]" if here else f" {name} {counts[pane.key]} "
            spans.append(Span(words, "strong" if here else "muted", f"screen.pane('{pane.key}')"))
        return tuple(spans)

    def _troubles(self, width: int, now: float, unread_here: bool) -> list[Spans]:
        """What could not be read, said once; an unread pane shows its own reason, the banner one that affects
        all.
        """
        if not self.world.link.at(now).is_live:
            return []
        here = self.pane.key if unread_here else ""
        said = {words for name, words in self.policies.trouble.items() if name != here}
        told = [f"not all could be read: {plain(one)}" for one in sorted(said)[:1]]
        return [(Span(" " + clip(one, width - 2), "warn"),) for one in told]

    def about(self, now: float) -> tuple[str, Sequence[Fact]]:
        chosen = self._table(self.pane).chosen
        return (
            (self.name_of(self.pane.key, chosen), self.facts(self.pane.key, chosen, now))
            if chosen
            else ("", ())
        )

    @staticmethod
    def name_of(pane: str, key: str) -> str:
        """The name of a row."""
        return plain(key) if pane != policy.FREEZES else "freeze"

    def facts(self, pane: str, key: str, now: float) -> list[Fact]:
        """Everything known about a row."""
        world = self.world
        return policy.facts_of(pane, key, self.policies, world, world.moment(now), self.console.glyphs)

    # keys

    def _table(self, pane: Pane) -> Table:
        return self.query_one(f"#{pane.key}", Table)

    def focused_table(self) -> Table | None:
        return self._table(self.pane)

    def action_pane(self, key: str) -> None:
        """Show another pane."""
        self.pane = next(one for one in PANES if one.key == key)
        for pane in PANES:
            self._table(pane).display = pane is self.pane
        self._table(self.pane).focus()
        self.call_after_refresh(self.show)

    def seek(self, table: str, row: str) -> None:
        self.action_pane(table)
        super().seek(table, row)

    def action_next(self) -> None:
        """The next pane; while an expression is typed, its other line."""
        pad = self.query_one(Scratchpad)
        if pad.has_focus_within:
            self.query_one("#expression" if self.query_one("#about").has_focus else "#about", Input).focus()
        else:
            self.action_pane(PANES[(PANES.index(self.pane) + 1) % len(PANES)].key)

    def action_back(self) -> None:
        if self.query_one(Scratchpad).has_focus_within:
            self._table(self.pane).focus()
            self.call_after_refresh(self.show)
        else:
            super().action_back()

    def action_try(self) -> None:
        """Type an expression."""
        self.set_focus(self.query_one("#expression", Input))
        self.call_after_refresh(self.show)

    def action_try_chosen(self) -> None:
        """Try the expression of the selected rule."""
        rule = self._chosen_rule()
        if rule is None:
            self.notify("choose a rule first: only rules have expressions", timeout=3)
        else:
            self.query_one(Scratchpad).take(rule.expression, SORTS[work_rules.kind(rule)].context)

    def _chosen_rule(self) -> RuleOut | None:
        chosen = self._table(self.pane).chosen or ""
        if self.pane.key == policy.ABOUT_WORK:
            return self.policies.about_work(chosen)
        return self.policies.rule(cast(Kind, self.pane.key), chosen)

    async def action_rule(self, verb: str) -> None:
        """Open the dialog for a new rule, or for the selected one."""
        about_work, rule = self.pane.key == policy.ABOUT_WORK, self._chosen_rule()
        if not about_work and self.pane.key not in KINDS:
            words = "this list has no rules: tab goes to permissions, routing, health and work"
        elif verb == "add" and about_work:
            await self.ask_rule(verb, Draft(work_rules.kind(rule) if rule is not None else WORK[0]), WORK)
            return
        elif verb == "add":
            await self.ask_rule(verb, Draft(cast(Kind, self.pane.key)))
            return
        elif rule is not None:
            await self.ask_rule(verb, Draft(work_rules.kind(rule), rule.name))
            return
        else:
            words = "choose a rule first"
        self.notify(words, severity="warning", timeout=4)

    async def ask_rule(self, verb: str, draft: Draft, kinds: Sequence[Kind] = ()) -> None:
        """Open the dialog that adds this rule, changes the one with its name, or removes it."""
        known, rule = self.policies, self.policies.rule(draft.kind, draft.name)
        dialog: Dialog = dialogs.RuleDialog(draft, known, kinds=kinds)
        if verb == "edit" and rule is not None:
            dialog = dialogs.RuleDialog(Draft.of(draft.kind, rule), known, rule)
        elif verb == "remove":
            dialog = dialogs.RemoveRuleDialog(draft.kind, draft.name, rule)
        await self.app.push_screen(dialog)

    async def action_restore_rules(self) -> None:
        await self.app.push_screen(dialogs.RestoreRulesDialog())

    async def action_permissions(self, choice: str = "") -> None:
        """Open the dialog about enforcing; unless told which, it starts with the change."""
        known = self.policies.rules("permission")
        other = "do not enforce" if known is not None and known.enabled else "enforce"
        await self.app.push_screen(dialogs.PermissionsDialog(choice or other, known))

    def copied(self) -> str | None:
        """The record of a rule or a freeze, otherwise the name."""
        chosen = self._table(self.pane).chosen
        rule = self._chosen_rule()
        return (rule.record or rule.name) if rule is not None else chosen

    @on(Table.Opened)
    def open_row(self, event: Table.Opened) -> None:
        self.app.push_screen(PolicyRowScreen(self, self.pane.key, event.key))


class PolicyRowScreen(DetailScreen):
    """`enter` on a rule, a namespace or a freeze."""

    def __init__(self, of: PolicyScreen, pane: str, key: str) -> None:
        super().__init__()
        self._of, self._pane, self._key = of, pane, key
        self._copied = of.copied()

    @property
    def crumb(self) -> str:
        return self._of.name_of(self._pane, self._key)

    def facts(self, now: float) -> list[Fact]:
        return self._of.facts(self._pane, self._key, now)

    def copied(self) -> str | None:
        return self._copied
