"""The folded state of a thread as named values: what a replay shows before and after a record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from syncropel.folds.fanout.child import ChildState
from syncropel.folds.fanout.join import JoinDecision
from syncropel.folds.fanout.state import ACCEPT, FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.forks.join import known_children
from syncropel.folds.replay.thread_state import Judge, ReservedState, ThreadState
from syncropel.folds.tasks.state import TaskState
from syncropel.freeze_levels import EVERYWHERE

Value = str | int | float | bool | None
Facts = dict[str, Value]
MOST_CHILDREN: Final = 20
"""Child threads listed individually; the rest are only counted."""
Names = Mapping[str, str]
"""Aliases of instances, by DID."""


def facts_of(state: ThreadState, judge: Judge, names: Names) -> Facts:
    """The facts about the thread, by name, in reading order."""
    facts: Facts = {"status": state.status(judge)}
    if state.reserved is not None:
        facts.update(_of_reserved(state.reserved, names))
    elif state.is_task:
        facts.update(_of_task(state.folded, judge, names))
    elif state.child.latest is not None:
        facts.update(_of_child(state.child, state))
    else:
        facts.update(open_intends=len(state.open_intends()), participants=len(state.line.actors))
    facts.update(_of_forks(state))
    return facts


def changed(before: Facts, after: Facts) -> list[str]:
    """Names whose value changed, appeared, or disappeared."""
    gone = [name for name in before if name not in after]
    return [name for name, value in after.items() if name not in before or before[name] != value] + gone


def _of_task(task: TaskState, judge: Judge, names: Names) -> Iterator[tuple[str, Value]]:
    yield "alias", task.alias
    yield "goal", task.goal
    yield "namespace", task.namespace
    yield "priority", task.priority
    yield "assignee", names.get(task.assignee, task.assignee)
    yield "reason", task.reason
    yield "verdict", task.verdict
    yield "verdict_by", _name(task.verdict_by, names)
    yield "completed_by", _name(task.completed_by, names)
    yield "summary", task.summary
    if task.fanout is not None:
        yield from _of_fan_out(task, task.fanout, judge)


def _of_fan_out(task: TaskState, fanout: FanOut, judge: Judge) -> Iterator[tuple[str, Value]]:
    children = fan_out_children(fanout)
    decision = judge(task, children, True)
    yield "join", fanout.join
    yield "join_state", _join_state(fanout, decision)
    yield "join_why", (fanout.joined.explanation if fanout.joined else "") or decision.explanation
    yield "subtasks", len(children)
    yield "spawned", sum(child.spawn is not None for child in children)
    yield "running", sum(child.state == "in_progress" for child in children)
    yield "blocked", sum(child.state == "blocked" for child in children)
    yield "completed", sum(child.finished for child in children)
    yield "accepted", sum(child.state == ACCEPT for child in children)
    yield "retried", sum(map(len, fanout.retries.values()))
    yield "reassigned", sum(map(len, fanout.moves.reassigned.values()))
    yield "asking", len(fanout.asking())
    yield "ended_early", len(fanout.moves.ended)
    yield "cost_usd", fanout.cost_usd
    yield "budget_usd", fanout.budget_usd
    yield "budget", "exceeded" if fanout.moves.exceeded else "warned" if fanout.moves.warned else ""
    yield "wall_secs", fanout.joined.at - fanout.at if fanout.joined else None


def _join_state(fanout: FanOut, decision: JoinDecision) -> str:
    if fanout.joined is not None:
        return f"joined: {fanout.joined.verdict}"
    if fanout.cancelled:
        return "cancelled"
    if decision.satisfied:
        return "satisfied"
    return "waiting" if decision.satisfiable else "out of reach"


def _of_child(child: ChildState, state: ThreadState) -> Iterator[tuple[str, Value]]:
    latest = child.latest
    assert latest is not None
    body = latest.body
    result = child.results.get(latest.record)
    yield "goal", str(body.get("goal", ""))
    yield "parent_thread", str(body.get("parent_thread", ""))
    yield "index", int(body["index"])
    yield "attempt", latest.attempt
    yield "ended", child.ended.get(latest.record, "")
    yield "spent_usd", state.spend.of(latest.record).usd
    yield "verdict", _text(result.body.get("verdict")) if result else None
    yield "reason", _text(result.body.get("reason")) if result else None
    yield "summary", _text(result.body.get("summary")) if result else None


def _of_forks(state: ThreadState) -> Iterator[tuple[str, Value]]:
    """The child threads, according to this thread's records."""
    children = known_children(state.forks)
    if not children:
        return
    yield "children", len(children)
    yield "children_closed", sum(one.result is not None for one in children)
    task = state.folded
    opened = "" if task.fanout is not None else task.join if state.is_task else state.line.join
    join = state.forks.amended[1] if state.forks.amended is not None and task.fanout is None else opened
    if join:
        yield "children_join", join
    for one in children[:MOST_CHILDREN]:
        said = one.result.summary.partition(": ")[2] if one.result is not None else ""
        yield (
            f"child {one.thread}",
            (one.result.result + (f": {said}" if said else "")) if one.result else "open",
        )


def _of_reserved(state: ReservedState, names: Names) -> Iterator[tuple[str, Value]]:
    for freeze in state.control.active():
        place = "the whole fleet" if freeze.namespace == EVERYWHERE else freeze.namespace
        yield f"freeze {place}", f"{freeze.level}: {freeze.reason}"
    for drain in state.drains.drains.values():
        place = (
            "the whole fleet" if drain.instance == EVERYWHERE else names.get(drain.instance, drain.instance)
        )
        yield f"drain {place}", drain.reason or "draining"
    aliases = [instance.alias for instance in state.registry.instances.values()]
    for instance in state.registry.instances.values():
        alone = instance.alias and aliases.count(instance.alias) == 1
        yield f"instance {instance.alias if alone else instance.did}", instance.state
    for namespace in state.namespaces.known.values():
        yield f"namespace {namespace.id}", namespace.state
    if state.namespaces.known or state.namespaces.strict:
        yield "strict", state.namespaces.strict
    for consent in state.consents.known.values():
        said = "revoked" if consent.revoked else consent.problem or "granted"
        yield f"consent {consent.source} → {consent.target}", said
    yield from _of_config(state)


def _of_config(state: ReservedState) -> Iterator[tuple[str, Value]]:
    for rule in state.rules.known.values():
        yield f"{rule.kind} {rule.name}", f"{rule.priority} {rule.effect}: {rule.expression}".strip()
    if state.rules.own or state.rules.switched[1]:
        yield "permissions", "enabled" if state.rules.enforced else "disabled"
    for account in state.access.accounts.values():
        yield f"account {account.sa_id}", ", ".join(sorted(account.scopes))
    if state.access.origins_set[1]:
        yield "origins", ", ".join(state.access.origins)
    if state.access.tokens:
        yield "tokens", len(state.access.tokens) - len(state.access.revoked & state.access.tokens.keys())


def _name(actor: str | None, names: Names) -> str | None:
    return None if actor is None else names.get(actor, actor)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
