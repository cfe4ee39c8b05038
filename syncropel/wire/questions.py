"""What running goals ask their operator, and what becomes of that."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from syncropel.wire.base import OPEN, Wire

QuestionState = Annotated[Literal["open", "answered", "decided", "closed"], OPEN]


class OptionOut(Wire):
    """An answer that the agent offers, in its own words. An operator's answer is one of a kind for once."""

    kind: str = Field(description="such as `allow_once`, `allow_always`, or `reject_once`")
    name: str = Field(description="the agent's word for it")


class AnswerOut(Wire):
    """An operator's answer, as the coordinator has recorded it."""

    record: str = Field(description="id of its record")
    by: str = Field(description="DID of who answered")
    chosen: str = Field(description="`allow_once` or `reject_once`")
    text: str = Field(description="the answer in words; empty when it is none")
    note: str = Field(description="why, for the agent and for the log")
    at: float


class DecisionOut(Wire):
    """What the agent was told, and who decided that."""

    how: Annotated[Literal["operator", "rule", "time_limit", "engine"], OPEN] = Field(
        description="who decided: `engine` denies what cannot be asked"
    )
    by: str = Field(description="DID of the operator, or of the instance that decided")
    chosen: str = Field(description="`allow_once`, `reject_once`, or `cancelled`: no option fitted")
    text: str = Field(description="the answer in words; empty when it is none")
    reason: str = Field(description="why it was denied, as the agent was told; empty otherwise")
    rule: str = Field(description="name of the rule that decided; empty when none did")
    answer: str = Field(description="id of the record with the operator's answer; empty without one")
    at: float


class QuestionOut(Wire):
    """A question, or a request for permission, of a running attempt."""

    id: str
    thread: str = Field(description="id of the task's thread")
    alias: str
    index: int
    attempt: int
    instance: str = Field(description="DID of the instance that runs the attempt")
    instance_alias: str | None = Field(description="its name")
    kind: Annotated[Literal["permission", "question"], OPEN] = Field(
        description="`permission` is allowed or denied; `question` is answered in words, or denied"
    )
    text: str = Field(description="what it asks, in one line")
    tool: str = Field(description="what the agent calls the kind of tool, such as `execute` or `edit`")
    digest: str = Field(description="SHA-256 of the canonical JSON of what is shown; an answer names it")
    size: int = Field(description="bytes of what is shown")
    options: list[OptionOut] = Field(description="the answers that the agent offers")
    asked_at: float = Field(description="when it was asked, unix seconds by its instance's clock")
    until: float = Field(description="when it is denied if nobody answers, unix seconds")
    state: QuestionState = Field(
        description="`open`; `answered`, which its instance has not taken yet; `decided`; or `closed`: its "
        "attempt ended before anybody decided"
    )
    closed: str = Field(default="", description="why nobody waits for an answer any more")
    answer: AnswerOut | None = Field(default=None, description="null while no operator has answered")
    decision: DecisionOut | None = Field(default=None, description="null while it is not decided")
    record: str = Field(description="id of the record of the question")


class AskOut(Wire):
    """What a subtask waits for: its oldest question that nobody has answered."""

    question: str = Field(description="its id")
    kind: Annotated[Literal["permission", "question"], OPEN]
    text: str = Field(description="what it asks, in one line")
    since: float = Field(description="when it was asked, unix seconds")
    until: float = Field(description="when it is denied if nobody answers, unix seconds")
    waiting: int = Field(description="how many of its questions wait, this one among them")


class QuestionDetail(QuestionOut):
    """A question with all that it shows. The text may contain anything: show no control characters."""

    shown: dict[str, Any] | None = Field(
        description="exactly what would be done; null where a rule decided what was too large to be shown"
    )
    command: list[str] | None = Field(
        description="the whole argument list; null when there is none, or when only a shell could tell"
    )
    paths: list[str] = Field(description="files that would be changed or read, with links resolved")
    root: str = Field(description="folder that the agent works in, with links resolved")


class MessageOut(Wire):
    """What an operator said to a running attempt."""

    id: str = Field(description="id of its record")
    thread: str = Field(description="id of the task's thread")
    alias: str
    index: int
    attempt: int
    text: str = Field(description="what was said")
    by: str = Field(description="DID of who said it")
    at: float
    state: Annotated[Literal["queued", "delivered", "answered"], OPEN] = Field(
        description="`queued` until the agent has got it; `answered` when its turn with it has ended"
    )
    delivered_at: float | None = Field(description="when the agent got it, unix seconds; null before")
    answered_at: float | None = Field(description="when its turn with it ended, unix seconds; null before")


class TalkOut(Wire):
    """How much was asked and said in a fan-out."""

    questions: int = Field(description="questions that its subtasks have asked")
    open: int = Field(description="questions that wait for an answer")
    messages: int = Field(description="messages to its subtasks")
    queued: int = Field(description="messages that no agent has got yet")
