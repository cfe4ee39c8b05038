"""An attempt of a worker of which only the reports come: what it asks, and how that is decided."""

from __future__ import annotations

from typing import Any

from syncropel.folds.fanout.talk import digest_of, question_id

from .conftest import ACTOR, Api, record
from .test_credentials import A, given_to, joined, shows

SHOWN = {"command": "rm -rf build"}


class Asked:
    """An attempt that was given to worker A, and what it may report of a question."""

    def __init__(self, api: Api, thread: str, report: dict[str, Any]) -> None:
        self.api = api
        self.thread = thread
        task = api.engine.ingest.live.tasks[thread]
        assert task.fanout is not None
        self.intend = task.fanout.spawns[0, 1].child_intend
        self.where = {key: report[key] for key in ("index", "attempt", "worker", "child_thread")}
        self.where["child_intend"] = self.intend
        self.id = question_id(self.intend, "r1")

    def question(self, **changes: Any) -> dict[str, Any]:
        whole = {
            "id": self.id,
            "request": "r1",
            "kind": "permission",
            "text": "may I?",
            "tool": "execute",
            "shown": SHOWN,
            "size": 30,
            "digest": digest_of(SHOWN),
            "options": [{"kind": "allow_once", "name": "yes"}, {"kind": "reject_once", "name": "no"}],
            "asked_at": 1.0,
            "until": 1e10,
            **changes,
        }
        return {"topic": "fanout_question", **self.where, "question": whole}

    def decision(self, **changes: Any) -> dict[str, Any]:
        decision = {"how": "time_limit", "by": A, "chosen": "reject_once", "at": 2.0, **changes}
        return {"topic": "fanout_question_decided", **self.where, "question": self.id, "decision": decision}

    async def tell(self, body: dict[str, Any], did: str = A, **changes: Any) -> Any:
        posted = record(**{"thread": self.thread, "actor": did, "act": "KNOW", "body": body, **changes})
        return await self.api.tcp.post("/v1/records", json=posted, headers=shows(did))

    async def answer(self, headers: dict[str, str] | None = None, **changes: Any) -> Any:
        body = {"digest": digest_of(SHOWN), "verdict": "allow", "actor": ACTOR, **changes}
        caller = self.api.operator if headers is None else self.api.tcp
        return await caller.post(f"/v1/questions/{self.id}/answer", json=body, headers=headers or {})


async def attempt_of(api: Api, name: str = "T") -> Asked:
    """A task whose one subtask was given to worker A."""
    thread, report, _ = await given_to(await joined(api), A, name)
    return Asked(api, thread, report)
