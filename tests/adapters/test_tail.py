"""Whole lines of a growing file: none lost, none twice, and none kept that is too long."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.adapters import tail as tails
from syncropel.adapters.tail import Tail


def read_all(tail: Tail) -> list[tuple[int, bytes]]:
    lines = []
    before = -1
    while tail.offset != before:
        before = tail.offset
        lines += list(tail.read())
    return lines


@pytest.mark.parametrize(
    ("content", "lines", "last", "dropped"),
    [
        (b"", [], None, 0),
        (b"a\nb\n", [(2, b"a"), (4, b"b")], None, 0),
        (b"a\nb", [(2, b"a")], b"b", 0),
        (b"\n\n", [(1, b""), (2, b"")], None, 0),
        (b"x" * 10 + b"\nb\n", [(11, b"x" * 10), (13, b"b")], None, 0),
        (b"x" * 11 + b"\nb\n", [(14, b"b")], None, 1),
        (b"a\n" + b"x" * 11, [(2, b"a")], None, 1),
        (b"x" * 40 + b"\n" + b"y" * 40 + b"\nb", [], b"b", 2),
        (b"\xff\x00\r\n", [(4, b"\xff\x00\r")], None, 0),
    ],
)
@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_what_a_file_says(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    lines: list[tuple[int, bytes]],
    last: bytes | None,
    dropped: int,
    chunk: int,
) -> None:
    monkeypatch.setattr(tails, "CHUNK_BYTES", chunk)
    (tmp_path / "out").write_bytes(content)
    tail = Tail(tmp_path / "out", longest=10)
    assert read_all(tail) == lines
    assert (tail.last(), tail.dropped, tail.offset) == (last, dropped, len(content))
    assert tail.last() is None, "it is said once"


@given(st.lists(st.binary(max_size=8), max_size=12))
def test_a_file_that_grows_by_pieces_says_what_it_says_at_once(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("tail") / "out"
    growing = Tail(path)
    seen = list(growing.read())
    with path.open("ab", buffering=0) as file:
        for piece in pieces:
            file.write(piece)
            seen += read_all(growing)
    *whole, rest = b"".join(pieces).split(b"\n")
    assert [line for _, line in seen] == whole
    assert growing.last() == (rest or None)


def test_a_line_of_any_length_takes_no_more_memory_than_the_longest(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        file.truncate(200 * 1024 * 1024)
        file.seek(0, os.SEEK_END)
        file.write(b"\nend\n")
    tail = Tail(tmp_path / "out")
    kept = 0
    lines: list[bytes] = []
    while tail.offset < 200 * 1024 * 1024 + 5:
        lines += [line for _, line in tail.read()]
        kept = max(kept, len(tail._partial))
    assert (lines, tail.dropped) == ([b"end"], 1)
    assert kept <= tails.LONGEST_LINE


@pytest.mark.parametrize("what", ["missing", "fifo", "link", "folder"])
def test_what_is_no_plain_file_says_nothing(tmp_path: Path, what: str) -> None:
    path = tmp_path / "out"
    (tmp_path / "other").write_text("secret\n")
    if what == "fifo":
        os.mkfifo(path)
    elif what == "link":
        path.symlink_to(tmp_path / "other")
    elif what == "folder":
        path.mkdir()
    tail = Tail(path)
    assert (list(tail.read()), tail.last(), tail.offset) == ([], None, 0)
