"""What an instance's config enables: its adapters, and how it runs their goals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from syncropel.adapters import Adapter
from syncropel.adapters.asking import Request
from syncropel.adapters.contract import Place
from syncropel.adapters.gateway.desk import Gateway, Paused
from syncropel.adapters.other_user import other_user
from syncropel.adapters.registry import Enabled, enable, installed, log_problems
from syncropel.adapters.tools.desk import Desk
from syncropel.adapters.workspace import Workspaces
from syncropel.engine.dispatch.operator_line import Terms
from syncropel.engine.dispatch.run import Limits
from syncropel.folds.control.namespaces import DEFAULT
from syncropel.folds.fanout.child import ChildIntend
from syncropel.peer.runtime import Runtime
from syncropel.policy.tool_rules import CompiledRule, Ruling, ToolUse, compile_rules, judge
from syncropel.settings.adapters import known_secrets
from syncropel.settings.config import Settings
from syncropel.settings.home import Home


def enabled_adapters(
    settings: Settings,
    home: Home,
    gateway: Gateway,
    desk: Desk,
    runtime: Runtime,
    orphan_secs: Callable[[], float],
    may_run: Callable[[str, str], bool],
) -> dict[str, Enabled]:
    """The adapters of the config, by name; what is wrong with them is in the log. Raises SetupError.

    `may_run`: whether files of a repository, by their digest, may run as its gate.
    """
    chosen = settings.adapters
    tables = chosen.enabled()
    # Without programs there is nobody to run as another user.
    needed = chosen.run_as and not {one.kind for one in tables.values()} <= {"echo", "noop", "http"}
    user = other_user(chosen.run_as, home.work) if needed else None
    secrets = partial(known_secrets, tables.values(), home.secrets, gateway.key_names)
    workspaces = Workspaces(settings.workspace, secrets, may_run)
    place = Place(home.work, home.run, runtime, orphan_secs, user, home.secrets, workspaces, gateway, desk)
    made = enable(tables, installed(), place)
    log_problems(installed(), made)
    return made


def usable(enabled: Mapping[str, Enabled]) -> dict[str, Adapter]:
    """The adapters that can run goals, by name."""
    return {name: one.adapter for name, one in enabled.items() if one.adapter is not None}


def limits_of(
    settings: Settings, enabled: Mapping[str, Enabled], paused: Callable[[str], Paused | None]
) -> Limits:
    """How this instance runs goals. `paused`: whether starts on a provider are paused."""
    dispatch = settings.dispatch
    rules = compile_rules(settings.permissions.rules)
    return Limits(
        max(1, dispatch.max_concurrent),
        dispatch.default_timeout_secs,
        dispatch.adapter,
        dispatch.shutdown_grace_secs,
        {name: one.table.max_concurrent for name, one in enabled.items() if one.table.max_concurrent},
        {name: one.table.allowed_models for name, one in enabled.items()},
        {name: one.broken for name, one in enabled.items() if one.adapter is None},
        {name: usd for name, one in enabled.items() if (usd := one.table.default_budget_usd)},
        lambda name: name in enabled and bool(own := enabled[name].provider) and paused(own) is not None,
        partial(_terms, settings, rules),
        lambda name: name not in enabled or enabled[name].capabilities.messages,
    )


def _terms(settings: Settings, rules: Sequence[CompiledRule], adapter: str, intend: ChildIntend) -> Terms:
    """How the questions of an attempt on this adapter are decided."""
    table, body = settings.adapters.tables.get(adapter), intend.body
    own = table.answer_secs if table is not None else 0.0

    async def rule(request: Request) -> Ruling:
        use = ToolUse(
            request.tool,
            request.command,
            request.paths,
            request.root,
            adapter,
            str(body.get("parent_thread", "")),
            str(body.get("namespace") or DEFAULT),
            shell="command" in request.shown,
        )
        return await asyncio.to_thread(judge, rules, use) if rules else Ruling()

    return Terms(own or settings.permissions.answer_secs, rule)
