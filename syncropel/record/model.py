"""The record: eight fields, and the id derived from their canonical JSON (PROTOCOL: Record)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import Any, Final, TypeGuard

from syncropel.errors import InvalidRecord, TooLarge
from syncropel.record.canonical import canonical_json

ACTS: Final = frozenset({"INTEND", "DO", "KNOW", "LEARN", "GET", "PUT", "CALL", "MAP"})
DATA_TYPES: Final = frozenset({"SCALAR", "FORMULA", "DISTRIBUTION", "REFERENCE", "MORPHISM", "VOID"})
FIELDS: Final = frozenset({"parents", "thread", "actor", "act", "body", "clock", "data_type", "judged_by"})

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_PARENTS: Final = 256
MAX_NAME_CHARS: Final = 512
MAX_CLOCK: Final = 2**63 - 1
"""The highest clock that a log can hold."""
MAX_POSTED_CLOCK: Final = 2**62
"""The highest clock that a new record may have; older logs contain higher ones."""

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
    topic: str = field(init=False, compare=False, repr=False)
    """`body.topic`, `body.kind` for observation records, or the empty string. Kept, since the guard, the
    folds, and their listeners ask for it a dozen times on the way of one record."""

    def __post_init__(self) -> None:
        topic = self.body.get("topic") or self.body.get("kind")
        object.__setattr__(self, "topic", topic if isinstance(topic, str) else "")

    def with_clock(self, clock: int) -> Record:
        """The same record at `clock`, with the matching id."""
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

    def encoded(self) -> Record:
        """This record with the canonical JSON of its body. Raises InvalidRecord."""
        if self.body_json:
            return self
        text = canonical_json(self.body)
        return Record(  # `dataclasses.replace` costs more than the encoding
            self.thread,
            self.actor,
            self.act,
            self.body,
            self.clock,
            self.parents,
            self.data_type,
            self.judged_by,
            self.id,
            text,
        )

    def identified(self) -> Record:
        """This record with its id; a record without a clock is returned unchanged."""
        if self.id or self.clock is None:
            return self
        return self.with_clock(self.clock)


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record with what the store knows about it: its position in the log and its arrival time (unix
    seconds).
    """

    record: Record
    sequence: int
    received_at: float

    def flat(self) -> dict[str, Any]:
        """The record as the API returns it: the eight fields plus id, sequence, received_at, object."""
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


def hash_input(record: Record) -> str:
    """The text that is hashed: canonical JSON of seven fields (all except `judged_by`; the id is not one of
    them).
    """
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


def is_sound(record: Record) -> bool:
    """Whether a record that was read is what its id says."""
    try:
        return record_id(record) == record.id
    except InvalidRecord:
        return False


def is_record_id(value: Any) -> TypeGuard[str]:
    """Whether this has the form of a record id: 64 lower-case hex digits."""
    return isinstance(value, str) and len(value) == 64 and _HEX.issuperset(value)


def is_name(value: Any) -> bool:
    """Whether this is a valid name for a thread or an actor."""
    try:
        _name(value, "name")
    except InvalidRecord:
        return False
    return True


def _digest(text: str) -> str:
    try:
        return hashlib.sha256(text.encode()).hexdigest()
    except UnicodeEncodeError:
        raise InvalidRecord("a string contains a lone surrogate", "send whole Unicode characters") from None


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
            raise InvalidRecord(f"{key} contains a control character", "use printable characters")
        if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
            raise InvalidRecord(f"{key} contains a lone surrogate", "send whole Unicode characters")
    return value


def _hash_text(value: Any, key: str) -> str:
    if not is_record_id(value):
        raise InvalidRecord(
            f"{key} must be a record id (64 lower-case hex digits), not {value!r}",
            "record ids come from the answer to a post",
        )
    return value


def parse_record(value: Any) -> Record:
    """Check the shape of one posted record, as read by `parse_json`, and add its id if it has a clock.

    Raises InvalidRecord naming the field; TooLarge when the body or the parents exceed their limits.
    """
    if not isinstance(value, dict):
        raise InvalidRecord(f"a record is a JSON object, not {kind_of(value)}", "send the eight fields")
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
        raise InvalidRecord(f"body must be a JSON object, not {kind_of(body)}", "send {} when it is empty")
    parents = _parents(value.get("parents"))
    judged_by = value.get("judged_by")
    if judged_by is not None:
        _hash_text(judged_by, "judged_by")
    thread = _name(value.get("thread"), "thread")
    actor = _name(value.get("actor"), "actor")
    body_json = body_text(body)
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


def body_text(body: dict[str, Any]) -> str:
    """Canonical JSON of a body. Raises InvalidRecord; TooLarge above MAX_BODY_BYTES."""
    text = canonical_json(body)
    # A character takes at most four bytes, so only a long body has to be measured.
    if len(text) > MAX_BODY_BYTES // 4 and len(text.encode()) > MAX_BODY_BYTES:
        raise TooLarge(
            f"the body has {len(text.encode())} bytes, over the limit of {MAX_BODY_BYTES}",
            "put the content in a file and refer to it",
        )
    return text


def kind_of(value: Any) -> str:
    """The type of a JSON value in words: `an object`, `a list`, `null`."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
