"""Bundles: the same bytes for the same records, and not one byte may be changed."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.errors import InvalidBundle
from syncropel.record.model import Record
from syncropel.store.bundle.format import Bundled, Sealer, read_bundle, read_header
from tests.folds.build import record

WHOLE = st.characters(exclude_categories=["Cs"])
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(WHOLE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(WHOLE), inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.builds(
    lambda *fields: Record(*fields).identified(),
    NAMES,
    NAMES,
    st.sampled_from(["INTEND", "DO", "KNOW", "PUT"]),
    st.dictionaries(st.text(WHOLE), VALUES, max_size=3),
    st.integers(0, 2**63 - 1),
    st.sets(st.sampled_from(["a" * 64, "b" * 64])).map(lambda parents: tuple(sorted(parents))),
    st.sampled_from(["SCALAR", "VOID"]),
    st.none() | st.just("c" * 64),
)
LOGS = st.lists(st.tuples(RECORDS, st.floats(0, 4e9)), max_size=4)


def written(found: Sequence[tuple[Record, float]]) -> bytes:
    sealer = Sealer()
    lines = [sealer.line(record, at) for record, at in found]
    return "".join([sealer.header().line(), *lines]).encode()


def read(raw: bytes) -> list[Bundled]:
    lines = io.BytesIO(raw)
    return list(read_bundle(read_header(lines.readline()), lines))


def sample() -> bytes:
    records = [record("INTEND", 0, {"goal": "g"}), record("KNOW", 1, {"note": "naïve"}, thread="th_other")]
    return written([(one, 1_700_000_000.25) for one in records])


@given(LOGS)
def test_what_is_read_is_what_was_written(log: list[tuple[Record, float]]) -> None:
    raw = written(log)
    found = read(raw)
    assert [(one.record, one.received_at) for one in found] == log
    assert [one.line for one in found] == list(range(2, len(log) + 2))
    assert written([(one.record, one.received_at) for one in found]) == raw


@settings(max_examples=400)
@given(LOGS, st.data())
def test_no_byte_can_be_changed_lost_or_added(log: list[tuple[Record, float]], data: st.DataObject) -> None:
    raw = written(log)
    at = data.draw(st.integers(0, len(raw) - 1))
    byte = bytes([data.draw(st.integers(0, 255))])
    how = data.draw(st.sampled_from(["change", "lose", "add"]))
    tampered = raw[:at] + (b"" if how == "lose" else byte) + raw[at + (how != "add") :]
    if tampered != raw:
        with pytest.raises(InvalidBundle, match="line"):
            read(tampered)


def test_every_byte_of_a_sample_is_guarded() -> None:
    raw = sample()
    for at in range(len(raw)):
        with pytest.raises(InvalidBundle):
            read(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        with pytest.raises(InvalidBundle):
            read(raw[:at])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: [lines[0], lines[2], lines[1]], 2),
        (lambda lines: [*lines[:1], *lines[2:]], 2),
        (lambda lines: [*lines, lines[2]], 4),
        (lambda lines: [*lines, b"\n"], 4),
        (lambda lines: lines[:2], 2),
        (lambda lines: [lines[0], lines[1].replace(b"\n", b"\r\n"), lines[2]], 2),
        (lambda lines: [lines[0], lines[1], lines[2].replace(b".25", b".5")], 3),
        (lambda lines: [lines[0], lines[1], lines[2].replace(b"null", b'"' + b"c" * 64 + b'"')], 3),
        (lambda lines: [lines[0], lines[1].replace(b'"g"', b'"h"'), lines[2]], 2),
        (lambda lines: [lines[0].replace(b'"records":2', b'"records":3'), *lines[1:]], 3),
        (lambda lines: [b'{"digest":"' + b"0" * 64 + lines[0][75:], *lines[1:]], 1),
        (lambda lines: [b"{}\n", *lines[1:]], 1),
        (lambda lines: [lines[0], b"not json\n", lines[2]], 2),
        (lambda lines: [lines[0], lines[1], b"\xff\n"], 3),
        (lambda lines: [], 1),
    ],
)
def test_the_line_is_named(change: Callable[[list[bytes]], list[bytes]], line: int) -> None:
    lines = change(sample().splitlines(keepends=True))
    with pytest.raises(InvalidBundle, match=rf"line {line}\b") as caught:
        read(b"".join(lines))
    assert caught.value.hint


def test_a_later_version_is_refused_as_such() -> None:
    with pytest.raises(InvalidBundle, match="version 2") as caught:
        read(sample().replace(b'"version":1', b'"version":2'))
    assert "newer" in caught.value.hint
