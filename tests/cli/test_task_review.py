"""`spl task review`, and `approve` and `reject` with an index: what they show, ask for, and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from syncropel.cli.text.review import reviews_lines
from syncropel.cli.text.task import child_lines
from syncropel.client import Client
from syncropel.client.calls import Call
from syncropel.errors import NoOutput
from syncropel.wire import AttemptList, AttemptOut, ChildOut, OutputPage, ReviewOut, ReviewTaken

from .conftest import Ran

Spl = Callable[..., Ran]
COMMIT = "ab" * 20
PATCH = """\
diff --git a/src/a.py b/src/a.py
index 1..2 100644
--- a/src/a.py
+++ b/src/a.py
@@ -10,3 +10,3 @@ def f():
     n = 1
-    return n
+    return n + 1
 # end
diff --git a/new b/new
new file mode 100644
--- /dev/null
+++ b/new
@@ -0,0 +1 @@
+--- dashes
\\ No newline at end of file
diff --git a/two words b/two words
index 1..2 100644
--- a/two words\t
+++ b/two words\t
@@ -1 +1 @@
-a
+b
"""
REVIEW = ReviewOut(
    id="cd" * 32,
    index=0,
    attempt=1,
    commit=COMMIT,
    verdict="reject",
    by="did:sync:user:ada",
    at=0.0,
    text="Not yet.",
    notes=[{"text": "off by one", "path": "src/a.py", "line": 11, "quote": "return n + 1"}],  # type: ignore[list-item]
)


def attempt(number: int, **more: Any) -> AttemptOut:
    left = {"path": "/w", "branch": "task/T", "commit": COMMIT, "subject": "s", "commits_ahead": 1}
    worktree = {**left, "uncommitted": 0, "base": "c", "files": 2, "insertions": 10, "deletions": 3}
    values: dict[str, Any] = {
        "attempt": number,
        "state": "accept",
        "instance": "did:w",
        "instance_alias": "worker-a",
    }
    known: dict[str, Any] = {"spawned_at": 1.0, "wall_time_secs": 75.0, "tokens": 1234, "cost_usd": 0.125}
    known["instance_alias"] = "worker-a"
    return AttemptOut(**{**values, **known, "worktree": worktree, "last_words": "did it", **more})


def listed(*data: AttemptOut, **more: Any) -> AttemptList:
    found = data or (attempt(1),)
    values: dict[str, Any] = {
        "thread": "th_t",
        "alias": "T",
        "namespace": "default",
        "index": 0,
        "goal": "fix it",
    }
    values |= {"index": 0, "goal": "fix it"}
    last: dict[str, Any] = {"latest": found[-1].attempt, "state": found[-1].state, "joined": False}
    return AttemptList(**{**values, **last, "data": list(found), **more})


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Call[Any]]]:
    """Let a daemon have these attempts, and this patch; gives the reviews that it gets."""

    def give(found: AttemptList, patch: str | None = PATCH) -> list[Call[Any]]:
        posted: list[Call[Any]] = []

        def send(_: Client, call: Call[Any]) -> Any:
            if call.path.endswith("/attempts"):
                return found
            if call.path.endswith("/diff"):
                if patch is None:
                    raise NoOutput("what attempt 1 changed is gone")
                size = len(patch)
                known: dict[str, Any] = {"index": 0, "attempt": 1, "state": "accept", "ended": True}
                return OutputPage(**known, offset=0, next_offset=size, size=size, data=patch)
            posted.append(call)
            rejects = call.body["verdict"] == "reject"
            more: dict[str, Any] = {
                "next_attempt": 2,
                "hint": "Attempt 1 was rejected\n\nx",
                "dependents": [3],
            }
            review = REVIEW.model_copy(update={"verdict": call.body["verdict"]})
            return ReviewTaken(thread="th_t", alias="T", review=review, **(more if rejects else {}))

        monkeypatch.setattr(Client, "send", send)
        return posted

    return give


def test_attempts_stand_side_by_side(spl: Spl, answers: Callable[..., Any]) -> None:
    second = attempt(2, cost_unknown=True, tokens=None, worktree=None, last_words="")
    answers(listed(attempt(1, reviews=[REVIEW]), second, dependents=[2]))
    ran = spl("task", "review", "T", "0")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "T [0] fix it"
    assert lines[2].split() == [
        "1", "accept", "2", "+10", "-3", "$0.12", "1m15s", "1,234", "worker-a", COMMIT[:12], "rejected",
    ]  # fmt: skip
    assert lines[3].split() == ["2", "accept", "-", "-", ">$0.12", "1m15s", "-", "worker-a", "-", "-"]
    assert lines[4] == "  1: did it"
    assert "Attempt 1 rejected by did:sync:user:ada" in ran.out
    assert "  Not yet.\n  src/a.py:11 — `return n + 1` — off by one\n" in ran.out
    assert "have begun: [2]; rejecting it needs --anyway" in ran.out
    assert json.loads(spl("task", "review", "T", "-o", "json").out)["object"] == "attempts"


def test_what_cannot_be_reviewed_says_why(spl: Spl, answers: Callable[..., Any]) -> None:
    answers(listed(not_approvable="it is running"))
    ran = spl("task", "review", "T")
    assert "it is running" in ran.out
    assert "Approve:" not in ran.out
    answers(listed(not_rejectable="T has joined"))
    assert "It cannot be rejected: T has joined" in spl("task", "review", "T").out
    answers(listed(latest=2, state="pending"))
    assert "attempt 2 is pending, and given to no instance yet" in spl("task", "review", "T").out


def test_a_rejection_sends_what_was_looked_at_with_the_lines_quoted(
    spl: Spl, answers: Callable[..., list[Call[Any]]]
) -> None:
    posted = answers(listed())
    notes = [
        "src/a.py:11 off by one",
        "src/a.py:11:old why?",
        "src/b.py:7 and more",
        "tests are missing",
        "two words:1 why b?",
        "as in no file:1 of them",
    ]
    words = [word for note in notes for word in ("--note", note)]
    ran = spl("task", "reject", "T", "0", "--notes", "Not yet.", "--commit", COMMIT[:8], *words)
    assert ran.code == 0
    assert ran.err == "warning: the diff does not show src/b.py:7: the note on it quotes no line\n"
    body = posted[0].body
    assert (body["verdict"], body["attempt"], body["commit"], body["text"]) == (
        "reject",
        1,
        COMMIT,
        "Not yet.",
    )
    assert body["notes"] == [
        {"path": "src/a.py", "line": 11, "side": "new", "text": "off by one", "quote": "return n + 1"},
        {"path": "src/a.py", "line": 11, "side": "old", "text": "why?", "quote": "return n"},
        {"path": "src/b.py", "line": 7, "side": "new", "text": "and more"},
        {"text": "tests are missing"},
        {"path": "two words", "line": 1, "side": "new", "text": "why b?", "quote": "b"},
        {"text": "as in no file:1 of them"},
    ]
    assert "✓ T [0] attempt 1 at abababababab rejected" in ran.out
    assert "  Attempt 2 begins, and is told:\n    Attempt 1 was rejected\n" in ran.out
    assert "[3] has begun with the rejected result" in ran.out


def test_without_the_diff_the_notes_are_sent_all_the_same(
    spl: Spl, answers: Callable[..., list[Call[Any]]]
) -> None:
    posted = answers(listed(), None)
    ran = spl("task", "reject", "T", "0", "--note", "src/a.py:11 off by one")
    assert ran.code == 0
    assert "warning: the notes quote no lines: what attempt 1 changed is gone" in ran.err
    assert "quote" not in posted[0].body["notes"][0]


def test_an_approval_needs_no_words(spl: Spl, answers: Callable[..., list[Call[Any]]]) -> None:
    posted = answers(listed(attempt(1, worktree=None)))
    ran = spl("task", "approve", "T", "0", "-o", "json")
    assert (ran.code, json.loads(ran.out)["object"]) == (0, "review")
    assert (posted[0].body["verdict"], posted[0].body["commit"]) == ("accept", "")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("reject", "T", "0"), 2, "a rejection needs notes"),
        (("reject", "T", "0", "--note", " "), 2, "--note is empty"),
        (("reject", "T", "--note", "a:1 x"), 2, "--note is about an attempt"),
        (("approve", "T", "--attempt", "1"), 2, "--attempt is about an attempt"),
        (("reject", "T", "--anyway"), 2, "--anyway is about an attempt"),
        (("approve", "T", "0", "--subtask", "0"), 2, "--subtask is for a subtask that waits"),
        (("reject", "T", "0", "--note", "src/a.py:2"), 2, "--note src/a.py:2 says nothing of that line"),
        (("reject", "T", "0", "--note", " src/a.py:2:old "), 2, "--note src/a.py:2:old says nothing"),
        (("approve", "T", "0", "--domain", "docs"), 2, "--domain is about the whole task"),
        (("approve", "T", "0", "--anyway"), 2, "unrecognized arguments"),
        (("approve", "T", "0", "--commit", "cdcdcdcd"), 1, "is commit abab"),
        (("approve", "T", "0", "--commit", "ab"), 1, "not ab"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_sent(
    spl: Spl, answers: Callable[..., list[Call[Any]]], words: tuple[str, ...], code: int, told: str
) -> None:
    posted = answers(listed())
    ran = spl("task", *words)
    assert (ran.code, posted) == (code, [])
    assert told in ran.err


def test_join_status_says_the_last_reviews(spl: Spl) -> None:
    more: dict[str, Any] = {"index": 0, "goal": "g", "target": "worker-a", "state": "pending", "attempt": 2}
    child = ChildOut(**{**more, "reviews": [REVIEW] * 5})
    lines = "\n".join(child_lines(child))
    assert "reviews: 2 more before these" in lines
    assert lines.count("review: attempt 1 rejected by did:sync:user:ada at abababababab: Not yet.") == 3


def test_show_says_the_last_reviews() -> None:
    assert reviews_lines([]) == []
    lines = reviews_lines([REVIEW] * 5)
    assert lines[:2] == ["Reviews:", f"  [0] attempt 1 rejected by {REVIEW.by} at {COMMIT[:12]}: Not yet."]
    assert lines[-1] == "  and 2 before"
