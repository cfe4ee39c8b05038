"""The data that a tried expression is evaluated with: the same as for a rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from syncropel.cel.budget import MAX_SECS
from syncropel.engine.engine import Engine
from syncropel.engine.fanout.gates import asked_about, held_over
from syncropel.engine.health_rules import engine_fields
from syncropel.errors import BadRequest, NotFound
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.tasks.state import TaskState
from syncropel.policy.evaluation_functions import EvaluationFunctions, task_fields
from syncropel.policy.expression_contexts import record_fields
from syncropel.policy.fold_rules import START
from syncropel.policy.guard import namespaces_of
from syncropel.policy.joining import joined_over
from syncropel.policy.permissions import RULE_SECS
from syncropel.policy.target_selection import routed_over
from syncropel.record.model import Record
from syncropel.wire import ExpressionRequest


@dataclass(frozen=True)
class Case:
    """The names and functions of one evaluation, and its limit in seconds."""

    load: Callable[[str], Any]
    functions: Mapping[str, Callable[..., Any]]
    secs: float


def case_of(engine: Engine, body: ExpressionRequest, record: Record | None) -> Case:
    """What the live rule would be evaluated with for this record or this task; for a fan-out, its first
    subtask.

    Raises NotFound for an unknown thread. A name that has no value here raises BadRequest when the expression
    uses it.
    """
    live, did = engine.ingest.live, engine.instance.did
    state = _task(engine, body, record)
    thread = record.thread if record is not None else state.thread if state is not None else body.thread
    if body.thread and live.task(body.thread) is None and body.thread not in live.index.threads:
        raise NotFound(f"no thread {body.thread!r}", "a thread exists from its first record on")
    fanout = state.fanout if state is not None else None
    actor = record.actor if record is not None else body.actor
    if body.context in ("precondition", "aitl") and fanout is not None:
        actor = fanout.asked_by
    elif body.context in ("routing", "health_check"):
        actor = did
    names = _Names(engine, body.context, state, fanout, record, thread, actor)
    functions = EvaluationFunctions(live, engine.runtime.now(), did, actor).functions()
    return Case(names.load, functions, MAX_SECS if body.context == "join" else RULE_SECS)


def _task(engine: Engine, body: ExpressionRequest, record: Record | None) -> TaskState | None:
    live = engine.ingest.live
    if body.thread or record is None:
        return live.task(body.thread) if body.thread else None
    of = record.body.get("parent_thread")  # a child INTEND is about the task that it is a part of
    return live.tasks.get(record.thread) or (live.tasks.get(of) if isinstance(of, str) else None)


class _Names:
    def __init__(
        self,
        engine: Engine,
        context: str,
        state: TaskState | None,
        fanout: FanOut | None,
        record: Record | None,
        thread: str,
        actor: str,
    ) -> None:
        self._engine = engine
        self._context = context
        self._state = state
        self._fanout = fanout
        self._record = record
        self._thread = thread
        self._actor = actor

    def load(self, name: str) -> Any:
        found = self._of_fan_out() if self._fanout is not None else {}
        return found[name] if name in found else self._without()[name]()

    def _of_fan_out(self) -> Mapping[str, Any]:
        state, fanout, engine = self._state, self._fanout, self._engine
        assert state is not None
        assert fanout is not None
        children = fan_out_children(fanout)
        if self._context == "join":
            return joined_over(fanout, children, state.alias)
        if self._context == "routing":
            candidates, load = engine.leases.candidates(), engine.fan_outs.reconciler.load()
            return routed_over(fanout, children[0], state.alias, state.goal, candidates, load)
        if self._context == "precondition":
            return held_over(state, children[0])
        if self._context == "aitl":
            return asked_about(state, children[0], engine.instance.did, self._record)
        return {}

    def _without(self) -> Mapping[str, Callable[[], Any]]:
        """The data without a fan-out, and in contexts that involve none."""
        record, live = self._record, self._engine.ingest.live
        namespaces = namespaces_of(record, live) if record is not None else set()
        if self._context == "fold_rule" and self._state is not None:
            namespaces = {self._state.namespace}
        task = self._state or TaskState("")
        return {
            "record": lambda: record_fields(record, namespaces),
            "op": lambda: "thread_read" if record is None else "record_write",
            "actor": lambda: self._actor,
            "thread": lambda: self._thread,
            "task": lambda: task_fields(task),
            "state": lambda: START,
            "engine": lambda: engine_fields(self._engine),
            "children": list,
            "parent": lambda: {
                "thread": self._thread,
                "alias": task.alias,
                "goal": task.goal,
                "namespace": task.namespace,
                "domain": task.domain,
                "join": "",
                "cost_usd": 0.0,
            },
            "subtask": _missing,
            "instances": list,
        }


def _missing() -> Any:
    raise BadRequest(
        "subtask has no value here", "name a fan-out, whose first subtask is used: --thread NAME"
    )
