"""Threads as the command line prints them: where each stands, and which lacks its beginning."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.cli.text.thread import list_lines, show_lines
from syncropel.wire import Participant, ThreadState, ThreadSummary

MARK = "! does not start with an INTEND"


def summary(**changes: Any) -> ThreadSummary:
    whole: dict[str, Any] = {
        "id": "music.library", "kind": "other", "title": "listen", "status": "observed", "records": 2,
        "participants": 1, "first_sequence": 1, "last_sequence": 2, "last_activity": 0.0,
    }  # fmt: skip
    return ThreadSummary(**whole | changes)


def state(**changes: Any) -> ThreadState:
    thread = summary(**{key: changes.pop(key) for key in ("status", "starts_with_intend") if key in changes})
    whole: dict[str, Any] = {
        "thread": thread,
        "opened_by": "did:ann",
        "clock": 1,
        "acts": {"KNOW": 2},
        "open_intends": [],
    }
    return ThreadState(**whole | changes)


def test_a_list_says_which_thread_lacks_its_intend() -> None:
    lines = list_lines([summary(), summary(id="other", starts_with_intend=False)], more=False)
    assert [" ".join(line.split()[:4]) for line in lines[1:3]] == [
        "music.library other observed 2",
        "other other observed !",
    ]
    assert lines[3:] == [MARK]
    assert MARK not in list_lines([summary()], more=False)


def test_a_thread_says_whether_it_starts_with_an_intend() -> None:
    assert f"  {MARK}" in show_lines(state(starts_with_intend=False, opened_by=None), [])
    assert f"  {MARK}" not in show_lines(state(), [])


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "  Status: observed"),
        ({"status": "closed", "closed_as": "cancelled"}, "  Status: closed (cancelled)"),
        ({"status": "closed", "closed_as": "fulfilled"}, "  Status: closed (fulfilled)"),
    ],
)
def test_how_a_thread_was_closed(changes: dict[str, Any], line: str) -> None:
    assert line in show_lines(state(**changes), [])


def test_roles() -> None:
    one = Participant(actor="did:bot", records=3, roles=["opener", "adapter"], first_clock=0, last_clock=2)
    assert show_lines(state(), [one])[-1].split() == ["did:bot", "3", "opener,", "adapter"]
