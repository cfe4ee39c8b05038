"""Rules that never were, and a client that answers what is asked of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncropel.client import Call
from syncropel.errors import RemoteError
from syncropel.wire import (
    CacheStatsOut,
    EngineHealth,
    ExpressionValue,
    HealthCheck,
    NamespaceList,
    NamespaceOut,
    RuleList,
    RuleOut,
)
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import console
from tests.tui.console_sample import AT
from tui.model.rules import WORK

EVAL = "/v1/expr/eval"
Evaluates = Callable[[dict[str, Any]], ExpressionValue | Exception]
TRUE = ExpressionValue(value=True, type="bool", steps=14, micros=33.1)
TO_A = 'parent.domain == "docs" ? "worker-a" : ""'
RULES = "/v1/config/rules"


def rule(kind: str = "permission", name: str = "operators", **changes: Any) -> RuleOut:
    facts: dict[str, Any] = {
        "kind": f"{kind}_rule",
        "name": name,
        "priority": 10,
        "expression": 'current_actor() == "did:sync:user:ada"',
        "effect": {"permission": "allow", "routing": "", "health": "warning"}.get(kind, ""),
        "ops": [],
        "actor": "did:sync:user:ada",
        "record": "c0" * 32,
    }
    return RuleOut(**facts | changes)


def permission_rules() -> list[RuleOut]:
    frozen = "fleet_frozen_namespaces().exists(n, n in record.namespaces)"
    return [
        rule(name="freeze-emergency", priority=0, effect="deny", ops=["record_write"], default=True,
             expression='fleet_emergency_active() && record.act in ["INTEND", "DO", "CALL"]', actor="daemon"),
        rule(name="freeze-soft", priority=2, effect="deny", ops=["record_write"], default=True,
             expression=frozen, actor="daemon"),
        rule(),
        rule(name="no-robots", priority=40, effect="deny", ops=["record_write", "thread_read"],
             expression='record.actor.startsWith("did:sync:agent:") && trust(record.actor) < 0.5'),
    ]  # fmt: skip


def work() -> dict[str, list[RuleOut]]:
    """A precondition, a rule that asks an operator, and a trigger of the same name."""
    costly = "record.body.budget_usd != null && record.body.budget_usd > 5.0"
    return {
        "precondition": [
            rule("precondition", "after-the-release", expression='task("REL-7").status == "approved"')
        ],
        "aitl": [rule("aitl", "costly", expression=costly)],
        "trigger": [
            rule("trigger", "costly", expression='record.topic == "over_budget"', goal="look at the bill")
        ],
    }


def health(*checks: HealthCheck) -> EngineHealth:
    return EngineHealth(
        did="did:sync:instance:00", role="coordinator", alias="coordinator", pid=1, home="~/.syncro",
        ingested_total=1, reconciled_total=1, reconcile_queue_depth=0, dispatch_running=0, dispatch_queued=0,
        outbox_pending=0, watchers=1, self_check_failures=0, uptime_secs=9.0, store_bytes=9,
        checks=list(checks),
    )  # fmt: skip


def checks() -> list[HealthCheck]:
    return [
        HealthCheck(name="queue", healthy=True, severity="warning"),
        HealthCheck(name="workers", healthy=False, severity="critical", problem="only 1 of 3 is live"),
    ]


def namespaces(strict: bool = False) -> NamespaceList:
    known = [
        ("default", "default", "active", ""),
        ("docs", "org", "active", "all that is written"),
        ("docs/v0.11", "project", "active", "the release"),
        ("shop", "org", "archived", "moved away"),
    ]
    rows = [NamespaceOut(namespace=n, level=v, state=s, description=d, at=AT) for n, v, s, d in known]  # type: ignore[arg-type]
    return NamespaceList(data=rows, strict=strict)


def invalid(message: str, expression: str, column: int, hint: str = "") -> RemoteError:
    told = f"  {expression}\n  {' ' * (column - 1)}^\n{hint}"
    words = f"{message} at line 1, column {column}"
    return RemoteError(422, "invalid_request", "INVALID_EXPRESSION", words, told, (1, column))


class PolicyClient(FakeClient):
    """Answers rules and, by the function `evaluates`, expressions."""

    def __init__(self, *, enforced: bool = False, empty: bool = False, strict: bool = False) -> None:
        super().__init__()
        self.tried: list[dict[str, Any]] = []
        self.evaluates: Evaluates = lambda _: TRUE
        rules = {"permission": permission_rules()}
        rules["routing"] = [rule("routing", "docs-go-to-a", expression=TO_A)]
        rules["health"] = [
            rule("health", "queue", expression="engine.reconcile_queue_depth < 100"),
            rule("health", "workers", effect="critical", expression="fleet_instances_live() >= 3"),
        ]
        rules |= {kind: [] for kind in WORK} | work()
        for kind, some in rules.items():
            self.answers[f"{RULES}/{kind}"] = RuleList(data=[] if empty else some, enabled=enforced)
        self.answers["/v1/engine/health"] = health(*([] if empty else checks()))
        self.answers["/v1/namespaces"] = namespaces(strict)
        self.answers["/v1/engine/expression_cache/stats"] = CacheStatsOut(
            hits=983, misses=17, compile_errors=2, hit_rate_pct=98.3, avg_compile_micros=812.4, size=42,
            capacity=1024,
        )  # fmt: skip

    async def send(self, call: Call[Any]) -> Any:
        if call.path != EVAL:
            return await super().send(call)
        self.tried.append(call.body)
        answer = self.evaluates(call.body)
        if isinstance(answer, Exception):
            raise answer
        return answer


def opened(client: PolicyClient, status: Any = None, size: tuple[int, int] = (120, 40), **how: Any) -> Any:
    """The Policy screen over these rules."""
    client.tasks(sample.tasks())
    client.join(sample.join())
    return console(size, status or sample.status(), client, screen="policy", **how)
