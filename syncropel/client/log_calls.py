"""Requests for a daemon's own log; see `client.calls`."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from syncropel.client.calls import Call
from syncropel.client.late import schema


def log_lines(*, since: int | None = None, level: str = "TRACE", limit: int = 100) -> Call[schema.LogPage]:
    """The newest lines of at least this level, or the ones after the sequence `since`."""
    query: dict[str, str | int | float] = {"level": level, "limit": limit}
    return Call(schema.LogPage, "/v1/engine/log", query=query if since is None else query | {"since": since})


def instance_log(
    name: str, *, since: int | None = None, level: str = "TRACE", limit: int = 100
) -> Call[schema.LogPage]:
    """The same of an instance of the fleet, by DID or alias."""
    query: dict[str, str | int | float] = {"level": level, "limit": limit}
    path = f"/v1/fleet/instances/{quote(name, safe='')}/log"
    return Call(schema.LogPage, path, query=query if since is None else query | {"since": since})


def log_watch(*, since: int | None = None, level: str = "TRACE") -> str:
    """The path of the log's event stream."""
    query = {"level": level} if since is None else {"level": level, "since": str(since)}
    return f"/v1/engine/log/watch?{urlencode(query)}"
