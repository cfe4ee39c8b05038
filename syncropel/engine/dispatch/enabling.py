"""What an instance's config enables: its adapters, and how it runs their goals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from syncropel.adapters import Adapter
from syncropel.adapters.asking import Request
from syncropel.adapters.contract import Place
from syncropel.adapters.enclosure import NO_PROGRAMS, contained, sandboxed
from syncropel.adapters.gateway.desk import Gateway, Paused
from syncropel.adapters.other_user import other_user
from syncropel.adapters.program import ProgramAdapter
from syncropel.adapters.registry import Enabled, enable, installed, log_problems
from syncropel.adapters.sandbox import Sandbox
from syncropel.adapters.tools.desk import Desk
from syncropel.adapters.workspace import Workspaces
from syncropel.engine.dispatch.operator_line import Terms
from syncropel.engine.dispatch.run import Limits
from syncropel.folds.control.namespaces import DEFAULT
from syncropel.folds.fanout.child import ChildIntend
from syncropel.peer.runtime import Runtime
from syncropel.policy.tool_rules import CompiledRule, Ruling, ToolUse, compile_rules, judge
from syncropel.settings.adapters import NONE, USER, AdapterTable, known_secrets
from syncropel.settings.config import Settings
from syncropel.settings.home import Home

log = logging.getLogger("syncropel.engine.dispatch")


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
    programs = [one for one in tables.values() if one.kind not in NO_PROGRAMS]

    def runs_as(table: AdapterTable) -> bool:
        return chosen.isolation_of(table) == USER

    user = other_user(chosen.run_as, home.work) if any(map(runs_as, programs)) else None
    secrets = partial(known_secrets, tables.values(), home.secrets, gateway.key_names)
    workspaces = Workspaces(settings.workspace, secrets, may_run)
    place = Place(home.work, home.run, runtime, orphan_secs, None, home.secrets, workspaces, gateway, desk)

    def place_of(table: AdapterTable, place: Place) -> Place:
        return replace(contained(chosen, table, place, home.path), user=user if runs_as(table) else None)

    made = enable(tables, installed(), place, place_of)
    made = {name: _containable(one, chosen.isolation_of(one.table)) for name, one in made.items()}
    log_problems(installed(), made)
    if (names := sandboxed(chosen)) and (why := Sandbox(home.path.resolve()).problem()):
        log.error("goals of %s will fail: %s", ", ".join(names), why)
    return made


def _containable(one: Enabled, isolation: str) -> Enabled:
    """The adapter with what contains its programs. One that starts programs in its own way is not contained,
    and must not run.
    """
    if one.table.kind in NO_PROGRAMS:
        return one
    one = replace(one, isolation=isolation)
    if isolation == NONE or one.adapter is None:
        return one
    if isinstance(one.adapter, ProgramAdapter):
        return one
    told = f"isolation = {isolation!r}: its type {one.table.kind} does not say how it runs programs"
    return replace(one, adapter=None, broken=told)


def sandbox_of_merges(settings: Settings, home: Home) -> Sandbox | None:
    """What contains the gate of a merge: a sandbox if any goals have one: it runs their code."""
    return Sandbox(home.path.resolve()) if sandboxed(settings.adapters) else None


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
