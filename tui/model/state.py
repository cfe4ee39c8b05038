"""All that the console knows at one instant, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field

from syncropel.api.schema import JoinStatus, TaskSummary
from tui.model.fleet import Fleet
from tui.model.link import Link


@dataclass(frozen=True)
class State:
    """`tasks` is None until they were read.

    `join` belongs to the thread `join_of`; it is None when that is not fanned out.
    """

    link: Link = field(default_factory=Link)
    fleet: Fleet = field(default_factory=Fleet)
    tasks: tuple[TaskSummary, ...] | None = None
    join_of: str = ""
    join: JoinStatus | None = None
    tasks_error: str = ""
