"""What running goals ask, as text. Whatever an agent wrote stands behind a bar, so that it is taken for no
word of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.numbers import duration, size
from syncropel.cli.support.terminal import clean, table
from syncropel.cli.text.thread import when

if TYPE_CHECKING:
    from syncropel.wire import AskOut, DecisionOut, MessageOut, QuestionDetail, QuestionOut, TaskDetail

BAR: Final = "  │ "
"""Begins a line in other people's words."""
_CHOSEN: Final = {"allow_once": "allowed", "reject_once": "denied", "cancelled": "denied"}


def question_lines(one: QuestionDetail, now: float) -> list[str]:
    """A question with all that it shows. `now`: unix seconds."""
    name, asks = one.alias or one.thread, "asks for permission" if one.kind == "permission" else "asks"
    lines = [f"◇ {name} [{one.index}] {asks}: {one.text}", f"  question: {one.id}"]
    lines.append(f"  from: attempt {one.attempt} on {one.instance_alias or one.instance}")
    if one.tool:
        lines.append(f"  tool: {one.tool}")
    lines += [*_shown_lines(one), f"  {_standing(one, now)}"]
    return [*lines, f"  answer: {answer_command(one)}"] if one.state == "open" else lines


def talk_lines(task: TaskDetail) -> list[str]:
    """How much was asked and said in a task, for `spl task show`."""
    talk = task.talk
    assert talk is not None
    name = task.alias or task.thread
    lines = []
    if talk.questions:
        see = "; see: spl inbox" if talk.open else ""
        lines.append(f"Questions: {talk.questions} asked, {talk.open} open{see}")
    if talk.messages:
        lines.append(f"Messages: {talk.messages} said, {talk.queued} queued; see: spl task say {name} --list")
    return lines


def message_lines(messages: Sequence[MessageOut]) -> list[str]:
    """The output of `spl task say --list`."""
    if not messages:
        return ["nothing was said"]
    rows = [[f"[{one.index}]", one.state, when(one.at), one.by, one.text] for one in messages]
    return table(["SUBTASK", "STATE", "SAID", "BY", "TEXT"], rows)


def answer_command(one: QuestionOut) -> str:
    """The command that answers a question."""
    how = "--allow|--deny" if one.kind == "permission" else '--text "…"|--deny'
    return f"spl task answer {one.alias or one.thread} {one.index} {one.id} {how}"


def asks_lines(one: AskOut) -> list[str]:
    """What a subtask waits for an answer to."""
    more = f", and {one.waiting - 1} more" if one.waiting > 1 else ""
    return [f"{BAR}{one.text}{more}", f"  denied {when(one.until)} unless you answer"]


def said_line(one: MessageOut) -> str:
    """What was said to a subtask last, and what became of it."""
    return f"said ({one.state}): {clean(' '.join(one.text.split()))}"


def decided_words(one: QuestionOut) -> str:
    """What became of a question that somebody answered."""
    decision = one.decision
    if decision is None:
        return "recorded; its instance has not taken it yet"
    if decision.text and decision.chosen == "allow_once":
        return "answered; its agent has the text"
    return f"{_CHOSEN.get(decision.chosen, decision.chosen)}; its agent was told"


def _standing(one: QuestionOut, now: float) -> str:
    if one.state == "closed":
        return f"closed: {one.closed}"
    if one.decision is not None:
        return _decided(one.decision)
    if one.answer is not None:
        return f"answered by {one.answer.by}; its instance has not taken it yet"
    left = one.until - now
    return f"denied in {duration(left)} unless you answer" if left > 0 else "its time is over"


def _decided(decision: DecisionOut) -> str:
    by = {"time_limit": "its time limit", "rule": f"the rule {decision.rule!r}"}.get(
        decision.how, decision.by
    )
    why = f": {decision.reason}" if decision.reason else ""
    return f"{_CHOSEN.get(decision.chosen, decision.chosen)} by {by}{why}"


def _shown_lines(one: QuestionDetail) -> Iterator[str]:
    if one.shown is None:
        yield f"  shows: {size(one.size)}, too large to be shown (sha256 {one.digest})"
        return
    from syncropel.client.question_text import shown_lines  # its package imports what `--help` does not need

    for line in shown_lines(one):
        yield f"  {line.text}" if line.kind == "label" else f"{BAR}{line.text}"
