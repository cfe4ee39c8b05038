"""/v1/config: rules and permissions, of this instance and of the fleet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from fastapi import APIRouter
from pydantic import Field

from syncropel.api.fleet.fleet_views import reached
from syncropel.api.http.caller import OF_ACTOR, Signed
from syncropel.api.http.request_body import RequestBody
from syncropel.engine.engine import Engine
from syncropel.folds.control.rules import (
    AITL,
    DEFAULT_PRIORITY,
    FOLD,
    FREEZE_RULES,
    HEALTH,
    PERMISSION,
    PRECONDITION,
    ROUTING,
    TRIGGER,
    Rule,
)
from syncropel.record.model import StoredRecord
from syncropel.record.threads import INSTANCE_DID_PREFIX
from syncropel.wire import ConfigWritten, RuleList, RuleOut

Kind = Literal["permission", "routing", "health", "precondition", "aitl", "trigger", "fold"]
_TOPICS: Final = {
    "permission": PERMISSION,
    "routing": ROUTING,
    "health": HEALTH,
    "precondition": PRECONDITION,
    "aitl": AITL,
    "trigger": TRIGGER,
    "fold": FOLD,
}


class ConfigRequest(RequestBody):
    """Base of request bodies here."""

    actor: str = Field(default="", min_length=1, max_length=512, description=OF_ACTOR)


class NewRule(ConfigRequest):
    """PUT /v1/config/rules/{kind}/{name}"""

    expression: str
    priority: int = DEFAULT_PRIORITY
    effect: str = ""
    ops: list[str] = Field(default=[])
    goal: str = ""


def router(engine: Engine) -> APIRouter:
    """The routes of configuration."""
    routes = APIRouter(tags=["config"])

    @routes.get("/v1/config/rules/{kind}")
    async def list_rules(kind: Kind) -> RuleList:
        """The rules of a kind, in the order in which they are evaluated."""
        rows = [_rule_out(engine, rule) for rule in engine.control.configuration.rules(_TOPICS[kind])]
        return RuleList(data=rows, enabled=engine.ingest.live.rules.enforced)

    @routes.put("/v1/config/rules/{kind}/{name}", status_code=201)
    async def put_rule(kind: Kind, name: str, body: NewRule, sign: Signed) -> ConfigWritten:
        """Add a rule, or replace the one with this name. An invalid expression is refused with its column."""
        body.actor = sign(body.actor)
        fields = {
            "name": name,
            "priority": body.priority,
            "expression": body.expression,
            "effect": body.effect,
            "ops": body.ops,
        }
        if body.goal:
            fields["goal"] = body.goal
        stored = await engine.control.configuration.set_rule(_TOPICS[kind], fields, body.actor)
        return _written(engine, kind, stored, name)

    @routes.post("/v1/config/rules/{kind}/{name}/remove", status_code=201)
    async def remove_rule(kind: Kind, name: str, body: ConfigRequest, sign: Signed) -> ConfigWritten:
        """Remove a rule."""
        body.actor = sign(body.actor)
        stored = await engine.control.configuration.remove_rule(_TOPICS[kind], name, body.actor)
        return _written(engine, kind, stored, name)

    @routes.post("/v1/config/rules/restore-defaults", status_code=201)
    async def restore(body: ConfigRequest, sign: Signed) -> ConfigWritten:
        """Restore every default rule that was changed or removed."""
        body.actor = sign(body.actor)
        names = await engine.control.configuration.restore_default_rules(body.actor)
        return ConfigWritten(names=names, waiting=_waiting(engine, PERMISSION, names))

    @routes.post("/v1/config/permissions/{verb}", status_code=201)
    async def switch(verb: Literal["enable", "disable"], body: ConfigRequest, sign: Signed) -> ConfigWritten:
        """Enforce the permission rules, after a check that they do not lock the daemon out; or stop enforcing
        them.
        """
        body.actor = sign(body.actor)
        configuration = engine.control.configuration
        act = configuration.enable_permissions if verb == "enable" else configuration.disable_permissions
        return ConfigWritten(record=(await act(body.actor)).record.id)

    return routes


def _written(engine: Engine, kind: Kind, stored: StoredRecord, name: str) -> ConfigWritten:
    waiting = _waiting(engine, _TOPICS[kind], [name])
    return ConfigWritten(record=stored.record.id, names=[name], waiting=waiting)


def _waiting(engine: Engine, topic: str, names: Sequence[str]) -> list[str]:
    carried = [engine.ingest.live.rules.carried((topic, name)) for name in names]
    return sorted({one for word in carried if word for one in reached(engine, word.record)[1]})


def _rule_out(engine: Engine, rule: Rule) -> RuleOut:
    carried = engine.ingest.live.rules.carried((rule.kind, rule.name))
    origin: Literal["default", "here", "fleet"] = "here" if carried is None else "fleet"
    if carried is None and rule.name in FREEZE_RULES and rule.actor.startswith(INSTANCE_DID_PREFIX):
        origin = "default"
    confirmed, waiting = reached(engine, carried.record) if carried is not None else ([], [])
    trouble = engine.ingest.live.rule_failures.of(rule)
    return RuleOut(
        kind=rule.kind,  # type: ignore[arg-type]  # KINDS are the wire's words
        name=rule.name,
        priority=rule.priority,
        expression=rule.expression,
        effect=rule.effect,
        ops=list(rule.ops),
        goal=rule.goal,
        default=FREEZE_RULES.get(rule.name) == rule.expression,
        actor=rule.actor,
        record=rule.record,
        origin=origin,
        confirmed=confirmed,
        waiting=waiting,
        failures=trouble.failures,
        last_error=trouble.last_error,
        last_failed_at=trouble.last_failed_at,
    )
