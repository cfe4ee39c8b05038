"""Requests for the output of subtasks; see `client.calls`."""

from __future__ import annotations

import base64
from urllib.parse import quote, urlencode

from syncropel.client.calls import Call
from syncropel.client.late import schema


def output(
    task: str,
    index: int,
    *,
    attempt: int | None = None,
    offset: int = 0,
    limit: int | None = None,
    tail: int | None = None,
    raw: bool = False,
    stderr: bool = False,
) -> Call[schema.OutputPage]:
    """Part of a subtask's output: `limit` bytes from `offset`, or the last `tail` lines.

    `attempt`: None for the latest. `raw`: an agent's own bytes, instead of the events in them. `stderr`: its
    error output.
    """
    return Call(
        schema.OutputPage,
        _path(task, index),
        query=_query(attempt, offset, limit, tail, raw=raw, stderr=stderr),
    )


def diff(
    task: str, index: int, *, attempt: int | None = None, offset: int = 0, limit: int | None = None
) -> Call[schema.OutputPage]:
    """Part of a patch with a subtask's changes in its worktree."""
    query = _query(attempt, offset, limit, None)
    return Call(schema.OutputPage, _path(task, index, "diff"), query=query)


def output_follow(
    task: str,
    index: int,
    *,
    attempt: int | None = None,
    offset: int = 0,
    tail: int | None = None,
    raw: bool = False,
    stderr: bool = False,
) -> str:
    """The path of the event stream of the same, until the attempt has ended."""
    query = {**_query(attempt, offset, None, tail, raw=raw, stderr=stderr), "follow": "true"}
    return f"{_path(task, index)}?{urlencode(query)}"


def data(page: schema.OutputPage) -> bytes:
    """The bytes of a page. Raises ValueError when they do not match its encoding."""
    return base64.b64decode(page.data, validate=True) if page.encoding == "base64" else page.data.encode()


def is_whole(page: schema.OutputPage) -> bool:
    """Whether nothing can follow this page."""
    return page.ended and page.next_offset >= page.size


def _path(task: str, index: int, what: str = "output") -> str:
    return f"/v1/tasks/{quote(task, safe='')}/subtasks/{index}/{what}"


def _query(
    attempt: int | None,
    offset: int,
    limit: int | None,
    tail: int | None,
    *,
    raw: bool = False,
    stderr: bool = False,
) -> dict[str, int | str]:
    asked = {"attempt": attempt, "offset": offset, "limit": limit, "tail": tail}
    query: dict[str, int | str] = {key: value for key, value in asked.items() if value is not None}
    return query | {name: "true" for name, on in (("raw", raw), ("stderr", stderr)) if on}
