"""One verb on many marked rows: on which subjects it would act, which it leaves out, and what that means.

The list comes from the marks alone, never from a filter. Each subject is judged as it stands, and one that is
gone, or that has changed since it was marked, is left out.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tui.model import subject_actions
from tui.model.glyphs import Tone, word
from tui.model.marks import Mark, Standings, attempted
from tui.model.retries import FAILED
from tui.model.subject import Subject
from tui.model.subject_actions import SUBJECT_ACTIONS, Verb, child_of
from tui.model.text import first_line, money, plain

if TYPE_CHECKING:
    from syncropel.wire import JoinStatus
    from tui.model.world import World

SINGLE: Final[frozenset[Verb]] = frozenset({"say"})
"""Verbs that are about one row at a time."""
NO_JOIN: Final = (404, 409)
"""No such task; or it is not fanned out."""
_PARTS: Final[dict[Verb, tuple[str, ...]]] = {"retry": FAILED, "stop": ("in_progress",)}
"""Which subtasks of a marked task these verbs mean."""
_SEEN_FIRST: Final = {
    "permission": "what it asks must be seen before it is answered: enter",
    "question": "what it asks must be seen before it is answered: enter",
    "review": "what it changed must be seen before it is approved: v",
}
_LINE: Final = 140
"""Characters of a command line that are shown; all of it can be copied."""


@dataclass(frozen=True)
class Item:
    """One subject of the list. `why_not`: why it is left out; empty when it is acted on."""

    mark: Mark
    verb: Verb
    now: str
    what: str
    why_not: str = ""

    @property
    def key(self) -> str:
        return self.mark.key


def with_joins(world: World, joins: Mapping[str, JoinStatus]) -> World:
    """The world with joins that were read for a list; of each task the newer one."""
    known = {**world.nested, **({world.join.thread: world.join} if world.join is not None else {})}
    newer = {
        thread: one
        for thread, one in known.items()
        if thread not in joins or one.revision > joins[thread].revision
    }
    return replace(world, join=None, nested={**joins, **newer})


def joins_needed(verb: Verb, marks: Sequence[Mark], world: World) -> list[str]:
    """The tasks whose subtasks must be known to judge these marks."""
    about_parts = SUBJECT_ACTIONS[verb].of == "subtask"
    threads = [
        one.subject.thread
        for one in marks
        if one.subject.index is not None or (about_parts and world.has_fan_out(one.subject.thread or None))
    ]
    return list(dict.fromkeys(threads))


def spread(verb: Verb, marks: Sequence[Mark], world: World) -> list[Mark]:
    """The marks, with the subtasks that the verb means in place of a marked task. Each subject comes once."""
    found: dict[Subject, Mark] = {}
    for one in marks:
        for part in _parts(verb, one, world):
            found.setdefault(part.subject, part)
    return list(found.values())


def _parts(verb: Verb, one: Mark, world: World) -> list[Mark]:
    join, states = world.join_of(one.subject.thread), _PARTS.get(verb, ())
    if not states or one.subject.index is not None or join is None or join.complete:
        return [one]
    parts = [
        Mark(
            f"{one.key}/{child.index}",
            Subject(thread=one.subject.thread, index=child.index),
            f"{one.label} [{child.index}]",
            attempted(child.state, child.attempt),
            one.key,
        )
        for child in join.subtasks
        if child.state in states
    ]
    return parts or [one]


def plan(verb: Verb, marks: Sequence[Mark], standings: Standings) -> list[Item]:
    """What would be done to each, as things stand."""
    return [item_of(verb, one, standings) for one in marks]


def item_of(verb: Verb, one: Mark, standings: Standings) -> Item:
    """What would be done to this one."""
    world, subject = standings.world, one.subject
    meant = subject_actions.meant(verb, world, subject)
    now = standings.of(one)
    item = Item(one, meant, now or "", _what(world, subject))
    if now is None:
        return replace(item, why_not="how it stands is not known")
    if not now:
        return replace(item, now="gone", why_not="it is gone")
    if not one.was:
        return replace(item, why_not="how it stood when it was marked is not known")
    if now != one.was:
        return replace(item, why_not=f"it was {one.was} when it was marked")
    if one.waits and (why := _unfit(verb, meant, one, standings)):
        return replace(item, why_not=why)
    why = subject_actions.objection(meant, world, subject)
    if why and subject.index is None and verb in _PARTS:
        why = "none of its subtasks has failed" if verb == "retry" else "none of its subtasks runs"
    return replace(item, why_not=why)


def _unfit(verb: Verb, meant: Verb, one: Mark, standings: Standings) -> str:
    """Why an item of the inbox is not for this verb."""
    waiting = standings.waiting[one.key]
    if verb in ("approve", "reject"):
        if waiting.kind in _SEEN_FIRST:
            return _SEEN_FIRST[waiting.kind]
        return "" if meant != verb else "it does not wait for a decision"
    child = child_of(standings.world, one.subject)
    if child is not None and waiting.attempt is not None and child.attempt != waiting.attempt:
        return f"it has moved on to attempt {child.attempt}"
    return ""


def _what(world: World, subject: Subject) -> str:
    if subject.index is not None:
        child = child_of(world, subject)
        return first_line(child.goal) if child is not None else ""
    if subject.did:
        return ""
    task = world.task(subject.thread)
    return first_line(task.goal) if task is not None else ""


# what it means


def radius(verb: Verb, items: Sequence[Item], world: World) -> list[tuple[str, Tone]]:
    """What acting on all of these would affect, taken together."""
    if not items:
        return []
    of = SUBJECT_ACTIONS[verb].of
    if of == "instance":
        return _of_instances(verb, items, world)
    parts = [one for one in items if one.mark.subject.index is not None]
    whole = [one for one in items if one.mark.subject.index is None]
    return [
        *(_of_subtasks(verb, parts, world) if parts else ()),
        *(_of_tasks(verb, whole, world) if whole else ()),
    ]


def _of_subtasks(verb: Verb, items: Sequence[Item], world: World) -> list[tuple[str, Tone]]:
    children = [child for one in items if (child := child_of(world, one.mark.subject)) is not None]
    tasks = len({one.mark.subject.thread for one in items})
    running = [one for one in children if one.state == "in_progress"]
    where = sorted({plain(one.instance_alias) for one in running if one.instance_alias})
    head = f"{many(len(items), 'subtask')} of {many(tasks, 'task')}"
    spent = f"{money(sum(one.cost_usd for one in children))} spent on them"
    lines: list[tuple[str, Tone]] = [(f"{head} · {spent}", "strong")]
    if running and verb in ("retry", "stop"):
        on = f" on {named(where)}" if where else ""
        lines.append((f"{many(len(running), 'running attempt')}{on}: ended at once", "bad"))
    return lines


def _of_tasks(verb: Verb, items: Sequence[Item], world: World) -> list[tuple[str, Tone]]:
    tasks = [task for one in items if (task := world.task(one.mark.subject.thread)) is not None]
    spaces = sorted({plain(one.namespace) for one in tasks if one.namespace})
    spent = sum(one.cost_usd for one in tasks)
    where = f" in {named(spaces)}" if spaces else ""
    lines: list[tuple[str, Tone]] = [
        (f"{many(len(items), 'task')}{where} · {money(spent)} spent on them", "strong")
    ]
    if verb == "cancel":
        open_ = [one for one in tasks if not one.joined]
        running = sum(max(0, one.spawned - one.completed) for one in open_)
        never = sum(max(0, one.subtasks - one.spawned) for one in open_)
        lines.append(
            (
                f"{many(running, 'subtask')} spawned without a result, which finish; {never} never begin",
                "warn",
            )
            if running or never
            else ("nothing of them runs or waits", "good")
        )
    return lines


def _of_instances(verb: Verb, items: Sequence[Item], world: World) -> list[tuple[str, Tone]]:
    if world.status is None:
        return []
    chosen = {one.mark.subject.did for one in items}
    some = [one for one in world.status.instances if one.did in chosen]
    running, queued = sum(one.active_dispatches for one in some), sum(one.queued_dispatches for one in some)
    head = f"{many(len(some), 'instance')} · {running} running, {queued} queued"
    if verb != "drain":
        return [(head, "strong")]
    able = [one for one in world.status.instances if one.max_concurrent and one.status in ("live", "stale")]
    workers = [one for one in able if one.role == "worker"] or able
    left = [one for one in workers if one.did not in chosen]
    told: tuple[str, Tone] = (
        f"still taking work then: {len(left)} of {many(len(workers), 'worker')}",
        "plain",
    )
    if not left:
        told = ("no worker takes work then: everything waits until a drain ends", "bad")
    return [(f"{head}, which goes to others" if queued and left else head, "strong"), told]


def commands(verb: Verb, items: Sequence[Item], world: World, words: str) -> str:
    """The equivalent command lines: names one after another where a loop will do."""
    lines = [subject_actions.command(one.verb, world, one.mark.subject, words) for one in items]
    names = [shlex.quote(one.mark.label) for one in items]
    if len(lines) > 1 and all(one.mark.subject.index is None for one in items):
        pattern = {line.replace(f" {name}", " $n", 1) for line, name in zip(lines, names, strict=True)}
        if len(pattern) == 1:
            return f"for n in {' '.join(names)}; do {pattern.pop()}; done"
    return "; ".join(lines)


def short(command: str) -> str:
    """A command line as a dialog has room for it."""
    return command if len(command) <= _LINE else f"{command[:_LINE]} … (ctrl+y copies all of it)"


def many(count: int, name: str) -> str:
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def named(names: Sequence[str], most: int = 4) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


# what came about


def came_about(item: Item, world: World) -> tuple[bool, str]:
    """Whether what was asked for an item has come about in a world read after it, and how it stands."""
    verb, subject = item.verb, item.mark.subject
    if subject.did:
        instance = subject_actions.instance_of(world, subject)
        status = instance.status if instance is not None else "gone"
        return (status == "draining") == (verb == "drain") and status != "gone", status
    if subject.index is None:
        task = world.task(subject.thread)
        return (task is not None and task.status == _BECOMES.get(verb)), word(task.status) if task else "gone"
    child = child_of(world, subject)
    if child is None:
        return False, "gone"
    now = attempted(child.state, child.attempt)
    if verb in ("admit", "refuse"):
        return not child.asked, now
    return now != item.mark.was and (verb != "stop" or child.state != "in_progress"), now


_BECOMES: Final[dict[Verb, str]] = {
    "start": "in_progress", "approve": "approved", "reject": "rejected", "reopen": "open",
    "cancel": "cancelled",
}  # fmt: skip
