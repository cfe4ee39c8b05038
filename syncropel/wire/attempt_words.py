"""The names of the variables by which `spl mcp` finds its daemon."""

from __future__ import annotations

from typing import Final

URL: Final = "SPL_MCP_URL"
"""Where the daemon listens for agents."""
TOKEN: Final = "SPL_MCP_TICKET"
"""The token of the attempt. Gemini passes on no variable with TOKEN in its name."""
