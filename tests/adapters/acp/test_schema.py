"""Everything that we say to an agent is in the protocol's own schema, and has no field that it ignores."""

from __future__ import annotations

from typing import Any

import pytest
from acp import schema
from pydantic import BaseModel

from syncropel.adapters.acp.conversation import PERMISSION, Conversation, Now, Plan, answer
from syncropel.adapters.acp.kinds import Kind
from syncropel.adapters.acp.messages import Call, Reply
from syncropel.adapters.asking import ALLOW_ONCE, CANCELLED, REJECT_ONCE
from tests.adapters.acp.bench import ALL, KINDS

REQUESTS: dict[str, type[BaseModel]] = {
    "initialize": schema.InitializeRequest,
    "session/new": schema.NewSessionRequest,
    "session/load": schema.LoadSessionRequest,
    "session/resume": schema.ResumeSessionRequest,
    "session/set_mode": schema.SetSessionModeRequest,
    "session/set_config_option": schema.SetSessionConfigOptionSelectRequest,
    "session/prompt": schema.PromptRequest,
    "session/close": schema.CloseSessionRequest,
}
NOT_IN_THE_SCHEMA = {"session/set_model": {"sessionId": "s", "modelId": "a-model"}}
"""Only gemini has it, and knows no other way."""
ABLE: dict[str, dict[str, Any]] = {
    "session/resume": {"loadSession": True, "sessionCapabilities": {"resume": {}, "close": {}}},
    "session/load": {"loadSession": True, "sessionCapabilities": {"close": {}}},
    "session/new": {"sessionCapabilities": {"close": {}}},
}
"""What an agent offers whose session is begun like that."""
OPTIONS = [{"optionId": one, "kind": one, "name": one} for one in (ALLOW_ONCE, REJECT_ONCE)]
LATE = 60.0


class Whole:
    """A whole conversation of one kind of agent, and everything that is said to it."""

    def __init__(self, kind: Kind, way: str) -> None:
        mode = kind.modes.get("ask", "build")
        plan = Plan("/w", "go", mode, "a-model", "s", "go on", budget_usd=1.5, max_turns=7)
        self.talk = Conversation(kind, plan)
        self.said: list[dict[str, Any]] = []
        self._able = ABLE[way]

    def go_on(self, message: str = "") -> None:
        """Until nothing more is to be said before the agent's turn ends."""
        for said in self.talk.due(Now(LATE, LATE, message, "use tabs" if message else "")):
            self.say(said)
            if "method" in said and said["method"] != "session/prompt":
                result = {"protocolVersion": 1, "agentCapabilities": self._able, "sessionId": "s"}
                self.talk.hear(Reply(said["id"], result))

    def say(self, message: dict[str, Any]) -> None:
        self.said.append(message)
        self.talk.say(message)

    def answer(self, number: int, chosen: str) -> None:
        """A permission is asked for, and answered."""
        self.talk.hear(Call(number, PERMISSION, {"toolCall": {"toolCallId": "t"}, "options": OPTIONS}))
        self.say(answer(self.talk.permissions[0], chosen))

    def end(self) -> None:
        """Its turn ends."""
        for number in self.talk.prompts:
            self.talk.hear(Reply(number, {"stopReason": "end_turn"}))


def check(message: dict[str, Any]) -> None:
    """It is what the schema says, and has no field that the schema does not know."""
    assert message["jsonrpc"] == "2.0"
    if "error" in message:
        same(schema.Error, message["error"])
    elif "result" in message:
        same(schema.RequestPermissionResponse, message["result"])
    elif "id" not in message:
        assert message["method"] == "session/cancel"
        same(schema.CancelNotification, message["params"])
    elif message["method"] in NOT_IN_THE_SCHEMA:
        assert message["params"] == NOT_IN_THE_SCHEMA[message["method"]]
    else:
        same(REQUESTS[message["method"]], message["params"])


def same(model: type[BaseModel], said: dict[str, Any]) -> None:
    read = model.model_validate(said)
    assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == said


@pytest.mark.parametrize("way", ABLE)
@pytest.mark.parametrize("agent", ALL)
def test_everything_that_we_say_is_in_the_schema(agent: str, way: str) -> None:
    kind = KINDS[agent]
    whole = Whole(kind, way)

    whole.go_on()
    whole.answer(0, ALLOW_ONCE)
    whole.answer(1, REJECT_ONCE)
    whole.answer(2, CANCELLED)
    whole.talk.hear(Call("fs", "fs/read_text_file", {"path": "/etc/passwd"}))
    whole.end()
    whole.go_on("m1")
    whole.end()
    whole.go_on()

    for message in whole.said:
        check(message)
    assert [one.get("method", one["id"]) for one in whole.said] == [
        "initialize",
        way,
        "session/set_mode",
        kind.sets_model,
        "session/prompt",
        0,
        1,
        2,
        "fs",
        "session/prompt",
        "session/close",
    ]


@pytest.mark.parametrize("agent", ALL)
def test_what_ends_a_turn_is_in_the_schema(agent: str) -> None:
    whole = Whole(KINDS[agent], "session/new")
    whole.go_on()
    whole.talk.hear(Call(0, PERMISSION, {"toolCall": {"toolCallId": "t"}, "options": OPTIONS}))

    ends = list(whole.talk.hang_up())

    for message in ends:
        check(message)
    assert [one.get("method", one.get("id")) for one in ends] == ["session/cancel", 0]
