"""The eight contexts in which CEL is used, and the names available in each."""

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
"""Name, number of arguments, fields of the result. `EvaluationFunctions` implements them."""


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
"""Context → available names. Joins and fold rules have no functions: they depend on the log only."""

RESULT_KINDS: Final[dict[str, type]] = {
    "trigger": bool,
    "routing": str,
    "precondition": bool,
    "health_check": bool,
    "aitl": bool,
    "permission": bool,
    "join": bool,
}
"""The result type that a context requires; a context that is missing accepts any."""


def compile_in(context: str, source: str) -> Expression:
    """Compile a source for one of the contexts. Raises BadRequest, InvalidExpression."""
    if context not in CONTEXTS:
        raise BadRequest(f"there is no context {context!r}", f"one of: {', '.join(CONTEXTS)}")
    return compile_expression(source, CONTEXTS[context])


def compiles_slowly_in(context: str, source: str) -> bool:
    """Whether `compile_in` of this would block the event loop for too long."""
    return compiles_slowly(source, CONTEXTS[context])


def blank(context: str) -> dict[str, Any] | None:
    """Empty values for a trial evaluation, which reveals the type of a rule's result; None where no trial is
    made.
    """
    task, record = task_fields(TaskState("")), record_fields(None, set())
    cases: dict[str, dict[str, Any]] = {
        "permission": {"op": "record_write", "actor": "", "thread": "", "record": record},
        "precondition": {"task": task, "subtask": subtask_fields(_NO_CHILD), "actor": ""},
        "aitl": {"record": record, "task": task},
        "trigger": {"record": record},
    }
    return cases.get(context)


def subtask_fields(child: Child) -> dict[str, Any]:
    """A subtask as expressions see it."""
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
    """A record as expressions see it; empty when there is none. The body is passed unchanged."""
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
