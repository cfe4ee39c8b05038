"""A subtask with two attempts, and what each of them changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from syncropel.client import Call
from syncropel.errors import SyncropelError
from syncropel.wire import AttemptList, AttemptOut, OutputPage, ReviewOut, ReviewTaken, WorktreeLeft
from syncropel.wire.agents import GateOut
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tui.screens.review import ReviewScreen

SUBTASK = f"/v1/tasks/{sample.THREAD}/subtasks/0"
COMMITS = {1: "1a" * 20, 2: "2b" * 20, 3: "3c" * 20}
FIRST = """\
diff --git a/docs/guide.md b/docs/guide.md
index 1..2 100644
--- a/docs/guide.md
+++ b/docs/guide.md
@@ -1,3 +1,3 @@
 # Guide
-Prices are in euro.
+Prices are in dollars.
 See the appendix.
diff --git a/docs/old.md b/docs/old.md
deleted file mode 100644
index 1..0
--- a/docs/old.md
+++ /dev/null
@@ -1 +0,0 @@
-gone
"""
SECOND = """\
diff --git a/docs/guide.md b/docs/guide.md
index 1..2 100644
--- a/docs/guide.md
+++ b/docs/guide.md
@@ -1,4 +1,4 @@ # Guide
 # Guide
-Prices are in euro.
+Prices are in US dollars, taxes excluded, as the list of the finance team said when this was written down.
 See the appendix.
 The end.
@@ -98,3 +98,4 @@ See the appendix.
 one
 two
+access = "user\u202e \u2066# check\u2069 \u2066"
 three
diff --git a/docs/old.md b/docs/old.md
deleted file mode 100644
index 1..0
--- a/docs/old.md
+++ /dev/null
@@ -1 +0,0 @@
-gone
diff --git a/tools/check.sh b/tools/run/check-links.sh
old mode 100644
new mode 100755
similarity index 80%
rename from tools/check.sh
rename to tools/run/check-links.sh
index 1..2
--- a/tools/check.sh
+++ b/tools/run/check-links.sh
@@ -1,2 +1,2 @@
 #!/bin/sh
-exit 0
\\ No newline at end of file
+exec linkcheck docs
\\ No newline at end of file
diff --git a/logo.png b/logo.png
new file mode 100644
index 0..1
Binary files /dev/null and b/logo.png differ
"""


def long_diff(files: int) -> bytes:
    return "".join(
        f"diff --git a/f{n} b/f{n}\n--- a/f{n}\n+++ b/f{n}\n@@ -1 +1 @@\n-old {n}\n+new {n}\n"
        for n in range(files)
    ).encode()


def left(number: int = 2, **changes: Any) -> WorktreeLeft:
    facts: dict[str, Any] = {
        "path": "/w/app", "branch": f"spl/DOCS-11-0-{number}", "commit": COMMITS[number],
        "subject": "Give prices in dollars", "commits_ahead": 1, "uncommitted": 0, "base": "0f" * 20,
        "files": 2 * number, "insertions": 3 * number - 2, "deletions": number + 1,
    }  # fmt: skip
    return WorktreeLeft(**facts | changes)


def attempt(number: int = 2, **changes: Any) -> AttemptOut:
    facts: dict[str, Any] = {
        "attempt": number, "state": "accept", "instance": sample.WORKERS["a"], "instance_alias": "worker-a",
        "spawned_at": sample.AT - 300, "finished_at": sample.AT - 200, "cost_usd": 0.21 * number,
        "wall_time_secs": 47.5 * number, "last_words": "all links work", "worktree": left(number),
    }  # fmt: skip
    return AttemptOut(**facts | changes)


def rejected(number: int = 1) -> AttemptOut:
    review = ReviewOut(
        id="ee" * 32, index=0, attempt=number, commit=COMMITS[number], verdict="reject", by="did:a",
        at=sample.AT - 150,
    )  # fmt: skip
    gate = GateOut(command=["make", "links"], passed=False, exit_code=2)
    return attempt(number, reviews=[review], gate=gate)


def attempts(*every: AttemptOut, **changes: Any) -> AttemptList:
    listed = list(every) or [rejected(), attempt(gate=GateOut(command=["make"], passed=True))]
    facts: dict[str, Any] = {
        "thread": sample.THREAD, "alias": "DOCS-11", "namespace": "docs/v0.11", "index": 0, "goal": "write",
        "repo": "app", "latest": listed[-1].attempt, "state": listed[-1].state, "joined": False,
        "data": listed,
    }  # fmt: skip
    return AttemptList(**facts | changes)


def taken(**changes: Any) -> ReviewTaken:
    review = ReviewOut(
        id="ab" * 32, index=0, attempt=2, commit=COMMITS[2], verdict="accept", by="did:a", at=sample.AT
    )
    facts: dict[str, Any] = {"thread": sample.THREAD, "alias": "DOCS-11", "review": review}
    return ReviewTaken(**facts | changes)


class ReviewClient(FakeClient):
    """A daemon that gives diffs in pages of `page_bytes`, and takes reviews."""

    def __init__(self, listed: AttemptList | None = None) -> None:
        super().__init__()
        self.tasks(sample.tasks())
        self.join(sample.join())
        self.diffs: dict[int, bytes | SyncropelError] = {1: FIRST.encode(), 2: SECOND.encode()}
        self.page_bytes = 4096
        self.lists(listed or attempts())
        self.answers[f"{SUBTASK}/reviews"] = taken()

    def lists(self, listed: AttemptList) -> None:
        self.answers[f"{SUBTASK}/attempts"] = listed

    async def send(self, call: Call[Any]) -> Any:
        if call.path == f"{SUBTASK}/diff" and self.refuse is None:
            self.asked[call.path] += 1
            return self._page(dict(call.query or {}))
        if self.refuse is not None and call.path.startswith(SUBTASK):
            raise self.refuse
        return await super().send(call)

    def _page(self, query: dict[str, Any]) -> OutputPage:
        number, offset = int(query["attempt"]), int(query["offset"])
        diff = self.diffs[number]
        if isinstance(diff, SyncropelError):
            raise diff
        piece = diff[offset : offset + self.page_bytes]
        return OutputPage(
            index=0, attempt=number, alias="worker-a", state="accept", ended=True, offset=offset,
            next_offset=offset + len(piece), size=len(diff), encoding="utf-8", data=piece.decode(),
        )  # fmt: skip

    @property
    def reviews(self) -> list[dict[str, Any]]:
        """The reviews that were sent."""
        return [call.body for call in self.sent if call.path == f"{SUBTASK}/reviews"]


@asynccontextmanager
async def reviewing(
    client: ReviewClient | None = None, size: tuple[int, int] = (120, 40), **how: Any
) -> AsyncIterator[tuple[Console, ReviewClient, ReviewScreen]]:
    """The review pane of the first subtask of a task, opened by its key and looked at for a while."""
    client = client or ReviewClient()
    async with console(size, sample.status(), client, screen="tasks", **how) as page:
        await page.press("enter", "v")
        await page.passes(1)
        screen = page.app.screen
        assert isinstance(screen, ReviewScreen)
        yield page, client, screen
