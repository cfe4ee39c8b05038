"""What can be asked of the worktrees of a fleet; see `client.calls`."""

from __future__ import annotations

from typing import Final

from syncropel.client.calls import Call
from syncropel.client.late import schema

PATIENCE_SECS: Final = 150.0
"""Each worktree is looked at on its instance, file by file."""


def worktrees() -> Call[schema.WorktreeList]:
    """All worktrees of the fleet."""
    return Call(schema.WorktreeList, "/v1/worktrees", patience_secs=PATIENCE_SECS)


def prune_worktrees(*, dry_run: bool) -> Call[schema.WorktreesPruned]:
    """Remove those that nobody needs any more."""
    body = {"dry_run": dry_run}
    path = "/v1/worktrees/prune"
    return Call(schema.WorktreesPruned, path, "POST", body=body, patience_secs=PATIENCE_SECS)
