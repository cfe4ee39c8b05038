"""The command lines of claude and codex: the arguments of a run, and where sessions are stored."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from syncropel.adapters.agents.claude import ClaudeReader
from syncropel.adapters.agents.codex import CodexReader
from syncropel.adapters.agents.rollout import Rollout
from syncropel.adapters.contract import CostKnown
from syncropel.adapters.files import write_private
from syncropel.adapters.gateway.dialects import Dialect, Messages, Responses
from syncropel.adapters.models.prices import Prices
from syncropel.adapters.models.tokens import Tokens
from syncropel.adapters.tools import servers

REQUEST: Final[CostKnown] = "request"
END: Final[CostKnown] = "end"
"""When an agent reports its spending: after each request to the model, or only at its end."""

_NONE: Final = Tokens()
_PROVIDER: Final = "syncropel"
_TOKEN: Final = "SPL_GATEWAY_TOKEN"
"""Where codex finds its token for the gateway."""


@dataclass(frozen=True)
class Ask:
    """One run. `session`: the id for a new session, empty where the agent chooses it; `resume`: the session
    to continue. `before`: the tokens of that session, None when unknown.
    """

    model: str = ""
    session: str = ""
    resume: str = ""
    before: Tokens | None = _NONE
    mode: str = ""
    max_turns: int = 0
    budget_usd: float | None = None
    ignore_denied: bool = False


class Cli(Protocol):
    """How to drive one agent. `mode`: its default permission mode, one of `modes`.

    `spend_known`: when it reports its spending. `names_session`: whether we choose its session's id.
    `limits_turns`: whether it limits turns itself. `says_cost`: whether it reports US dollars.
    """

    mode: str
    modes: frozenset[str]
    spend_known: CostKnown
    names_session: bool
    limits_turns: bool
    says_cost: bool
    variables: Mapping[str, str]
    """Variables that are always set."""
    keys: frozenset[str]
    """Variables through which it could reach its provider without the gateway."""

    @property
    def dialect(self) -> Dialect:
        """The API with which it calls its model."""
        ...

    def words(self, program: Sequence[str], ask: Ask, more: Sequence[str]) -> list[str]:
        """The command; the prompt comes on stdin."""
        ...

    def through(self, url: str, token: str) -> tuple[list[str], dict[str, str]]:
        """More arguments and variables that make it call its model at this address with this token. No
        argument may contain the token: everybody on the machine can read them.
        """
        ...

    def with_tools(self, file: Path) -> tuple[list[str], dict[str, str]]:
        """More arguments and variables that give it the tools of `spl mcp`; `file` is for what it reads of
        them. Raises OSError.
        """
        ...

    def reader(
        self, prices: Prices, ask: Ask, environment: Mapping[str, str] | None
    ) -> ClaudeReader | CodexReader:
        """A reader for that run, which has this environment; None: use nothing but its output."""
        ...

    def has_session(self, session: str, environment: Mapping[str, str]) -> bool:
        """Whether a program with this environment can still resume the session."""
        ...


class Claude:
    """`claude -p`."""

    mode = "acceptEdits"
    modes = frozenset({"default", "acceptEdits", "plan", "dontAsk", "auto", "bypassPermissions"})
    spend_known: CostKnown = REQUEST
    names_session = True
    limits_turns = True
    says_cost = True
    variables: Mapping[str, str] = {
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "NO_COLOR": "1",
    }
    keys = frozenset(
        {
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_BASE_URL",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_USE_VERTEX",
            "CLAUDE_CODE_USE_FOUNDRY",
        }
    )
    dialect: Dialect = Messages()

    def words(self, program: Sequence[str], ask: Ask, more: Sequence[str]) -> list[str]:
        words = [*program, "-p", "--output-format", "stream-json", "--verbose", "--include-partial-messages"]
        words += ["--permission-mode", ask.mode]
        words += ["--resume", ask.resume] if ask.resume else ["--session-id", ask.session]
        words += ["--model", ask.model] if ask.model else []
        words += ["--max-turns", str(ask.max_turns)] if ask.max_turns else []
        words += ["--max-budget-usd", f"{ask.budget_usd:.6f}"] if ask.budget_usd is not None else []
        return [*words, *more]

    def through(self, url: str, token: str) -> tuple[list[str], dict[str, str]]:
        return [], {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": token}

    def with_tools(self, file: Path) -> tuple[list[str], dict[str, str]]:
        write_private(file, servers.for_claude())
        words = [f"--mcp-config={file}", f"--allowedTools={servers.CLAUDE_TOOLS}"]
        return words, {"ENABLE_TOOL_SEARCH": "false"}  # otherwise it hides them

    def reader(self, prices: Prices, ask: Ask, environment: Mapping[str, str] | None) -> ClaudeReader:
        return ClaudeReader(prices, ignore_denied=ask.ignore_denied)

    def has_session(self, session: str, environment: Mapping[str, str]) -> bool:
        folder = _folder(environment, "CLAUDE_CONFIG_DIR", ".claude") / "projects"
        return any(folder.glob(f"*/{session}.jsonl"))


class Codex:
    """`codex exec`."""

    mode = "workspace-write"
    modes = frozenset({"read-only", "workspace-write", "danger-full-access"})
    spend_known: CostKnown = END
    names_session = False
    limits_turns = False
    says_cost = False
    variables: Mapping[str, str] = {"NO_COLOR": "1"}
    keys = frozenset({"OPENAI_API_KEY", "CODEX_API_KEY", "OPENAI_BASE_URL"})
    dialect: Dialect = Responses()

    def words(self, program: Sequence[str], ask: Ask, more: Sequence[str]) -> list[str]:
        words = [native(program[0]), *program[1:], "exec", "--json", "-s", ask.mode]
        words += ["-c", "analytics.enabled=false", "--disable", "plugins", "--skip-git-repo-check"]
        words += ["-m", ask.model] if ask.model else []
        return [*words, *more, *(["resume", ask.resume] if ask.resume else []), "-"]

    def through(self, url: str, token: str) -> tuple[list[str], dict[str, str]]:
        told = {"name": _PROVIDER, "base_url": f"{url}/v1", "env_key": _TOKEN, "wire_api": "responses"}
        table = ",".join(f"{key}={json.dumps(value)}" for key, value in told.items())
        words = ["-c", f'model_provider="{_PROVIDER}"', "-c", f"model_providers.{_PROVIDER}={{{table}}}"]
        return words, {_TOKEN: token}

    def with_tools(self, file: Path) -> tuple[list[str], dict[str, str]]:
        return servers.codex_words(), {}

    def reader(self, prices: Prices, ask: Ask, environment: Mapping[str, str] | None) -> CodexReader:
        rollout = None if environment is None else Rollout(_sessions_of_codex(environment))
        return CodexReader(
            prices, ask.model, ask.resume, ask.before, rollout, ignore_denied=ask.ignore_denied
        )

    def has_session(self, session: str, environment: Mapping[str, str]) -> bool:
        folder = _sessions_of_codex(environment)
        return any(folder.glob(f"*/*/*/rollout-*-{session}.jsonl"))


def native(program: str) -> str:
    """The program behind codex's wrapper for Node: killing the wrapper would leave the program running."""
    found = shutil.which(program)
    if found is None or not (wrapper := Path(os.path.realpath(found))).name.endswith(".js"):
        return program
    packages = wrapper.parents[2]
    inside = wrapper.parents[1] / "node_modules" / packages.name
    programs = [one for where in (packages, inside) for one in where.glob("codex-*/vendor/*/bin/codex")]
    return str(programs[0]) if len(programs) == 1 else program


def _sessions_of_codex(environment: Mapping[str, str]) -> Path:
    return _folder(environment, "CODEX_HOME", ".codex") / "sessions"


def _folder(environment: Mapping[str, str], name: str, usual: str) -> Path:
    home = Path(environment.get("HOME") or Path.home())
    return Path(environment[name]) if environment.get(name) else home / usual
