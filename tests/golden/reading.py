"""What a golden log folds to, as the client reads it from the file: text that shows in a diff what moved."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from syncropel.client import calls, thread_calls
from syncropel.offline.client import OfflineClient
from syncropel.wire.replay import ReplayFrame

HERE: Final = Path(__file__).parent
LOGS: Final = HERE / "logs"
FOLDED: Final = HERE / "folded"

_SUMMARY: Final = ("kind", "title", "status", "records", "participants")
_TASK: Final = (
    "alias", "goal", "status", "priority", "domain", "namespace", "parent_thread", "labels", "records",
    "subtasks", "spawned", "completed", "accepted", "joined", "satisfiable", "cost_usd", "hypothesis",
    "criteria", "assignee", "completed_by", "verdict", "verdict_by", "summary", "reason", "attempts_failed",
)  # fmt: skip
_JOIN: Final = ("status", "join", "complete", "verdict", "satisfiable", "explanation", "blame", "cost_usd")
_CHILD: Final = ("state", "instance_alias", "summary", "reason", "attempt", "waits_for", "hangs")
_ID: Final = re.compile(r"\b([0-9a-f]{10})[0-9a-f]{54}\b|(th_[0-9a-f]{7})[0-9a-f]{57}\b")


def folded(log: Path) -> Path:
    """Where it is written what a log folds to."""
    return FOLDED / log.parent.name / log.name.replace(".snap.jsonl", ".json")


async def read_log(path: Path) -> str:
    """The folded state of every thread in a log, as JSON. Ids are cut."""
    client = await OfflineClient.open(path)
    try:
        page = await client.send(calls.threads(limit=1000))
        read = {one.id: await _read_thread(client, one.id) for one in sorted(page.data, key=_first)}
    finally:
        await client.close()
    text = json.dumps(read, ensure_ascii=False, indent=1)
    return _ID.sub(lambda found: found[1] or found[2], text) + "\n"


def _first(one: Any) -> int:
    return int(one.first_sequence)


async def _read_thread(client: OfflineClient, thread: str) -> dict[str, Any]:
    state = await client.send(calls.thread_state(thread))
    taking_part = await client.send(calls.participants(thread))
    replay = await client.send(thread_calls.replay(thread, limit=1000))
    read = _of(state.thread, _SUMMARY) | {
        "opened_by": state.opened_by,
        "clock": state.clock,
        "acts": " ".join(f"{act}:{count}" for act, count in state.acts.items()),
        "open_intends": state.open_intends,
        "roles": {one.actor: f"{one.records} {', '.join(one.roles)}" for one in taking_part.data},
        "replay": [_step(frame) for frame in replay.data],
    }
    if state.closed_by is not None:
        read["closed_by"] = f"{state.closed_by} {state.closed_as}"
    if not state.thread.starts_with_intend:
        read["starts_with_intend"] = False
    if state.task is not None:
        read["task"] = _of(state.task, _TASK)
        if state.task.subtasks:
            join = await client.send(calls.join(thread))
            read["join"] = _of(join, _JOIN)
            read["subtasks"] = [_of(one, _CHILD) for one in join.subtasks]
    return read


def _of(model: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """These fields, but for empty ones."""
    found = ((name, getattr(model, name)) for name in names)
    return {name: value for name, value in found if value not in ("", None, [], 0)}


def _step(frame: ReplayFrame) -> str:
    body: Mapping[str, Any] = frame.record.body
    about = str(body.get("topic") or body.get("kind") or "")
    before, after = frame.status_before, frame.status_after
    old, new = ({fact.name: fact.value for fact in facts} for facts in (frame.before, frame.after))
    told = [name for name in frame.changed if name != "status" and (old.get(name) or new.get(name))]
    facts = [f"{name}={new.get(name, 'gone')}" for name in told]
    turned = after if before == after else f"{before} → {after}"
    return "  ".join(filter(None, [f"{frame.record.act} {about}".strip(), f"[{turned}]", *facts]))
