"""What differs between the agents that speak the protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.adapters.agents.cli import Claude, Codex
from syncropel.adapters.agents.options import ASK, AUTO, Provider
from syncropel.adapters.gateway.dialects import Dialect, Messages, Responses
from syncropel.adapters.tools import servers

_FAILURES: Final = {"_meta": {"jetbrains": {"air": {"version": 1, "capabilities": ["sessionFailure"]}}}}
"""Where this is declared, claude and codex tell of retries and failed turns, which they hide otherwise."""
_TOKEN: Final = "SPL_GATEWAY_TOKEN"


@dataclass(frozen=True)
class Kind:
    """One agent. `modes`: its permission mode for each value of `permissions`; empty: it knows no mode, and
    `variables` say it.
    """

    name: str
    program: tuple[str, ...]
    provider: Provider
    modes: Mapping[str, str]
    variables: Mapping[str, Mapping[str, str]]
    """Variables that are always set, by the value of `permissions`."""
    dialect: Dialect | None = None
    """The API of its model, where the gateway can meter it."""
    keys: frozenset[str] = frozenset()
    """Variables through which it could reach its provider without the gateway."""
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    """More capabilities of the client."""
    sets_model: str = "session/set_config_option"
    """The request that chooses a model."""
    limits: bool = False
    """Whether it holds a budget in US dollars and a number of turns itself."""
    says_cost: bool = False
    """Whether it reports US dollars, as a sum over its whole session."""
    says_tokens: bool = True
    """Whether it reports all tokens of a turn."""
    tells_denials: bool = True
    """Whether nothing is denied without a question or an update."""
    counts_cut_turns: bool = False
    """Whether the tokens of a cancelled turn are those of all its requests, or missing."""
    linger_secs: float = 3.0
    """How long it may take to end once its stdin is closed."""
    joins_turn: bool = False
    """Whether a prompt that comes while it works joins the turn. Otherwise it waits, or ends the turn."""
    loads_in_later_minute: bool = False
    """Whether loading a session in the minute of its start destroys it."""
    configures_servers: bool = False
    """Whether MCP servers come from its config: one of a request for a session would not get its
    environment.
    """
    replays_late: bool = False
    """Whether the replay of a loaded session goes on after the answer."""

    def model_request(self, session: str, model: str) -> tuple[str, dict[str, Any]]:
        """The request that chooses a model."""
        if self.sets_model == "session/set_model":
            return self.sets_model, {"sessionId": session, "modelId": model}
        return self.sets_model, {"sessionId": session, "configId": "model", "value": model}

    @property
    def servers(self) -> tuple[Mapping[str, Any], ...]:
        """The MCP servers of a session where its agent is given the tools."""
        return () if self.configures_servers else (servers.for_session(),)

    def with_tools(self, environment: dict[str, str]) -> dict[str, str]:
        """The environment that gives it the tools, besides what a request for a session says."""
        if not self.configures_servers:
            return environment
        config = servers.in_codex_config(environment.get(servers.CODEX_CONFIG, ""))
        return {**environment, servers.CODEX_CONFIG: config}

    def session_meta(
        self, budget_usd: float | None, max_turns: int, *, tools: bool = False
    ) -> dict[str, Any]:
        """`_meta` of a request for a session; `tools`: with those of `spl mcp`, which nobody has to allow."""
        if not self.limits:
            return {}
        options: dict[str, Any] = {"promptSuggestions": False}  # each suggestion is a request that costs
        options |= {"maxBudgetUsd": budget_usd} if budget_usd is not None else {}
        options |= {"maxTurns": max_turns} if max_turns else {}
        options |= {"allowedTools": [servers.CLAUDE_TOOLS]} if tools else {}
        return {"_meta": {"claudeCode": {"options": options}}}

    def through(self, url: str, token: str) -> tuple[list[str], dict[str, str]]:
        """More arguments and variables that make it call its model at this address with this token."""
        if isinstance(self.dialect, Messages):
            return Claude().through(url, token)
        provider = {"name": "syncropel", "base_url": f"{url}/v1", "env_key": _TOKEN, "wire_api": "responses"}
        config = {"model_provider": "syncropel", "model_providers": {"syncropel": provider}, **_CODEX}
        return [], {_TOKEN: token, "MODEL_PROVIDER": "syncropel", "CODEX_CONFIG": json.dumps(config)}


_CODEX: Final = {"analytics": {"enabled": False}, "features": {"plugins": False}}
_SAME: Final = (ASK, AUTO)


def _always(variables: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    return dict.fromkeys(_SAME, variables)


def _opencode(answer: str) -> dict[str, str]:
    """Its permissions come from its config, which asks for nothing by default. They are in a variable of
    their own, which goes before every config, so that one with a provider does not undo them.
    """
    return {
        "NO_COLOR": "1",
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        "OPENCODE_CONFIG_CONTENT": json.dumps({"share": "disabled", "autoupdate": False}),
        "OPENCODE_PERMISSION": json.dumps({"edit": answer, "bash": answer, "webfetch": answer}),
    }


CLAUDE: Final = Kind(
    "claude",
    ("claude-agent-acp",),
    Provider.of(Messages()),
    {ASK: "default", AUTO: "acceptEdits"},
    _always({**Claude.variables, "ENABLE_TOOL_SEARCH": "false"}),  # else tools of MCP servers are hidden
    dialect=Messages(),
    keys=Claude.keys,
    capabilities=_FAILURES,
    limits=True,
    says_cost=True,
    joins_turn=True,
)
CODEX: Final = Kind(
    "codex",
    ("codex-acp",),
    Provider.of(Responses()),
    {ASK: "read-only", AUTO: "workspace-write"},
    _always({"NO_COLOR": "1", "NO_BROWSER": "1", "CODEX_CONFIG": json.dumps(_CODEX)}),
    dialect=Responses(),
    keys=Codex.keys,
    capabilities=_FAILURES,
    tells_denials=False,  # its sandbox refuses a command without a word
    counts_cut_turns=True,
    configures_servers=True,
    linger_secs=0.5,  # it takes 7 s when left alone, with nothing more to do
)
GEMINI: Final = Kind(
    "gemini",
    ("gemini", "--acp", "--skip-trust"),
    Provider("google", "https://generativelanguage.googleapis.com", "GEMINI_API_KEY"),
    {ASK: "default", AUTO: "autoEdit"},
    _always({"NO_COLOR": "1", "GEMINI_CLI_NO_RELAUNCH": "true"}),  # a second process would miss signals
    sets_model="session/set_model",
    loads_in_later_minute=True,
    replays_late=True,
)
OPENCODE: Final = Kind(
    "opencode",
    ("opencode", "acp"),
    Provider.of(Messages()),
    {},
    {ASK: _opencode("ask"), AUTO: _opencode("allow")},
    says_cost=True,
    says_tokens=False,
    joins_turn=True,
)
