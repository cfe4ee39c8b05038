"""What can be done to the row under the cursor: when, in which words, and with which record."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.errors import RemoteError
from syncropel.wire import DrainChanged, PostedRecord
from tests.tui import console_sample as sample
from tests.tui import sample_control as control
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.dialog_page import DialogPage
from tui.dialogs.base import Dialog
from tui.model import subject_actions
from tui.model.subject import Subject, namespace_of, short_label, subject_of
from tui.model.subject_actions import SUBJECT_ACTIONS
from tui.model.world import World

WORLD = World().heard(sample.status(), 0.0).listed(sample.tasks()).choose(sample.THREAD).joined(sample.join())
TASK = Subject(thread=sample.THREAD)
DONE = sample.task(7, status="done")
FANNED = ["2"]
"""Keys to DOCS-11, which is in progress and fanned out."""


def daemon() -> FakeClient:
    client = control.daemon()
    client.tasks([*sample.tasks(), DONE])
    taken = PostedRecord.model_construct(id="ab" * 32)
    for path in ("/v1/records", "/v1/tasks/DOCS-11/retry"):
        client.answers[path] = taken
    client.answers["/v1/drain"] = DrainChanged(record="ab" * 32, instance=sample.WORKERS["a"])
    return client


def subtask(index: int) -> list[str]:
    """Keys to a subtask of DOCS-11."""
    return ["2", "enter", *["down"] * index]


def bodies(page: Console, path: str) -> list[dict[str, Any]]:
    return [call.body for call in page.client.sent if call.path == path and call.method == "POST"]


@pytest.mark.parametrize(
    ("verb", "subject", "told"),
    [
        ("retry", TASK, "no subtask is selected; enter opens a task's subtasks"),
        ("retry", Subject(did=sample.WORKERS["a"]), "the cursor is on no subtask"),
        ("retry", Subject(thread=sample.THREAD, index=0), "it was accepted"),
        ("retry", Subject(thread=sample.THREAD, index=2), ""),
        ("retry", Subject(thread=sample.THREAD, index=3), "it is blocked: it has not run yet"),
        ("retry", Subject(thread="th_other", index=0), "this subtask has not been read yet"),
        ("stop", Subject(thread=sample.THREAD, index=2), ""),
        ("stop", Subject(thread=sample.THREAD, index=1), "it is accept: nothing is running"),
        ("cancel", TASK, ""),
        ("start", TASK, "it is in progress: only what is open, blocked or deferred can be started"),
        ("approve", TASK, "it is in progress: only what is done or rejected can be approved"),
        ("approve", Subject(thread=DONE.thread), "this task has not been read yet"),
        ("approve", Subject(), "the cursor is on no task"),
        ("drain", Subject(did=sample.WORKERS["a"]), ""),
        ("drain", TASK, "no instance is selected"),
        ("undrain", Subject(did=sample.WORKERS["a"]), "it is live, not draining"),
    ],
)
def test_a_verb_says_why_it_does_not_apply(verb: Any, subject: Subject, told: str) -> None:
    assert subject_actions.objection(verb, WORLD, subject).startswith(told)
    assert bool(subject_actions.objection(verb, WORLD, subject)) == bool(told)


def test_what_has_joined_is_not_retried() -> None:
    failed = sample.join(complete=True, subtasks=[sample.child(0, state="failed")])
    world = World().heard(sample.status(), 0.0).choose(sample.THREAD).joined(failed)
    told = subject_actions.objection("retry", world, Subject(thread=sample.THREAD, index=0))
    assert told == "its fan-out has joined: a retry changes nothing"


def test_subjects_know_their_namespace_and_their_name() -> None:
    running = subject_of("dispatches", f"{sample.THREAD}/3", None)
    assert (running.thread, running.index) == (sample.THREAD, 3)
    assert namespace_of(WORLD, running) == "docs/v0.11"
    assert short_label(WORLD, running) == "DOCS-11 [3]"
    assert short_label(WORLD, subject_of("instances", sample.WORKERS["a"], None)) == "worker-a"
    assert namespace_of(WORLD, Subject(did=sample.WORKERS["a"])) == ""
    assert subject_of("rules", "x", None) == Subject()


@pytest.mark.parametrize(
    ("rows", "key", "letter", "title", "command", "body"),
    [
        (FANNED, "C", "c", "Cancel task DOCS-11", "spl task cancel DOCS-11 --reason why",
         {"topic": "task_cancelled", "reason": "why"}),
        (["2", "end"], "A", "a", "Approve task DOCS-7", "spl task approve DOCS-7 --notes why",
         {"verdict": "accept", "notes": "why"}),
        (["2", "end"], "J", "j", "Reject task DOCS-7", "spl task reject DOCS-7 --notes why",
         {"verdict": "reject", "notes": "why"}),
        (["2", "end"], "O", "o", "Reopen task DOCS-7", "spl task reopen DOCS-7 --reason why",
         {"topic": "task_reopened", "reason": "why"}),
        (["2", "end", "up"], "B", "s", "Start task DOCS-1", "spl task start DOCS-1 --reason why",
         {"topic": "task_started", "reason": "why"}),
        (subtask(2), "T", "s", "Stop subtask DOCS-11 [2]", "spl task stop DOCS-11 --subtask 2 --reason why",
         {"topic": "fanout_end_subtask", "index": 2, "attempt": 2, "from": sample.WORKERS["a"],
          "reason": "why", "namespace": "docs/v0.11"}),
    ],
)  # fmt: skip
async def test_each_verb_writes_the_record_that_its_command_writes(
    rows: list[str], key: str, letter: str, title: str, command: str, body: dict[str, Any]
) -> None:
    async with console(status=sample.status(), client=daemon()) as page:
        dialog = DialogPage(page)
        await page.press(*rows)
        await page.passes(0.5)
        await page.press(key)
        assert dialog.title == title
        assert dialog.focused == ("Back" if title.startswith("Cancel") else "Cancel")
        await dialog.press("w")
        await dialog.type("why")
        assert dialog.part("command").replace("\n ", "") == f"$ {command}"
        await dialog.press("enter", "enter")
        (sent,) = bodies(page, "/v1/records")
        assert sent["actor"] == page.app.fleets.front.target.actor
        assert sent["body"].pop("at") > 0
        assert sent["body"] == body
        assert dialog.part("outcome").startswith("✓ ")
        await dialog.press("escape", letter)
        assert len(bodies(page, "/v1/records")) == 1


async def test_a_subtask_is_retried_with_a_hint() -> None:
    async with console(status=sample.status(), client=daemon()) as page:
        dialog = DialogPage(page)
        await page.press(*subtask(2), "R")
        await dialog.fill("words", "slower")
        await dialog.press("enter", "enter")
        actor = page.app.fleets.front.target.actor
        assert bodies(page, "/v1/tasks/DOCS-11/retry") == [{"index": 2, "actor": actor, "hint": "slower"}]


async def test_a_running_subtask_is_stopped_from_the_fleet_screen() -> None:
    async with console(status=sample.status(), client=daemon()) as page:
        await page.press("tab", "down", "T")
        assert DialogPage(page).title == "Stop subtask DOCS-11 [1]"


async def test_the_dialog_is_about_its_row_whatever_the_cursor_is_on_now() -> None:
    async with console(status=sample.status(), client=daemon()) as page:
        dialog = DialogPage(page)
        await page.press(*FANNED, "C")
        page.client.tasks([sample.task(99, alias="OTHER"), *sample.tasks()])
        await page.hears(sample.status(tasks_revision=99))
        await page.passes(1)
        assert dialog.title == "Cancel task DOCS-11"
        await dialog.press("c")
        assert bodies(page, "/v1/records")[0]["thread"] == sample.THREAD


async def test_an_attempt_that_went_on_is_not_stopped_by_mistake() -> None:
    async with console(status=sample.status(), client=daemon()) as page:
        dialog = DialogPage(page)
        await page.press(*subtask(2), "T")
        assert dialog.greyed == ""
        again = [sample.child(0), sample.child(1), sample.child(2, state="in_progress", attempt=3)]
        page.client.join(sample.join(subtasks=again))
        await page.hears(sample.status(tasks_revision=18))
        await page.passes(1)
        assert dialog.greyed == "it moved on to attempt 3 since this was opened"
        await dialog.press("s")
        assert bodies(page, "/v1/records") == []


async def test_an_instance_is_drained_and_takes_work_again() -> None:
    async with console(status=sample.status(), client=daemon()) as page:
        dialog = DialogPage(page)
        await page.press("down", "Z")
        assert dialog.title == "Drain instance worker-a"
        assert "worker-a · live · 4 running, 3 queued" in dialog.part("says")
        await dialog.press("d", "escape")
        drains = [sample.instance("worker-a", status="draining")]
        await page.hears(sample.status(instances=[sample.coordinator(), *drains]))
        await page.press("Z")
        assert not isinstance(page.app.screen, Dialog), "it drains already"
        await page.press("E")
        assert dialog.part("command") == "$ spl drain stop --instance worker-a"
        await dialog.press("t")
        actor = page.app.fleets.front.target.actor
        place = {"instance": sample.WORKERS["a"], "actor": actor}
        assert bodies(page, "/v1/drain") == [{"state": "start", **place}, {"state": "stop", **place}]


async def test_a_verb_that_does_not_apply_says_why_and_opens_nothing() -> None:
    async with console(status=sample.status(), client=daemon()) as page:
        await page.press(*FANNED, "A")
        assert not isinstance(page.app.screen, Dialog)
        (told,) = page.app._notifications
        assert told.message == "it is in progress: only what is done or rejected can be approved"
        assert told.title == "Approve task"


async def test_a_refusal_is_told_in_the_dialog() -> None:
    async with console(status=sample.status(), client=daemon()) as page:
        page.client.answers["/v1/records"] = RemoteError(
            403, "frozen", "NAMESPACE_FROZEN", "soft freeze of 'docs': DO is refused (why)", "spl unkill"
        )
        await page.press(*FANNED, "C", "c")
        assert "✗ refused: soft freeze of 'docs'" in DialogPage(page).part("outcome")


async def test_read_only_shows_the_command_and_does_nothing() -> None:
    async with console(status=sample.status(), client=daemon(), read_only=True) as page:
        dialog = DialogPage(page)
        await page.press(*FANNED, "C")
        assert dialog.greyed.startswith("this console is read-only")
        assert dialog.part("command") == "$ spl task cancel DOCS-11"
        await dialog.press("c")
        assert bodies(page, "/v1/records") == []


@pytest.mark.parametrize("verb", SUBJECT_ACTIONS)
def test_no_letter_of_a_button_is_that_of_its_field(verb: Any) -> None:
    assert SUBJECT_ACTIONS[verb].letter != "w", "w goes to the words"


def asking() -> Any:
    """DOCS-11, whose last subtask waits for an operator's decision."""
    *others, last = sample.join().subtasks
    why = "asks for an operator's word: rule costly"
    return sample.join(subtasks=[*others, last.model_copy(update={"asked": "costly", "why": why})])


@pytest.mark.parametrize(
    ("key", "letter", "title", "typed", "verdict"),
    [
        ("A", "a", "Let subtask begin DOCS-11 [4]", "approve", "accept"),
        ("J", "j", "Refuse subtask DOCS-11 [4]", "reject", "reject"),
    ],
)
async def test_a_subtask_that_asks_gets_its_word_from_the_cursor(
    key: str, letter: str, title: str, typed: str, verdict: str
) -> None:
    client = daemon()
    client.join(asking())
    client.answers["/v1/tasks/DOCS-11/answer"] = PostedRecord.model_construct(id="ab" * 32)
    async with console(status=sample.status(), client=client) as page:
        dialog = DialogPage(page)
        await page.press(*subtask(4))
        await page.passes(0.5)
        await page.press(key)
        assert dialog.title == title
        assert "asked by costly" in dialog.part("says")
        assert dialog.part("command") == f"$ spl task {typed} DOCS-11 --subtask 4"
        await dialog.press("tab", "enter") if dialog.focused == "Cancel" else None
        await dialog.press(letter)
        (sent,) = bodies(page, "/v1/tasks/DOCS-11/answer")
        assert (sent["index"], sent["verdict"]) == (4, verdict)
        assert sent["actor"] == page.app.fleets.front.target.actor


def test_nobody_gives_a_word_that_was_not_asked_for() -> None:
    quiet = Subject(thread=sample.THREAD, index=4)
    assert subject_actions.meant("approve", WORLD, quiet) == "approve"
    assert subject_actions.objection("admit", WORLD, quiet) == "it is not waiting for a decision"
