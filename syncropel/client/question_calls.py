"""Requests about what running goals ask, and what is said to them; see `client.calls`."""

from __future__ import annotations

from urllib.parse import quote

from syncropel.client.calls import Call
from syncropel.client.late import schema


def inbox() -> Call[schema.Page[schema.InboxItem]]:
    """Everything that waits for an operator, the oldest first."""
    return Call(schema.Page[schema.InboxItem], "/v1/inbox")


def questions(*, task: str | None = None, open_only: bool = False) -> Call[schema.Page[schema.QuestionOut]]:
    """What running goals ask; `task`: only those of this one, whether it is over or not."""
    query: dict[str, str | int | float] = {"open": "true"} if open_only else {}
    query |= {"task": task} if task is not None else {}
    return Call(schema.Page[schema.QuestionOut], "/v1/questions", query=query)


def question(identity: str, task: str | None = None) -> Call[schema.QuestionDetail]:
    """One question with all that it shows."""
    query: dict[str, str | int | float] = {"task": task} if task is not None else {}
    return Call(schema.QuestionDetail, f"/v1/questions/{_part(identity)}", query=query)


def answer_question(
    identity: str,
    digest: str,
    actor: str,
    *,
    verdict: str | None = None,
    text: str | None = None,
    note: str = "",
) -> Call[schema.PostedRecord]:
    """Answer a question. `digest`: of what was shown; `verdict`: allow or deny, or else a `text`."""
    fields = {"digest": digest, "actor": actor, "verdict": verdict, "text": text, "note": note or None}
    given = {key: value for key, value in fields.items() if value is not None}
    path = f"/v1/questions/{_part(identity)}/answer"
    return Call(schema.PostedRecord, path, "POST", body=given, repeatable=False)


def say(name: str, index: int, text: str, actor: str) -> Call[schema.PostedRecord]:
    """Say something to a running subtask."""
    path = f"/v1/tasks/{_part(name)}/subtasks/{index}/messages"
    body = {"text": text, "actor": actor}
    return Call(schema.PostedRecord, path, "POST", body=body, repeatable=False)


def messages(name: str, subtask: int | None = None) -> Call[schema.Page[schema.MessageOut]]:
    """What was said to the subtasks of a task, and what became of it."""
    query: dict[str, str | int | float] = {} if subtask is None else {"subtask": subtask}
    return Call(schema.Page[schema.MessageOut], f"/v1/tasks/{_part(name)}/messages", query=query)


def _part(text: str) -> str:
    return quote(text, safe="")
