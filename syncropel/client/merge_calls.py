"""Requests about merges of finished branches; see `client.calls`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from syncropel.client.calls import Call
from syncropel.client.late import schema

PATIENCE_SECS: Final = 60.0
"""The coordinator first has the instance that merges follow every freeze."""


def merge(
    name: str, subtasks: Sequence[int], actor: str, *, into: str, mode: str, dry_run: bool
) -> Call[schema.MergeOut]:
    """Have branches merged. Not repeatable: each request is a merge of its own."""
    body = {"subtasks": list(subtasks), "actor": actor, "into": into, "mode": mode, "dry_run": dry_run}
    return Call(
        schema.MergeOut, _path(name), "POST", body=body, repeatable=False, patience_secs=PATIENCE_SECS
    )


def merges(name: str) -> Call[schema.MergeList]:
    """The merges of a task."""
    return Call(schema.MergeList, _path(name))


def _path(name: str) -> str:
    return f"/v1/tasks/{quote(name, safe='')}/merge"
