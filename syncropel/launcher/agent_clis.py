"""Coding agents' command-line tools on this machine: which are installed, their versions, their logins."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from syncropel.launcher.logins import KEYS, Login, codex_config, codex_provider, login_of

AGENTS: Final = ("claude", "codex", "gemini", "opencode")
"""Types of adapters that are agents with a command of the same name."""
ASKING: Final = {"claude": "claude-agent-acp", "codex": "codex-acp"}
"""The commands of agents that ask their operator, where it is another one."""
PACKAGES: Final = {
    "claude": "@anthropic-ai/claude-code",
    "claude-agent-acp": "@agentclientprotocol/claude-agent-acp",
    "codex": "@openai/codex",
    "codex-acp": "@agentclientprotocol/codex-acp",
    "gemini": "@google/gemini-cli",
    "opencode": "opencode-ai",
}
"""The npm packages of these commands."""
PATIENCE_SECS: Final = 20.0
_VERSION: Final = re.compile(r"\d+\.\d+[0-9A-Za-z.+-]*")
_QUIET: Final = {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
_NETWORK: Final = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE")
_PLACES: Final = {
    "claude": ("ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR"),
    "codex": ("CODEX_HOME",),
    "gemini": ("GOOGLE_GEMINI_BASE_URL", "GEMINI_CLI_HOME", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"),
    "opencode": ("OPENCODE_CONFIG", "XDG_CONFIG_HOME", "XDG_DATA_HOME"),
}


@dataclass(frozen=True)
class AgentCli:
    """A command on this machine. `version`: empty when it does not report one."""

    name: str
    path: str
    version: str
    login: Login


def program_of(name: str, *, asks: bool) -> str:
    """The command of an agent. `asks`: it is to ask its operator."""
    return ASKING.get(name, name) if asks else name


def find_cli(name: str, variables: Mapping[str, str], program: str = "") -> AgentCli | None:
    """The agent's command, given these variables; None when PATH has none."""
    path = shutil.which(program or name, path=variables.get("PATH"))
    if path is None:
        return None
    return AgentCli(name, path, version_of(path, variables), login_of(name, variables))


def version_of(path: str, variables: Mapping[str, str]) -> str:
    """The output of `--version`; empty when there is none."""
    try:
        ran = subprocess.run(
            [path, "--version"],
            env={**variables, **_QUIET},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_SECS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = _VERSION.search(ran.stdout.decode("utf-8", "replace"))
    return found[0] if found and ran.returncode == 0 else ""


def variables_for(name: str, variables: Mapping[str, str]) -> list[str]:
    """Which of these variables an agent needs besides those that every program is given: names only."""
    network = [*_NETWORK, *(one.lower() for one in _NETWORK[:3])]
    wanted = [*login_variables(name, variables), *_PLACES[name], *network]
    return [one for one in dict.fromkeys(wanted) if variables.get(one)]


def login_variables(name: str, variables: Mapping[str, str]) -> list[str]:
    """Which of these variables hold an agent's key: names only."""
    keys = [*KEYS[name]]
    if name == "codex" and (key := (codex_provider(codex_config(variables)) or {}).get("env_key")):
        keys.append(str(key))
    return [one for one in keys if variables.get(one)]
