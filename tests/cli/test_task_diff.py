"""`spl task diff`: a patch that applies, whole or not at all, and safe on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable

import httpx
import pytest

from .conftest import Ran
from .test_task_logs import Streams, page, streams

__all__ = ["streams"]
Spl = Callable[..., Ran]
PATCH = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n+two\x1b[31m\n"


def test_into_a_pipe_it_is_byte_for_byte_over_all_pages(spl: Spl, streams: Callable[..., Streams]) -> None:
    size = len(PATCH)
    first = page(PATCH[:20], size=size)
    made = streams(first, page(PATCH[20:], 20, size=size))
    ran = spl("task", "diff", "T")
    assert (ran.code, ran.out, ran.err) == (0, PATCH, "")
    assert [query for query, _ in made.asked] == ["offset=0&limit=262144", "attempt=1&offset=20&limit=262144"]


def test_on_a_terminal_it_is_made_safe(
    spl: Spl, streams: Callable[..., Streams], monkeypatch: pytest.MonkeyPatch
) -> None:
    streams(page(PATCH))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    ran = spl("task", "diff", "T", "0", "--attempt", "1")
    assert ran.code == 0
    assert "+two" in ran.out
    assert "\x1b[31m" not in ran.out


def test_no_change_is_said_and_is_no_failure(spl: Spl, streams: Callable[..., Streams]) -> None:
    streams(page(""))
    ran = spl("task", "diff", "T")
    assert (ran.code, ran.out, ran.err) == (0, "", "T [0] changed nothing in worker-a's worktree\n")


def test_half_a_patch_is_not_printed(spl: Spl, streams: Callable[..., Streams]) -> None:
    streams(page(PATCH[:20], size=len(PATCH)), httpx.ConnectError("gone"))
    ran = spl("task", "diff", "T")
    assert (ran.code, ran.out) == (1, "")
