"""Records as values, with their canonical JSON and ids, computed without a daemon."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from syncropel.errors import InvalidRecord
from syncropel.record import canonical


class ActType(StrEnum):
    """What a record does."""

    GET = "GET"
    PUT = "PUT"
    CALL = "CALL"
    MAP = "MAP"
    INTEND = "INTEND"
    DO = "DO"
    KNOW = "KNOW"
    LEARN = "LEARN"


class DataType(StrEnum):
    """What kind of value a record's body is."""

    SCALAR = "SCALAR"
    FORMULA = "FORMULA"
    DISTRIBUTION = "DISTRIBUTION"
    REFERENCE = "REFERENCE"
    MORPHISM = "MORPHISM"
    VOID = "VOID"


@dataclass
class Record:
    """The eight fields of a record."""

    act: str | ActType
    actor: str
    body: dict[str, Any] = field(default_factory=dict)
    clock: int = 0
    parents: list[str] = field(default_factory=list)
    thread: str = ""
    data_type: str | DataType = DataType.SCALAR
    judged_by: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The six fields other than `data_type` and `judged_by`; parents sorted."""
        return {
            "act": str(self.act),
            "actor": self.actor,
            "body": self.body,
            "clock": self.clock,
            "parents": sorted(self.parents),
            "thread": self.thread,
        }

    def to_dict_7field(self) -> dict[str, Any]:
        """The seven fields that a daemon hashes: all but `judged_by`."""
        return {**self.to_dict(), "data_type": str(self.data_type)}

    def to_api_dict(self) -> dict[str, Any]:
        """The body of `POST /v1/records`."""
        judged = {} if self.judged_by is None else {"judged_by": self.judged_by}
        return {**self.to_dict_7field(), **judged}


@dataclass
class HashLevels:
    """Hashes of a record's shape (64 hex digits), from all of it (`l0`) to its inputs and outputs (`l3`)."""

    l0: str
    l1: str
    l2: str
    l3: str


def canonical_json(record_dict: dict[str, Any]) -> str:
    """The canonical JSON text of this value: sorted keys, no white space, integral floats as integers.

    Raises TypeError for types without a JSON form, and ValueError for NaN, infinities, lone surrogates, keys
    that are not strings, and nesting that is too deep.
    """
    try:
        return canonical.canonical_json(record_dict)
    except InvalidRecord as error:
        with suppress(ValueError, RecursionError):
            json.dumps(record_dict)  # this is what raises TypeError
        raise ValueError(error.message) from None


def canonical_value(value: Any) -> Any:
    """The value as `canonical_json` writes it. Raises the same errors."""
    return canonical.parse_json(canonical_json(value))


def sha256_hex(data: str) -> str:
    """SHA-256 of the text as UTF-8: 64 hex digits."""
    return hashlib.sha256(data.encode()).hexdigest()


def record_id(record: Record | dict[str, Any], *, fields: int = 6) -> str:
    """SHA-256 of the record's canonical JSON: 64 hex digits. Raises as `canonical_json`.

    `fields`: 7 gives the id that a daemon computes for a `Record`; 6 omits `data_type`. A dict is hashed as
    it is.
    """
    if isinstance(record, Record):
        record = record.to_dict() if fields == 6 else record.to_dict_7field()
    return sha256_hex(canonical_json(record))


def hash_levels(act: str, body: dict[str, Any]) -> HashLevels:
    """The hashes of a record's shape: its inputs and outputs, act, domain, and parameters."""
    own = ("operation", "input_shape", "output_shape")
    flow = {"in": body.get("input_shape", "VOID"), "out": body.get("output_shape", "VOID")}
    acted = {**flow, "p": act}
    operated = {**acted, "op": body.get("operation", act.lower())}
    levels = (
        {**operated, "params": {key: value for key, value in body.items() if key not in own}},
        {**operated, "d": body.get("domain", "")},
        acted,
        flow,
    )
    return HashLevels(*(sha256_hex(canonical_json(level)) for level in levels))
