"""Messages of JSON-RPC 2.0, each on a line of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from syncropel.adapters.models.words import part, text

Id = int | str
METHOD_NOT_FOUND: Final = -32601


@dataclass(frozen=True, slots=True)
class Call:
    """A request of the agent, which waits for a reply."""

    id: Id
    method: str
    params: dict[str, Any]
    count: int = 0
    """How many permissions the agent has asked for with this one; 0: it is none. An id may come again."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A message that takes no reply."""

    method: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to one of our requests. `error` is None when it succeeded."""

    id: str
    result: dict[str, Any]
    error: dict[str, Any] | None = None

    @property
    def problem(self) -> str:
        """The error in words; empty when there is none."""
        if self.error is None:
            return ""
        said = text(self.error.get("message")).removeprefix("Internal error: ")
        return said or f"error {self.error.get('code')}"


Message = Call | Notification | Reply


def read_message(line: bytes) -> Message | None:
    """The message on a line; None when the line is not one."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    method, number = said.get("method"), said.get("id")
    if isinstance(method, str):
        params = part(said.get("params"))
        if "id" not in said:
            return Notification(method, params)
        if isinstance(number, bool) or not isinstance(number, int | str):
            return None
        return Call(number, method, params)
    if not isinstance(number, str) or not {"result", "error"} & said.keys():
        return None  # our own ids are texts
    error = part(said.get("error")) if "error" in said else None
    return Reply(number, part(said.get("result")), error)


def request(number: str, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """A request of ours."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def notification(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """A message of ours that takes no reply."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def result(call: Call, value: Mapping[str, Any]) -> dict[str, Any]:
    """Our reply to a request."""
    return {"jsonrpc": "2.0", "id": call.id, "result": value}


def refusal(call: Call) -> dict[str, Any]:
    """Our reply to a request that we do not serve."""
    error = {"code": METHOD_NOT_FOUND, "message": "Method not found", "data": {"method": call.method}}
    return {"jsonrpc": "2.0", "id": call.id, "error": error}
