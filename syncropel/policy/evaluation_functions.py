"""The functions that expressions may call, over the live folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from syncropel.folds.control.freezes import Control
from syncropel.folds.control.namespaces import DEFAULT
from syncropel.folds.control.rules import Rule
from syncropel.folds.fanout.state import ACCEPT
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.fleet.registry import Registry
from syncropel.folds.tasks.state import TaskState
from syncropel.folds.tasks.tally import Tally
from syncropel.folds.tasks.trust import NOBODY
from syncropel.folds.threads.index import ThreadIndex
from syncropel.folds.working_set import WorkingSet
from syncropel.policy.rule_failures import RuleFailures


class Folds(Protocol):
    """The live folds that the functions read."""

    @property
    def control(self) -> Control: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def index(self) -> ThreadIndex: ...
    @property
    def tasks(self) -> WorkingSet[TaskState]: ...
    def counts(self) -> Tally: ...
    @property
    def rule_failures(self) -> RuleFailures: ...
    def task(self, name: str) -> TaskState | None: ...


class EvaluationFunctions:
    """The functions of one evaluation. `now` in unix seconds; `actor`: who is acting."""

    def __init__(self, folds: Folds, now: float, own_did: str, actor: str) -> None:
        self._folds = folds
        self._now = now
        self._own_did = own_did
        self._actor = actor

    def note(self, rule: Rule, cause: str) -> None:
        """Note that a rule failed during this evaluation."""
        self._folds.rule_failures.note(rule, cause, self._now)

    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """By the name used in expressions."""
        return {
            "now": lambda: self._now,
            "current_actor": lambda: self._actor,
            "instance_did": lambda: self._own_did,
            "fleet_frozen_namespaces": self._frozen,
            "fleet_hard_frozen_past_grace": self._hard_frozen,
            "fleet_emergency_active": lambda: self._folds.control.emergency is not None,
            "fleet_instances_live": self._live,
            "fanout_status": self._fanout,
            "task": self._task,
            "thread": self._thread,
            "trust": self._trust,
        }

    def _frozen(self) -> list[str]:
        return list(self._folds.control.freezes)

    def _hard_frozen(self) -> list[str]:
        control = self._folds.control
        return [freeze.namespace for freeze in list(control.freezes.values()) if control.is_over(freeze)]

    def _live(self) -> int:
        return sum(one.state == "joined" for one in list(self._folds.registry.instances.values()))

    def _fanout(self, name: str) -> dict[str, Any]:
        state = self._folds.task(str(name))
        fanout = state.fanout if state is not None else None
        children = fan_out_children(fanout) if fanout is not None else []
        return {
            "thread": state.thread if state is not None else "",
            "status": "none" if fanout is None else "joined" if fanout.joined else "active",
            "join": fanout.join if fanout is not None else "",
            "subtasks": len(children),
            "spawned": sum(child.spawn is not None for child in children),
            "completed": sum(child.finished for child in children),
            "accepted": sum(child.state == ACCEPT for child in children),
            "cost_usd": fanout.cost_usd if fanout is not None else 0.0,
        }

    def _task(self, name: str) -> dict[str, Any]:
        state = self._folds.task(str(name)) or TaskState("")
        return task_fields(state)

    def _thread(self, name: str) -> dict[str, Any]:
        line = self._folds.index.threads.get(str(name))
        return {
            "id": line.id if line else "",
            "kind": line.kind if line else "",
            "title": line.title if line else "",
            "records": line.records if line else 0,
            "participants": sorted(line.actors) if line else [],
        }

    def _trust(self, actor: str) -> float:
        return self._folds.counts().trust.get(actor, NOBODY).score


def task_fields(state: TaskState) -> dict[str, Any]:
    """A task as expressions see it; every field is empty when there is none."""
    return {
        "thread": state.thread,
        "alias": state.alias,
        "goal": state.goal,
        "status": state.status if state.thread else "",
        "priority": state.priority,
        "domain": state.domain,
        "namespace": state.namespace or DEFAULT,
        "labels": list(state.labels),
        "assignee": state.assignee,
        "records": state.records,
    }
