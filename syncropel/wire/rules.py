"""The wire models of rules, permissions, and expressions."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import ConfigDict, Field

from syncropel.wire.base import OPEN, Wire
from syncropel.wire.control import Confirmation

ExpressionContext = Literal[
    "trigger", "routing", "precondition", "fold_rule", "health_check", "aitl", "permission", "join"
]
"""Where an expression is used, which decides its names and functions."""
EXPRESSION_CONTEXTS: Final[tuple[ExpressionContext, ...]] = get_args(ExpressionContext)
RuleKind = Annotated[
    Literal[
        "permission_rule",
        "routing_rule",
        "health_rule",
        "precondition_rule",
        "aitl_rule",
        "trigger_rule",
        "fold_rule",
    ],
    OPEN,
]


class RuleOut(Wire):
    """One rule. `effect`: allow or deny, a routing target (or empty), warning or critical.

    `origin`: it is a default rule, was written for this instance alone, or is the whole fleet's. For the
    fleet's, `confirmed` and `waiting` (aliases of live instances) are what the coordinator knows. `failures`:
    how often it failed to evaluate since the daemon started; `last_failed_at` in unix seconds, 0 for never.
    """

    kind: RuleKind
    name: str
    priority: int
    expression: str
    effect: str
    ops: list[str]
    goal: str = Field(default="", description="of a trigger: what its tasks are to do")
    default: bool = False
    actor: str
    record: str
    origin: Annotated[Literal["default", "here", "fleet"], OPEN] = "here"
    confirmed: list[Confirmation] = []
    waiting: list[str] = []
    failures: int = 0
    last_error: str = ""
    last_failed_at: float = 0.0


class FleetRule(Wire):
    """A permission rule that the coordinator gives to all; `record` is the one that carries it.

    `state`: in force, removed, or a default freeze rule that was restored.
    """

    name: str
    state: Annotated[Literal["set", "removed", "default"], OPEN]
    actor: str
    record: str
    confirmed: list[Confirmation] = []
    waiting: list[str] = []


class RuleList(Wire):
    """GET /v1/config/rules/{kind}, in order of evaluation."""

    object: Literal["list"] = "list"
    data: list[RuleOut]
    next_cursor: int | None = None
    enabled: bool
    """Whether permissions are enforced."""


class ConfigWritten(Wire):
    """The answer to a change: the record that was written (empty when none was needed), and its names.

    `waiting`: aliases of the live instances that had not confirmed it yet.
    """

    record: str = ""
    names: list[str] = Field(default_factory=list)
    waiting: list[str] = Field(default_factory=list)


class ExpressionRequest(Wire):
    """POST /v1/expr/check and /v1/expr/eval. `record` and `thread` supply the context's names."""

    model_config = ConfigDict(extra="forbid", defer_build=False)

    context: str
    expression: str
    actor: str = ""
    thread: str = ""
    record: dict[str, Any] | None = None


class ExpressionChecked(Wire):
    """POST /v1/expr/check: it compiles."""

    ok: Literal[True] = True
    context: str
    size: int
    """Steps of one evaluation without macros."""


class ExpressionValue(Wire):
    """POST /v1/expr/eval"""

    value: Any
    type: str
    """The CEL name of the value's type: bool, int, double, string, list, map, or null_type."""
    steps: int
    micros: float


class CacheStatsOut(Wire):
    """GET /v1/engine/expression_cache/stats, since the process started."""

    hits: int
    misses: int
    compile_errors: int
    hit_rate_pct: float
    avg_compile_micros: float
    size: int
    capacity: int
