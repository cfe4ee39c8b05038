"""What can be asked of a daemon about rules, permissions and expressions; see `client.calls`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from syncropel.api.schema import (
    CacheStatsOut,
    ConfigWritten,
    CorsOrigins,
    ExpressionChecked,
    ExpressionValue,
    RuleList,
)
from syncropel.client.calls import Call


def rules(kind: str) -> Call[RuleList]:
    """`kind`: permission, routing, health, precondition, aitl, trigger or fold."""
    return Call(RuleList, f"/v1/config/rules/{kind}")


def put_rule(kind: str, name: str, fields: Mapping[str, Any]) -> Call[ConfigWritten]:
    """Add or replace a rule: expression, priority, effect, ops, goal, actor."""
    path = f"/v1/config/rules/{kind}/{quote(name, safe='')}"
    return Call(ConfigWritten, path, "PUT", body=dict(fields), repeatable=False)


def remove_rule(kind: str, name: str, actor: str) -> Call[ConfigWritten]:
    path = f"/v1/config/rules/{kind}/{quote(name, safe='')}/remove"
    return Call(ConfigWritten, path, "POST", body={"actor": actor}, repeatable=False)


def restore_default_rules(actor: str) -> Call[ConfigWritten]:
    path = "/v1/config/rules/restore-defaults"
    return Call(ConfigWritten, path, "POST", body={"actor": actor}, repeatable=False)


def switch_permissions(verb: str, actor: str) -> Call[ConfigWritten]:
    """`verb`: enable or disable."""
    path = f"/v1/config/permissions/{verb}"
    return Call(ConfigWritten, path, "POST", body={"actor": actor}, repeatable=False)


def cors_origins() -> Call[CorsOrigins]:
    return Call(CorsOrigins, "/v1/config/cors")


def put_cors_origins(origins: Sequence[str], actor: str) -> Call[CorsOrigins]:
    """The whole list of origins whose pages may call."""
    body = {"origins": list(origins), "actor": actor}
    return Call(CorsOrigins, "/v1/config/cors", "PUT", body=body, repeatable=False)


def check_expression(fields: Mapping[str, Any]) -> Call[ExpressionChecked]:
    return Call(ExpressionChecked, "/v1/expr/check", "POST", body=dict(fields))


def evaluate_expression(fields: Mapping[str, Any]) -> Call[ExpressionValue]:
    return Call(ExpressionValue, "/v1/expr/eval", "POST", body=dict(fields))


def expression_cache() -> Call[CacheStatsOut]:
    return Call(CacheStatsOut, "/v1/engine/expression_cache/stats")
