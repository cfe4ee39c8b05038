"""What needs the operator, over all lists: questions, joins that failed, silent instances, freezes, blocked
tasks. The most urgent comes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from syncropel.freeze_levels import SOFT
from tui.model import actions, freezes, inbox
from tui.model.actions import FLEET, INBOX, POLICY, TASKS
from tui.model.glyphs import Glyphs, marked
from tui.model.keymap import Keymap
from tui.model.moment import Moment
from tui.model.tasks import task_name
from tui.model.text import count, first_line, long_duration
from tui.model.world import World

if TYPE_CHECKING:
    from syncropel.wire import FleetStatus, InboxItem

NO_JOIN, STALE, FREEZE, BLOCKED, SOFT_FREEZE = "no join", "stale", "freeze", "blocked", "soft freeze"
ORDER: Final = (
    "permission", "question", NO_JOIN, "failed", STALE, "silent", FREEZE, BLOCKED, "approval", "review",
    "collision", "late", "budget", SOFT_FREEZE,
)  # fmt: skip
"""Kinds in the order of urgency: an agent that stands still for a word, work that can no longer succeed or is
at risk, what the operator stopped, decisions that can wait, limits that are near.
"""
_RANKS: Final = {kind: rank for rank, kind in enumerate(ORDER)}
_SIGNS: Final = {
    NO_JOIN: "failed", "failed": "failed", STALE: "stale", "silent": "stale", FREEZE: "frozen",
    SOFT_FREEZE: "frozen", BLOCKED: "blocked", "late": "stale", "budget": "stale", "collision": "stale",
}  # fmt: skip
_WHY, _LIFT = ("why", "says why"), ("unfreeze", "lifts it")
_HELPS: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "permission": (("open", "shows what it asks"),), "question": (("open", "shows what it asks"),),
    "failed": (("retry", "tries it again"), _WHY), NO_JOIN: (_WHY, ("retry", "runs again what failed")),
    STALE: (("open", "shows it"), ("drain", "drains it")), FREEZE: (_LIFT,), SOFT_FREEZE: (_LIFT,),
    BLOCKED: (_WHY,), "approval": (("approve", "approves"), ("reject", "rejects")),
    "review": (("open", "shows the changes"),),
    "late": (("output", "shows its output"), ("stop", "stops it")),
}  # fmt: skip
"""The actions that help, where the operator is taken, and what each does there."""
_LOOK: Final = (("open", "shows it"),)


@dataclass(frozen=True)
class Need:
    """Something that needs the operator, and where it is: the row with this key, in this table of this
    screen. `since` and `until` are unix seconds by the daemon's clock.
    """

    kind: str
    name: str
    what: str
    since: float
    screen: str
    table: str
    row: str
    until: float | None = None

    @property
    def key(self) -> str:
        """Its identity: the same while it needs the operator."""
        return f"{self.kind} {self.row}"

    @property
    def rank(self) -> tuple[int, float, str]:
        """The most urgent first; of one kind what ends first, then the oldest."""
        return (_RANKS.get(self.kind, len(ORDER)), self.until or self.since, self.row)

    def helps(self, keymap: Keymap) -> str:
        """What to press there."""
        known = {one.name: keymap.first(one) for one in actions.ALL}
        return ", ".join(f"{known[name]} {does}" for name, does in _HELPS.get(self.kind, _LOOK))

    def words(self) -> str:
        """In one line, without its age."""
        return f"{self.name}: {self.what}" if self.what else self.name


def needs(world: World) -> tuple[Need, ...]:
    """Everything that needs the operator, the most urgent first. Each trouble is told once: a stale instance
    stands for the subtasks that are silent with it, a failed subtask for its blocked task.
    """
    status = world.status
    stale = {one.did for one in status.instances if one.status == "stale"} if status is not None else set()
    waits = [_waiting(one) for one in world.inbox or () if one.kind != "silent" or one.instance not in stale]
    found = [*waits, *(_fleet(status) if status is not None else ())]
    told = {one.row for one in found if one.kind == NO_JOIN}
    told |= {one.thread for one in world.inbox or () if one.kind == "failed"}
    found += _blocked(world, told)
    return tuple(sorted(found, key=lambda one: one.rank))


def _waiting(item: InboxItem) -> Need:
    return Need(
        item.kind, first_line(inbox.place(item)), first_line(item.what), item.since, INBOX, "inbox",
        inbox.key_of(item), item.until,
    )  # fmt: skip


def _fleet(status: FleetStatus) -> Iterator[Need]:
    work = Counter(one.instance for one in status.dispatches)
    for one in status.instances:
        if one.status == "stale":
            left = f" with {count(work[one.did])} of its subtasks unfinished" if one.did in work else ""
            beat = one.since if one.last_heartbeat is None else one.last_heartbeat
            yield Need(STALE, first_line(one.alias), f"not heard{left}", beat, FLEET, "instances", one.did)
    for freeze in status.freezes:
        kind = SOFT_FREEZE if freeze.level == SOFT else FREEZE
        what = f"{marked(freeze.level)} freeze" + (f": {first_line(freeze.reason)}" if freeze.reason else "")
        place = first_line(freezes.where(freeze))
        yield Need(kind, place, what, freeze.at, POLICY, "freezes", freeze.record)
    for fanout in status.fanouts:
        if not fanout.satisfiable:
            what = f"cannot join any more: {first_line(fanout.cause or fanout.explanation)}"
            name = first_line(task_name(fanout))
            yield Need(NO_JOIN, name, what, fanout.started_at, TASKS, "tasks", fanout.thread)


def _blocked(world: World, told: set[str]) -> Iterator[Need]:
    for one in world.tasks or ():
        stuck = bool(one.subtasks) and not one.satisfiable and not one.joined
        if one.thread not in told and (one.status == "blocked" or (stuck and one.status == "in_progress")):
            kind, what = (NO_JOIN, "cannot join any more") if stuck else (BLOCKED, first_line(one.goal))
            yield Need(kind, first_line(task_name(one)), what, one.updated_at, TASKS, "tasks", one.thread)


def after(found: Sequence[Need], last: str) -> int:
    """The place of the next one after the one with this key; the first when that is gone, or was the last."""
    places = {one.key: place for place, one in enumerate(found)}
    return (places[last] + 1) % len(found) if last in places else 0


def lines(found: Sequence[Need], at: Moment, glyphs: Glyphs) -> list[tuple[str, str]]:
    """The rows of a list, each with its identity: kind, age, name, what."""
    wide = max((len(one.kind) for one in found), default=0)
    return [(one.key, _line(one, at, glyphs, wide)) for one in found]


def _line(need: Need, at: Moment, glyphs: Glyphs, wide: int) -> str:
    sign = glyphs.sign(_SIGNS.get(need.kind, "asks"))
    old = long_duration(max(0.0, at.now - need.since))
    return glyphs.text(f"{sign} {need.kind.ljust(wide)}  {old.rjust(6)}  {need.words()}")


def unknown(world: World, now: float) -> str:
    """Why not all is known that needs the operator; empty when it is. `now` is our clock."""
    if world.status is None:
        return "the daemon was not heard yet"
    if not world.link.at(now).is_live:
        return "the daemon is away: this is what was last heard"
    if world.inbox is None or world.inbox_trouble:
        return "the inbox could not be read"
    return "" if world.tasks is not None else "the tasks were not read yet"
