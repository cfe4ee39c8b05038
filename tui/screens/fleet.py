"""The fleet: who is there and how loaded, what runs, what has not joined yet, what is frozen."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult

from tui.model import empty
from tui.model.activity import activity_line
from tui.model.cells import Scene
from tui.model.dispatches import DISPATCHES, Dispatch, dispatches
from tui.model.fanouts import FANOUTS
from tui.model.fleet import counts_line
from tui.model.instances import INSTANCES, instance_facts
from tui.model.layout import share
from tui.model.state import State
from tui.screens.base import ConsoleScreen, bindings
from tui.widgets.lines import Lines
from tui.widgets.section import Section


class FleetScreen(ConsoleScreen):
    """Three tables and the activity line. `enter` on an instance shows all about it; on work, its task."""

    NAME = "fleet"
    BINDINGS: ClassVar = bindings("fleet")

    def __init__(self) -> None:
        super().__init__()
        self.instances = Section("Instances", INSTANCES)
        self.dispatches = Section("Active dispatches", DISPATCHES)
        self.fanouts = Section("Pending fan-outs", FANOUTS)
        self.opened = ""

    def sections(self) -> list[Section[Any]]:
        return [self.instances, self.dispatches, self.fanouts]

    def compose_body(self) -> ComposeResult:
        yield Lines("nothing")
        yield self.instances
        yield Lines("facts")
        yield self.dispatches
        yield self.fanouts
        yield Lines("activity")

    def crumb(self) -> str:
        opened = self._opened_instance(self.console_app.state)
        return opened.alias if opened else ""

    def _opened_instance(self, state: State) -> Any:
        return next((one for one in state.fleet.instances if one.did == self.opened), None)

    def show_body(self, state: State, now: float) -> None:
        app, status, glyphs = self.console_app, state.fleet.status, self.console_app.glyphs
        for section in self.sections():
            section.display = status is not None
        self.query_one("#nothing", Lines).show(
            empty.no_fleet(state.link, app.where) if status is None else ()
        )
        if status is None:
            return
        opened = self._opened_instance(state)
        self.instances.display = opened is None
        self.instances.show(state.fleet.instances, now, [counts_line(status, glyphs)])
        facts = self.query_one("#facts", Lines)
        facts.show(((), *instance_facts(opened, Scene(now, glyphs)), ()) if opened else ())
        facts.set_dimmed(not state.link.live)
        running = dispatches(state.fleet)
        if opened:
            running = tuple(one for one in running if one.out.instance == opened.did)
        alone = all(one.role == "coordinator" for one in state.fleet.instances)
        idle = empty.no_workers() if alone else empty.say("nothing runs")
        self.dispatches.show(running, now, [f"{len(running):,}"] if running else [], idle)
        waiting = status.fanouts
        self.fanouts.display = opened is None
        self.fanouts.show(
            waiting, now, [f"{len(waiting):,}"] if waiting else [], empty.say("all have joined")
        )
        self._show_activity(state)

    def _show_activity(self, state: State) -> None:
        status = state.fleet.status
        assert status is not None
        line = activity_line(
            state.fleet.activity, status.records, self.app.size.width, self.console_app.glyphs
        )
        activity = self.query_one("#activity", Lines)
        activity.show((line,))
        activity.set_dimmed(not state.link.live)

    def tick(self, state: State) -> None:
        super().tick(state)
        if state.fleet.status is None:
            self.query_one("#nothing", Lines).show(empty.no_fleet(state.link, self.console_app.where))
        elif (opened := self._opened_instance(state)) is not None:
            scene = Scene(self.console_app.now(), self.console_app.glyphs)
            self.query_one("#facts", Lines).show(((), *instance_facts(opened, scene), ()))

    def share_rows(self) -> None:
        shown = [section for section in self.sections() if section.display]
        facts = self.query_one("#facts", Lines)
        room = self.body_rows - 1 - (facts.virtual_size.height if facts.display else 0)
        for section, rows in zip(shown, share(room, [one.wanted_rows for one in shown]), strict=True):
            section.styles.height = rows

    async def action_enter(self) -> None:
        table = self.table
        if table is None or table.current is None:
            return
        if table is self.instances.table:
            self.opened = table.chosen
            self.apply(self.console_app.state)
            if self.tables():
                self.tables()[0].focus()
            return
        item = table.current
        thread = item.out.thread if isinstance(item, Dispatch) else item.thread
        await self.console_app.open_task(thread)

    def leave(self) -> None:
        if self.opened:
            self.opened = ""
            self.apply(self.console_app.state)
            self.instances.table.focus()
