"""What a worker enforces that its fleet would lose if a promoted worker does not have it: drains, and the
fleet's permission rules. (Freezes: `launcher.survey`.)
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from syncropel.client import Client, calls, config_calls
from syncropel.wire import DrainOut, RuleOut

_OF_THE_FLEET: Final = "fleet"


@dataclass(frozen=True)
class Drained:
    """A drain that a worker follows. `instance` is a DID, or `*`; `deadline` in unix seconds."""

    instance: str
    deadline: float | None
    then: str
    reason: str

    @classmethod
    def read(cls, told: DrainOut) -> Drained:
        """It, as an instance says that it follows it."""
        return cls(told.instance, told.deadline, told.then, told.reason)

    def fields(self, actor: str) -> dict[str, Any]:
        """The request that starts it."""
        left = {} if self.deadline is None else {"deadline_secs": max(0.0, self.deadline - time.time())}
        return {
            "state": "start",
            "instance": self.instance,
            "then": self.then,
            "reason": self.reason,
            "actor": actor,
            **left,
        }


@dataclass(frozen=True)
class Ruled:
    """A permission rule of the fleet that a worker follows."""

    name: str
    expression: str
    priority: int
    effect: str
    ops: tuple[str, ...]

    @classmethod
    def read(cls, told: RuleOut) -> Ruled:
        """It, as an instance says that it follows it."""
        return cls(told.name, told.expression, told.priority, str(told.effect), tuple(told.ops))

    def fields(self, actor: str) -> dict[str, Any]:
        """The request that adds it."""
        return {
            "expression": self.expression,
            "priority": self.priority,
            "effect": self.effect,
            "ops": list(self.ops),
            "actor": actor,
        }


def followed(client: Client) -> tuple[list[Drained], list[Ruled]]:
    """The drains and the fleet's rules that this daemon follows. Raises SyncropelError."""
    drains = client.send(calls.fleet_status()).drains
    rules = client.send(config_calls.rules("permission")).data
    of_the_fleet = [Ruled.read(one) for one in rules if one.origin == _OF_THE_FLEET]
    return [Drained.read(one) for one in drains], of_the_fleet


def missed_drains(
    own: Sequence[Drained], others: Mapping[str, Sequence[Drained]]
) -> list[tuple[str, Drained]]:
    """Drains that others follow and the worker does not, each with the alias of one that does."""
    known, found = {one.instance for one in own}, list[tuple[str, Drained]]()
    for alias, drains in others.items():
        for one in drains:
            if one.instance not in known:
                known.add(one.instance)
                found.append((alias, one))
    return found


def missed_rules(
    own: Sequence[Ruled], others: Mapping[str, Sequence[Ruled]]
) -> tuple[list[tuple[str, Ruled]], list[tuple[str, str]]]:
    """Rules that others follow and the worker lacks; and the names of those that it has in other words, of
    which nobody here can say which is the newer. Each with the alias of one that has it.
    """
    known = {one.name: one for one in own}
    missed, other = list[tuple[str, Ruled]](), list[tuple[str, str]]()
    for alias, rules in others.items():
        for one in rules:
            if one.name not in known:
                known[one.name] = one
                missed.append((alias, one))
            elif known[one.name] != one and all(name != one.name for _, name in other):
                other.append((alias, one.name))
    return missed, other
