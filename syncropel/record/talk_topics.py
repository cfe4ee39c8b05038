"""The topics by which a running goal talks: questions, answers, messages, and subtasks that it asks for."""

from __future__ import annotations

from typing import Final

from syncropel.record.authors import ENGINE_ALONE, FROM_ABOVE, REPORTERS
from syncropel.record.topic import CHILD, DISPATCH, TASK, Topic

_FANOUT: Final = ("fanout",)
_OBSERVED: Final = "child_thread, child_intend, index, attempt, at"
_REPORTED: Final = "index, attempt, child_thread, child_intend, worker"
_ITSELF: Final = "the instance that runs the goal writes it itself"
_ANSWER: Final = "the operator answers: spl task answer NAME N"
_ADD: Final = "the coordinator decides what agents ask for; allow it: spl task fan-out NAME --may-add N"
_SAY: Final = "the operator says something: spl task say NAME N TEXT"


def _observation(name: str, meaning: str, more: str) -> Topic:
    body = f"{_OBSERVED}, {more}"
    return Topic(
        f"syncropel.dispatch.{name}.v1", "KNOW", DISPATCH, ENGINE_ALONE, meaning, body, _FANOUT, _ITSELF
    )


def _report(name: str, meaning: str, more: str) -> Topic:
    return Topic(name, "KNOW", TASK, REPORTERS, meaning, f"{_REPORTED}, {more}, at", _FANOUT, _ITSELF)


TALK: Final = (
    _observation("question", "What an agent asks.", "question?, decision?"),
    _observation("answer", "How a question was decided, and what the agent was told.", "question, decision"),
    _observation("message", "What became of a message: `delivered` or `answered`.", "message, state"),
    _observation("subtask", "An agent asks for one more subtask.", "subtask"),
    _observation("progress", "How far an agent says it has come.", "text"),
    _report(
        "fanout_question",
        "A running attempt asks its operator. `decision`: how, where a rule has decided it at once.",
        "question, decision?",
    ),
    _report(
        "fanout_question_decided",
        "How a question was decided, by whom, and what the agent was told.",
        "question, decision",
    ),
    Topic(
        "fanout_answer",
        "LEARN",
        TASK,
        ENGINE_ALONE,
        "An operator answers a question. It counts once its instance has taken it.",
        "index, attempt, question, digest, chosen, text?, note?, at",
        _FANOUT,
        _ANSWER,
    ),
    Topic(
        "fanout_say",
        "LEARN",
        TASK,
        ENGINE_ALONE,
        "An operator says something to a running attempt.",
        "index, attempt, text, at",
        _FANOUT,
        _SAY,
    ),
    _report(
        "fanout_message_state",
        "What became of a message: `delivered` to the agent, or `answered` by it.",
        "message, state",
    ),
    Topic(
        "fanout_answer_child",
        "LEARN",
        CHILD,
        FROM_ABOVE,
        "The coordinator tells an instance an operator's answer.",
        "child_intend, attempt, question, digest, chosen, text?, note?, by, answer, namespace",
        _FANOUT,
        _ANSWER,
    ),
    Topic(
        "fanout_say_child",
        "LEARN",
        CHILD,
        FROM_ABOVE,
        "The coordinator tells an instance what an operator says to an attempt.",
        "child_intend, attempt, text, by, message, namespace",
        _FANOUT,
        _SAY,
    ),
    _report("fanout_subtask_asked", "A running attempt asks for one more subtask.", "subtask"),
    Topic(
        "fanout_subtask_added",
        "LEARN",
        TASK,
        ENGINE_ALONE,
        "A subtask that a running attempt asked for is added; or it was added before, and has that index.",
        "index, asked, by, depth?, subtask?, namespace, at",
        _FANOUT,
        _ADD,
    ),
    Topic(
        "fanout_subtask_refused",
        "LEARN",
        TASK,
        ENGINE_ALONE,
        "A subtask that a running attempt asked for is not added.",
        "asked, by, reason, namespace, at",
        _FANOUT,
        _ADD,
    ),
    Topic(
        "fanout_subtask_child",
        "LEARN",
        CHILD,
        FROM_ABOVE,
        "The coordinator tells an instance what became of the subtask that an attempt asked for.",
        "child_intend, attempt, asked, added?, reason?, namespace",
        _FANOUT,
        _ADD,
    ),
)
