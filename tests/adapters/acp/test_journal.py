"""What was sent to an agent is known to the next daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from syncropel.adapters.acp.journal import NAME, Journal

ONE, TWO = {"id": "one", "text": "é\ud800"}, {"id": "two"}


def test_the_next_daemon_has_the_same_messages_and_bytes(tmp_path: Path) -> None:
    first = Journal(tmp_path / NAME)
    first.add(3, ONE)
    first.add(5, TWO)
    first.close()
    again = Journal(tmp_path / NAME)
    again.close()

    stream = again.since(0)
    assert again.sent == first.sent
    assert [entry.after for entry in again.sent] == [3, 5]
    assert [json.loads(line) for line in stream.splitlines()] == [ONE, TWO]
    assert (stream, again.size) == (first.since(0), len(stream))
    assert again.since(7) == stream[7:]
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kept", [0, 1, 2])
@pytest.mark.parametrize("torn", ["", "[7", '[7,{"id":"torn"}]'])
def test_a_message_that_was_not_wholly_written_was_not_sent(tmp_path: Path, kept: int, torn: str) -> None:
    first = Journal(tmp_path / NAME)
    for message in (ONE, TWO)[:kept]:
        first.add(1, message)
    first.close()
    with (tmp_path / NAME).open("a") as file:
        file.write(torn)

    second = Journal(tmp_path / NAME)
    second.add(9, {"id": "new"})
    second.close()
    third = Journal(tmp_path / NAME)
    third.close()

    assert [entry.message["id"] for entry in second.sent] == [*["one", "two"][:kept], "new"]
    assert third.sent == second.sent


def test_a_journal_is_no_link_to_another_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    (tmp_path / NAME).symlink_to(tmp_path / "other")

    with pytest.raises(OSError, match="symbolic"):
        Journal(tmp_path / NAME)
