"""Whether a subtask that a running agent asks for is added: the coordinator decides, and only once.

An agent chooses the goal and what it waits for. Everything else is as it is for the subtask that asks, or as
the operator has it for another subtask of the same fan-out: no request reaches further than the operator did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from syncropel.errors import Conflict, InvalidRecord, SyncropelError
from syncropel.folds.control.freezes import Freeze
from syncropel.folds.fanout.additions import (
    ADDED,
    ASKED,
    MOST_ASKED,
    REFUSED,
    TOPICS,
    Request,
    asked_in,
    read_request,
)
from syncropel.folds.fanout.spec import MAX_SUBTASKS
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import subtask_now
from syncropel.freeze_levels import EVERYWHERE
from syncropel.record.model import Record

_SEE: Final = "see what was asked for: spl task join-status NAME"
_INHERITED: Final = ("budget_usd", "timeout_secs", "model", "budget_tokens", "denied")
"""What a subtask has from the one that asks for it, and no agent chooses."""


def is_decision(record: Record) -> bool:
    """Whether this decides about a subtask that an agent asks for."""
    return record.act == "LEARN" and record.topic in TOPICS


def refusal(fanout: FanOut, request: Request, freezes: Sequence[Freeze] = ()) -> str:
    """Why the subtask is not added; empty when it may be. `freezes`: in force on the fan-out's namespace."""
    spawn, spec, wanted = fanout.spawns.get(request.slot), fanout.spec, request.wanted
    if spawn is None or spawn.child_intend != request.child_intend:
        return "no such attempt was given to anybody"
    if not fanout.active:
        return "its task is over"
    if why := fanout.over(request.slot):
        return why
    if freezes:
        return _frozen(freezes[-1])
    if fanout.additions.same(request) is not None:
        return ""
    if not spec.may_add:
        return "the operator lets no agent add subtasks to this fan-out"
    if len(fanout.additions.added) >= spec.may_add:
        return f"agents have added {spec.may_add} subtasks, and the operator allows no more"
    if not fanout.may_add(request.index):
        return "this subtask was added by an agent, and the operator lets it add none"
    if len(spec.subtasks) >= MAX_SUBTASKS:
        return f"the fan-out has {MAX_SUBTASKS} subtasks, which is the most"
    if fanout.moves.exceeded:
        return f"the fan-out has spent its budget of ${fanout.budget_usd or 0:.2f}"
    if beyond := [one for one in wanted.depends_on if one >= len(spec.subtasks)]:
        return f"it is to wait for subtask {beyond[0]}, but there are only 0 to {len(spec.subtasks) - 1}"
    named = subtask_now(fanout, request.index).adapter
    if named and wanted.adapter != named:
        return f"the operator runs this subtask by {named!r}, not by {wanted.adapter!r}"
    if wanted.target and wanted.target not in _chosen(fanout, request, "target"):
        return f"no subtask of the operator has the target {wanted.target!r}"
    if wanted.repo and wanted.repo not in _chosen(fanout, request, "repo"):
        return f"no subtask of the operator works on the repository {wanted.repo!r}"
    return ""


def _chosen(fanout: FanOut, request: Request, key: str) -> set[str | None]:
    """What the operator chose for the subtasks of this fan-out, and what the asking one has."""
    asked = fanout.spec.subtasks[: fanout.requested]
    return {getattr(one, key) for one in (*asked, subtask_now(fanout, request.index))}


def _frozen(freeze: Freeze) -> str:
    place = "everything" if freeze.namespace == EVERYWHERE else f"the namespace {freeze.namespace!r}"
    return f"{place} is frozen ({freeze.level}: {freeze.reason}); nothing is added meanwhile"


def decision(fanout: FanOut, request: Request, why: str) -> dict[str, Any]:
    """What is recorded about a request, without its time. `why`: the `refusal`."""
    by = {"index": request.index, "attempt": request.attempt}
    body = {"asked": request.id, "by": by, "namespace": fanout.spec.namespace}
    if why:
        return {"topic": REFUSED, **body, "reason": why}
    if (same := fanout.additions.same(request)) is not None:
        return {"topic": ADDED, **body, "index": same}
    parent, wanted = subtask_now(fanout, request.index), request.wanted
    subtask: dict[str, Any] = {
        "goal": wanted.goal,
        "target": wanted.target or parent.target,
        "adapter": wanted.adapter,
        "repo": wanted.repo or parent.repo,
        "depends_on": list(wanted.depends_on),
    }
    subtask |= {key: getattr(parent, key) for key in _INHERITED}
    index, depth = len(fanout.spec.subtasks), fanout.additions.depth(request.index) + 1
    given = {key: value for key, value in subtask.items() if value}
    return {"topic": ADDED, **body, "index": index, "depth": depth, "subtask": given}


def check_request(record: Record, fanout: FanOut) -> SyncropelError | None:
    """Why this report that an attempt asks for a subtask is refused, or None."""
    request = read_request(record)
    if request is None:
        return InvalidRecord(f"{ASKED} on {record.thread} asks for no valid subtask", "name at least a goal")
    known = asked_in(record.body) in fanout.additions.asked
    if not known and fanout.additions.of(request.child_intend) >= MOST_ASKED:
        return Conflict(f"this attempt has asked for {MOST_ASKED} subtasks already", _SEE)
    return None


def check_decision(record: Record, fanout: FanOut | None, freezes: Sequence[Freeze]) -> SyncropelError | None:
    """Why this cannot be decided so, or None: what it rests on may have changed since it was."""
    about = str(record.body.get("asked"))
    request = fanout.additions.asked.get(about) if fanout is not None else None
    if fanout is None or request is None:
        return Conflict(f"{record.topic} on {record.thread}: nobody asked for such a subtask", _SEE)
    if about in fanout.additions.decided:
        return Conflict(f"{record.topic} on {record.thread}: it is decided already", _SEE)
    if record.topic == REFUSED:
        return None
    if why := refusal(fanout, request, freezes):
        return Conflict(f"{record.topic} on {record.thread}: {why}", _SEE)
    expected = decision(fanout, request, "")
    if any(record.body.get(key) != value for key, value in expected.items()):
        return Conflict(f"{record.topic} on {record.thread} is not what was asked for", _SEE)
    return None
