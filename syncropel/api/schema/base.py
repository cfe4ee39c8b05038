"""What every answer is made of."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

InstanceStatus = Literal["live", "stale", "archived", "draining", "left"]

Item = TypeVar("Item")


class Wire(BaseModel):
    """Base: immutable, and tolerant of fields that a newer daemon adds."""

    # defer_build: a command uses two or three of these models and should not wait for all.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Page(Wire, Generic[Item]):
    """A list answer. `next_cursor` goes into `since` of the next call; None at the end."""

    object: Literal["list"] = "list"
    data: list[Item]
    next_cursor: int | None = None


class ErrorBody(Wire):
    """Every error answer."""

    object: Literal["error"] = "error"
    type: str
    code: str
    message: str
    hint: str = ""
    line: int | None = None
    """Where in an expression the mistake is; from 1, as `column`. Only with INVALID_EXPRESSION."""
    column: int | None = None
