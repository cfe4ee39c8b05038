"""Actions on the item under the cursor: when each applies, why it does not, and the command for it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final, Literal

from syncropel import wire as schema
from syncropel.client.task_records import Attempt
from tui.model.glyphs import word
from tui.model.subject import Subject, task_label
from tui.model.text import first_line, plain
from tui.model.world import World

Verb = Literal[
    "retry",
    "stop",
    "say",
    "admit",
    "refuse",
    "start",
    "approve",
    "reject",
    "reopen",
    "cancel",
    "drain",
    "undrain",
]


@dataclass(frozen=True)
class SubjectAction:
    """A verb: the kind of subject, the text of its dialog, and the command's name for its free text.

    `warns` describes the effect; `field` names the free text, empty if there is none.
    """

    of: Literal["instance", "task", "subtask"]
    title: str
    button: str
    letter: str
    warns: str
    done: str
    field: str = ""
    danger: bool = True
    statuses: tuple[str, ...] = ()


SUBJECT_ACTIONS: Final[dict[Verb, SubjectAction]] = {
    "retry": SubjectAction(
        "subtask", "Retry subtask", "Retry", "r",
        "It runs again as its next attempt; an attempt in flight is ended.",
        "will run again", "hint",
    ),
    "stop": SubjectAction(
        "subtask", "Stop subtask", "Stop", "s",
        "All its processes are ended, its verdict is terminated. Nothing is tried again by itself.",
        "is being stopped", "reason",
    ),
    "say": SubjectAction(
        "subtask", "Say something to", "Say it", "s",
        "Its agent gets it as soon as it can hear it: at the latest with its next attempt.",
        "was told", "", False,
    ),
    "admit": SubjectAction(
        "subtask", "Let subtask begin", "Let it begin", "a", "A rule requires approval; this lets it begin.",
        "may begin", "notes", False,
    ),
    "refuse": SubjectAction(
        "subtask", "Refuse subtask", "Refuse", "j", "It never begins: its verdict is reject.",
        "is refused", "notes",
    ),
    "start": SubjectAction(
        "task", "Start task", "Start", "s", "Records that work on it has begun.", "is in progress", "reason",
        False, ("open", "blocked", "deferred"),
    ),
    "approve": SubjectAction(
        "task", "Approve task", "Approve", "a", "Its work is accepted, and counts for who did it.",
        "is approved", "notes", False, ("done", "rejected"),
    ),
    "reject": SubjectAction(
        "task", "Reject task", "Reject", "j", "Its work is not accepted, and counts against who did it.",
        "is rejected", "notes", True, ("done", "approved"),
    ),
    "reopen": SubjectAction(
        "task", "Reopen task", "Reopen", "o", "It is open again.", "is open again", "reason",
        False, ("cancelled", "failed", "rejected", "done", "approved"),
    ),
    "cancel": SubjectAction(
        "task", "Cancel task", "Cancel the task", "c",
        "A cancelled fan-out spawns nothing more and never joins; running work finishes.",
        "is cancelled", "reason", True, ("open", "in_progress", "blocked", "deferred", "failed", "rejected"),
    ),
    "drain": SubjectAction(
        "instance", "Drain instance", "Drain", "d",
        "It finishes what it runs and begins nothing else; what it has not begun goes to others.",
        "is draining", "reason",
    ),
    "undrain": SubjectAction(
        "instance", "End drain", "Take work again", "t", "It takes new work again.",
        "takes new work again", "", False,
    ),
}  # fmt: skip


_OF_SUBTASK: Final[dict[Verb, Verb]] = {"approve": "admit", "reject": "refuse"}
_TYPED: Final[dict[Verb, str]] = {"admit": "approve", "refuse": "reject"}


def meant(verb: Verb, world: World, subject: Subject) -> Verb:
    """The verb that a key stands for here: for a subtask that waits for a decision, that decision."""
    child = child_of(world, subject) if subject.index is not None else None
    return _OF_SUBTASK.get(verb, verb) if child is not None and child.asked else verb


def objection(verb: Verb, world: World, subject: Subject) -> str:
    """Why a verb does not apply to this subject now; empty when it does."""
    action = SUBJECT_ACTIONS[verb]
    if action.of == "instance":
        return _instance_objection(verb, world, subject)
    if not subject.thread:
        return f"the cursor is on no {action.of}"
    if action.of == "subtask":
        return _subtask_objection(verb, world, subject)
    task = world.task(subject.thread)
    if task is None:
        return "this task has not been read yet"
    if task.status not in action.statuses:
        return f"it is {word(task.status)}: only what is {_either(action.statuses)} can be {past(verb)}"
    return ""


def _instance_objection(verb: Verb, world: World, subject: Subject) -> str:
    instance = instance_of(world, subject)
    if instance is None:
        return "no instance is selected"
    if verb == "undrain":
        return "" if instance.status == "draining" else f"it is {instance.status}, not draining"
    if instance.status == "draining":
        return "it is draining already"
    return "" if instance.status in ("live", "stale") else f"it is {instance.status}: it has no work"


def _subtask_objection(verb: Verb, world: World, subject: Subject) -> str:
    if subject.index is None:
        return "no subtask is selected; enter opens a task's subtasks"
    child = child_of(world, subject)
    state = child.state if child else "in_progress" if dispatch_of(world, subject) else ""
    if not state:
        return "this subtask has not been read yet"
    if verb in _TYPED:
        return "" if child is not None and child.asked else "it is not waiting for a decision"
    if verb in ("stop", "say"):
        return "" if state == "in_progress" else f"it is {word(state)}: nothing is running"
    join = world.join_of(subject.thread)
    if join is not None and join.complete:
        return "its fan-out has joined: a retry changes nothing"
    if state == "accept":
        return "it was accepted"
    return f"it is {word(state)}: it has not run yet" if state in ("pending", "blocked") else ""


def instance_of(world: World, subject: Subject) -> schema.InstanceOut | None:
    instances = world.status.instances if world.status else []
    return next((one for one in instances if subject.did and one.did == subject.did), None)


def child_of(world: World, subject: Subject) -> schema.ChildOut | None:
    """The subtask, if its task's join is known."""
    join = world.join_of(subject.thread)
    if join is None or subject.index is None:
        return None
    there = join.subtasks[
        subject.index : subject.index + 1
    ]  # where it nearly always is: a thousand may be marked
    if there and there[0].index == subject.index:
        return there[0]
    return next((one for one in join.subtasks if one.index == subject.index), None)


def dispatch_of(world: World, subject: Subject) -> schema.DispatchOut | None:
    """The subtask as something in flight."""
    flying = world.status.dispatches if world.status else []
    return next((one for one in flying if (one.thread, one.index) == (subject.thread, subject.index)), None)


def attempt_number(world: World, subject: Subject) -> int:
    """The number of the subtask's current attempt; 0 when unknown."""
    found = child_of(world, subject) or dispatch_of(world, subject)
    return found.attempt if found else 0


def attempt_of(world: World, subject: Subject, namespace: str) -> Attempt | None:
    """The attempt in flight, as a stop names it."""
    flies, child = dispatch_of(world, subject), child_of(world, subject)
    found = child if child is not None and child.state == "in_progress" else flies
    if found is None or not found.instance or subject.index is None:
        return None
    join = world.join_of(subject.thread)
    intend = join.parent_intend if join else ""
    return Attempt(subject.thread, subject.index, found.attempt, found.instance, namespace, intend)


def facts(verb: Verb, world: World, subject: Subject) -> list[str]:
    """The subject of the verb, in a few lines."""
    action = SUBJECT_ACTIONS[verb]
    if action.of == "instance":
        one = instance_of(world, subject)
        if one is None:
            return []
        load = f"{one.active_dispatches} running, {one.queued_dispatches} queued"
        return [f"{plain(one.alias)} · {one.status} · {load}"]
    task = world.task(subject.thread)
    if action.of == "task":
        return [f"{word(task.status)} · {first_line(task.goal)}"] if task else []
    found = child_of(world, subject) or dispatch_of(world, subject)
    if found is None:
        return []
    state = found.state if isinstance(found, schema.ChildOut) else "in_progress"
    asked = [f"asked by {plain(found.asked)}"] if isinstance(found, schema.ChildOut) and found.asked else []
    return [" · ".join([f"attempt {found.attempt}", word(state), *asked, first_line(found.goal)])]


def command(verb: Verb, world: World, subject: Subject, words: str) -> str:
    """The equivalent command line."""
    action = SUBJECT_ACTIONS[verb]
    if action.of == "instance":
        one = instance_of(world, subject)
        name = plain(one.alias) if one else subject.did
        flow = "stop" if verb == "undrain" else "start"
        line = f"spl drain {flow} --instance {shlex.quote(name)}"
    else:
        line = f"spl task {_TYPED.get(verb, verb)} {shlex.quote(task_label(world, subject))}"
        line += f" --subtask {subject.index}" if action.of == "subtask" else ""
    return f"{line} --{action.field} {shlex.quote(words)}" if words and action.field else line


def _either(statuses: tuple[str, ...]) -> str:
    *first, last = map(word, statuses)
    return f"{', '.join(first)} or {last}" if first else last


def past(verb: Verb) -> str:
    """What was done, as a word."""
    return {
        "start": "started", "approve": "approved", "reject": "rejected", "reopen": "reopened",
        "cancel": "cancelled", "retry": "begun again", "stop": "ended", "drain": "draining",
        "undrain": "taking work again", "admit": "let begin", "refuse": "refused for good",
    }.get(verb, verb)  # fmt: skip
