"""How agents are told of `spl mcp`. The token is in no argument and no file: they pass their environment on,
or name the variables that they pass.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import syncropel
from syncropel.adapters.sandbox_view import in_system
from syncropel.errors import SetupError
from syncropel.wire.attempt_words import TOKEN, URL

NAME: Final = "syncropel"
"""What agents call the server."""
CLAUDE_TOOLS: Final = f"mcp__{NAME}"
"""All its tools, as claude names them where tools are allowed."""
CODEX_CONFIG: Final = "CODEX_CONFIG"
_SECS: Final = 24 * 3600
"""How long agents wait for a call. The daemon's own limits are shorter."""


def command() -> list[str]:
    """The command of the server: this very installation, whatever lies in the folder that it starts in."""
    return [sys.executable, "-P", "-m", "syncropel.cli.main", "mcp"]


def installation() -> list[Path]:
    """Where that installation is, for an agent that sees little else."""
    places = [Path(sys.prefix), Path(sys.base_prefix), Path(syncropel.__file__).parent]
    return [one for one in dict.fromkeys(places) if not in_system(one)]


def for_session() -> dict[str, Any]:
    """The server as a request for a session names it."""
    program, *args = command()
    return {"name": NAME, "command": program, "args": args, "env": []}


def for_claude() -> str:
    """The server as a file for `--mcp-config`."""
    program, *args = command()
    return json.dumps({"mcpServers": {NAME: {"command": program, "args": args}}}, indent=2) + "\n"


def for_codex() -> dict[str, Any]:
    """The server as codex's config has it, below `mcp_servers`."""
    program, *args = command()
    return {
        "command": program,
        "args": args,
        "env_vars": [URL, TOKEN],
        "tool_timeout_sec": _SECS,
        "default_tools_approval_mode": "approve",
        "required": True,  # otherwise it does not wait for the server, and calls fail at first
    }


def codex_words() -> list[str]:
    """The server as arguments for codex."""
    values = for_codex().items()
    return [word for key, value in values for word in ("-c", f"mcp_servers.{NAME}.{key}={json.dumps(value)}")]


def in_codex_config(given: str) -> str:
    """A value of `CODEX_CONFIG` with the server. Raises SetupError when the given one is no JSON object."""
    try:
        config = json.loads(given or "{}")
    except ValueError:
        config = None
    if not isinstance(config, dict) or not isinstance(servers := config.get("mcp_servers", {}), dict):
        raise SetupError(f"{CODEX_CONFIG} must be an object in JSON", "see [adapters.codex] set")
    return json.dumps({**config, "mcp_servers": {**servers, NAME: for_codex()}})
