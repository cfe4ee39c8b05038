"""The base of every answer."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from syncropel.wire.words import AS_IT_CAME, UnknownWord

_WORD: Final = re.compile(r"[a-z][a-z0-9 _-]{0,31}")


def _or_as_it_came(value: Any, check: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    try:
        return check(value)
    except ValidationError:
        if info.context == AS_IT_CAME and isinstance(value, str) and _WORD.fullmatch(value):
            return UnknownWord(value)
        raise


OPEN: Final = WrapValidator(_or_as_it_came)
"""Marks a closed list of words that may grow: `Annotated[Literal["a", "b"], OPEN]`. Only listed words can be
written; a reader that validates `AS_IT_CAME` gets any other word as an `UnknownWord`.
"""

InstanceStatus = Annotated[Literal["live", "stale", "archived", "draining", "left"], OPEN]
InstanceRole = Annotated[Literal["coordinator", "worker"], OPEN]

Item = TypeVar("Item")


def _say_meanings(schema: dict[str, Any], model: type[Any]) -> None:
    """Add the meaning of every field to a model's schema."""
    from syncropel.wire.meanings import meaning_of  # needed only by those who ask for a schema

    for name, told in schema.get("properties", {}).items():
        if "description" not in told and (meaning := meaning_of(model, name)):
            told["description"] = meaning


class Wire(BaseModel):
    """Base: immutable, and tolerant of fields that a newer daemon adds."""

    # defer_build: a command uses two or three of these models and should not wait for all.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True, json_schema_extra=_say_meanings)


class Page(Wire, Generic[Item]):
    """A list answer. `next_cursor` is the `since` of the next call; None at the end."""

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
    """The position of a mistake in an expression; from 1, as `column`. Only with INVALID_EXPRESSION."""
    column: int | None = None
    instance: str | None = None
    """DID of the revoked instance; `coordinator`: of the one that revoked it. Only with
    CREDENTIAL_REVOKED."""
    coordinator: str | None = None
