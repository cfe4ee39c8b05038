"""`R` on a task: all that failed run again; what has gone on meanwhile, or was refused, does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncropel.client import Call
from syncropel.errors import RemoteError
from syncropel.wire import JoinStatus, PostedRecord
from tests.tui import console_sample as sample
from tests.tui import sample_control as control
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.console_snapshots import Pictured
from tests.tui.dialog_page import DialogPage
from tui.dialogs.base import Dialog
from tui.model import retries
from tui.model.world import World

RETRY = "/v1/tasks/DOCS-11/retry"
ENDS = ("accept", "failed", "timeout", "reject", "terminated", "in_progress")


def broken(**changes: Any) -> JoinStatus:
    """Three that came to nothing, one that was refused, one that runs."""
    children = [sample.child(n, state=state, verdict="") for n, state in enumerate(ENDS)]
    return sample.join(subtasks=children, **changes)


class Refusing(FakeClient):
    """Refuses to retry one of them."""

    refused = -1

    async def send(self, call: Call[Any]) -> Any:
        if call.path == RETRY and (call.body or {})["index"] == self.refused:
            self.sent.append(call)
            raise RemoteError(409, "conflict", "ALREADY", "it runs already", "")
        return await super().send(call)


def daemon(join: JoinStatus) -> Refusing:
    client = Refusing()
    client.answers |= control.daemon().answers
    client.answers[RETRY] = PostedRecord.model_construct(id="ab" * 32)
    client.tasks(sample.tasks())
    client.join(join)
    return client


def retried(page: Console) -> list[tuple[int, str | None]]:
    return [(call.body["index"], call.body.get("hint")) for call in page.client.sent if call.path == RETRY]


def test_what_failed_is_what_came_to_nothing_by_itself() -> None:
    world = World().choose(sample.THREAD).joined(broken())
    failed = retries.failed_of(world, sample.THREAD)
    assert retries.tally(failed) == "1 failed, 1 timeout, 1 terminated: [1] [2] [4]"
    joined = World().choose(sample.THREAD).joined(broken(complete=True))
    assert retries.failed_of(joined, sample.THREAD) == []
    assert retries.failed_of(world, "th_other") == []


@pytest.mark.parametrize(
    ("count", "hint", "line"),
    [
        (1, "", "spl task retry DOCS-11 --subtask 0"),
        (1, "look out", "spl task retry DOCS-11 --subtask 0 --hint 'look out'"),
        (3, "", "for n in 0 1 2; do spl task retry DOCS-11 --subtask $n; done"),
        (2, "go", "for n in 0 1; do spl task retry DOCS-11 --subtask $n --hint go; done"),
    ],
)
def test_the_command_for_it(count: int, hint: str, line: str) -> None:
    assert retries.command("DOCS-11", [sample.child(n) for n in range(count)], hint) == line


async def test_all_of_them_after_one_question(picture: Callable[[Pictured], None]) -> None:
    async with console((80, 24), sample.status(), daemon(broken()), screen="tasks") as page:
        await page.press("R")
        dialog = DialogPage(page)
        assert dialog.title == "Retry what failed of DOCS-11"
        assert "1 failed, 1 timeout, 1 terminated: [1] [2] [4]" in dialog.part("says")
        assert "for n in 1 2 4; do spl task retry DOCS-11" in dialog.part("command")
        assert dialog.focused == "Cancel"
        assert retried(page) == []
        picture(page)
        await dialog.fill("words", "mind the links")
        await dialog.press("enter", "enter")
        assert retried(page) == [(1, "mind the links"), (2, "mind the links"), (4, "mind the links")]
        assert "[1] [2] [4] of DOCS-11 will run again" in dialog.part("outcome")


async def test_one_that_has_gone_on_meanwhile_is_left_alone() -> None:
    async with console(status=sample.status(), client=daemon(broken()), screen="tasks") as page:
        await page.press("R")
        gone_on = broken()
        gone_on.subtasks[1] = sample.child(1, state="failed", attempt=2)
        page.client.join(gone_on)
        await page.hears(sample.status(tasks_revision=18))
        await page.passes(1)
        assert DialogPage(page).part("says").startswith("1 timeout, 1 terminated: [2] [4]")
        await page.press("r")
        assert [index for index, _ in retried(page)] == [2, 4]


async def test_where_it_is_refused_it_says_how_far_it_came_and_goes_on_from_there() -> None:
    client = daemon(broken())
    client.refused = 2
    async with console(status=sample.status(), client=client, screen="tasks") as page:
        await page.press("R", "r")
        dialog = DialogPage(page)
        assert "refused: [2], after 1 of 3: it runs already" in dialog.part("outcome")
        client.refused = -1
        await page.press("r")
        assert [index for index, _ in retried(page)] == [1, 2, 2, 4]
        assert "[2] [4] of DOCS-11 will run again" in dialog.part("outcome")


async def test_of_a_task_of_which_nothing_failed_there_is_nothing_to_retry() -> None:
    async with console(status=sample.status(), client=daemon(sample.join()), screen="tasks") as page:
        await page.press("R")
        assert not isinstance(page.app.screen, Dialog)
        (told,) = page.app._notifications
        assert "no subtask is selected" in told.message
