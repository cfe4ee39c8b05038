"""The record: eight fields, their canonical JSON and the id that follows from it (PROTOCOL: Record)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import Any, Final, TypeGuard

from syncropel.errors import InvalidRecord, TooLarge

ACTS: Final = frozenset({"INTEND", "DO", "KNOW", "LEARN", "GET", "PUT", "CALL", "MAP"})
DATA_TYPES: Final = frozenset({"SCALAR", "FORMULA", "DISTRIBUTION", "REFERENCE", "MORPHISM", "VOID"})
FIELDS: Final = frozenset({"parents", "thread", "actor", "act", "body", "clock", "data_type", "judged_by"})

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_PARENTS: Final = 256
MAX_NAME_CHARS: Final = 512
MAX_DEPTH: Final = 200
MAX_INT_DIGITS: Final = 4300
MAX_CLOCK: Final = 2**63 - 1

_POSTED: Final = FIELDS | {"id"}
_HEX: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Record:
    """One immutable record. `clock` is None only until the store assigns it; `id` is empty until then."""

    thread: str
    actor: str
    act: str
    body: dict[str, Any]
    clock: int | None = None
    parents: tuple[str, ...] = ()
    data_type: str = "SCALAR"
    judged_by: str | None = None
    id: str = ""
    body_json: str = field(default="", compare=False, repr=False)

    def with_clock(self, clock: int) -> Record:
        """The same record at `clock`, with the id that belongs to it."""
        return _placed(
            self.thread,
            self.actor,
            self.act,
            self.body,
            clock,
            self.parents,
            self.data_type,
            self.judged_by,
            self.body_json or canonical_json(self.body),
        )

    def identified(self) -> Record:
        """This record with its id; a record that waits for its clock stays as it is."""
        if self.id or self.clock is None:
            return self
        return self.with_clock(self.clock)

    @property
    def topic(self) -> str:
        """`body.topic`, or `body.kind` for observation records, or the empty string."""
        topic = self.body.get("topic") or self.body.get("kind")
        return topic if isinstance(topic, str) else ""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record with what the store knows about it: its place in the log and when it came (unix seconds)."""

    record: Record
    sequence: int
    received_at: float

    def flat(self) -> dict[str, Any]:
        """The record as the API answers it: the eight fields plus id, sequence, received_at, object."""
        record = self.record
        return {
            "object": "record",
            "id": record.id,
            "thread": record.thread,
            "actor": record.actor,
            "act": record.act,
            "clock": record.clock,
            "parents": list(record.parents),
            "data_type": record.data_type,
            "judged_by": record.judged_by,
            "body": record.body,
            "sequence": self.sequence,
            "received_at": self.received_at,
        }


def _no_constant(name: str) -> Any:
    raise InvalidRecord(f"{name} is not JSON: numbers must be finite", "send null, or the number as a string")


def _parse_float(text: str) -> float | int:
    number = float(text)
    if number.is_integer():
        return int(number)
    return number


def _parse_int(text: str) -> int:
    if len(text) > MAX_INT_DIGITS and len(text.lstrip("-")) > MAX_INT_DIGITS:
        raise InvalidRecord(
            f"an integer of {len(text)} characters is over the limit of {MAX_INT_DIGITS}",
            "send it as a string",
        )
    return int(text)


_decoder: Final = json.JSONDecoder(
    parse_float=_parse_float, parse_int=_parse_int, parse_constant=_no_constant
)
_encoder: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=True
)
# The C encoder with the same options, made once instead of at each call. It does not look for circles:
# nothing deeper than MAX_DEPTH gets here. Not every interpreter has it.
_make_encoder: Final = getattr(json.encoder, "c_make_encoder", None)
_write: Final[Callable[[Any, int], Iterable[str]] | None] = _make_encoder and _make_encoder(
    None, _encoder.default, encode_basestring, None, ":", ",", True, False, False
)
_NORMAL: Final = frozenset({str, int, bool, type(None)})


def parse_json(raw: bytes | str) -> Any:
    """Read JSON so that writing it again gives canonical bytes: integral floats become integers here.

    Raises InvalidRecord for anything that is not JSON, NaN and infinities, or too deep a nesting.
    """
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        return _decoder.decode(text)
    except UnicodeDecodeError as error:
        raise InvalidRecord(f"not UTF-8 at byte {error.start}", "send JSON in UTF-8") from None
    except json.JSONDecodeError as error:
        raise InvalidRecord(
            f"not JSON at line {error.lineno} column {error.colno}: {error.msg}", "send one JSON value"
        ) from None
    except RecursionError:
        raise InvalidRecord("JSON nested too deeply", f"keep it under {MAX_DEPTH} levels") from None
    except OverflowError:
        raise InvalidRecord("a number is beyond what a 64-bit float holds", "send it as a string") from None


def canonical_json(value: Any) -> str:
    """Canonical JSON text of a value made of dict, list, tuple, str, int, float, bool and None.

    Raises InvalidRecord for NaN, infinities, lone surrogates, non-string keys and other types.
    """
    kind = type(value)
    if (kind is dict or kind is list) and _is_normal(value, 0):
        return _encode(value)
    return _encode(_normalise(value, 0))


def _encode(value: Any) -> str:
    try:
        text = "".join(_write(value, 0)) if _write is not None else _encoder.encode(value)
        if not text.isascii():
            text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidRecord(
            "a string holds half of a surrogate pair", "send whole Unicode characters"
        ) from None
    except ValueError as error:
        raise InvalidRecord(f"a number has no JSON form: {error}", "numbers must be finite") from None
    except RecursionError:
        raise InvalidRecord("JSON nested too deeply", f"keep it under {MAX_DEPTH} levels") from None
    return text


def _is_normal(value: dict[str, Any] | list[Any], depth: int) -> bool:
    """Whether `_normalise` would return an equal value: the usual case, found out without building one."""
    if depth >= MAX_DEPTH and value:
        return False
    items: Iterable[Any] = value
    if isinstance(value, dict):
        for key in value:
            if type(key) is not str:
                return False
        items = value.values()
    for item in items:
        kind = type(item)
        if kind in _NORMAL:
            continue
        if kind is float:
            if item.is_integer():
                return False
        elif not ((kind is dict or kind is list) and _is_normal(item, depth + 1)):
            return False
    return True


def _normalise(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidRecord("JSON nested too deeply", f"keep it under {MAX_DEPTH} levels")
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is float:
        return int(value) if value.is_integer() else value
    if kind is dict:
        for key in value:
            if type(key) is not str:
                raise InvalidRecord(f"{key!r} is no JSON key", "keys must be strings")
        return {key: _normalise(item, depth + 1) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_normalise(item, depth + 1) for item in value]
    raise InvalidRecord(f"{kind.__name__} has no JSON form", "use strings, numbers, lists and objects")


def hash_input(record: Record) -> str:
    """The text that is hashed: canonical JSON of the seven fields (all but `judged_by` and the id)."""
    return _hash_input(
        record.thread,
        record.actor,
        record.act,
        record.body_json or canonical_json(record.body),
        record.clock,
        record.parents,
        record.data_type,
    )


def _hash_input(
    thread: str,
    actor: str,
    act: str,
    body_json: str,
    clock: int | None,
    parents: tuple[str, ...],
    data_type: str,
) -> str:
    quote = encode_basestring
    quoted = ",".join(map(quote, sorted(parents))) if parents else ""
    return (
        f'{{"act":{quote(act)},"actor":{quote(actor)},"body":{body_json},"clock":{clock},'
        f'"data_type":{quote(data_type)},"parents":[{quoted}],"thread":{quote(thread)}}}'
    )


def record_id(record: Record) -> str:
    """SHA-256 (lower-case hex) of `hash_input`. The clock must be set."""
    return _digest(hash_input(record))


def is_record_id(value: Any) -> TypeGuard[str]:
    """Whether this is written as a record's id is: 64 lower-case hex digits."""
    return isinstance(value, str) and len(value) == 64 and _HEX.issuperset(value)


def is_name(value: Any) -> bool:
    """Whether a thread or an actor may be called so."""
    try:
        _name(value, "name")
    except InvalidRecord:
        return False
    return True


def _digest(text: str) -> str:
    try:
        return hashlib.sha256(text.encode()).hexdigest()
    except UnicodeEncodeError:
        raise InvalidRecord(
            "a string holds half of a surrogate pair", "send whole Unicode characters"
        ) from None


def _placed(
    thread: str,
    actor: str,
    act: str,
    body: dict[str, Any],
    clock: int,
    parents: tuple[str, ...],
    data_type: str,
    judged_by: str | None,
    body_json: str,
) -> Record:
    """A record with its id, built once: `dataclasses.replace` costs more than the hash."""
    digest = _digest(_hash_input(thread, actor, act, body_json, clock, parents, data_type))
    return Record(thread, actor, act, body, clock, parents, data_type, judged_by, digest, body_json)


def _name(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidRecord(f"{key} must be a non-empty string", f"give the record its {key}")
    if len(value) > MAX_NAME_CHARS:
        raise InvalidRecord(
            f"{key} has {len(value)} characters, over the limit of {MAX_NAME_CHARS}", f"shorten the {key}"
        )
    if not value.isprintable():
        if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in value):
            raise InvalidRecord(f"{key} holds a control character", "use printable characters")
        if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
            raise InvalidRecord(f"{key} holds half of a surrogate pair", "send whole Unicode characters")
    return value


def _hash_text(value: Any, key: str) -> str:
    if not is_record_id(value):
        raise InvalidRecord(
            f"{key} must be a record id (64 lower-case hex digits), not {value!r}",
            "record ids come from the answer to a post",
        )
    return value


def parse_record(value: Any) -> Record:
    """Check the shape of one posted record, as read by `parse_json`, and give it its id if it has a clock.

    Raises InvalidRecord naming the field; TooLarge when the body or the parents are over their limits.
    """
    if not isinstance(value, dict):
        raise InvalidRecord(f"a record is a JSON object, not {_kind(value)}", "send the eight fields")
    if not _POSTED.issuperset(value):
        unknown = sorted(map(str, value.keys() - _POSTED))
        raise InvalidRecord(f"unknown field {unknown[0]!r}", f"a record has: {', '.join(sorted(FIELDS))}")
    act = _choice(value.get("act"), "act", ACTS)
    data_type = _choice(value.get("data_type", "SCALAR"), "data_type", DATA_TYPES)
    clock = value.get("clock")
    if clock is not None and (type(clock) is not int or not 0 <= clock <= MAX_CLOCK):
        raise InvalidRecord(f"clock must be an integer from 0 to 2^63-1, not {clock!r}", "or leave it out")
    body = value.get("body", {})
    if not isinstance(body, dict):
        raise InvalidRecord(f"body must be a JSON object, not {_kind(body)}", "send {} when it is empty")
    parents = _parents(value.get("parents"))
    judged_by = value.get("judged_by")
    if judged_by is not None:
        _hash_text(judged_by, "judged_by")
    thread = _name(value.get("thread"), "thread")
    actor = _name(value.get("actor"), "actor")
    body_json = _body_json(body)
    if clock is None:
        return Record(thread, actor, act, body, None, parents, data_type, judged_by, "", body_json)
    record = _placed(thread, actor, act, body, clock, parents, data_type, judged_by, body_json)
    claimed = value.get("id")
    if claimed is not None and claimed != record.id:
        raise InvalidRecord(
            f"the record hashes to {record.id}, not to the id that came with it ({claimed})",
            "leave the id out, or compare the canonical JSON of both sides",
        )
    return record


def _choice(value: Any, key: str, known: frozenset[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise InvalidRecord(f"{key} {value!r} is unknown", f"one of {', '.join(sorted(known))}")
    return value


def _parents(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InvalidRecord("parents must be a list of record ids", "send [] when there are none")
    if len(value) > MAX_PARENTS:
        raise TooLarge(f"{len(value)} parents, over the limit of {MAX_PARENTS}", "name fewer parents")
    return tuple(sorted([_hash_text(parent, "parents") for parent in value]))


def _body_json(body: dict[str, Any]) -> str:
    text = canonical_json(body)
    # A character takes at most four bytes, so that only a long body has to be measured.
    if len(text) > MAX_BODY_BYTES // 4 and len(text.encode()) > MAX_BODY_BYTES:
        raise TooLarge(
            f"the body has {len(text.encode())} bytes, over the limit of {MAX_BODY_BYTES}",
            "put the content in a file and refer to it",
        )
    return text


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
