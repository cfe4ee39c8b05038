"""The fan-out specification: what a parent INTEND requests, checked key by key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from sys import intern
from typing import Any, Final

from syncropel.errors import InvalidFanOut
from syncropel.record.threads import INSTANCE_DID_PREFIX
from syncropel.wire.joins import SHORTHANDS

MAX_SUBTASKS: Final = 10_000
MOST_ADDED: Final = 1_000
"""Subtasks that agents may add to one fan-out, if its operator allows as many."""
MOST_DEPTH: Final = 10
LARGEST: Final = 1e100
"""A larger number in a body is invalid: not every integer fits a float, and sums stay finite."""
TARGET_FORMS: Final = "worker-<alias>, specific:<did>, least-loaded-worker or round-robin"
DYNAMIC_TARGETS: Final = frozenset({"least-loaded-worker", "round-robin"})
DENIED: Final = ("fail", "ignore")
"""What a denied tool call of an agent does to its subtask; the default is to fail it."""
_MOST_TOKENS: Final = 2**53
_REPO: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEYS: Final = frozenset(
    {
        "goal",
        "target",
        "budget_usd",
        "timeout_secs",
        "depends_on",
        "adapter",
        "model",
        "content",
        "namespace",
        "domain",
        "budget_tokens",
        "denied",
        "repo",
    }
)


@dataclass(frozen=True, slots=True)
class Subtask:
    """One subtask as requested. Money in US dollars, time in seconds."""

    index: int
    goal: str
    target: str
    budget_usd: float | None = None
    timeout_secs: float | None = None
    depends_on: tuple[int, ...] = ()
    adapter: str | None = None
    model: str | None = None
    """One of the models that the instance's config allows for the adapter."""
    content: str | None = None
    """Path of a file with more about the goal."""
    budget_tokens: int | None = None
    denied: str | None = None
    """`ignore`: tool calls that its agent was denied do not fail it."""
    repo: str | None = None
    """The repository that it works on, by its name in the worker's `[workspace.repos]`."""


@dataclass(frozen=True, slots=True)
class FanOutSpec:
    """What a fan-out requests: its subtasks and the predicate that joins them.

    `dispatch`: it is a whole task given to one instance, and fails when that fails.
    """

    subtasks: tuple[Subtask, ...]
    join: str
    namespace: str
    budget_usd: float | None = None
    dispatch: bool = False
    may_add: int = 0
    """How many subtasks its agents may add."""
    add_depth: int = 1
    """How far from the operator's: with 1, a subtask that an agent added adds none."""

    @property
    def has_dependencies(self) -> bool:
        return any(subtask.depends_on for subtask in self.subtasks)


def is_fan_out(body: dict[str, Any]) -> bool:
    """Whether an INTEND with this body requests a fan-out."""
    return "subtasks" in body


def parse_fan_out(body: dict[str, Any]) -> FanOutSpec:
    """Parse and check the specification in a parent INTEND's body.

    Raises InvalidFanOut naming the subtask and the key: unknown key, missing goal or target, invalid number,
    index out of range, dependency cycle. `folds.join` checks the join's form.
    """
    raw = body.get("subtasks")
    if not isinstance(raw, list) or not raw:
        raise InvalidFanOut(
            "subtasks must be a list with at least one subtask", "add --subtask goal=…,target=…"
        )
    if len(raw) > MAX_SUBTASKS:
        raise InvalidFanOut(
            f"{len(raw)} subtasks, over the limit of {MAX_SUBTASKS}", "split the work into several tasks"
        )
    join = body.get("join", "all")
    if not isinstance(join, str) or not join.strip():
        raise InvalidFanOut("join must be a predicate", f"{SHORTHANDS} or a CEL expression over children")
    namespace = body.get("namespace", "default")
    if not isinstance(namespace, str) or not namespace:
        raise InvalidFanOut("namespace must be a non-empty string", "leave it out for `default`")
    subtasks = tuple(_listed(index, item, len(raw)) for index, item in enumerate(raw))
    _refuse_cycles(subtasks)
    budget = _number(body, "budget_usd", "fan-out")
    dispatch = body.get("dispatch") is True
    may_add = _limit(body, "may_add", 0, 0 if dispatch else MOST_ADDED)
    add_depth = _limit(body, "add_depth", 1, MOST_DEPTH)
    return FanOutSpec(subtasks, join.strip(), namespace, budget, dispatch, may_add, add_depth)


def _limit(body: dict[str, Any], key: str, otherwise: int, most: int) -> int:
    value = body.get(key, otherwise)
    if type(value) is not int or not otherwise <= value <= most:
        raise InvalidFanOut(
            f"fan-out: {key} must be a whole number from {otherwise} to {most}, not {value!r}",
            "a task that is given to one instance as a whole gains no subtasks" if most == 0 else "such as 1",
        )
    return value


def _listed(index: int, item: Any, count: int) -> Subtask:
    where = f"subtask {index}"
    if not isinstance(item, dict):
        raise InvalidFanOut(f"{where}: must be an object", f"keys: {', '.join(sorted(_KEYS))}")
    if unknown := item.keys() - _KEYS:
        raise InvalidFanOut(
            f"{where}: unknown key {sorted(unknown)[0]!r}", f"known: {', '.join(sorted(_KEYS))}"
        )
    return parse_subtask(index, item, count, where)


def parse_subtask(index: int, item: dict[str, Any], count: int, where: str) -> Subtask:
    """Parse and check one of `count` subtasks requested together; other keys are ignored.

    Raises InvalidFanOut whose message begins with `where`.
    """
    adapter = _name(item, "adapter", where, "leave it out for the worker's own")
    model = _name(item, "model", where, "leave it out for the adapter's own")
    return Subtask(
        index=index,
        goal=_text(item, "goal", where, "say what is to be done: goal=…"),
        target=intern(_target(_text(item, "target", where, f"say where: target={TARGET_FORMS}"), where)),
        budget_usd=_number(item, "budget_usd", where),
        timeout_secs=_number(item, "timeout_secs", where),
        depends_on=_depends(item.get("depends_on"), index, count),
        adapter=adapter,
        model=model,
        content=_name(item, "content", where, "the path of a file that says more about the goal"),
        budget_tokens=_whole(item, "budget_tokens", where),
        denied=_denied(item.get("denied"), where),
        repo=_repo(item.get("repo"), where),
    )


def _whole(item: dict[str, Any], key: str, where: str) -> int | None:
    value = item.get(key)
    if value is not None and not (type(value) is int and 0 < value <= _MOST_TOKENS):
        raise InvalidFanOut(
            f"{where}: {key} must be a whole number above 0, not {value!r}", "for example 200000"
        )
    return value


def _denied(value: Any, where: str) -> str | None:
    if value not in (None, *DENIED):
        raise InvalidFanOut(f"{where}: denied must be {' or '.join(DENIED)}, not {value!r}", "leave it out")
    return value if isinstance(value, str) else None


def _repo(value: Any, where: str) -> str | None:
    if value is not None and not (isinstance(value, str) and _REPO.fullmatch(value)):
        raise InvalidFanOut(
            f"{where}: repo must name an entry of the worker's [workspace.repos], not {value!r}",
            "a name such as app, never a path",
        )
    return value


def _name(item: dict[str, Any], key: str, where: str, hint: str) -> str | None:
    value = item.get(key)
    if value is not None and not (isinstance(value, str) and value):
        raise InvalidFanOut(f"{where}: {key} must be a non-empty text", hint)
    return value


def _text(item: dict[str, Any], key: str, where: str, hint: str) -> str:
    value = item.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InvalidFanOut(f"{where}: {key} is missing", hint)
    return value


def is_target(target: str) -> bool:
    """Whether this text is a valid target."""
    named = target.startswith("worker-") and len(target) > len("worker-")
    specific = target.startswith("specific:" + INSTANCE_DID_PREFIX) and target.count(":") == 4
    return named or specific or target in DYNAMIC_TARGETS


def _target(target: str, where: str) -> str:
    if not is_target(target):
        raise InvalidFanOut(f"{where}: unknown target {target!r}", f"use {TARGET_FORMS}")
    return target


def _number(item: dict[str, Any], key: str, where: str) -> float | None:
    value = item.get(key)
    if value is None:
        return None
    number = positive_number(value)
    if number is None:
        raise InvalidFanOut(
            f"{where}: {key} must be a number above 0, not {value!r}", "for example 0.50 or 300"
        )
    return number


def positive_number(value: Any) -> float | None:
    """A body's value as a number above 0, or None when it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LARGEST:
        return None
    return float(value)


def _depends(value: Any, index: int, count: int) -> tuple[int, ...]:
    if value is None:
        return ()
    where = f"subtask {index}: depends_on"
    if not isinstance(value, list):
        raise InvalidFanOut(
            f"{where} must be a list of indexes", "for example [0, 1]; on the command line 0+1"
        )
    for other in value:
        if type(other) is not int or not 0 <= other < count:
            raise InvalidFanOut(
                f"{where} names {other!r}, but the subtasks are 0 to {count - 1}", "indexes count from 0"
            )
        if other == index:
            raise InvalidFanOut(f"{where} names itself", "a subtask cannot wait for its own result")
    return tuple(sorted(set(value)))


def _refuse_cycles(subtasks: tuple[Subtask, ...]) -> None:
    remaining = {subtask.index: set(subtask.depends_on) for subtask in subtasks}
    dependents: dict[int, list[int]] = {}
    for subtask in subtasks:
        for other in subtask.depends_on:
            dependents.setdefault(other, []).append(subtask.index)
    free = [index for index, waits in remaining.items() if not waits]
    while free:
        index = free.pop()
        del remaining[index]
        for dependent in dependents.get(index, ()):
            remaining[dependent].discard(index)
            if not remaining[dependent]:
                free.append(dependent)
    if remaining:
        cycle = " → ".join(f"[{index}]" for index in _one_cycle(remaining))
        first = min(remaining)
        raise InvalidFanOut(
            f"subtask {first}: depends_on makes a cycle: {cycle}", "take one of these dependencies out"
        )


def _one_cycle(waits: dict[int, set[int]]) -> list[int]:
    path: list[int] = []
    node = min(waits)
    while node not in path:
        path.append(node)
        node = min(other for other in waits[node] if other in waits)
    return [*path[path.index(node) :], node]
