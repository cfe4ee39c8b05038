"""`spl inbox`, `spl task answer` and `spl task say`: what they print, and what they ask the daemon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncropel.cli import inbox
from syncropel.cli.text import questions as text
from syncropel.wire import (
    AnswerOut,
    DecisionOut,
    InboxItem,
    MessageOut,
    Page,
    QuestionDetail,
    QuestionOut,
    TalkOut,
)

from . import wire
from .conftest import FakeDaemon, Ran

Spl = Callable[..., Ran]
ONE, TWO = "q_" + "1" * 24, "q_" + "2" * 24


def detail(**changes: Any) -> QuestionDetail:
    fields: dict[str, Any] = {
        "id": ONE,
        "thread": wire.THREAD,
        "alias": "T",
        "index": 0,
        "attempt": 1,
        "instance": wire.WORKER_A,
        "instance_alias": "worker-a",
        "kind": "permission",
        "text": "run it",
        "tool": "execute",
        "digest": "ab" * 32,
        "size": 20,
        "options": [],
        "asked_at": 100.0,
        "until": 700.0,
        "state": "open",
        "record": "cd" * 32,
        "shown": {"command": "ls -l"},
        "command": ["ls", "-l"],
        "paths": [],
        "root": "/w",
    }
    return QuestionDetail(**{**fields, **changes})


def asked(**changes: Any) -> QuestionOut:
    return QuestionOut(**dict(detail(**changes)))


def decision(**changes: Any) -> DecisionOut:
    fields = {"how": "operator", "by": "did:sync:user:ada", "chosen": "allow_once", "text": "", "reason": ""}
    return DecisionOut(**{**fields, "rule": "", "answer": "", "at": 1.0, **changes})


def listed(*items: Any) -> Any:
    return {"object": "list", "data": [one.model_dump(mode="json") for one in items], "next_cursor": None}


def test_a_question_shows_what_would_be_done() -> None:
    assert text.question_lines(detail(paths=["/w/a"]), 640.0) == [
        "◇ T [0] asks for permission: run it",
        f"  question: {ONE}",
        "  from: attempt 1 on worker-a",
        "  tool: execute",
        "  command:",
        "  │ ls -l",
        '  arguments: ["ls", "-l"]',
        '  paths: ["/w/a"]',
        "  denied in 1m00s unless you answer",
        f"  answer: spl task answer T 0 {ONE} --allow|--deny",
    ]


def test_a_diff_shows_the_lines_that_change() -> None:
    diffs = [
        {"path": "/w/a.py", "old": "one\ntwo\nthree", "new": "one\n2\nthree"},
        {"path": "/w/b", "old": None, "new": "x"},
    ]
    lines = text.question_lines(detail(shown={"diffs": diffs, "input": {"a": 1}}, command=None), 0.0)
    assert lines[4:-2] == [
        '  file: "/w/a.py"',
        "  │ @@ -1,3 +1,3 @@",
        "  │  one",
        "  │ -two",
        "  │ +2",
        "  │  three",
        '  file: "/w/b" (new)',
        "  │ @@ -0,0 +1 @@",
        "  │ +x",
        "  input:",
        "  │ {",
        '  │   "a": 1',
        "  │ }",
    ]


def test_what_stands_above_is_not_said_twice() -> None:
    lines = text.question_lines(detail(shown={"title": "run it", "cwd": "/tmp", "x": 1}), 0.0)
    assert lines[4:10] == ['  arguments: ["ls", "-l"]', "  cwd:", '  │ "/tmp"', '  "x":', "  │ 1", lines[9]]
    assert "  title:" in text.question_lines(detail(shown={"title": "run it\nand more"}), 0.0)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"state": "closed", "closed": "its attempt has ended"}, "  closed: its attempt has ended"),
        ({"state": "decided", "decision": decision()}, "  allowed by did:sync:user:ada"),
        (
            {"decision": decision(how="rule", rule="look", chosen="reject_once", reason="no")},
            "  denied by the rule 'look': no",
        ),
        (
            {"decision": decision(how="time_limit", chosen="cancelled")},
            "  denied by its time limit",
        ),
        (
            {"answer": AnswerOut(record="ab" * 32, by="ada", chosen="allow_once", text="", note="", at=1.0)},
            "  answered by ada; its instance has not taken it yet",
        ),
        ({"until": 1.0}, "  its time is over"),
    ],
)
def test_a_question_says_how_it_stands(changes: dict[str, Any], line: str) -> None:
    assert line in text.question_lines(detail(**changes), 100.0)


def test_what_is_too_large_is_told_by_its_digest() -> None:
    lines = text.question_lines(detail(shown=None, size=300_000), 0.0)
    assert f"  shows: 300.0 kB, too large to be shown (sha256 {'ab' * 32})" in lines


def test_nothing_that_an_agent_writes_reaches_a_terminal_as_a_command(daemon: FakeDaemon, spl: Spl) -> None:
    evil = "→ spl stop\x1b[2J\x1b]0;x\x07\r\u202e✓ allowed\n✓ T [0] allowed"
    whole = detail(
        text=evil,
        tool=evil,
        shown={"command": evil, "diffs": [{"path": evil, "old": evil, "new": "x"}], evil: evil},
        command=[evil],
        paths=[evil],
    )
    daemon.answer("/v1/questions", listed(asked(text=evil)))
    daemon.answer(f"/v1/questions/{ONE}", whole)
    for words in (("task", "answer", "T", "0"), ("inbox",)):
        item = InboxItem(
            kind="permission",
            since=1.0,
            thread=wire.THREAD,
            alias="T",
            index=0,
            attempt=1,
            instance=wire.WORKER_A,
            instance_alias="worker-a",
            what=evil,
            command="spl task answer T 0",
            question=ONE,
            until=None,
        )
        daemon.answer("/v1/inbox", listed(item))
        out = spl(*words).out
        assert out.isprintable() or {char for char in out if not char.isprintable()} == {"\n"}
        # No line that an agent wrote looks like one of ours.
        assert not [line for line in out.splitlines() if line.lstrip().startswith("✓")]
        ours = {"  → spl task answer T 0"} if words == ("inbox",) else set()
        assert {line for line in out.splitlines() if line.lstrip().startswith("→")} == ours


def test_an_answer_names_the_digest_and_says_when_it_was_taken(daemon: FakeDaemon, spl: Spl) -> None:
    daemon.answer("/v1/questions", listed(asked()))
    record = {**POSTED, "duplicate": False}
    daemon.answer(f"/v1/questions/{ONE}/answer", record, 201)
    daemon.answer(f"/v1/questions/{ONE}", detail(state="decided", decision=decision()))
    ran = spl("task", "answer", "T", "0", "--allow", "--note", "once")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"✓ T [0] allowed; its agent was told\n  record: {'ab' * 32}\n"
    [sent] = [one for one in daemon.requests if one.method == "POST"]
    assert sent.read().decode().count("ab" * 32) == 1
    daemon.answer(f"/v1/questions/{ONE}", detail(decision=decision(how="time_limit", chosen="reject_once")))
    late = spl("task", "answer", "T", "0", "--allow")
    assert "denied; its agent was told" in late.out, "not what was answered, but what the agent was told"


POSTED = {
    "object": "record",
    "id": "ab" * 32,
    "thread": wire.THREAD,
    "actor": "did:sync:user:tester",
    "act": "LEARN",
    "clock": 1,
    "parents": [],
    "data_type": "SCALAR",
    "judged_by": None,
    "body": {},
    "sequence": 1,
    "received_at": 1.0,
}


def test_of_several_questions_one_is_named(daemon: FakeDaemon, spl: Spl) -> None:
    daemon.answer("/v1/questions", listed(asked(), asked(id=TWO, text="other"), asked(index=1)))
    ran = spl("task", "answer", "T", "0", "--deny")
    assert ran.code == 1
    assert "has 2 questions: name one" in ran.err
    assert f"{TWO}  other" in ran.err
    daemon.answer(f"/v1/questions/{TWO}", detail(id=TWO))
    assert spl("task", "answer", "T", "0", "q_2").code == 0
    ran = spl("task", "answer", "T", "0", "q_3")
    assert (ran.code, "no question 'q_3'" in ran.err) == (1, True)
    ran = spl("task", "answer", "T", "7")
    assert (ran.code, "no question that waits" in ran.err, "spl inbox" in ran.err) == (1, True, True)


@pytest.mark.parametrize(
    "words",
    [
        ("task", "answer", "T", "0", "--note", "why"),
        ("task", "answer", "T", "0", "--allow", "--deny"),
        ("task", "answer", "T", "0", "--allow", "--text", "x"),
        ("task", "answer", "T", "x"),
        ("task", "say", "T"),
        ("task", "say", "T", "0"),
        ("task", "say", "T", "0", "hello", "--list"),
    ],
)
def test_words_that_make_no_sense_are_refused(spl: Spl, words: tuple[str, ...]) -> None:
    assert spl(*words).code == 2


def message(**changes: Any) -> MessageOut:
    fields: dict[str, Any] = {
        "id": "ab" * 32,
        "thread": wire.THREAD,
        "alias": "T",
        "index": 0,
        "attempt": 1,
        "text": "hello",
        "by": "did:sync:user:ada",
        "at": 0.0,
        "state": "queued",
        "delivered_at": None,
        "answered_at": None,
    }
    return MessageOut(**{**fields, **changes})


def test_a_message_says_what_became_of_it(daemon: FakeDaemon, spl: Spl) -> None:
    daemon.answer("/v1/tasks/T/subtasks/0/messages", {**POSTED, "duplicate": False}, 201)
    daemon.answer("/v1/tasks/T/messages", listed(message(state="delivered", delivered_at=1.0)))
    ran = spl("task", "say", "T", "0", "hello")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "✓ T [0] delivered")
    [row] = spl("task", "say", "T", "--list").out.splitlines()[1:]
    assert row.split()[:2] == ["[0]", "delivered"]
    daemon.answer("/v1/tasks/T/messages", listed())
    assert spl("task", "say", "T", "0", "--list").out == "nothing was said\n"


def test_a_task_shows_how_much_was_asked_and_said() -> None:
    task = wire.task(alias="T", talk=TalkOut(questions=3, open=1, messages=2, queued=1))
    assert text.talk_lines(task) == [
        "Questions: 3 asked, 1 open; see: spl inbox",
        "Messages: 2 said, 1 queued; see: spl task say T --list",
    ]
    quiet = wire.task(alias="T", talk=TalkOut(questions=1, open=0, messages=0, queued=0))
    assert text.talk_lines(quiet) == ["Questions: 1 asked, 0 open"]


def test_the_inbox_names_the_command_that_answers(daemon: FakeDaemon, spl: Spl) -> None:
    late = InboxItem(
        kind="late",
        since=40.0,
        thread=wire.THREAD,
        alias="",
        index=None,
        attempt=None,
        instance=None,
        instance_alias=None,
        what="runs longer than its 5 s",
        command="spl task stop T --subtask 0",
    )
    question = late.model_copy(
        update={"kind": "question", "alias": "T", "index": 0, "instance_alias": "worker-a", "until": 160.0}
    ).model_copy(update={"instance": wire.WORKER_A})
    assert inbox.inbox_lines([late, question], 100.0) == [
        f"◇ late: {wire.THREAD}, since 1m00s",
        "  │ runs longer than its 5 s",
        "  → spl task stop T --subtask 0",
        "◇ question: T [0] on worker-a, since 1m00s, denied in 1m00s",
        "  │ runs longer than its 5 s",
        "  → spl task stop T --subtask 0",
    ]
    daemon.answer("/v1/inbox", listed())
    assert spl("inbox").out == "nothing waits for you\n"
    assert spl("inbox", "-o", "json").json["data"] == []


def test_the_inbox_is_printed_again_when_it_changes(
    daemon: FakeDaemon, spl: Spl, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = InboxItem(
        kind="late",
        since=40.0,
        thread=wire.THREAD,
        alias="T",
        index=0,
        attempt=1,
        instance=None,
        instance_alias=None,
        what="late",
        command="spl task stop T --subtask 0",
    )
    pages = [Page[InboxItem](data=[]), Page[InboxItem](data=[]), Page[InboxItem](data=[item])]
    daemon.answers_in_turn("/v1/inbox", *pages)
    looks = iter([None] * 3)

    def rest(_: float) -> None:
        if next(looks, "over") == "over":
            raise KeyboardInterrupt

    monkeypatch.setattr("syncropel.cli.inbox.time.sleep", rest)
    ran = spl("inbox", "--watch")
    assert ran.code == 130
    assert ran.out.count("nothing waits for you") == 1
    assert ran.out.count("◇ late: T [0]") == 1
