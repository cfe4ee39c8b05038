"""Bundles: records of some threads in one text file that proves itself, `.snap.jsonl`.

The first line is the header: format, version, how many records and threads, and the digest. Each line after
it is one record as canonical JSON, in the order of the log that it came from, with the time when that log
took it (`received_at`, unix seconds) and a seal. The seals are a chain: each is the beginning of the
SHA-256 of the seal before it, whole, and of its own line without the seal. So a byte that was changed, a
line that was lost, moved or put in shows at its line. The digest is the SHA-256 of the last seal and of the
header without it.

The same records from the same log give the same bytes, wherever and whenever they are written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from json.encoder import encode_basestring as quote
from typing import Any, Final

from syncropel.errors import InvalidBundle, SyncropelError
from syncropel.record.canonical import canonical_json, parse_json
from syncropel.record.model import FIELDS, Record, parse_record

FORMAT: Final = "syncropel-snapshot"
VERSION: Final = 1
MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""Longer than any record: a body has at most 1 MiB, which JSON escapes may make six times as long."""

_SEAL_CHARS: Final = 16
_FIRST: Final = hashlib.sha256(f"{FORMAT} {VERSION}".encode()).hexdigest()
_KEYS: Final = FIELDS | {"id", "received_at", "seal"}
_HEADER_KEYS: Final = frozenset({"digest", "format", "records", "threads", "version"})


@dataclass(frozen=True, slots=True)
class Header:
    """The contents of the first line."""

    records: int
    threads: int
    digest: str

    def line(self) -> str:
        return canonical_json(_header_fields(self.records, self.threads) | {"digest": self.digest}) + "\n"


@dataclass(frozen=True, slots=True)
class Bundled:
    """One record of a bundle. `received_at`: unix seconds; `line`: its line number in the file, from 2."""

    record: Record
    received_at: float
    line: int


class Sealer:
    """Writes the lines of a bundle after its header, and computes the header."""

    def __init__(self) -> None:
        self._chain = _FIRST
        self._records = 0
        self._threads: set[str] = set()

    def line(self, record: Record, received_at: float) -> str:
        """The next line, with its line break. The record has its clock and id."""
        before, after = _parts(record, received_at)
        self._chain = _link(self._chain, before, after)
        self._records += 1
        self._threads.add(record.thread)
        return f'{before},"seal":"{self._chain[:_SEAL_CHARS]}"{after}\n'

    def header(self) -> Header:
        """The header for what was written so far."""
        records, threads = self._records, len(self._threads)
        return Header(records, threads, _digest(self._chain, records, threads))


def read_header(line: bytes) -> Header:
    """The header in a bundle's first line. Raises InvalidBundle when it is invalid, or of a later version."""
    try:
        fields = parse_json(_text(line, 1))
    except SyncropelError:
        fields = None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise InvalidBundle(
            "line 1 is not the header of a bundle", "write one with: spl thread snapshot --all --out F"
        )
    if fields.get("version") != VERSION:
        raise InvalidBundle(
            f"line 1: this bundle has version {fields.get('version')!r}, this spl reads version {VERSION}",
            "use the spl that wrote it, or a newer one",
        )
    records, threads, digest = fields.get("records"), fields.get("threads"), fields.get("digest")
    if set(fields) != _HEADER_KEYS or type(records) is not int or type(threads) is not int:
        raise _altered(1, "the header is not as it was written")
    header = Header(records, threads, str(digest))
    if header.line().encode() != line:
        raise _altered(1, "the header is not as it was written")
    return header


def read_bundle(header: Header, lines: Iterable[bytes]) -> Iterator[Bundled]:
    """The records in the lines after the header, each with its line break; each is checked before it is
    returned.

    Raises InvalidBundle naming the line: for one that is not a record, whose id is not the hash of its
    content, or whose seal does not follow from the previous ones; and at the end when the whole does not
    match the header.
    """
    chain, count, threads = _FIRST, 0, set()
    number = 1
    for number, line in enumerate(lines, start=2):
        chain, bundled = _read_line(line, number, chain)
        count += 1
        threads.add(bundled.record.thread)
        yield bundled
    if (count, len(threads)) != (header.records, header.threads):
        raise InvalidBundle(
            f"the file ends after line {number} with {count} records of {len(threads)} threads, "
            f"its header promises {header.records} of {header.threads}",
            "the file was cut off or altered: copy it again from where it was written",
        )
    if _digest(chain, count, len(threads)) != header.digest:
        raise _altered(1, "the digest is not that of the records")


def _read_line(line: bytes, number: int, chain: str) -> tuple[str, Bundled]:
    text = _text(line, number)
    try:
        fields = parse_json(text)
        if not isinstance(fields, dict) or fields.keys() != _KEYS:
            raise _altered(number, "it does not have the members of a bundled record")
        received_at, seal = fields.pop("received_at"), fields.pop("seal")
        if isinstance(received_at, bool) or not isinstance(received_at, int | float) or received_at < 0:
            raise _altered(number, f"received_at is {received_at!r}, not a time")
        if fields["clock"] is None:
            raise _altered(number, "its record has no clock")
        record = parse_record(fields)
    except InvalidBundle:
        raise
    except SyncropelError as error:
        raise InvalidBundle(f"line {number}: {error.message}", _AGAIN) from None
    before, after = _parts(record, float(received_at))
    chain = _link(chain, before, after)
    if f'{before},"seal":"{seal}"{after}\n'.encode() != line:
        raise _altered(number, "it is not as it was written")
    if chain[:_SEAL_CHARS] != seal:
        raise _altered(number, "its seal does not follow from the lines up to it")
    return chain, Bundled(record, float(received_at), number)


_AGAIN: Final = "the file was altered: copy it again from where it was written"


def _altered(number: int, problem: str) -> InvalidBundle:
    return InvalidBundle(f"line {number}: {problem}", _AGAIN)


def _text(line: bytes, number: int) -> str:
    if len(line) > MAX_LINE_BYTES:
        raise InvalidBundle(f"line {number} has {len(line)} bytes: that is not a record", _AGAIN)
    if not line.endswith(b"\n"):
        raise InvalidBundle(f"line {number} is cut off", "the file is not whole: copy it again")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise _altered(number, "it is not UTF-8") from None


def _parts(record: Record, received_at: float) -> tuple[str, str]:
    """The two halves of a record's line, between which the seal goes; keys in canonical order."""
    parents = ",".join(map(quote, sorted(record.parents)))
    judged_by = "null" if record.judged_by is None else quote(record.judged_by)
    at = int(received_at) if received_at.is_integer() else received_at
    before = (
        f'{{"act":{quote(record.act)},"actor":{quote(record.actor)},'
        f'"body":{record.body_json or canonical_json(record.body)},"clock":{record.clock},'
        f'"data_type":{quote(record.data_type)},"id":"{record.id}","judged_by":{judged_by},'
        f'"parents":[{parents}],"received_at":{at!r}'
    )
    return before, f',"thread":{quote(record.thread)}}}'


def _link(chain: str, before: str, after: str) -> str:
    return hashlib.sha256(f"{chain}{before}{after}".encode()).hexdigest()


def _digest(chain: str, records: int, threads: int) -> str:
    return hashlib.sha256(f"{chain}{canonical_json(_header_fields(records, threads))}".encode()).hexdigest()


def _header_fields(records: int, threads: int) -> dict[str, Any]:
    return {"format": FORMAT, "records": records, "threads": threads, "version": VERSION}
