"""Recorded conversations of the real agents with a stub of a model, cut to what they show."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syncropel.adapters.acp.conversation import Conversation, Now, Plan
from syncropel.adapters.acp.messages import read_message
from syncropel.adapters.acp.reader import AcpReader
from syncropel.adapters.acp.tools import about, tool_of
from syncropel.adapters.agents.verdict import Denied
from syncropel.adapters.base import Outcome
from syncropel.adapters.models.prices import Prices
from syncropel.adapters.reading import Event
from tests.adapters.acp.bench import KINDS

FOLDER = Path(__file__).with_name("transcripts")
_IDS = {"session/set_mode": "mode", "session/set_model": "model", "session/set_config_option": "model"}
_SESSION = "00000000-0000-4000-8000-000000000001"
BEFORE = 0.01


def runs() -> list[str]:
    """All of them, as `agent/scenario`."""
    return sorted(f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.jsonl"))


@dataclass
class Replay:
    """A recorded conversation, heard by our side, which says what the recording has it say."""

    run: str
    reader: AcpReader = field(init=False)
    talk: Conversation = field(init=False)
    events: list[Event] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    """What our side would have said by itself, up to the first prompt."""
    lines: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        agent = self.run.partition("/")[0]
        resumes = _SESSION if "load-" in self.run or "resume-" in self.run else ""
        self.reader = AcpReader(
            KINDS[agent], Prices(), resumes=resumes, paid=BEFORE if resumes else None, prompted_after=None
        )
        self.talk = Conversation(KINDS[agent], Plan("/w", "go", resume=resumes, go_on="on"))
        self.reader.denied = self._denied
        self._ids: dict[int, str] = {}
        self._prompts = 0

    def play(self) -> Outcome:
        """The whole conversation."""
        for line in (FOLDER / f"{self.run}.jsonl").read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            message = entry.get("m")
            if entry.get("dir") == "->":
                self._say(message)
            elif entry.get("dir") == "<-":
                self._hear(message)
        return self.reader.outcome(None, 9, "")

    def _say(self, message: dict[str, Any]) -> None:
        if message.get("method") == "authenticate":
            return
        if not self.talk.prompts:
            self.said += list(self._due())
        if "method" in message and "id" in message:
            number = message["method"].rpartition("/")[2]
            if number == "prompt":
                self._prompts += 1
                number = "prompt" if self._prompts == 1 else f"said-{self._prompts}"
                if self._prompts == 1:
                    self.reader.prompted_after = self.reader.lines
            number = _IDS.get(message["method"], number)
            self._ids[message["id"]] = number
            message = {**message, "id": number}
        self.talk.say(message)

    def _due(self) -> list[dict[str, Any]]:
        found = []
        for message in self.talk.due(Now(0.0, 60.0)):
            found.append(message)
            break
        return found

    def _hear(self, message: dict[str, Any]) -> None:
        if "method" not in message and message.get("id") in self._ids:
            message = {**message, "id": self._ids[message["id"]]}
        line = json.dumps(message).encode()
        self.lines.append(line)
        self.events += self.reader.feed(line)
        if (heard := read_message(line)) is not None:
            self.talk.hear(heard)

    def _denied(self) -> dict[str, Denied]:
        return {
            str(tool.get("toolCallId")): Denied(tool_of(tool), about(tool))
            for tool in self.talk.denied.values()
        }
