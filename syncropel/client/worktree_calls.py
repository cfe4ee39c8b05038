"""Requests about the worktrees of a fleet; see `client.calls`."""

from __future__ import annotations

from typing import Final

from syncropel.client.calls import Call
from syncropel.client.late import schema

PATIENCE_SECS: Final = 150.0
"""Each instance examines its worktrees file by file."""


def worktrees() -> Call[schema.WorktreeList]:
    """All worktrees of the fleet."""
    return Call(schema.WorktreeList, "/v1/worktrees", patience_secs=PATIENCE_SECS)


def allow_files(repo: str, digest: str, actor: str, *, removed: bool) -> Call[schema.FilesAllowed]:
    """Say that files of a repository may run, or may not any more."""
    body = {"repo": repo, "digest": digest, "removed": removed, "actor": actor}
    path = "/v1/worktrees/allow"
    return Call(schema.FilesAllowed, path, "POST", body=body, patience_secs=PATIENCE_SECS)


def prune_worktrees(*, dry_run: bool) -> Call[schema.WorktreesPruned]:
    """Remove those that are no longer needed."""
    body = {"dry_run": dry_run}
    path = "/v1/worktrees/prune"
    return Call(schema.WorktreesPruned, path, "POST", body=body, patience_secs=PATIENCE_SECS)
