"""All that is known of one thing, as names and values, for the detail screens."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from syncropel.api.schema import InstanceOut, TaskSummary
from tui.model.fleet import INSTANCES, instance_rows
from tui.model.glyphs import Glyphs
from tui.model.moment import Moment
from tui.model.rows import state_cell
from tui.model.text import NOTHING, duration, money, plain
from tui.model.tree import Line
from tui.model.world import World

Fact = tuple[str, Line]
NAME_WIDTH = 12


def instance_facts(world: World, did: str, at: Moment, glyphs: Glyphs) -> list[Fact]:
    """An instance and what runs there; empty when it is unknown."""
    status = world.status
    found = next((one for one in status.instances if one.did == did), None) if status else None
    if status is None or found is None:
        return []
    row = next(one for one in instance_rows(status, at, glyphs) if one.key == did)
    facts = [
        (column.title.lower(), Line(row.cells[column.key].text, row.cells[column.key].tone))
        for column in INSTANCES
        if column.key not in ("did", "endpoint")
    ]
    facts += [("did", Line(found.did)), ("endpoint", Line(plain(found.endpoint) or NOTHING))]
    facts.append(("since", Line(f"{duration(at.now - found.since)} ago")))
    return facts + _running(world, found)


def _running(world: World, instance: InstanceOut) -> list[Fact]:
    dispatches = world.status.dispatches if world.status else []
    mine = [one for one in dispatches if one.instance == instance.did]
    return [("running", Line(f"{plain(one.alias)}[{one.index}] {plain(one.goal)}")) for one in mine]


def task_facts(task: TaskSummary, at: Moment, glyphs: Glyphs) -> list[Fact]:
    """A task that is not fanned out."""
    state = state_cell(task.status, glyphs)
    return [
        ("status", Line(state.text, state.tone)),
        ("priority", Line(task.priority)),
        ("domain", Line(plain(task.domain) or NOTHING)),
        ("namespace", Line(plain(task.namespace))),
        ("labels", Line(plain(", ".join(task.labels)) or NOTHING)),
        ("created", Line(f"{duration(at.now - task.created_at)} ago")),
        ("changed", Line(f"{duration(at.now - task.updated_at)} ago")),
        ("cost", Line(money(task.cost_usd))),
        ("records", Line(str(task.records))),
        ("thread", Line(task.thread)),
        ("goal", Line(plain(task.goal))),
    ]


def wrapped(facts: Sequence[Fact], width: int) -> list[tuple[str, Line]]:
    """Facts as lines of at most `width` cells; the name stands before the first line of its value."""
    lines: list[tuple[str, Line]] = []
    for name, value in facts:
        name_ = f"{name:<{NAME_WIDTH}}"
        for line in value.text.splitlines() or [""]:
            for part in textwrap.wrap(line, max(10, width - NAME_WIDTH), drop_whitespace=False) or [""]:
                lines.append((name_, Line(part, value.tone)))
                name_ = " " * NAME_WIDTH
    return lines
