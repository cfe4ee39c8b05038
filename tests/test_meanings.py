"""Every field of the wire models says what it means, where the models are described."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

from docs_tools import http_page
from syncropel import wire
from syncropel.api.http.request_body import REQUESTED
from syncropel.wire.base import ErrorBody, Page, Wire
from syncropel.wire.fleet import Heartbeat, InstanceOut, RunningDispatch
from syncropel.wire.meanings import MEANINGS, OF_MODEL, meaning_of


def models() -> Iterator[type[Wire]]:
    for module in pkgutil.iter_modules(wire.__path__):
        for one in vars(importlib.import_module(f"syncropel.wire.{module.name}")).values():
            if isinstance(one, type) and issubclass(one, Wire) and one.__module__.endswith(f".{module.name}"):
                yield one


def described(model: type[Wire]) -> dict[str, str]:
    """The meaning of each field, as the API describes it."""
    schema = (Page[InstanceOut] if model is Page else model).model_json_schema()
    while "$ref" in schema:
        schema = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    return {name: told.get("description", "") for name, told in schema.get("properties", {}).items()}


MODELS = sorted(set(models()), key=lambda one: one.__name__)


@pytest.mark.parametrize("model", MODELS, ids=lambda one: one.__name__)
def test_every_field_has_a_meaning(model: type[Wire]) -> None:
    assert [name for name, meaning in described(model).items() if not meaning] == []


def test_a_text_below_a_field_is_its_meaning() -> None:
    assert described(ErrorBody)["line"].startswith("The position of a mistake in an expression")
    assert described(InstanceOut)["refused"].startswith("Why heartbeats")


def test_its_own_meaning_comes_before_the_common_one() -> None:
    assert described(Heartbeat)["control"] == "digest of what the instance enforces"
    assert described(Heartbeat)["adapter"] == OF_MODEL["Reported.adapter"] != MEANINGS["adapter"]
    assert described(RunningDispatch)["goal"] == MEANINGS["goal"], "inherited"
    assert meaning_of(InstanceOut, "no field") == ""


def test_no_meaning_is_left_of_a_field_that_is_gone() -> None:
    own = {f"{model.__name__}.{name}" for model in MODELS for name in model.model_fields}
    assert [one for one in OF_MODEL if one not in own] == []
    names = {one.partition(".")[2] for one in own}
    assert [one for one in MEANINGS if one not in names] == []


def test_a_meaning_is_a_phrase() -> None:
    for text in (*MEANINGS.values(), *OF_MODEL.values()):
        assert text == text.strip()
        assert not text.endswith(".")


def test_every_field_of_a_request_or_an_answer_has_its_meaning_in_the_reference() -> None:
    missing = [
        (name, field)
        for name, schema in http_page.models().items()
        for field, _, _, meaning in http_page.fields(schema)
        if not meaning.strip()
    ]
    assert missing == []


def test_no_meaning_is_left_of_a_request_that_is_gone() -> None:
    names = {field for schema in http_page.models().values() for field in schema.get("properties", {})}
    assert [one for one in REQUESTED if one not in names] == []
