"""Which attempts may be reviewed, by whom; and that no join, spawn, or merge rests on a rejected one.

A review is judged and written alone, so what is found here still holds when it is in the log.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from syncropel.errors import Conflict, InvalidRecord, OwnWork, SyncropelError
from syncropel.folds.fanout.report import Report
from syncropel.folds.fanout.reviews import REVIEW, Said, parse_review
from syncropel.folds.fanout.state import ACCEPT, FanOut
from syncropel.folds.fanout.talk import slot_of
from syncropel.folds.tasks.merges import ASKED, merged_attempt
from syncropel.folds.tasks.state import TaskState, joins_knowingly
from syncropel.record.model import Record
from syncropel.wire.review_limits import MOST_HINT

_AGAIN: Final = "the engine decides again"
_TOPICS: Final = "see what it has to say in the reference of topics"


class DependentsBegan(Conflict):
    """Raised when an attempt is rejected although subtasks that depend on it have begun; the message names
    them.
    """

    code = "DEPENDENTS_BEGAN"


class Overtaken(Conflict):
    """Raised when the engine decided a join or a spawn before an attempt was rejected that it rests on, or
    before an attempt asked for a subtask that the join has to wait for: it decides again.
    """

    code = "OVERTAKEN"


def check_review(record: Record, task: TaskState | None) -> SyncropelError | None:
    """Why this review is refused, or None. It is asked of every author. `task`: of the record's thread."""
    body = record.body
    try:
        said = parse_review(body)
    except ValueError as error:
        return InvalidRecord(f"{REVIEW}: {error}", _TOPICS)
    hint = body.get("hint", "")
    if not isinstance(hint, str) or bool(hint) != said.rejects:
        return InvalidRecord(f"{REVIEW}: a rejection has a hint, and nothing else has one", _TOPICS)
    if (size := len((hint or said.hint("")).encode("utf-8", "surrogatepass"))) > MOST_HINT:
        return InvalidRecord(
            f"text and notes make {size} bytes; at most {MOST_HINT}", "shorten them, or leave some out"
        )
    if task is None or task.fanout is None:
        return Conflict(f"{REVIEW} on {record.thread}: it has no subtasks", "see the tasks: spl task list")
    if (refused := unfit(task, said.index, said.attempt)) is not None:
        return refused
    return _check_said(said, task, task.fanout, record.actor)


def unfit(task: TaskState, index: int, attempt: int) -> SyncropelError | None:
    """Why this attempt can be neither approved nor rejected, or None."""
    fanout, name = task.fanout, task.alias or task.thread
    assert fanout is not None
    if not 0 <= index < len(fanout.spec.subtasks):
        return Conflict(f"{name} has no subtask {index}", f"see them: spl task join-status {name}")
    if (refused := _superseded(task, fanout, index, attempt)) is not None:
        return refused
    report = fanout.report(index)
    if report is None:
        state = "running" if fanout.spawn(index) is not None else "not begun"
        return Conflict(
            f"attempt {attempt} of {name} [{index}] has no result yet: it is {state}", _see(name, index)
        )
    if report.verdict != ACCEPT:
        return Conflict(
            f"attempt {attempt} of {name} [{index}] is {report.verdict}: only accepted work is reviewed",
            f"run it again: spl task retry {name} --subtask {index} --hint TEXT",
        )
    return None


def _superseded(task: TaskState, fanout: FanOut, index: int, attempt: int) -> SyncropelError | None:
    latest, name = fanout.attempt(index), task.alias or task.thread
    if attempt == latest:
        return None
    told = f"attempt {attempt} of {name} [{index}] is not the latest: that is attempt {latest}"
    if (by := fanout.reviews.rejection(index, attempt)) is not None:
        told = f"attempt {attempt} of {name} [{index}] was rejected by {by.by}; the latest is {latest}"
    return Conflict(told, _see(name, index))


def _see(name: str, index: int) -> str:
    return f"look at it: spl task review {name} {index}"


def not_rejectable(task: TaskState, index: int) -> SyncropelError | None:
    """Why the accepted latest attempt of a subtask cannot be rejected any more, or None."""
    fanout, name = task.fanout, task.alias or task.thread
    assert fanout is not None
    more = f"for more work add a part: spl task add GOAL --parent {name}:{index}"
    if fanout.joined is not None:
        whole = f"reject the whole: spl task reject {name} --notes TEXT"
        return Conflict(f"{name} has joined with this result, which stands", f"{whole}\n{more}")
    if fanout.cancelled:
        return Conflict(f"{name} was cancelled: nothing runs again", f"reopen it: spl task reopen {name}")
    if fanout.moves.exceeded:
        return Conflict(
            f"{name} has spent its budget of ${fanout.budget_usd or 0:.2f}: nothing more is spawned",
            f"give it more first: spl task amend {name} --budget USD",
        )
    attempt = fanout.attempt(index)
    merged = task.merges.merged().get(index)
    if merged is not None and merged_attempt(merged, index) == attempt:
        return Conflict(
            f"attempt {attempt} of {name} [{index}] is merged into {merged.target}: rejecting it takes "
            "nothing out",
            f"revert it there; {more}",
        )
    if any(merged_attempt(one, index) == attempt and not one.request.dry_run for one in task.merges.open()):
        return Conflict(
            f"attempt {attempt} of {name} [{index}] is being merged",
            f"wait for its end: spl task merge {name} --status",
        )
    return None


def dependents(fanout: FanOut, index: int) -> list[int]:
    """The subtasks that depend on this one, also through others, and whose current attempt has begun."""
    after = defaultdict[int, list[int]](list)
    for one in fanout.spec.subtasks:
        for before in one.depends_on:
            after[before].append(one.index)
    behind, more = {index}, [index]
    while more:
        found = [one for one in after[more.pop()] if one not in behind]
        behind.update(found)
        more += found
    return sorted(one for one in behind - {index} if fanout.spawn(one) is not None)


def _check_said(said: Said, task: TaskState, fanout: FanOut, actor: str) -> SyncropelError | None:
    name, index = task.alias or task.thread, said.index
    report = fanout.report(index)
    assert report is not None
    if (commit := commit_of(report)) != said.commit:
        return Conflict(
            f"attempt {said.attempt} of {name} [{index}] is commit {commit or '(none)'}, not "
            f"{said.commit or '(none)'}",
            _see(name, index),
        )
    verb = "reject" if said.rejects else "approve"
    if task.did_work(actor):
        return OwnWork(
            f"{actor!r} did the work of {name!r} and cannot {verb} it",
            f"another actor judges it, such as: SPL_ACTOR=did:sync:agent:reviewer spl task {verb} {name} "
            f"{index}",
        )
    if not said.rejects:
        before = (one for one in fanout.reviews.of(index, said.attempt) if one.by == actor)
        twice = f"{actor} has approved attempt {said.attempt} of {name} [{index}] already"
        return Conflict(twice, _see(name, index)) if any(before) else None
    if (refused := not_rejectable(task, index)) is not None:
        return refused
    if not said.anyway and (began := dependents(fanout, index)):
        listed = ", ".join(f"[{one}]" for one in began[:10]) + (" and more" if len(began) > 10 else "")
        return DependentsBegan(
            f"subtasks that depend on {name} [{index}] have begun, and keep their results: {listed}",
            f"reject it all the same: --anyway; to run them again reject them, too: spl task reject {name} I",
        )
    return None


def commit_of(report: Report) -> str:
    """The commit that an attempt's result names; empty when it names none."""
    commit = (report.worktree or {}).get("commit")
    return commit if isinstance(commit, str) else ""


def check_join_knows(record: Record, task: TaskState) -> SyncropelError | None:
    """Why this KNOW may not join the task's fan-out: since it was decided, an attempt was rejected, or one
    has asked for another subtask.
    """
    fanout = task.fanout
    if fanout is None or fanout.joined is not None or record.body.get("fulfills") != fanout.intend:
        return None
    if not joins_knowingly(record.body, fanout):
        return Overtaken("an attempt was rejected in review since this join was decided", _AGAIN)
    if fanout.additions.undecided:
        return Overtaken("an attempt has asked for a subtask, and nothing is decided yet", _AGAIN)
    return None


def check_spawn(record: Record, task: TaskState | None) -> SyncropelError | None:
    """Why this subtask may not begin now: an attempt that it depends on was rejected since it was decided."""
    fanout, slot = task.fanout if task is not None else None, slot_of(record.body)
    if fanout is None or not fanout.reviews.rejected or slot is None or slot[0] >= len(fanout.spec.subtasks):
        return None
    for other in fanout.spec.subtasks[slot[0]].depends_on:
        report = fanout.report(other)
        if report is None or report.verdict != ACCEPT:
            return Overtaken(f"[{other}], which [{slot[0]}] depends on, is not accepted any more", _AGAIN)
    return None


def check_merge(record: Record, task: TaskState | None) -> SyncropelError | None:
    """Why this request for a merge is refused: since it was made, an attempt that it names was rejected, or
    run again.
    """
    fanout = task.fanout if task is not None else None
    branches: Any = record.body.get("branches")
    if task is None or fanout is None or not isinstance(branches, list):
        return None
    slots = filter(None, map(slot_of, branches))
    return next(filter(None, (_superseded(task, fanout, *slot) for slot in slots)), None)


def is_merge_request(record: Record) -> bool:
    """Whether this asks for a merge of branches."""
    return record.act == "LEARN" and record.topic == ASKED


def is_review(record: Record) -> bool:
    """Whether this is a review: like what operators say, it is judged and written alone."""
    return record.topic == REVIEW
