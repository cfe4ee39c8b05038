"""Which types of adapters are installed, and which adapters an instance has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from syncropel.adapters.base import Adapter
from syncropel.adapters.contract import (
    AdapterType,
    Capabilities,
    Checked,
    OfProvider,
    Place,
    SaysCapabilities,
    SaysCost,
)
from syncropel.errors import SetupError
from syncropel.settings.adapters import AdapterTable

log = logging.getLogger("syncropel.engine.adapters")

GROUP: Final = "syncropel.adapters"
"""The group of entry points for types of adapters."""
BUILT_IN: Final = {
    "bash": "syncropel.adapters.builtin:BASH",
    "claude": "syncropel.adapters.agent_types:CLAUDE",
    "codex": "syncropel.adapters.agent_types:CODEX",
    "echo": "syncropel.adapters.builtin:ECHO",
    "exec": "syncropel.adapters.builtin:EXEC",
    "gemini": "syncropel.adapters.agent_types:GEMINI",
    "http": "syncropel.adapters.builtin:HTTP",
    "noop": "syncropel.adapters.builtin:NOOP",
    "opencode": "syncropel.adapters.agent_types:OPENCODE",
}
"""Types of this package. They are listed here, and not in its metadata, because an updated checkout keeps the
metadata of its installation: no goal may fail because of that.
"""
_MOST_TOLD: Final = 256
_LONGEST_PROBLEM: Final = 2000
"""A longer heartbeat is refused."""


@dataclass(frozen=True)
class Types:
    """Types by name. `broken`: why an entry point provides none."""

    known: Mapping[str, AdapterType] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)


@cache
def installed() -> Types:
    """The types of this package, and those added by plug-ins of this environment."""
    own = [EntryPoint(name, value, GROUP) for name, value in BUILT_IN.items()]
    return load_types([*own, *(one for one in entry_points(group=GROUP) if one not in own)])


def load_types(found: Iterable[EntryPoint]) -> Types:
    """Load entry points. One that fails to load is reported, and does not affect the others."""
    known: dict[str, AdapterType] = {}
    broken: dict[str, str] = {}
    for entry in found:
        try:
            loaded = entry.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is somebody else's code
            broken[entry.name] = f"its plug-in {entry.value} is broken: {_told(error)}"
            continue
        if not isinstance(loaded, AdapterType):
            broken[entry.name] = f"its plug-in {entry.value} is broken: it is not an AdapterType"
        elif entry.name in known:
            broken[entry.name] = f"two plug-ins provide it: {entry.value} is left out"
        else:
            known[entry.name] = loaded
    return Types(known, broken)


@dataclass(frozen=True)
class Enabled:
    """One adapter that the config enables. `adapter` is None when it could not be made, and `broken` says
    why.
    """

    table: AdapterTable
    adapter: Adapter | None
    capabilities: Capabilities = field(default_factory=Capabilities)
    broken: str = ""
    isolation: str = ""
    """What contains its programs; empty when it starts none."""

    @cached_property
    def provider(self) -> str:
        """Whose quota its goals use; empty when they use none. Asked several times for each goal."""
        return self.adapter.provider if isinstance(self.adapter, OfProvider) else ""

    @property
    def problem(self) -> str:
        """Why its goals would fail, as far as can be known now; empty when no reason is known."""
        return self.broken or (self.adapter.problem() if isinstance(self.adapter, Checked) else "")


def enable(
    tables: Mapping[str, AdapterTable],
    types: Types,
    place: Place,
    contained: Callable[[AdapterTable, Place], Place] = lambda table, place: place,
) -> dict[str, Enabled]:
    """Make what the config enables. An adapter that cannot be made has a problem, and does not affect the
    others. `contained`: the place with what contains the programs of an adapter.

    Raises SetupError for an invalid value.
    """
    return {name: _enable(table, types, contained(table, place)) for name, table in tables.items()}


def log_problems(types: Types, made: Mapping[str, Enabled]) -> None:
    """Log what is broken."""
    for name, why in types.broken.items():
        log.error("adapter type %s: %s", name, why)
    for name, one in made.items():
        if one.problem:
            log.error("adapter %s: %s", name, one.problem)


def _enable(table: AdapterTable, types: Types, place: Place) -> Enabled:
    found = types.known.get(table.kind)
    if found is None:
        reason = types.broken.get(table.kind)
        known = ", ".join(sorted(types.known)) or "none"
        return Enabled(table, None, broken=reason or f"no type {table.kind!r} is installed; known: {known}")
    try:
        adapter = found.make(table, place)
    except SetupError:
        raise
    except Exception as error:  # noqa: BLE001 - it is somebody else's code
        return Enabled(table, None, found.capabilities, f"its type {table.kind} broke: {_told(error)}")
    capabilities = found.capabilities
    if isinstance(adapter, SaysCapabilities):
        capabilities = adapter.capabilities
    asks = capabilities.permissions or table.options.get("mcp") is True
    if table.answer_secs and not asks:
        raise table.wrong("answer_secs", "left out: it asks nothing", table.answer_secs)
    if isinstance(adapter, SaysCost):
        capabilities = replace(capabilities, cost=adapter.cost_known)
    return Enabled(table, adapter, capabilities)


def told(made: Mapping[str, Enabled]) -> list[dict[str, Any]]:
    """An instance's adapters for its heartbeat, up to the limit."""
    return [as_told(one) for _, one in sorted(made.items())[:_MOST_TOLD]]


def as_told(one: Enabled) -> dict[str, Any]:
    """An adapter for the heartbeat (fields of the wire model `AdapterOut`)."""
    able = one.capabilities
    problem = one.problem.encode("utf-8", "replace").decode("utf-8")
    return {
        "name": one.table.name,
        "type": one.table.kind,
        "models": list(one.table.allowed_models[:_MOST_TOLD]),
        "max_concurrent": one.table.max_concurrent,
        "usable": one.adapter is not None,
        "problem": problem[:_LONGEST_PROBLEM],
        "provider": one.provider,
        "isolation": one.isolation,
        "capabilities": {name: getattr(able, name) for name in Capabilities.__dataclass_fields__},
    }


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]
