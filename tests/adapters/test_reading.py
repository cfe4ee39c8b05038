"""The plain reader: a line is a text, the exit status decides, and the end of the output is the summary."""

from __future__ import annotations

import pytest

from syncropel.adapters.reading import PlainReader, Text


@pytest.mark.parametrize(
    ("lines", "exit_code", "signal", "stderr", "verdict", "summary"),
    [
        ([b"one", b"two"], 0, None, "", "accept", "one\ntwo"),
        ([], 0, None, "a warning", "accept", ""),
        ([b"one"], 3, None, "", "failed", "one\nexit status 3"),
        ([], 3, None, "no such file", "failed", "no such file\nexit status 3"),
        ([], None, 15, "", "failed", "ended by SIGTERM"),
        ([b"1", b"2", b"3", b"4", b"5", b"6", b"", b" "], 0, None, "", "accept", "2\n3\n4\n5\n6"),
        ([b"\x1b[31mred\xff"], 0, None, "", "accept", " [31mred\ufffd"),
        ([b"x" * 1000 + b"end"], 0, None, "", "accept", "x" * 497 + "end"),
    ],
)
def test_an_outcome_is_the_exit_status_and_the_last_lines(
    lines: list[bytes], exit_code: int | None, signal: int | None, stderr: str, verdict: str, summary: str
) -> None:
    reader = PlainReader()
    for line in lines:
        assert reader.feed(line) == [Text(line.decode("utf-8", "replace"))]
    assert reader.finish() == []
    outcome = reader.outcome(exit_code, signal, stderr)
    assert (outcome.verdict, outcome.summary) == (verdict, summary)
