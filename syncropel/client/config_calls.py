"""Requests about rules, permissions, and expressions; see `client.calls`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from syncropel.client.calls import Call
from syncropel.client.late import schema


def rules(kind: str) -> Call[schema.RuleList]:
    """`kind`: permission, routing, health, precondition, aitl, trigger or fold."""
    return Call(schema.RuleList, f"/v1/config/rules/{kind}")


def put_rule(kind: str, name: str, fields: Mapping[str, Any]) -> Call[schema.ConfigWritten]:
    """Add or replace a rule: expression, priority, effect, ops, goal, actor."""
    path = f"/v1/config/rules/{kind}/{quote(name, safe='')}"
    return Call(schema.ConfigWritten, path, "PUT", body=dict(fields), repeatable=False)


def remove_rule(kind: str, name: str, actor: str) -> Call[schema.ConfigWritten]:
    path = f"/v1/config/rules/{kind}/{quote(name, safe='')}/remove"
    return Call(schema.ConfigWritten, path, "POST", body={"actor": actor}, repeatable=False)


def restore_default_rules(actor: str) -> Call[schema.ConfigWritten]:
    path = "/v1/config/rules/restore-defaults"
    return Call(schema.ConfigWritten, path, "POST", body={"actor": actor}, repeatable=False)


def switch_permissions(verb: str, actor: str) -> Call[schema.ConfigWritten]:
    """`verb`: enable or disable."""
    path = f"/v1/config/permissions/{verb}"
    return Call(schema.ConfigWritten, path, "POST", body={"actor": actor}, repeatable=False)


def cors_origins() -> Call[schema.CorsOrigins]:
    return Call(schema.CorsOrigins, "/v1/config/cors")


def put_cors_origins(origins: Sequence[str], actor: str) -> Call[schema.CorsOrigins]:
    """Set the whole list of origins whose pages may call."""
    body = {"origins": list(origins), "actor": actor}
    return Call(schema.CorsOrigins, "/v1/config/cors", "PUT", body=body, repeatable=False)


def check_expression(fields: Mapping[str, Any]) -> Call[schema.ExpressionChecked]:
    return Call(schema.ExpressionChecked, "/v1/expr/check", "POST", body=dict(fields))


def evaluate_expression(fields: Mapping[str, Any]) -> Call[schema.ExpressionValue]:
    return Call(schema.ExpressionValue, "/v1/expr/eval", "POST", body=dict(fields))


def expression_cache() -> Call[schema.CacheStatsOut]:
    return Call(schema.CacheStatsOut, "/v1/engine/expression_cache/stats")
