"""What all requests that change a task share: the base model, the record, the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field
from starlette.responses import Response

from syncropel.api.http.body import record_json
from syncropel.api.http.caller import OF_ACTOR
from syncropel.api.http.request_body import RequestBody
from syncropel.record.model import Record, parse_record
from syncropel.store.base import Appended


class Request(RequestBody):
    """Base of request bodies: an unknown key is probably a typo, so it is refused."""

    actor: str = Field(default="", min_length=1, max_length=512, description=OF_ACTOR)


def made_record(
    thread: str,
    actor: str,
    act: str,
    body: dict[str, Any],
    parents: Sequence[str] = (),
    clock: int | None = None,
) -> Record:
    """A record with the same limits as a posted one. Raises InvalidRecord, TooLarge."""
    fields = {"thread": thread, "actor": actor, "act": act, "body": body, "parents": list(parents)}
    return parse_record({**fields, "clock": clock})


def posted(outcome: Appended) -> Response:
    """The answer that a record was written: 201 and the record."""
    content = record_json(outcome.stored, ',"duplicate":false')
    return Response(content, 201, media_type="application/json")
