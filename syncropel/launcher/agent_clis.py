"""Coding agents' command-line tools on this machine: which are installed, their versions, and their logins.

Nothing here contacts a provider: logins are looked for in files and variables. Credentials are never tried,
so they may be out of date; where a login may be stored elsewhere, it is unknown.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

AGENTS: Final = ("claude", "codex")
"""Types of adapters that are agents with a command of the same name."""
PACKAGES: Final = {"claude": "@anthropic-ai/claude-code", "codex": "@openai/codex"}
"""Their npm packages."""
PATIENCE_SECS: Final = 20.0
_VERSION: Final = re.compile(r"\d+\.\d+[0-9A-Za-z.+-]*")
_QUIET: Final = {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
_KEYS_OF_CLAUDE: Final = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
_CLOUDS_OF_CLAUDE: Final = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
_KEYS_OF_CODEX: Final = ("CODEX_API_KEY",)
_NETWORK: Final = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE")
_PLACES: Final = {
    "claude": ("ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR"),
    "codex": ("CODEX_HOME",),
}


@dataclass(frozen=True)
class Login:
    """`found`: there are credentials, untested. `told` says where, or why it is unknown."""

    state: Literal["found", "missing", "unknown"]
    told: str


@dataclass(frozen=True)
class AgentCli:
    """A command on this machine. `version`: empty when it does not report one."""

    name: str
    path: str
    version: str
    login: Login


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


def login_of(name: str, variables: Mapping[str, str]) -> Login:
    """Whether an agent with these variables finds credentials."""
    return _login_of_codex(variables) if name == "codex" else _login_of_claude(variables)


def variables_for(name: str, variables: Mapping[str, str]) -> list[str]:
    """Which of these variables an agent needs besides those that every program is given: names only."""
    network = [*_NETWORK, *(one.lower() for one in _NETWORK[:3])]
    wanted = [*login_variables(name, variables), *_PLACES[name], *network]
    return [one for one in dict.fromkeys(wanted) if variables.get(one)]


def login_variables(name: str, variables: Mapping[str, str]) -> list[str]:
    """Which of these variables hold an agent's key: names only."""
    keys = [*(_KEYS_OF_CLAUDE if name == "claude" else _KEYS_OF_CODEX)]
    if name == "codex" and (key := (_provider(codex_config(variables)) or {}).get("env_key")):
        keys.append(str(key))
    return [one for one in keys if variables.get(one)]


def codex_config(variables: Mapping[str, str]) -> dict[str, Any]:
    """Codex's own `config.toml`; empty when there is none that can be read."""
    try:
        return tomllib.loads((_folder_of_codex(variables) / "config.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _login_of_claude(variables: Mapping[str, str]) -> Login:
    if key := next((one for one in _KEYS_OF_CLAUDE if variables.get(one)), None):
        return Login("found", f"{key} is set")
    if cloud := next((one for one in _CLOUDS_OF_CLAUDE if variables.get(one)), None):
        return Login("unknown", f"{cloud} is set: the cloud provider decides")
    folder = Path(variables.get("CLAUDE_CONFIG_DIR") or _home(variables) / ".claude")
    if (credentials := _filled(folder / ".credentials.json")) is not None:
        return Login("found", f"{credentials} is there")
    try:
        helper = json.loads((folder / "settings.json").read_text(encoding="utf-8")).get("apiKeyHelper")
    except (OSError, ValueError, AttributeError):
        helper = None
    if helper:
        return Login("found", f"{folder / 'settings.json'} names an apiKeyHelper")
    if sys.platform == "darwin":
        return Login("unknown", "it may be in the keychain")
    return Login("missing", "run claude once and log in, or set ANTHROPIC_API_KEY")


def _login_of_codex(variables: Mapping[str, str]) -> Login:
    config = codex_config(variables)
    provider = _provider(config)
    if provider is not None:
        key = provider.get("env_key")
        if key and variables.get(str(key)):
            return Login("found", f"{key} is set")
        if key:
            return Login("missing", f"set {key}, which its model provider asks for")
        return Login("unknown", "it has a model provider of its own")
    if key := next((one for one in _KEYS_OF_CODEX if variables.get(one)), None):
        return Login("found", f"{key} is set")
    if (credentials := _filled(_folder_of_codex(variables) / "auth.json")) is not None:
        return Login("found", f"{credentials} is there")
    if config.get("cli_auth_credentials_store", "file") != "file":
        return Login("unknown", "it may be in the keyring")
    return Login("missing", "run codex login, or set CODEX_API_KEY")


def _provider(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The model provider that codex's config selects and defines; None for a built-in one."""
    providers = config.get("model_providers")
    found = providers.get(config.get("model_provider")) if isinstance(providers, dict) else None
    return found if isinstance(found, dict) else None


def _folder_of_codex(variables: Mapping[str, str]) -> Path:
    return Path(variables.get("CODEX_HOME") or _home(variables) / ".codex")


def _home(variables: Mapping[str, str]) -> Path:
    return Path(variables.get("HOME") or Path.home())


def _filled(path: Path) -> Path | None:
    try:
        return path if path.stat().st_size > 0 else None
    except OSError:
        return None
