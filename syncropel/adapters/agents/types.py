"""The types of adapters for coding agents, as entry points name them."""

from __future__ import annotations

from functools import partial
from typing import Final

from syncropel.adapters.agents.adapter import AgentAdapter
from syncropel.adapters.agents.cli import Claude, Cli, Codex
from syncropel.adapters.base import Adapter
from syncropel.adapters.contract import AdapterType, Capabilities, Place
from syncropel.settings.adapters import AdapterTable


def _agent(cli: Cli, program: str, table: AdapterTable, place: Place) -> Adapter:
    return AgentAdapter(table, place, cli, program)


CLAUDE: Final = AdapterType(
    partial(_agent, Claude(), "claude"),
    Capabilities(text=True, tools=True, tokens=True, cost="request", resume=True, denials=True),
    "Claude Code: the goal is its prompt",
)
CODEX: Final = AdapterType(
    partial(_agent, Codex(), "codex"),
    Capabilities(text=True, tools=True, tokens=True, cost="end", resume=True),
    "Codex: the goal is its prompt",
)
