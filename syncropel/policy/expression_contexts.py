"""The eight contexts that CEL is written for, and the names that each of them has."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, Final

from syncropel.cel.expression import Expression, compile_expression, compiles_slowly
from syncropel.cel.names import Vocabulary
from syncropel.errors import BadRequest
from syncropel.folds.fanout.spec import Subtask
from syncropel.folds.fanout.subtasks import Child
from syncropel.folds.tasks.state import TaskState
from syncropel.policy.evaluation_functions import task_fields
from syncropel.policy.joining import JOIN_VOCABULARY
from syncropel.record.model import Record

_RECORD: Final = frozenset(
    [
        "id",
        "thread",
        "actor",
        "act",
        "topic",
        "namespace",
        "namespaces",
        "clock",
        "data_type",
        "parents",
        "body",
    ]
)
_TASK: Final = frozenset(task_fields(TaskState("")))
_FANOUT: Final = frozenset(
    ["thread", "status", "join", "subtasks", "spawned", "completed", "accepted", "cost_usd"]
)
_THREAD: Final = frozenset(["id", "kind", "title", "records", "participants"])
_SUBTASK: Final = frozenset(
    ["index", "goal", "target", "attempt", "budget_usd", "timeout_secs", "adapter", "depends_on"]
)
_FAN_OUT_PARENT: Final = frozenset(["thread", "alias", "goal", "namespace", "domain", "join"])
_INSTANCE: Final = frozenset(["did", "alias", "role", "status", "load"])
_ENGINE: Final = frozenset(
    [
        "records",
        "ingested_total",
        "reconcile_queue_depth",
        "dispatch_running",
        "dispatch_queued",
        "outbox_pending",
        "watchers",
        "self_check_failures",
        "uptime_secs",
    ]
)
FUNCTIONS: Final[tuple[tuple[str, int, frozenset[str] | None], ...]] = (
    ("now", 0, None),
    ("current_actor", 0, None),
    ("instance_did", 0, None),
    ("fleet_frozen_namespaces", 0, None),
    ("fleet_hard_frozen_past_grace", 0, None),
    ("fleet_emergency_active", 0, None),
    ("fleet_instances_live", 0, None),
    ("fanout_status", 1, _FANOUT),
    ("task", 1, _TASK),
    ("thread", 1, _THREAD),
    ("trust", 1, None),
)
"""Name, number of arguments, fields of what it gives. `policy.ground` answers them."""


def _context(
    *objects: tuple[str, frozenset[str]],
    values: frozenset[str] = frozenset(),
    lists: tuple[tuple[str, frozenset[str]], ...] = (),
) -> Vocabulary:
    return Vocabulary(objects, lists, values, FUNCTIONS)


CONTEXTS: Final[dict[str, Vocabulary]] = {
    "trigger": _context(("record", _RECORD)),
    "routing": _context(
        ("subtask", _SUBTASK), ("parent", _FAN_OUT_PARENT), lists=(("instances", _INSTANCE),)
    ),
    "precondition": _context(("task", _TASK), ("subtask", _SUBTASK), values=frozenset({"actor"})),
    "fold_rule": Vocabulary((("record", _RECORD),), values=frozenset({"state"})),
    "health_check": _context(("engine", _ENGINE)),
    "aitl": _context(("record", _RECORD), ("task", _TASK)),
    "permission": _context(("record", _RECORD), values=frozenset({"op", "actor", "thread"})),
    "join": JOIN_VOCABULARY,
}
"""Context → what it may name. Joins and fold rules have no functions: they follow from the log alone."""

RESULT_KINDS: Final[dict[str, type]] = {
    "trigger": bool,
    "routing": str,
    "precondition": bool,
    "health_check": bool,
    "aitl": bool,
    "permission": bool,
    "join": bool,
}
"""What an expression has to give there; a context that is missing takes anything."""


def compile_in(context: str, source: str) -> Expression:
    """Compile a source for one of the contexts. Raises BadRequest, InvalidExpression."""
    if context not in CONTEXTS:
        raise BadRequest(f"there is no context {context!r}", f"one of: {', '.join(CONTEXTS)}")
    return compile_expression(source, CONTEXTS[context])


def compiles_slowly_in(context: str, source: str) -> bool:
    """Whether the event loop should not wait for `compile_in` of this."""
    return compiles_slowly(source, CONTEXTS[context])


def blank(context: str) -> dict[str, Any] | None:
    """Values of an empty case, to see what kind of value a rule gives; None where nothing is tried."""
    task, record = task_fields(TaskState("")), record_fields(None, set())
    cases: dict[str, dict[str, Any]] = {
        "permission": {"op": "record_write", "actor": "", "thread": "", "record": record},
        "precondition": {"task": task, "subtask": subtask_fields(_NO_CHILD), "actor": ""},
        "aitl": {"record": record, "task": task},
        "trigger": {"record": record},
    }
    return cases.get(context)


def subtask_fields(child: Child) -> dict[str, Any]:
    """A subtask as an expression sees it."""
    subtask = child.subtask
    return {
        "index": subtask.index,
        "goal": subtask.goal,
        "target": subtask.target,
        "attempt": child.attempt,
        "budget_usd": subtask.budget_usd,
        "timeout_secs": subtask.timeout_secs,
        "adapter": subtask.adapter or "",
        "depends_on": list(subtask.depends_on),
    }


_NO_CHILD: Final = Child(Subtask(0, "", ""), "pending", 1)


def record_fields(record: Record | None, namespaces: Set[str]) -> dict[str, Any]:
    """A record as an expression sees it; empty when there is none. The body is handed over as it is."""
    if record is None:
        return dict(_NO_RECORD)
    own = record.body.get("namespace")
    return {
        "id": record.id,
        "thread": record.thread,
        "actor": record.actor,
        "act": record.act,
        "topic": record.topic,
        "namespace": own if isinstance(own, str) else min(namespaces, default=""),
        "namespaces": sorted(namespaces),
        "clock": record.clock if record.clock is not None else -1,
        "data_type": record.data_type,
        "parents": list(record.parents),
        "body": record.body,
    }


_NO_RECORD: Final[dict[str, Any]] = {
    "id": "",
    "thread": "",
    "actor": "",
    "act": "",
    "topic": "",
    "namespace": "",
    "namespaces": [],
    "clock": -1,
    "data_type": "",
    "parents": [],
    "body": {},
}
