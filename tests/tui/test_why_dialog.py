"""Why a task stands as it does, asked from where the cursor is."""

from __future__ import annotations

from collections.abc import Callable

from syncropel.errors import DaemonUnreachable
from syncropel.wire.explain import ProofOut, TaskWhy
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import console
from tests.tui.console_snapshots import Pictured
from tests.tui.dialog_page import DialogPage

SENTENCE = "it cannot join any more: all can no longer be satisfied: [2] failed on worker-b (exit status 1)"


def client() -> FakeClient:
    made = FakeClient()
    made.tasks(sample.tasks())
    made.join(sample.join())
    made.answers["/v1/tasks/DOCS-11/why"] = TaskWhy(
        thread=sample.THREAD,
        alias="DOCS-11",
        status="blocked",
        sentence=SENTENCE,
        proofs=[
            ProofOut(record="a" * 64, shows="[2] ended with failed on worker-b"),
            ProofOut(record="b" * 64, shows="asks for 4 subtasks, join all"),
        ],
        hint="spl task retry DOCS-11 --subtask 2",
    )
    return made


async def test_the_sentence_stands_above_its_proofs(picture: Callable[[Pictured], None]) -> None:
    async with console((80, 24), sample.status(), client(), screen="tasks") as page:
        page.table("tasks").select(sample.THREAD)
        await page.settle()
        await page.press("i")
        dialog = DialogPage(page)
        assert dialog.title == "Why · DOCS-11"
        said = " ".join(dialog.part("says").split())
        assert said.startswith(SENTENCE)
        assert said.index("spl task retry DOCS-11 --subtask 2") < said.index(
            "aaaaaaaaaaaa [2] ended with failed"
        )
        assert dialog.part("command") == "$ spl why DOCS-11"
        picture(page)
        await page.press("escape")
        assert not dialog.is_open


async def test_a_daemon_that_does_not_answer_is_said() -> None:
    made = client()
    made.answers["/v1/tasks/DOCS-11/why"] = DaemonUnreachable("no answer within 10 s", "see: spl status")
    async with console((120, 40), sample.status(), made, screen="tasks") as page:
        page.table("tasks").select(sample.THREAD)
        await page.settle()
        await page.press("i")
        said = DialogPage(page).part("says")
        assert "no answer within 10 s" in said
        assert "see: spl status" in said
