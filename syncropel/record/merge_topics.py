"""The topics of merges: asked for on a task's thread, carried out by an instance."""

from __future__ import annotations

from typing import Final

from syncropel.record.authors import ENGINE_ALONE, REPORTERS
from syncropel.record.threads import ENGINE_CONFIG
from syncropel.record.topic import MERGE, TASK, Topic

_ASK: Final = "merge branches: spl task merge NAME"

OF_MERGES: Final = (
    Topic(
        "merge_asked",
        "LEARN",
        TASK,
        ENGINE_ALONE,
        "An operator has branches of subtasks merged. Its actor is who asked.",
        "instance, repo, into, mode, dry_run, branches, at",
        ("tasks",),
        _ASK,
    ),
    Topic(
        "merge_untaken",
        "LEARN",
        TASK,
        ENGINE_ALONE,
        "The instance that was to merge did not confirm that it does.",
        "merge, why, at",
        ("tasks",),
        _ASK,
    ),
    Topic(
        "merge_step",
        "KNOW",
        TASK,
        REPORTERS,
        "A step of a merge, up to its end. The instance has it in its own log, too.",
        "merge, step, what, index?, commit?, made?, into?, old?, new?, files?, tail?, state?, told?, at",
        ("tasks",),
        "the instance that merges reports it itself",
    ),
    Topic(
        "merge_work",
        "INTEND",
        MERGE,
        ENGINE_ALONE,
        "An instance takes a merge on; the step that ends it fulfills this.",
        "merge, thread, goal, repo, into, mode, dry_run, branches",
        ("tasks",),
        _ASK,
    ),
    Topic(
        "files_allowed",
        "LEARN",
        ENGINE_CONFIG,
        ENGINE_ALONE,
        "Files of a repository with this digest may run as its gate or the like, or (`removed`) no more.",
        "repo, digest, removed?, at",
        ("control",),
        "allow them: spl worktree allow REPO DIGEST",
    ),
)
