"""Agents that do not keep to the protocol: nothing of ours breaks, and nothing is allowed by it."""

from __future__ import annotations

import json
import resource
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.adapters.acp.conversation import PERMISSION, Conversation, Now, Plan, answer
from syncropel.adapters.acp.journal import Journal, NotWritten
from syncropel.adapters.acp.messages import Call, Notification, Reply, read_message
from syncropel.adapters.acp.permissions import request_of
from syncropel.adapters.acp.reader import AcpReader
from syncropel.adapters.asking import ALLOW_ONCE, CANCELLED, REJECT_ONCE
from syncropel.adapters.files import Files
from syncropel.adapters.models.prices import Prices
from tests.adapters.acp.bench import ALL, KINDS, Bench
from tests.adapters.acp.recorded import FOLDER, runs

LATE = 60.0
ODD: list[Any] = [None, True, -1, 1.5, 1e308, 10**400, "", "\ud800", "\0", [], {}, [[]], [{}], {"x": []}]


def recorded() -> list[dict[str, Any]]:
    """What the real agents have said."""
    entries = [
        json.loads(line)
        for run in runs()
        for line in (FOLDER / f"{run}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    return [one["m"] for one in entries if one.get("dir") == "<-" and isinstance(one.get("m"), dict)]


SAID = recorded()


def bent(chance: Random, value: Any, share: float) -> Any:
    """The value with parts of it left out or replaced."""
    if chance.random() < share:
        return chance.choice(ODD)
    if isinstance(value, dict):
        return {key: bent(chance, one, share) for key, one in value.items() if chance.random() >= share / 2}
    return [bent(chance, one, share) for one in value] if isinstance(value, list) else value


@given(st.integers(0, 2**64), st.sampled_from(ALL))
def test_whatever_an_agent_says_is_taken(seed: int, agent: str) -> None:
    chance, kind = Random(seed), KINDS[agent]
    reader = AcpReader(kind, Prices())
    talk = Conversation(kind, Plan("/w", "go", mode="m", model="x", resume=chance.choice(["", "s"])))
    ours: list[Any] = ["initialize"]
    for _ in range(20):
        for message in talk.due(Now(LATE, LATE, *chance.choice([("", ""), ("m1", "use tabs")]))):
            talk.say(message)
            ours.append(message.get("id"))
        said = dict(chance.choice(SAID))
        if "method" not in said:
            said["id"] = chance.choice(ours)
        elif chance.random() < 0.2:
            said = {"method": "$/cancel_request", "params": {"requestId": chance.choice([0, 1, "a"])}}
        line = json.dumps(bent(chance, said, chance.choice([0.0, 0.02, 0.1]))).encode()
        reader.feed(line)
        if (heard := read_message(line)) is not None:
            talk.hear(heard)
        for call in talk.permissions:
            request_of(call, talk.tool(call), "run", "/w")
            talk.say(answer(call, chance.choice([ALLOW_ONCE, REJECT_ONCE, CANCELLED])))
    outcome = reader.outcome(0, None, "")

    assert outcome.verdict in ("accept", "failed")
    json.dumps(outcome.agent).encode()


def asked(*options: tuple[Any, str], number: int = 1) -> Call:
    """A permission with these options: id and kind."""
    offered = [{"optionId": one, "kind": kind, "name": "n"} for one, kind in options]
    return Call(number, PERMISSION, {"toolCall": {"toolCallId": "t", "kind": "edit"}, "options": offered})


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ([("a", "allow_once"), ("r", "reject_once")], "a"),
        ([("a", "allow_once"), ("b", "allow_once")], "a"),
        ([("same", "allow_once"), ("same", "reject_once")], None),
        ([(["a"], "allow_once"), ({}, "reject_once")], None),
        ([(["a"], "allow_once"), ("r", "reject_once")], "r"),
    ],
)
def test_an_option_is_chosen_only_if_its_id_is_clear(options: list[Any], chosen: str | None) -> None:
    talk = Conversation(KINDS["claude"], Plan("/w", "go"))
    talk.hear(asked(*options))
    reply = answer(talk.permissions[0], ALLOW_ONCE)
    talk.say(reply)

    assert reply["result"]["outcome"].get("optionId") == chosen
    assert bool(talk.denied) is (chosen != "a")


def test_a_permission_that_was_withdrawn_is_asked_no_more() -> None:
    talk = Conversation(KINDS["claude"], Plan("/w", "go"))
    talk.hear(asked(("a", "allow_once")))
    odd: Any
    for odd in ([], {}, None, 2):
        talk.hear(Notification("$/cancel_request", {"requestId": odd}))
    open_before = len(talk.permissions)
    talk.hear(Notification("$/cancel_request", {"requestId": 1}))

    assert (open_before, talk.permissions) == (1, [])


def test_a_call_is_forgotten_when_it_has_ended_but_not_what_was_denied() -> None:
    talk = Conversation(KINDS["gemini"], Plan("/w", "go"))
    call = {"toolCallId": "t", "kind": "edit", "rawInput": {"path": "a.py"}, "content": [{"x": "y" * 999}]}
    talk.hear(Notification("session/update", {"update": {"sessionUpdate": "tool_call", **call}}))
    talk.hear(asked(("r", "reject_once")))
    talk.say(answer(talk.permissions[0], REJECT_ONCE))
    over = {"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "failed"}
    talk.hear(Notification("session/update", {"update": over}))

    assert talk.denied[1]["rawInput"] == {"path": "a.py"}
    assert "rawInput" not in talk.tool(asked())


def test_a_message_that_comes_while_the_session_is_closed_is_not_sent() -> None:
    talk = Conversation(KINDS["claude"], Plan("/w", "go"))
    replies: dict[str, dict[str, Any]] = {
        "initialize": {"protocolVersion": 1, "agentCapabilities": {"sessionCapabilities": {"close": {}}}},
        "new": {"sessionId": "s"},
        "prompt": {"stopReason": "end_turn"},
    }
    for number, result in replies.items():
        for message in talk.due(Now(LATE, LATE)):
            talk.say(message)
        talk.hear(Reply(number, result))
    close = next(talk.due(Now(LATE, LATE)))
    talk.say(close)

    assert close["method"] == "session/close"
    assert list(talk.due(Now(LATE, LATE, "m1", "one more thing"))) == []


def test_a_journal_on_a_full_disk_has_whole_messages_only(tmp_path: Path) -> None:
    path = tmp_path / "sent.jsonl"
    journal = Journal(path)
    journal.add(1, {"id": "first"})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5, before[1]))
    try:
        with pytest.raises(NotWritten, match=r"sent\.jsonl: No space left on device"):
            journal.add(2, {"id": "second"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    journal.add(3, {"id": "third"})
    journal.close()

    assert [one.after for one in journal.sent] == [1, 3]
    again = Journal(path)
    again.close()
    assert again.sent == journal.sent


@pytest.mark.parametrize("permissions", ["ask", "auto"])
def test_a_config_with_a_provider_does_not_undo_what_opencode_has_to_ask(
    tmp_path: Path, permissions: str
) -> None:
    own = {"OPENCODE_CONFIG_CONTENT": '{"provider": {}}'}
    bench = Bench(tmp_path, "opencode", set=own, options={"permissions": permissions})
    job = bench.job("do:ok")

    found = bench.adapter.environment(job, Files.of(job, tmp_path / "work", None))

    wanted = "ask" if permissions == "ask" else "allow"
    assert found["OPENCODE_CONFIG_CONTENT"] == own["OPENCODE_CONFIG_CONTENT"]
    assert json.loads(found["OPENCODE_PERMISSION"])["edit"] == wanted
    assert json.loads(found["OPENCODE_PERMISSION"])["bash"] == wanted


def test_a_prompt_is_text_that_every_agent_can_read() -> None:
    talk = Conversation(KINDS["codex"], Plan("/w", "a\ud800b\0"))
    for number, result in (("initialize", {"protocolVersion": 1}), ("new", {"sessionId": "s"})):
        talk.say(next(talk.due(Now(LATE, LATE))))
        talk.hear(Reply(number, result))

    assert next(talk.due(Now(LATE, LATE)))["params"]["prompt"] == [{"type": "text", "text": "a?b\0"}]


def begun(kind: str = "claude", **plan: Any) -> Conversation:
    """A conversation up to its first prompt."""
    talk = Conversation(KINDS[kind], Plan("/w", "go", **plan))
    for number, result in (("initialize", {"protocolVersion": 1}), ("new", {"sessionId": "s"})):
        talk.say(next(talk.due(Now(LATE, LATE))))
        talk.hear(Reply(number, result))
    talk.say(next(talk.due(Now(LATE, LATE))))
    return talk


def test_only_the_first_reply_to_a_request_of_ours_counts() -> None:
    talk = begun()
    talk.hear(Reply("never-sent", {}))
    talk.hear(Reply("new", {"sessionId": "another"}))
    talk.hear(Reply("prompt", {"stopReason": "end_turn"}))
    talk.hear(Reply("prompt", {}, {"code": 1, "message": "late"}))

    assert (talk.session, talk.failed, talk.busy) == ("s", "", False)
    assert talk.replies["prompt"].error is None
    assert "never-sent" not in talk.replies


def test_a_permission_that_was_answered_is_not_answered_when_the_turn_is_cancelled() -> None:
    talk = begun()
    talk.hear(asked(("r", "reject_once"), number=1))
    talk.say(answer(talk.permissions[0], REJECT_ONCE))
    talk.hear(asked(("r", "reject_once"), number=2))

    ends = list(talk.hang_up())

    assert [one.get("method", one.get("id")) for one in ends] == ["session/cancel", 2]


def test_a_denial_after_the_agent_has_withdrawn_its_request_is_known() -> None:
    talk = begun()
    talk.hear(asked(("r", "reject_once")))
    reply = answer(talk.permissions[0], REJECT_ONCE)
    talk.hear(Notification("$/cancel_request", {"requestId": 1}))
    talk.say(reply)

    assert [one["toolCallId"] for one in talk.denied.values()] == ["t"]


def test_a_handshake_is_tried_again_only_after_a_moment_and_once() -> None:
    talk = Conversation(KINDS["codex"], Plan("/w", "go"))
    talk.say(next(talk.due(Now(LATE, LATE))))
    waits = list(talk.due(Now(LATE, LATE)))
    talk.hear(Reply("initialize", {}, {"code": 1001, "message": "no"}))
    soon = list(talk.due(Now(LATE, 0.5)))
    talk.say(next(talk.due(Now(LATE, 1.0))))
    talk.hear(Reply("initialize-again", {}, {"code": 1001, "message": "no"}))
    end = list(talk.due(Now(LATE, LATE)))

    assert (waits, soon, end) == ([], [], [])
    assert (talk.over, talk.failed) == (True, "it cannot begin: no")


@pytest.mark.parametrize("kind", ["gemini", "claude"])
def test_a_session_is_loaded_when_its_minute_is_over_and_its_replay_has_ended(kind: str) -> None:
    talk = Conversation(KINDS[kind], Plan("/w", "go", resume="s", go_on="on", load_at=LATE))
    talk.say(next(talk.due(Now(0.0, LATE))))
    talk.hear(Reply("initialize", {"protocolVersion": 1, "agentCapabilities": {"loadSession": True}}))
    early = list(talk.due(Now(LATE - 1, LATE)))
    load = next(talk.due(Now(LATE, LATE)))
    talk.say(load)
    waits = list(talk.due(Now(LATE, LATE)))
    talk.hear(Reply("load", {}))
    loud = [one["method"] for one in islice(talk.due(Now(LATE, 0.9)), 1)]

    assert (early, waits) == ([], [])
    assert (load["method"], load["params"]["sessionId"]) == ("session/load", "s")
    assert loud == ([] if kind == "gemini" else ["session/prompt"])
    assert next(talk.due(Now(LATE, 1.0)))["params"]["prompt"][0]["text"] == "on"


def test_a_session_that_cannot_be_loaded_is_not_taken_for_another() -> None:
    talk = Conversation(KINDS["opencode"], Plan("/w", "go", resume="s", go_on="on"))
    talk.say(next(talk.due(Now(LATE, LATE))))
    talk.hear(Reply("initialize", {"protocolVersion": 1, "agentCapabilities": {"loadSession": "yes"}}))

    assert next(talk.due(Now(LATE, LATE)))["method"] == "session/new"


def test_nothing_is_begun_after_a_cancel_but_what_the_agent_asks_is_answered() -> None:
    talk = begun()
    for message in list(talk.hang_up()):
        talk.say(message)
    talk.hear(Reply("prompt", {"stopReason": "cancelled"}))
    talk.hear(Call("fs", "fs/read_text_file", {}))

    due = list(talk.due(Now(LATE, LATE, "m1", "use tabs")))

    assert [one["id"] for one in due] == ["fs"]
    assert list(talk.hang_up()) == []
