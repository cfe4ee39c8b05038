"""Requests about attempts side by side and their reviews; see `client.calls`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from syncropel.client.calls import Call
from syncropel.client.late import schema


def attempts(name: str, index: int) -> Call[schema.AttemptList]:
    """Every attempt at a subtask."""
    return Call(schema.AttemptList, _path(name, index, "attempts"))


def review(name: str, index: int, body: Mapping[str, Any]) -> Call[schema.ReviewTaken]:
    """Approve or reject an attempt; `body` as of `POST …/reviews`. Not repeatable: sent twice, the second is
    refused, since its attempt is not the latest any more.
    """
    return Call(schema.ReviewTaken, _path(name, index, "reviews"), "POST", body=dict(body), repeatable=False)


def _path(name: str, index: int, what: str) -> str:
    return f"/v1/tasks/{quote(name, safe='')}/subtasks/{index}/{what}"
