"""Expressions mean what the CEL specification says: all its cases that need no protobuf messages."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from syncropel.cel.budget import Budget
from syncropel.cel.compiler import Compiler
from syncropel.cel.frame import Frame
from syncropel.cel.parser import parse
from syncropel.cel.syntax import BadCall, BadSyntax
from syncropel.cel.values import CelError, CelType, UInt, key_of

NOTHING: dict[str, Any] = {}
"""No names are known."""

CASES = Path(__file__).parents[1] / "vectors" / "cel" / "cases.jsonl"
EXTENSIONS = {"bindings_ext", "macros2", "optionals", "string_ext"}
CORE, ALL = 1051, 1367
"""How many cases there are: of the language itself, and with its extensions."""
KNOWN_FAILURES: dict[str, str] = {}
"""Case → why it fails. What passes has no place here."""


class Case(NamedTuple):
    file: str
    section: str
    name: str
    expression: str
    wanted: Any

    @property
    def whole_name(self) -> str:
        return f"{self.file}/{self.section}/{self.name}"


def cases() -> list[Case]:
    return [Case(*json.loads(line)) for line in CASES.read_text(encoding="utf-8").splitlines()]


def outcome(expression: str) -> Any:
    """What an expression gives, in the language alone: without names, which are Syncropel's."""
    try:
        run = Compiler().compile(parse(expression))
        return run(Frame(NOTHING.__getitem__, {}, Budget()))
    except (BadSyntax, BadCall, CelError) as error:
        return error


def value_of(wanted: Any) -> Any:
    kind, value = wanted["type"], wanted.get("value")
    if kind == "list":
        return [value_of(item) for item in value]
    if kind == "map":
        return {key_of(value_of(key)): value_of(item) for key, item in value}
    readers: dict[str, Callable[[Any], Any]] = {
        "int": int,
        "uint": lambda text: UInt(int(text)),
        "double": float,
        "bytes": bytes.fromhex,
    }
    readers |= {"type": CelType, "null": lambda _: None}
    return readers.get(kind, lambda same: same)(value)


def alike(one: Any, other: Any) -> bool:
    """Whether two values are one, their types included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)


def passes(case: Case) -> bool:
    found = outcome(case.expression)
    if case.wanted == "error":
        return isinstance(found, Exception)
    return alike(found, value_of(case.wanted))


def test_every_case_passes_but_those_that_are_known_to_fail() -> None:
    failed = {case.whole_name for case in cases() if not passes(case)}
    assert failed == KNOWN_FAILURES.keys()


def test_no_case_was_lost() -> None:
    found = cases()
    assert len(found) == ALL
    assert sum(case.file not in EXTENSIONS for case in found) == CORE


@pytest.mark.parametrize(
    ("expression", "given"),
    [
        ("1 + 1", 2.0),
        ("1u", 1),
        ("[true]", [1]),
        ("'a'", "b"),
    ],
)
def test_a_value_of_another_type_is_not_taken_for_the_same(expression: str, given: Any) -> None:
    assert not alike(outcome(expression), given)
