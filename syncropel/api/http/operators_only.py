"""What no goal may do, whatever token it has found: answer, approve, reject, raise a budget, merge, or say
things.

A goal on the Unix socket is known as one and may only read. Over TCP whoever calls is looked up for these
requests alone: that takes some ten milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from starlette.types import Scope

from syncropel.api.http.caller import BEHIND, NotOperator, writer
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import GoalMayNot, SyncropelError, UnknownCaller
from syncropel.folds.fanout.approvals import ANSWERED
from syncropel.folds.fanout.reassignments import AMEND_BUDGET
from syncropel.record.model import Record

_PATHS: Final = re.compile(
    r"/v1/questions/[^/]+/answer|/v1/worktrees/allow"
    r"|/v1/tasks/[^/]+/(answer|amend|merge|subtasks/[^/]+/(messages|reviews))",
    re.ASCII,
)
_TOPICS: Final = frozenset({ANSWERED, AMEND_BUDGET})


async def goal_behind(scope: Scope) -> NotOperator | None:
    """The goal, or the unknown, that made this connection over TCP; None for anybody else."""
    look = scope.get(BEHIND)
    found: NotOperator | None = None if look is None else await look()
    return found


def is_for_operators(scope: Scope) -> bool:
    """Whether this request is for operators alone."""
    return scope["method"] == "POST" and _PATHS.fullmatch(scope["path"]) is not None


async def refuse_goals(scope: Scope, records: Sequence[Record], live: LiveFolds) -> None:
    """Raise GoalMayNot or UnknownCaller when a goal posts what an operator says: an approval, a verdict on a
    task, another budget.
    """
    if writer(scope).author in ("account", "anyone") and any(_is_operators(one, live) for one in records):
        who = await goal_behind(scope)
        if who is not None:
            raise refusal(who)


def _is_operators(record: Record, live: LiveFolds) -> bool:
    if record.act == "KNOW" and "verdict" in record.body:
        return record.thread in live.tasks
    return record.topic in _TOPICS


def refusal(who: NotOperator) -> SyncropelError:
    """The refusal of a goal, or of a caller of whom nothing is known."""
    if who.problem:
        return UnknownCaller(
            f"cannot tell who calls: {who.problem}",
            "call from where the daemon sees the process, and wait for the answer; or use the Unix socket",
        )
    whose = f"attempt {who.thread!r}" if who.thread else "an attempt that its environment does not name"
    return GoalMayNot(
        f"a goal may not do what is for operators alone, whatever its token: PID {who.pid} works on {whose}",
        "do it as the operator, outside goals",
    )
