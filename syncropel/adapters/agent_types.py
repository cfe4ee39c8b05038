"""The types of adapters for coding agents, as entry points name them."""

from __future__ import annotations

from functools import partial
from typing import Final

from syncropel.adapters.acp import kinds
from syncropel.adapters.acp.adapter import AcpAgent, capabilities_of
from syncropel.adapters.agents.adapter import AgentAdapter
from syncropel.adapters.agents.cli import Claude, Cli, Codex
from syncropel.adapters.agents.options import ASK
from syncropel.adapters.base import Adapter
from syncropel.adapters.contract import AdapterType, Capabilities, Place
from syncropel.settings.adapters import AdapterTable


def _either(cli: Cli, kind: kinds.Kind, table: AdapterTable, place: Place) -> Adapter:
    """Without a conversation unless somebody is to be asked: then its failures are told best."""
    if table.options.get("permissions") == ASK:
        return AcpAgent(table, place, kind)
    return AgentAdapter(table, place, cli, kind.name)


def _talks(kind: kinds.Kind, table: AdapterTable, place: Place) -> Adapter:
    return AcpAgent(table, place, kind)


CLAUDE: Final = AdapterType(
    partial(_either, Claude(), kinds.CLAUDE),
    Capabilities(text=True, tools=True, tokens=True, cost="request", resume=True, denials=True),
    "Claude Code: the goal is its prompt",
)
CODEX: Final = AdapterType(
    partial(_either, Codex(), kinds.CODEX),
    Capabilities(text=True, tools=True, tokens=True, cost="end", resume=True),
    "Codex: the goal is its prompt",
)
GEMINI: Final = AdapterType(
    partial(_talks, kinds.GEMINI),
    capabilities_of(kinds.GEMINI),
    "Gemini CLI: the goal is its prompt, and it asks its operator",
)
OPENCODE: Final = AdapterType(
    partial(_talks, kinds.OPENCODE),
    capabilities_of(kinds.OPENCODE),
    "opencode: the goal is its prompt, and it asks its operator",
)
