"""What a newer daemon says is read; what nobody could have meant is not."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel, ValidationError

from syncropel import wire as schema
from syncropel.client import reading
from syncropel.errors import DaemonUnreachable
from syncropel.wire import Health, InstanceOut
from syncropel.wire.base import OPEN, Wire
from syncropel.wire.words import UnknownWord

INSTANCE: dict[str, Any] = {
    "did": "did:sync:instance:a",
    "alias": "worker-a",
    "role": "worker",
    "endpoint": "",
    "status": "live",
    "health": "healthy",
    "version": "9.0.0",
    "since": 1.0,
}


def test_a_word_that_only_a_newer_daemon_knows_stays_as_it_came() -> None:
    sent = INSTANCE | {"status": "hibernating", "mood": {"of": "tomorrow"}}
    by_answer = reading.answer(InstanceOut, "/v1/x", json.dumps(sent).encode())
    by_event = reading.document(InstanceOut, sent)
    for found in (by_answer, by_event):
        assert found.status == "hibernating"
        assert isinstance(found.status, UnknownWord)
        assert not isinstance(found.role, UnknownWord)
        assert json.loads(found.model_dump_json()) == found.model_dump(mode="json")
        assert found.model_dump(mode="json")["status"] == "hibernating"


@pytest.mark.parametrize(
    "sent", ["", "Live!", "<html>", "x" * 33, "a\nb", "\x1b[31mred", 7, None, ["live"], {"status": "live"}]
)
def test_what_is_no_word_at_all_is_refused(sent: Any) -> None:
    with pytest.raises(DaemonUnreachable, match=r"cannot read \(status: "):
        reading.document(InstanceOut, INSTANCE | {"status": sent})
    with pytest.raises(DaemonUnreachable, match=r"/v1/x sent an unexpected answer \(status: "):
        reading.answer(InstanceOut, "/v1/x", json.dumps(INSTANCE | {"status": sent}).encode())


def test_what_says_what_a_document_is_stays_closed() -> None:
    with pytest.raises(DaemonUnreachable, match="object"):
        reading.document(schema.Page[InstanceOut], {"object": "error", "data": []})


def test_a_daemon_itself_says_only_words_that_it_knows() -> None:
    with pytest.raises(ValidationError):
        InstanceOut(**INSTANCE | {"status": "hibernating"})
    with pytest.raises(ValidationError):
        InstanceOut.model_validate(INSTANCE | {"role": "observer"})


def test_the_description_of_the_api_still_lists_the_words() -> None:
    assert Health.model_json_schema()["properties"]["status"]["const"] == "ok"
    status = InstanceOut.model_json_schema()["properties"]["status"]
    assert "draining" in status["enum"]


def _closed(annotation: Any, open_: bool = False) -> Iterator[Any]:
    """The lists of words within a type that cannot be read when another word comes."""
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        yield from _closed(inner, open_ or OPEN in marks)
    elif get_origin(annotation) is Literal:
        if not open_:
            yield annotation
    else:
        for one in get_args(annotation):
            yield from _closed(one)


def _models(of: type[BaseModel] = Wire) -> Iterator[type[BaseModel]]:
    for one in of.__subclasses__():
        yield one
        yield from _models(one)


REQUESTS = {"Heartbeat", "ExpressionRequest"}


def test_every_list_of_words_that_is_answered_may_grow() -> None:
    """A word that is closed in one answer makes a whole screen unreadable when that list grows."""
    for module in pkgutil.iter_modules(schema.__path__, f"{schema.__name__}."):
        importlib.import_module(module.name)  # the package imports each only when a name of it is used
    assert len(set(_models())) > 50
    for model in _models():
        for name, info in model.model_fields.items():
            if name in ("object", "ok") or model.__name__ in REQUESTS:
                continue  # these say what it is that came
            assert not (list(_closed(info.annotation)) and OPEN not in info.metadata), (model.__name__, name)
