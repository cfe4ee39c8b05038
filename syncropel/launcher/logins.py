"""Whether a coding agent on this machine is logged in, as its own files and variables tell.

Nothing here contacts a provider: credentials are never tried, so they may be out of date. Where a login may
be stored elsewhere, it is unknown.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

KEYS: Final = {
    "claude": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
    "codex": ("CODEX_API_KEY",),
    "gemini": ("GEMINI_API_KEY",),
    "opencode": ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY"),
}
"""Variables that hold an agent's key."""
_CLOUDS_OF_CLAUDE: Final = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
_CLOUDS_OF_GEMINI: Final = ("vertex-ai", "gateway", "cloud-shell", "compute-default-credentials")


@dataclass(frozen=True)
class Login:
    """`found`: there are credentials, untested. `told` says where, or why it is unknown."""

    state: Literal["found", "missing", "unknown"]
    told: str


def login_of(name: str, variables: Mapping[str, str]) -> Login:
    """Whether an agent with these variables finds credentials."""
    looks = {"claude": _claude, "codex": _codex, "gemini": _gemini, "opencode": _opencode}
    return looks[name](variables)


def codex_config(variables: Mapping[str, str]) -> dict[str, Any]:
    """Codex's own `config.toml`; empty when there is none that can be read."""
    try:
        return tomllib.loads((_folder_of_codex(variables) / "config.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def codex_provider(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The model provider that codex's config selects and defines; None for a built-in one."""
    providers = config.get("model_providers")
    found = providers.get(config.get("model_provider")) if isinstance(providers, dict) else None
    return found if isinstance(found, dict) else None


def gemini_settings(variables: Mapping[str, str]) -> dict[str, Any]:
    """Gemini's own `settings.json`; empty when there is none that can be read."""
    return _object(_folder_of_gemini(variables) / "settings.json")


def within(settings: Mapping[str, Any], *keys: str) -> str:
    """A text deep in a program's settings; empty when it is not there."""
    found: Any = settings
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""


def _claude(variables: Mapping[str, str]) -> Login:
    if key := _set(KEYS["claude"], variables):
        return Login("found", f"{key} is set")
    if cloud := _set(_CLOUDS_OF_CLAUDE, variables):
        return Login("unknown", f"{cloud} is set: the cloud provider decides")
    folder = Path(variables.get("CLAUDE_CONFIG_DIR") or _home(variables) / ".claude")
    if (credentials := _filled(folder / ".credentials.json")) is not None:
        return Login("found", f"{credentials} is there")
    if _object(folder / "settings.json").get("apiKeyHelper"):
        return Login("found", f"{folder / 'settings.json'} names an apiKeyHelper")
    if sys.platform == "darwin":
        return Login("unknown", "it may be in the keychain")
    return Login("missing", "run claude once and log in, or set ANTHROPIC_API_KEY")


def _codex(variables: Mapping[str, str]) -> Login:
    config = codex_config(variables)
    provider = codex_provider(config)
    if provider is not None:
        key = provider.get("env_key")
        if key and variables.get(str(key)):
            return Login("found", f"{key} is set")
        if key:
            return Login("missing", f"set {key}, which its model provider asks for")
        return Login("unknown", "it has a model provider of its own")
    if named := _set(KEYS["codex"], variables):
        return Login("found", f"{named} is set")
    if (credentials := _filled(_folder_of_codex(variables) / "auth.json")) is not None:
        return Login("found", f"{credentials} is there")
    if config.get("cli_auth_credentials_store", "file") != "file":
        return Login("unknown", "it may be in the keyring")
    return Login("missing", "run codex login, or set CODEX_API_KEY")


def _gemini(variables: Mapping[str, str]) -> Login:
    """Gemini uses the way to log in that its settings name, whatever else is there."""
    folder = _folder_of_gemini(variables)
    way = within(gemini_settings(variables), "security", "auth", "selectedType")
    if way in _CLOUDS_OF_GEMINI:
        return Login("unknown", f"its settings say {way}: the cloud provider decides")
    if way == "oauth-personal":
        if (credentials := _filled(folder / "oauth_creds.json")) is not None:
            return Login("found", f"{credentials} is there")
        return Login("unknown", "it may be in the keychain")
    if key := _set(KEYS["gemini"], variables):
        return Login("found", f"{key} is set")
    if way or _filled(folder / ".env") is not None:
        return Login("unknown", "its key may be in the keychain or in a file .env")
    return Login("missing", "run gemini once and log in, or set GEMINI_API_KEY")


def _opencode(variables: Mapping[str, str]) -> Login:
    data = Path(variables.get("XDG_DATA_HOME") or _home(variables) / ".local" / "share")
    if _object(credentials := data / "opencode" / "auth.json"):
        return Login("found", f"{credentials} is there")
    if key := _set(KEYS["opencode"], variables):
        return Login("found", f"{key} is set")
    config = Path(variables.get("XDG_CONFIG_HOME") or _home(variables) / ".config") / "opencode"
    own = [config / "opencode.json", config / "opencode.jsonc"]
    if variables.get("OPENCODE_CONFIG") or any(_filled(one) is not None for one in own):
        return Login("unknown", "its config may name a provider that has a key")
    return Login("missing", "run opencode auth login, or set the key of a provider, as ANTHROPIC_API_KEY")


def _set(names: tuple[str, ...], variables: Mapping[str, str]) -> str:
    return next((one for one in names if variables.get(one)), "")


def _folder_of_codex(variables: Mapping[str, str]) -> Path:
    return Path(variables.get("CODEX_HOME") or _home(variables) / ".codex")


def _folder_of_gemini(variables: Mapping[str, str]) -> Path:
    return Path(variables.get("GEMINI_CLI_HOME") or _home(variables)) / ".gemini"


def _home(variables: Mapping[str, str]) -> Path:
    return Path(variables.get("HOME") or Path.home())


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _filled(path: Path) -> Path | None:
    try:
        return path if path.stat().st_size > 0 else None
    except OSError:
        return None
