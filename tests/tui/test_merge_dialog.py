"""Merging a task's branches from the console: a preview, exactly that, its steps, and its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from syncropel.client import merge_text
from syncropel.client.calls import Call
from syncropel.errors import RemoteError
from syncropel.wire import ConflictFile, JoinStatus, MergedBranch, MergedInto, MergeList, MergeOut, MergeStep
from tests.tui import console_sample as sample
from tests.tui.console_page import Console
from tests.tui.dialog_page import DialogPage
from tests.tui.sample_inbox import ME, InboxClient, inbox
from tui.model import merging
from tui.model.glyphs import UNICODE

MERGE = f"/v1/tasks/{sample.THREAD}/merge"
FINE = "all of it can be merged"


def step(number: int, what: str, **more: Any) -> MergeStep:
    return MergeStep(step=number, what=what, at=sample.AT, **more)


STEPS = [step(0, "started"), step(1, "merged", index=0, made="12" * 20)]
CONFLICT: dict[str, Any] = {
    "state": "conflict",
    "steps": [*STEPS, step(2, "ended", index=1)],
    "told": "subtask 1 and subtask 0 changed the same lines: a.py",
    "files": [ConflictFile(path=f"a{n}\x1b[2J.py", index=0) for n in range(9)],
}
RED: dict[str, Any] = {
    "state": "gate_failed",
    "steps": [*STEPS, step(3, "gate_failed", index=1, told="exit status 1: make", tail="x\n1 failed"),
              step(4, "bisected", index=1, tail="1 failed")],
    "told": "the gate fails from subtask 1 on",
}  # fmt: skip


def merge(state: str = "queued", **changes: Any) -> MergeOut:
    facts: dict[str, Any] = {
        "id": "ab" * 32,
        "state": state,
        "repo": "app",
        "into": "main",
        "mode": "merge",
        "dry_run": True,
        "instance": sample.WORKERS["a"],
        "instance_alias": "worker-a",
        "by": ME,
        "at": sample.AT,
        "ended_at": None
        if changes.get("state", state) in ("queued", "running", "merge_untaken")
        else sample.AT,
        "branches": [
            MergedBranch(index=index, attempt=1, branch=f"task/DOCS-11+{index}", commit="c0" * 20)
            for index in (0, 1)
        ],
    }
    return MergeOut(**facts | changes)


class MergingClient(InboxClient):
    """A daemon that takes merges on. The latest is `made`; they stand as in `merges`."""

    def __init__(self) -> None:
        super().__init__()
        self.join(on_a_repository())
        self.made: MergeOut | RemoteError = merge()
        self.merges: list[MergeOut] = []

    async def send(self, call: Call[Any]) -> Any:
        if call.path == MERGE:
            listed = MergeList(thread=sample.THREAD, alias="DOCS-11", data=self.merges)
            self.answers[MERGE] = self.made if call.method == "POST" else listed
        return await super().send(call)

    @property
    def asked_for(self) -> list[dict[str, Any]]:
        return [call.body for call in self.sent if call.path == MERGE and call.method == "POST"]


def on_a_repository(**changes: Any) -> JoinStatus:
    join = sample.join()
    subtasks = [one.model_copy(update={"repo": "app", **changes}) for one in join.subtasks]
    return join.model_copy(update={"subtasks": subtasks})


@asynccontextmanager
async def merging_page() -> AsyncIterator[tuple[Console, MergingClient, DialogPage]]:
    client = MergingClient()
    async with inbox(client, screen="tasks", size=(80, 24)) as page:
        await page.passes(0.5)
        await page.press("I")
        yield page, client, DialogPage(page)


async def test_what_the_preview_has_shown_is_merged_and_followed_to_its_end() -> None:
    async with merging_page() as (page, client, dialog):
        assert dialog.title == "Merge the branches of DOCS-11"
        assert dialog.greyed == "preview it first (p)"
        await dialog.press("m")
        assert client.asked_for == []
        await dialog.press("p")
        actor = page.app.fleets.front.target.actor
        asked = {"subtasks": [], "actor": actor, "into": "", "mode": "merge", "dry_run": True}
        assert client.asked_for == [asked]
        assert dialog.greyed == "its preview goes on"
        assert "… queued on worker-a" in dialog.part("after-fields")
        client.merges = [merge("checked", steps=STEPS, told=FINE)]
        await page.passes(1)
        assert "Preview: [0] [1] into main" in dialog.part("after-fields")
        assert f"✓ nothing was moved: {FINE}" in dialog.part("after-fields")
        assert dialog.greyed == ""
        assert dialog.part("command") == "$ spl task merge DOCS-11 0 1 --into main"
        await dialog.press("h", "right")
        assert dialog.greyed == "preview it first (p)", "that was a preview of something else"
        await dialog.press("left")
        client.made = merge(id="cd" * 32, dry_run=False)
        await dialog.press("enter", "m")
        assert client.asked_for[1:] == [asked | {"subtasks": [0, 1], "into": "main", "dry_run": False}]
        assert "✓ asked for: worker-a merges [0] [1]" in dialog.part("outcome")
        client.merges = [merge("running", id="cd" * 32, dry_run=False, steps=STEPS), *client.merges]
        await page.passes(1)
        assert "[0] merged (121212121212)\n… running on worker-a" in dialog.part("outcome")
        client.merges = [merge(**CONFLICT, id="cd" * 32, dry_run=False), *client.merges[1:]]
        await page.passes(1)
        for words in (
            "✗ conflict: subtask 1 and subtask 0 changed the same lines",
            "a0 [2J.py: [1] and [0]",
            "and 6 more",
            "main was left as it was",
            "→ merge those before it: spl task merge DOCS-11 0",
            "→ then merge it by hand: git merge task/DOCS-11+1",
            "[Close (esc)]",
        ):
            assert words in page.drawn
        asked_before = client.asked[MERGE]
        await page.passes(5)
        assert client.asked[MERGE] == asked_before, "it is over"


async def test_what_a_preview_warns_of_is_not_merged() -> None:
    async with merging_page() as (page, client, dialog):
        await dialog.fill("only", "0, x")
        assert dialog.greyed == "subtasks are numbers, such as 0 3 (n)"
        await dialog.fill("only", "[0] 1")
        client.made = RemoteError(409, "conflict", "CONFLICT", "DOCS-11 [1] cannot be merged", "see it")
        await dialog.press("enter", "enter")
        assert client.asked_for[0]["subtasks"] == [0, 1]
        assert "✗ refused: DOCS-11 [1] cannot be merged (HTTP 409)" in dialog.part("after-fields")
        client.made = merge(**CONFLICT)
        await dialog.press("p")
        assert dialog.greyed == "its preview ended: conflict"
        assert "main was left as it was" in dialog.part("after-fields")
        await dialog.press("escape")
        client.join(sample.join())
        await page.hears(sample.status(tasks_revision=18))
        await page.passes(0.5)
        await page.press("I")
        told = [one.message for one in page.app._notifications]
        assert told == ["no accepted subtask of this task has worked on a repository"]


async def test_where_it_was_merged_stands_beside_the_task_and_on_its_subtask() -> None:
    client = MergingClient()
    where = MergedInto(merge="ab" * 32, into="main", commit="34" * 20, attempt=1, at=sample.AT)
    client.join(on_a_repository(merged=where))
    async with inbox(client, screen="tasks", size=(200, 50)) as page:
        await page.passes(0.5)
        assert "merged      [0] [1] [2] [3] [4] into main at" in page.drawn
        assert "343434343434" in page.drawn, "on the next line, as the pane is not wider"
        await page.press("enter", "enter")
        assert "merged      into main at 343434343434" in page.drawn


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        (merge("frozen", told="stopped"), "lift the freeze, and merge again: spl task merge T"),
        (merge("interrupted"), "merge again: spl task merge T"),
        (merge("merge_untaken"), "see whether it began after all: spl task merge T --status"),
        (merge(**RED), "leave [1] out: spl task merge T 0"),
        (merge(**RED | {"branches": merge().branches[1:]}),
         "mend it, and merge it by hand: git merge task/DOCS-11+1"),
        (merge("refused", told="main moved"), ""),
    ],
)  # fmt: skip
def test_each_end_says_what_to_do(ended: MergeOut, told: str) -> None:
    assert "\n".join(merge_text.advice("T", ended)) == told
    lines = [words for words, _ in merging.progress("T", ended, UNICODE)]
    assert not told or lines[-1] == f"→ {told}"
    assert any(one.startswith("? not taken" if ended.state == "merge_untaken" else "✗") for one in lines)
