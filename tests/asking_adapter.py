"""An adapter for tests: its goals are requests in JSON, each of which it asks its operator."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from syncropel.adapters import Job, Observe, Outcome
from syncropel.adapters.asking import ALLOW_ONCE, Answer, Option, Request
from syncropel.adapters.contract import AdapterType, Capabilities

OFFERED = ("allow_once", "allow_always", "reject_once")


def request_of(fields: dict[str, Any]) -> Request:
    """The request that a goal spells out."""
    made = {key: value for key, value in fields.items() if key not in ("options", "command", "paths")}
    command, options = (
        fields.get("command"),
        fields.get("options", ("allow_once", "allow_always", "reject_once")),
    )
    return Request(
        **{"id": "r1", "kind": "permission", "text": "may I?", "tool": "execute", **made},
        command=None if command is None else tuple(command),
        paths=tuple(fields.get("paths", ())),
        options=tuple(Option(kind, kind.replace("_", " ")) for kind in options),
    )


class AskingAdapter:
    """Asks what its goal says, one after the other; accepts if all was allowed, with the answers as summary.

    `listens`: it then waits for so many messages, and acknowledges each.
    """

    name = "asking"

    def __init__(self) -> None:
        self.told: list[Answer] = []
        self.heard: list[str] = []
        self.asked = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def run(self, job: Job, observe: Observe) -> Outcome:
        goal = json.loads(job.goal)
        answers = []
        for fields in goal.get("asks", ()):
            self.asked += 1
            answers.append(await job.operator.ask(request_of(fields)))
            self.told.append(answers[-1])
        for _ in range(goal.get("listens", 0)):
            message = await job.operator.message()
            self.heard.append(message.text)
            await job.operator.delivered(message)
            await job.operator.answered(message)
        await self.go_on.wait()
        verdict = "accept" if all(one.chosen == ALLOW_ONCE for one in answers) else "failed"
        said = "; ".join(f"{one.chosen} by {one.by}: {one.text or one.reason}" for one in answers)
        return Outcome(verdict, said or job.hint)

    async def end_orphan(self, session: dict[str, Any]) -> None:
        """It leaves none."""


ASKING = AdapterType(
    lambda table, place: AskingAdapter(),
    Capabilities(messages=True, permissions=True),
    "asks what its goal says",
)


def installed_in(folder: Path) -> Path:
    """Make a folder that, in the path of a process, has this type of adapter installed there."""
    about = folder / "asking-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: asking\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[syncropel.adapters]\nasking = tests.asking_adapter:ASKING\n")
    return folder
