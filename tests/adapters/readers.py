"""A reader of a small protocol of our own: JSON lines whose keys say which events they are."""

from __future__ import annotations

import json

from syncropel.adapters import Outcome
from syncropel.adapters.reading import Event, Final, Question, Session, Text, Usage


class LineReader:
    """Succeeds when the last `final` said so and the exit status is 0."""

    def __init__(self) -> None:
        self.unread = 0
        self.lines: list[bytes] = []
        self.finished = 0
        self.final: Final | None = None

    def feed(self, line: bytes) -> list[Event]:
        self.lines.append(line[:100])
        try:
            said = json.loads(line)
        except ValueError:
            self.unread += 1
            return []
        if "breaks" in said:
            raise ZeroDivisionError("this reader breaks")
        events: list[Event] = []
        if "session" in said:
            events.append(Session(said["session"], "m"))
        if "usage" in said:
            events += [Usage("m", 1, output=2, cost_usd=said["usage"])] * (1 + said.get("twice", False))
        if "ask" in said:
            events.append(Question("q", said["ask"]))
        if "text" in said:
            events.append(Text(said["text"]))
        if "final" in said:
            self.final = Final(said["final"] == "ok", said.get("answer", ""))
            events.append(self.final)
        return events

    def finish(self) -> list[Event]:
        self.finished += 1
        return []

    def outcome(self, exit_code: int | None, signal: int | None, stderr_tail: str) -> Outcome:
        if self.final is None:
            return Outcome("failed", stderr_tail or "no final event", reason="result_missing")
        return Outcome("accept" if self.final.ok and exit_code == 0 else "failed", self.final.text)
