"""When a call of a tool is told, what it is called, and which changes came to nothing."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.adapters.acp import tools
from syncropel.adapters.acp.conversation import Conversation, Plan
from syncropel.adapters.acp.messages import Call, Notification
from syncropel.adapters.acp.tools import Tools, about, tool_of
from syncropel.adapters.reading import ToolCall, ToolResult
from tests.adapters.acp.bench import KINDS


def call(number: str = "t", **more: Any) -> dict[str, Any]:
    return {"toolCallId": number, "kind": "execute", **more}


@pytest.mark.parametrize(
    ("update", "told"),
    [
        ({}, False),
        ({"status": "pending", "rawInput": {}, "locations": []}, False),
        ({"rawInput": {"command": "ls"}}, True),
        ({"locations": [{"path": "a.py"}]}, True),
        ({"status": "completed"}, True),
        ({"status": "failed"}, True),
    ],
)
def test_a_call_is_told_once_it_is_known_what_it_is_about(update: dict[str, Any], told: bool) -> None:
    found = Tools()

    first, second = found.follow(call(**update)), found.follow(call(**update))

    assert [type(one) for one in first][:1] == [ToolCall] * told
    assert second == []
    assert found.called == told


def test_a_call_that_is_asked_for_is_told_at_once_and_its_end_once() -> None:
    found = Tools()
    asked = found.follow(call(), asked=True)
    ended = found.follow(call(status="completed", rawOutput="done\nmore"))
    again = found.follow(call(status="failed"))

    assert asked == [ToolCall("t", "execute", "")]
    assert ended == [ToolResult("t", True, "done")]
    assert again == []


def test_what_one_update_does_not_say_is_known_from_another() -> None:
    found = Tools()
    found.follow(call(title="List", rawInput={}))
    told = found.follow(call(title=None, rawInput={"command": "ls"}))

    assert told == [ToolCall("t", "execute", "ls")]


def test_only_so_many_calls_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_MOST_TRACKED", 2)
    found = Tools()
    for number in ("a", "b", "a", "c"):
        found.follow(call(number, title=f"call {number}"))

    titles = [found.follow({"toolCallId": one, "status": "completed"})[0] for one in ("c", "b", "a")]

    assert [one.argument for one in titles if isinstance(one, ToolCall)] == ["call c", "call b", ""]


@pytest.mark.parametrize(
    ("said", "summary"),
    [
        ({"rawOutput": "first\nsecond"}, "first"),
        ({"rawOutput": {"output": "out", "error": "bad"}}, "out"),
        ({"rawOutput": {"error": "bad"}}, "bad"),
        ({"rawOutput": {"output": "out"}, "content": [{"content": {"text": "text"}}]}, "text"),
        ({"content": [{"content": {}}, {"content": {"text": "two"}}]}, "two"),
        ({}, ""),
    ],
)
def test_the_summary_of_a_result(said: dict[str, Any], summary: str) -> None:
    (_, result) = Tools().follow(call(status="completed", **said))

    assert isinstance(result, ToolResult)
    assert result.summary == summary


@pytest.mark.parametrize(
    ("known", "name", "argument"),
    [
        ({"_meta": {"claudeCode": {"toolName": "Bash"}}, "name": "n", "kind": "execute"}, "Bash", ""),
        ({"name": "shell", "kind": "execute"}, "shell", ""),
        ({}, "tool", ""),
        ({"title": "Read", "locations": [{"path": "a"}], "rawInput": {"x": 1}}, "tool", "a"),
        ({"title": "Read", "content": [{"path": "b"}], "locations": [{"path": "a"}]}, "tool", "b"),
        ({"title": "Read\nmore"}, "tool", "Read"),
        ({"title": "Run", "rawInput": {"command": "ls"}, "locations": [{"path": "a"}]}, "tool", "ls"),
    ],
)
def test_what_a_call_is_named_by(known: dict[str, Any], name: str, argument: str) -> None:
    assert (tool_of(known), about(known)) == (name, argument)


def test_a_call_that_its_agent_denied_is_no_broken_change() -> None:
    found = Tools()
    meta = {"claudeCode": {"nonExecutionKind": "permission-denied", "toolName": "Write"}}
    found.follow(call(kind="edit", status="failed", locations=[{"path": "a"}], _meta=meta))
    denied = dict(found.denied)
    found.follow(call("u", kind="edit", status="failed", locations=[{"path": "b"}]))

    assert [str(one) for one in denied.values()] == ["Write a"]
    assert (found.broken({}), found.broken({"u"})) == ("edit b", "")


def test_a_tool_that_a_cancel_ended_is_neither_denied_nor_counted_against_its_turn() -> None:
    found = Tools()
    meta = {"claudeCode": {"nonExecutionKind": "user-rejected"}}
    before = found.interrupted
    found.follow(call(status="failed", _meta=meta))

    assert (before, found.interrupted, found.denied) == (False, True, {})


def test_a_change_without_a_path_is_known_by_its_words() -> None:
    found = Tools()
    found.follow(call("a", kind="delete", title="rm", status="failed"))
    broken = found.broken({})
    found.follow(call("b", kind="delete", title="rm", status="completed"))

    assert (broken, found.broken({})) == ("delete rm", "")


def test_of_very_many_open_calls_the_latest_are_remembered_for_their_permission() -> None:
    talk = Conversation(KINDS["claude"], Plan("/w", "go"))
    for number in range(1100):
        about = {"toolCallId": f"t{number}", "locations": [{"path": f"f{number}"}]}
        talk.hear(Notification("session/update", {"update": {"sessionUpdate": "tool_call", **about}}))

    first, last = (
        talk.tool(Call(1, "session/request_permission", {"toolCall": {"toolCallId": number}}))
        for number in ("t0", "t1099")
    )

    assert last["locations"] == [{"path": "f1099"}]
    assert "locations" not in first
