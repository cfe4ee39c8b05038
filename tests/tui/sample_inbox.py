"""What waits for an operator, and a daemon that says so."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from syncropel.client.verify import shown_digest
from syncropel.wire import (
    AnswerOut,
    AskOut,
    DecisionOut,
    FleetStatus,
    InboxItem,
    JoinStatus,
    OptionOut,
    Page,
    PostedRecord,
    QuestionDetail,
)
from tests.tui import console_sample as sample
from tests.tui.console_fakes import INBOX, FakeClient
from tests.tui.console_page import Console, console

SHOWN: dict[str, Any] = {
    "command": "make test",
    "diffs": [{"path": "/w/note.txt", "old": "one\ntwo\n", "new": "one\n2\n"}],
}
POSTED = PostedRecord(
    id="5e1f" * 16,
    thread=sample.THREAD,
    actor="did:sync:user:me",
    act="LEARN",
    clock=7,
    parents=[],
    data_type="SCALAR",
    body={},
    sequence=99,
    received_at=sample.AT,
)
ME = "did:sync:user:me"


def item(number: int = 1, **changes: Any) -> InboxItem:
    """A request for permission of DOCS-11 [2]."""
    facts: dict[str, Any] = {
        "kind": "permission",
        "since": sample.AT - 180 + number,
        "thread": sample.THREAD,
        "alias": "DOCS-11",
        "index": 2,
        "attempt": 2,
        "instance": sample.WORKERS["a"],
        "instance_alias": "worker-a",
        "what": "Run the tests",
        "command": f"spl task answer DOCS-11 2 q_{number}",
        "question": f"q_{number}",
        "until": sample.AT + 420,
    }
    return InboxItem(**facts | changes)


def late(**changes: Any) -> InboxItem:
    facts: dict[str, Any] = {"kind": "late", "index": 1, "what": "runs longer than its 300 s", "question": ""}
    return item(**facts | {"until": None} | changes)


def detail(number: int = 1, shown: dict[str, Any] | None = None, **changes: Any) -> QuestionDetail:
    what = SHOWN if shown is None else shown
    facts: dict[str, Any] = {
        "id": f"q_{number}",
        "thread": sample.THREAD,
        "alias": "DOCS-11",
        "index": 2,
        "attempt": 2,
        "instance": sample.WORKERS["a"],
        "instance_alias": "worker-a",
        "kind": "permission",
        "text": "Run the tests",
        "tool": "execute",
        "digest": shown_digest(what),
        "size": 90,
        "options": [OptionOut(kind="allow_once", name="yes"), OptionOut(kind="reject_once", name="no")],
        "asked_at": sample.AT - 180 + number,
        "until": sample.AT + 420,
        "state": "open",
        "record": "5e" * 32,
        "shown": what,
        "command": ["make", "test"],
        "paths": [],
        "root": "/w",
    }
    return QuestionDetail(**facts | changes)


def answered(**changes: Any) -> AnswerOut:
    facts: dict[str, Any] = {
        "record": "aa" * 32,
        "by": ME,
        "chosen": "allow_once",
        "text": "",
        "note": "",
        "at": sample.AT,
    }
    return AnswerOut(**facts | changes)


def decided(**changes: Any) -> DecisionOut:
    facts: dict[str, Any] = {
        "how": "operator",
        "by": ME,
        "chosen": "allow_once",
        "text": "",
        "reason": "",
        "rule": "",
        "answer": "aa" * 32,
        "at": sample.AT,
    }
    return DecisionOut(**facts | changes)


class InboxClient(FakeClient):
    """A daemon with something in its inbox, and the questions of it."""

    def __init__(self, *items: InboxItem, questions: tuple[QuestionDetail, ...] = ()) -> None:
        super().__init__()
        self.tasks(sample.tasks())
        self.join(sample.join())
        self.waits(*items)
        for one in questions or (detail(),):
            self.shows(one)

    def waits(self, *items: InboxItem) -> None:
        self.answers[INBOX] = Page[InboxItem](data=list(items))

    def shows(self, question: QuestionDetail) -> None:
        path = f"/v1/questions/{question.id}"
        self.answers[path] = question
        self.answers.setdefault(f"{path}/answer", POSTED)

    @property
    def given(self) -> list[dict[str, Any]]:
        """The answers that were sent."""
        return [call.body for call in self.sent if call.path.endswith("/answer")]


def changed(revision: int = 18, **changes: Any) -> FleetStatus:
    """The fleet after something has changed in its tasks."""
    return sample.status(tasks_revision=revision, **changes)


def inbox(client: FakeClient, **how: Any) -> AbstractAsyncContextManager[Console]:
    """A console whose Inbox is in front."""
    return console(status=sample.status(), client=client, **{"screen": "inbox"} | how)


def asks() -> JoinStatus:
    """A fan-out whose subtask 2 waits for an answer."""
    join = sample.join()
    asked = AskOut(
        question="q_1",
        kind="permission",
        text="Run the tests",
        since=sample.AT - 180,
        until=sample.AT + 420,
        waiting=1,
    )
    subtasks = [one.model_copy(update={"asks": asked}) if one.index == 2 else one for one in join.subtasks]
    return join.model_copy(update={"subtasks": subtasks})
