"""One dialog for all marked rows: the exact list, what it means in all, and what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from syncropel.errors import DaemonNotRunning, RemoteError
from syncropel.wire import DrainChanged, FreezeOut, JoinStatus, PostedRecord
from tests.tui import console_sample as sample
from tests.tui import sample_control as control
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.console_snapshots import Pictured
from tests.tui.dialog_page import DialogPage
from tests.tui.sample_inbox import InboxClient, item, late
from tests.tui.sample_marks import Obliging, news, some_tasks, thread
from tests.tui.sample_policy import PolicyClient, opened
from tui.dialogs.base import Dialog
from tui.widgets.table import Table

REFUSED = RemoteError(409, "conflict", "ALREADY", "somebody has it", "")


@asynccontextmanager
async def marked(
    keys: str, key: str, client: Obliging | None = None, size: tuple[int, int] = (120, 40), **how: Any
) -> AsyncIterator[tuple[Console, DialogPage]]:
    """Tasks, marked by these keys, and the dialog of a key, looked at for a while."""
    client = client or Obliging(some_tasks())
    async with console(size, sample.status(), client, screen="tasks", **how) as page:
        await page.press(*keys.split(), key)
        await page.passes(1)
        yield page, DialogPage(page)


def obliging(page: Console) -> Obliging:
    assert isinstance(page.client, Obliging)
    return page.client


def lines(dialog: DialogPage) -> list[str]:
    """The list, row by row, without its head."""
    table = dialog.dialog.query_one("#list", Table)
    return [" ".join(line[2:].split()) for line in table.text().splitlines()[2:] if line.strip()]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_it_shows_the_exact_list_and_what_it_means_in_all(
    size: tuple[int, int], picture: Callable[[Pictured], None]
) -> None:
    tasks = [*some_tasks(3), sample.task(4, thread=thread(4), status="approved")]
    async with marked("asterisk", "C", Obliging(tasks), size) as (page, dialog):
        assert dialog.title == "Cancel 3 tasks"
        assert dialog.focused == "Back"
        said = dialog.part("says").replace("\n ", "")
        assert "3 tasks in docs/v1, docs/v2 · $2.49 spent on them" in said
        assert "6 subtasks spawned without a result, which finish; 3 never begin" in said
        assert "1 of 4 left out: 1 × it is approved" in said
        assert [line.split()[:5] for line in lines(dialog)] == [
            ["·", "on", "the", "list", "DOCS-1"],
            ["·", "on", "the", "list", "DOCS-2"],
            ["·", "on", "the", "list", "DOCS-3"],
            ["○", "left", "out", "DOCS-4", "approved"],
        ]
        assert "for n in DOCS-1 DOCS-2 DOCS-3; do spl task cancel $n; done" in dialog.part("command")
        assert obliging(page).written == []
        picture(page)


async def test_it_acts_on_the_list_alone_and_says_what_became_of_each(
    picture: Callable[[Pictured], None],
) -> None:
    client = Obliging(some_tasks())
    client.refuses[thread(3)] = REFUSED
    async with marked("m down m m", "C", client, (80, 24)) as (page, dialog):
        await dialog.fill("words", "not needed")
        await page.passes(1)
        await dialog.press("enter", "enter")
        for _ in range(10):
            await page.passes(1)
        assert sorted(client.written) == [thread(1), thread(3), thread(4)]
        assert all(call.body["body"]["reason"] == "not needed" for call in client.sent if call.body)
        assert dialog.part("outcome").splitlines() == ["✓ 2 cancelled", "✗ 1 refused"]
        assert lines(dialog) == [
            "✗ refused DOCS-3 in progress somebody has it",
            "✓ done DOCS-1 in progress cancelled",
            "✓ done DOCS-4 open cancelled",
        ]
        picture(page)
        await dialog.press("escape")
        assert page.table("tasks")._title == "TASKS 6 · 1 marked", "what was done is not marked any more"


async def test_the_filter_of_the_table_is_nothing_to_it() -> None:
    async with console(status=sample.status(), client=Obliging(some_tasks()), screen="tasks") as page:
        await page.filter("status:open")
        await page.press("asterisk")
        await page.press("escape", "C")
        await page.passes(1)
        dialog = DialogPage(page)
        assert dialog.title == "Cancel 3 tasks"
        await dialog.press("c")
        await page.passes(1)
        assert sorted(obliging(page).written) == [thread(2), thread(4), thread(6)]


async def test_what_changes_or_comes_while_it_is_open_is_not_touched() -> None:
    async with marked("m m", "C") as (page, dialog):
        tasks = some_tasks(7)
        done = tasks[0].model_copy(update={"status": "deferred", "revision": 30})
        await news(page, [done, *tasks[1:]])
        assert dialog.title == "Cancel 1 task"
        assert "it was in progress when it was marked" in lines(dialog)[-1]
        await dialog.press("c")
        await page.passes(1)
        assert obliging(page).written == [thread(2)]
        assert dialog.part("outcome").splitlines() == ["✓ 1 cancelled", "○ 1 left out"]


async def test_many_are_confirmed_by_their_number_and_sent_a_few_at_a_time() -> None:
    client = Obliging(some_tasks(1000))
    async with marked("asterisk", "C", client, (80, 24)) as (page, dialog):
        assert dialog.title == "Cancel 1,000 tasks"
        assert dialog.greyed == "type 1000 to confirm (#)"
        assert "THE LIST 1,000 ─" in dialog.words
        assert "of 1000" in dialog.words, "how many more there are"
        assert "ctrl+y copies all of it" in dialog.part("command").replace("\n  ", " ")
        await dialog.press("c")
        assert client.written == []
        await dialog.fill("typed", "1000")
        await page.passes(1)
        await dialog.press("enter", "enter")
        await page.passes(1)
        assert sorted(client.written) == sorted(one.thread for one in some_tasks(1000))
        assert 1 < client.most <= 8
        assert dialog.part("outcome") == "✓ 1,000 cancelled"


async def test_it_can_be_stopped_and_the_rest_is_not_reached() -> None:
    client = Obliging(some_tasks(9))
    loop = asyncio.get_running_loop()
    client.hangs = {one.thread: loop.create_future() for one in some_tasks(9)}
    async with marked("asterisk", "C", client) as (page, dialog):
        await dialog.press("c")
        assert "0 of 9 sent" in dialog.part("outcome")
        assert "Stop here" in dialog.words
        await dialog.press("escape")
        assert dialog.is_open, "what is on its way is waited for"
        assert "no more is sent: you stopped it" in dialog.part("outcome")
        for one in client.hangs.values():
            one.set_result(None)
        await page.passes(1)
        assert dialog.part("outcome").splitlines() == ["✓ 8 cancelled", "‖ 1 not reached"]
        await dialog.press("escape")
        assert page.table("tasks")._title == "TASKS 9 · 1 marked"


async def test_a_daemon_that_goes_away_ends_it() -> None:
    client = Obliging(some_tasks(9))
    client.refuses = {one.thread: DaemonNotRunning("no daemon answers", "") for one in some_tasks(9)}
    async with marked("asterisk", "C", client) as (page, dialog):
        await dialog.press("c")
        assert dialog.part("outcome").splitlines() == ["✗ 8 refused", "‖ 1 not reached"]
        await page.loses()
        await dialog.press("escape", "C")
        assert "nothing is sent while the connection is" in dialog.greyed


async def test_a_key_typed_before_it_was_drawn_does_nothing() -> None:
    async with console(status=sample.status(), client=Obliging(some_tasks()), screen="tasks") as page:
        await page.press("m", "m", "C", "c")
        assert obliging(page).written == []
        assert "that key came before this could be read" in DialogPage(page).part("outcome")


async def test_without_marks_it_is_about_the_row_under_the_cursor() -> None:
    async with marked("m m escape", "C") as (_, dialog):
        assert dialog.title == "Cancel task DOCS-3"


async def test_what_is_about_one_row_is_not_done_to_several() -> None:
    async with console(status=sample.status(), client=Obliging(some_tasks()), screen="tasks") as page:
        await page.press("m", "m", "H")
        assert not isinstance(page.app.screen, Dialog)
        (told,) = page.app._notifications
        assert "2 are marked, and esc clears the marks" in told.message


# subtasks, workers, namespaces, inbox


def broken() -> JoinStatus:
    states = ("accept", "failed", "timeout", "in_progress", "failed")
    return sample.join(subtasks=[sample.child(n, state=state, verdict="") for n, state in enumerate(states)])


class Retrying(FakeClient):
    """Begins another attempt of each subtask that it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.answers |= control.daemon().answers
        self.tasks([sample.task()])
        self.join(broken())

    async def send(self, call: Any) -> Any:
        if not call.path.endswith("/retry"):
            return await super().send(call)
        self.sent.append(call)
        join = self.answers[f"/v1/tasks/{sample.THREAD}/join"]
        subtasks = list(join.subtasks)
        subtasks[call.body["index"]] = sample.child(call.body["index"], state="in_progress", attempt=2)
        self.join(join.model_copy(update={"subtasks": subtasks}))
        return PostedRecord.model_construct(id="ab" * 32)

    @property
    def retried(self) -> list[tuple[str, int]]:
        return [(call.path.split("/")[3], call.body["index"]) for call in self.sent if "/retry" in call.path]


async def test_marked_subtasks_are_retried_by_the_thread_of_their_task() -> None:
    client = Retrying()
    async with console((120, 40), sample.status(), client, screen="tasks") as page:
        await page.press("enter", "m", "m", "m", "m", "R")
        await page.passes(1)
        dialog = DialogPage(page)
        assert dialog.title == "Retry 3 subtasks"
        assert "1 running attempt on worker-b: ended at once" in dialog.part("says")
        assert lines(dialog)[-1].startswith("○ left out DOCS-11 [0] accept, attempt 1 it was accepted")
        await dialog.press("r")
        await page.passes(1)
        assert sorted(client.retried) == [(sample.THREAD, 1), (sample.THREAD, 2), (sample.THREAD, 3)]
        assert dialog.part("outcome").splitlines() == ["✓ 3 begun again", "○ 1 left out"]
        assert "✓ done DOCS-11 [1]" in "\n".join(lines(dialog))
        assert "in progress, attempt 2" in "\n".join(lines(dialog))


async def test_of_a_marked_task_what_failed_is_retried() -> None:
    client = Retrying()
    client.tasks([sample.task(), sample.task(1, subtasks=0, status="open")])
    async with console((120, 40), sample.status(), client, screen="tasks") as page:
        await page.press("asterisk", "R")
        await page.passes(1)
        dialog = DialogPage(page)
        assert dialog.title == "Retry 3 subtasks"
        await dialog.press("r")
        await page.passes(1)
        assert sorted(index for _, index in client.retried) == [1, 2, 4]
        await dialog.press("escape")
        assert page.table("tasks")._title == "TASKS 2 · 1 marked", "that of which nothing had failed"


async def test_one_that_has_another_attempt_by_now_is_left_out_at_the_last_moment() -> None:
    client = Retrying()
    async with console((120, 40), sample.status(), client, screen="tasks") as page:
        await page.press("enter", "down", "m", "m", "R")
        await page.passes(1)
        again = broken()
        again.subtasks[1] = sample.child(1, state="failed", attempt=2)
        client.join(again)  # and the console has not heard of it
        await page.press("r")
        await page.passes(1)
        assert [index for _, index in client.retried] == [2]
        assert "it was failed, attempt 1 when it was marked" in "\n".join(lines(DialogPage(page)))


async def test_what_was_left_out_when_it_was_confirmed_stays_so() -> None:
    client = Retrying()
    gone_on = broken()
    gone_on.subtasks[1] = sample.child(1, state="in_progress", attempt=2)
    async with console((120, 40), sample.status(), client, screen="tasks") as page:
        await page.press("enter", "down", "m", "m")
        client.join(gone_on.model_copy(update={"revision": 50}))
        await page.press("R")
        await page.passes(1)
        assert DialogPage(page).title == "Retry 1 subtask"
        client.join(broken().model_copy(update={"revision": 51}))  # as it was marked
        await page.press("r")
        await page.passes(1)
        assert [index for _, index in client.retried] == [2]


async def test_workers_are_drained_and_it_says_who_is_left() -> None:
    client = control.daemon()
    client.answers["/v1/drain"] = DrainChanged(record="ab" * 32, instance=sample.WORKERS["a"])
    there = sample.status().instances
    draining = [
        one.model_copy(update={"status": "draining"}) if one.role == "worker" else one for one in there
    ]
    client.answers["/v1/fleet/status"] = sample.status(instances=draining)
    async with console((120, 40), sample.status(), client) as page:
        await page.press("down", *["m"] * (len(there) - 1), "Z")
        await page.passes(1)
        dialog = DialogPage(page)
        assert "no worker takes work then" in dialog.part("says")
        await dialog.press("d")
        await page.passes(1)
        sent = [call.body["instance"] for call in client.sent if call.path == "/v1/drain" and call.body]
        assert sorted(sent) == sorted(one.did for one in there if one.role == "worker")
        assert dialog.part("outcome") == f"✓ {len(sent)} draining"


class Freezing(PolicyClient):
    """Sets each freeze, and tells of it afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.answers |= {control.BLAST: control.blast()}
        self.frozen: list[FreezeOut] = []

    async def send(self, call: Any) -> Any:
        if call.path == control.FREEZE:
            self.sent.append(call)
            record = f"{len(self.frozen):064x}"
            space = call.body["namespace"]
            self.frozen.append(control.freeze(("worker-a",), record=record, namespace=space, level="soft"))
            return control.daemon().answers[control.FREEZE].model_copy(update={"record": record})
        if call.path == "/v1/fleet/status":
            return sample.status(freezes=self.frozen)
        return await super().send(call)


async def test_the_namespaces_of_marked_rows_are_frozen_each_once() -> None:
    client = Freezing()
    async with opened(client, size=(120, 40)) as page:
        await page.press("tab", "tab", "tab", "down", "m", "m", "m", "F")
        await page.passes(1)
        dialog = DialogPage(page)
        assert dialog.title == "Freeze 3 namespaces"
        assert "6 in flight on worker-a, worker-b · 2 pending · $0.56 at stake" in dialog.part("says")
        assert "covered by docs: 3 in flight" in lines(dialog)[1], "what lies in two of them counts once"
        assert dialog.greyed == "it needs a reason (r)"
        await dialog.fill("reason", "wrong prices")
        await page.passes(1)
        await dialog.press("enter", "enter")
        await page.passes(1)
        sent = [call.body["namespace"] for call in client.sent if call.path == control.FREEZE]
        assert sent == ["docs", "docs/v0.11", "shop"]
        assert dialog.part("outcome") == "✓ 3 frozen"


async def test_a_hard_freeze_of_several_is_confirmed_by_their_number() -> None:
    client = Freezing()
    async with opened(client, size=(80, 24)) as page:
        await page.press("tab", "tab", "tab", "down", "m", "m", "F", "l", "right", "enter", *"why", "enter")
        await page.passes(1)
        dialog = DialogPage(page)
        assert dialog.greyed == "type 2 to confirm (#)"
        await dialog.press("2", "enter")
        assert dialog.greyed == ""


async def test_of_the_inbox_only_what_a_rule_holds_is_approved_together() -> None:
    held = [sample.child(n, state="pending", asked="big-work", attempt=0, verdict="") for n in range(2)]
    client = InboxClient(
        item(1, kind="approval", index=0, attempt=0, question="", until=None),
        item(2, kind="approval", index=1, attempt=0, question="", until=None),
        item(3),
        late(index=0),
    )
    client.join(sample.join(subtasks=held))
    client.answers[f"/v1/tasks/{sample.THREAD}/answer"] = PostedRecord.model_construct(id="ab" * 32)
    async with console((120, 40), sample.status(), client, screen="inbox") as page:
        await page.press("asterisk", "A")
        await page.passes(1)
        dialog = DialogPage(page)
        assert dialog.title == "Approve 2 subtasks"
        told = "\n".join(lines(dialog))
        assert "what it asks must be seen" in told
        await dialog.press("a")
        for _ in range(10):
            await page.passes(1)
        answers = [call for call in client.sent if call.path.endswith("/answer")]
        assert [call.body["index"] for call in answers] == [0, 1]
