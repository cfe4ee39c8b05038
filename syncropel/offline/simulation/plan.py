"""The fan-out that is simulated: checked as the daemon checks it, and against the workers there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from syncropel.errors import InvalidFanOut
from syncropel.folds.fanout.spec import DYNAMIC_TARGETS, FanOutSpec, parse_fan_out
from syncropel.policy.joining import check_join
from syncropel.settings.config import DispatchSettings

SLOTS: Final = DispatchSettings().max_concurrent
"""How many goals an instance runs at once, unless its config says otherwise."""
TWO_WORKERS: Final = ("worker-a", "worker-b")


def read_plan(body: Mapping[str, Any]) -> FanOutSpec:
    """The fan-out that the body of an INTEND requests. Raises InvalidFanOut, InvalidExpression."""
    spec = parse_fan_out(dict(body))
    check_join(spec)
    return spec


def workers_for(spec: FanOutSpec, given: Mapping[str, int]) -> dict[str, int]:
    """The workers by alias, with their slots: those given; or those that the targets name, and two where only
    open ones are. Raises InvalidFanOut for a target that none of them is.
    """
    named = {one.target: one.index for one in spec.subtasks if one.target not in DYNAMIC_TARGETS}
    workers = dict(given) or dict.fromkeys(sorted(named) or TWO_WORKERS, SLOTS)
    for target, index in named.items():
        if target not in workers:
            told = f"subtask {index}: {target} is not among the workers: {', '.join(workers)}"
            raise InvalidFanOut(told, f"add it: --worker {target}={SLOTS}")
    return workers
