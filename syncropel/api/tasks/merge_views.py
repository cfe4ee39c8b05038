"""Merges as the API returns them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncropel.folds.tasks.merges import Merge, Merges, Step, merged_attempt
from syncropel.folds.tasks.state import TaskState
from syncropel.wire import ChildOut, ConflictFile, MergedBranch, MergedInto, MergeOut, MergeStep


def merge_out(merge: Merge, names: Mapping[str, str]) -> MergeOut:
    """One merge. `names`: aliases of instances by DID."""
    end, request = merge.end, merge.request
    return MergeOut(
        id=merge.id,
        state=merge.state,  # type: ignore[arg-type]  # the fold's states are the wire's
        repo=request.repo,
        into=merge.target or request.into,
        mode=request.mode,
        dry_run=request.dry_run,
        instance=merge.instance,
        instance_alias=names.get(merge.instance, ""),
        by=merge.by,
        at=merge.at,
        ended_at=end.at if end is not None else None,
        told=end.text("told") if end is not None else merge.untaken,
        commit=merge.commit,
        branches=[
            MergedBranch(index=one.index, attempt=one.attempt, branch=one.branch, commit=one.commit)
            for one in request.branches
        ],
        merged=merge.merged(),
        files=_files(end.body.get("files")) if end is not None else [],
        steps=[_step(one) for one in merge.told()],
    )


def merges_of(state: TaskState, names: Mapping[str, str]) -> list[MergeOut]:
    """The merges of a task, the latest first."""
    return [merge_out(one, names) for one in reversed(state.merges.by_id.values())]


def _step(step: Step) -> MergeStep:
    index = step.body.get("index")
    texts = {name: step.text(name) for name in ("commit", "made", "told", "tail")}
    return MergeStep(
        step=step.number, what=step.what, at=step.at, index=index if type(index) is int else None, **texts
    )


def _files(listed: Any) -> list[ConflictFile]:
    rows = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [
        ConflictFile(
            path=str(one.get("path", "")),
            index=index if type(index := one.get("index")) is int else None,
            since=str(one.get("since", "")),
        )
        for one in rows
    ]


def tell_merged(children: list[ChildOut], merges: Merges) -> None:
    """Have each subtask, in its place by index, and each earlier attempt say where its branch was merged
    last.
    """
    for merge in merges.by_id.values():
        for index in merge.merged():
            if index >= len(children):
                continue
            told, child = merged_into(merge, index), children[index]
            earlier = [
                one.model_copy(update={"merged": told}) if one.attempt == told.attempt else one
                for one in child.earlier
            ]
            children[index] = child.model_copy(update={"merged": told, "earlier": earlier})


def merged_into(merge: Merge, index: int) -> MergedInto:
    """Where a merge has brought the branch of a subtask."""
    return MergedInto(
        merge=merge.id,
        into=merge.target,
        commit=merge.commit,
        attempt=merged_attempt(merge, index),
        at=merge.end.at if merge.end is not None else merge.at,
    )
