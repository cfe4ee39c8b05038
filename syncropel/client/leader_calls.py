"""Requests about who leads the fleet. As in `calls`, nothing here does I/O."""

from __future__ import annotations

from syncropel.client.calls import Call
from syncropel.client.late import schema


def leader() -> Call[schema.LeaderOut]:
    """Who leads, and in which term, as the daemon knows it."""
    return Call(schema.LeaderOut, "/v1/leader")


def take(actor: str, at_least: int = 0) -> Call[schema.LeaderOut]:
    """Begin a term of this daemon. Nothing changes when it leads already."""
    body = {"actor": actor, "at_least": at_least}
    return Call(schema.LeaderOut, "/v1/leader/take", "POST", body=body)


def forget_former(actor: str) -> Call[schema.LeaderOut]:
    """Say that the former coordinator is gone for good. A second time is refused: the fleet is not split."""
    body = {"actor": actor}
    return Call(schema.LeaderOut, "/v1/leader/forget-former", "POST", body=body, repeatable=False)
