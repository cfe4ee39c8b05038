"""Reads answers of a daemon that may be newer than this client.

Unknown fields are ignored, and an unknown word is kept as it came, as an `UnknownWord`. Anything else that
does not fit is refused: nobody may mistake nonsense for an answer.
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from syncropel.errors import DaemonUnreachable
from syncropel.wire.words import AS_IT_CAME

Document = TypeVar("Document", bound=BaseModel)


def answer(model: type[Document], path: str, content: bytes) -> Document:
    """The body of an answer to a call of `path`. Raises DaemonUnreachable when it does not fit."""
    try:
        return model.model_validate_json(content, context=AS_IT_CAME)
    except ValidationError as error:
        raise DaemonUnreachable(
            f"{path} sent an unexpected answer ({_first(error)})",
            "is that a Syncropel daemon, and at least as new as this client?",
        ) from None


def document(model: type[Document], sent: Any) -> Document:
    """An event's document, already parsed from JSON. Raises DaemonUnreachable when it does not fit."""
    try:
        return model.model_validate(sent, context=AS_IT_CAME)
    except ValidationError as error:
        raise DaemonUnreachable(
            f"the daemon sent something that this program cannot read ({_first(error)})",
            "are the two of the same version? see: spl version",
        ) from None


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}"
