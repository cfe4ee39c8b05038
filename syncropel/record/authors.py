"""Who wrote a record: judged by how it reached the log, whatever actor it names."""

from __future__ import annotations

from typing import Final, Literal

Author = Literal["engine", "coordinator", "instance", "fleet", "operator", "account", "anyone"]
AUTHORS: Final[tuple[Author, ...]] = (
    "engine",
    "coordinator",
    "instance",
    "fleet",
    "operator",
    "account",
    "anyone",
)
MEANING: Final[dict[Author, str]] = {
    "engine": "this instance's own engine, also on behalf of a route",
    "coordinator": "the coordinator that a worker's configuration names, by its credential there",
    "instance": "an instance of the fleet, by its own credential",
    "fleet": "an older instance, by the shared fleet token",
    "operator": "a connection over the Unix socket",
    "account": "a token of a service account",
    "anyone": "a caller of an instance without auth (`--insecure-localhost`)",
}


def authors(*names: Author) -> frozenset[Author]:
    """These authors, and the engine, which may write everything."""
    return frozenset(("engine", *names))


ENGINE_ALONE: Final = authors()
FROM_ABOVE: Final = authors("coordinator")
REPORTERS: Final = authors("instance", "fleet")
PEOPLE: Final = authors("operator", "account", "anyone")
TRUSTED: Final = authors("operator", "account")
ANYONE_ELSE: Final = authors("coordinator", "operator", "account", "anyone")
