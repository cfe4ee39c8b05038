"""`spl mcp`: the MCP server of a running attempt, which its agent starts."""

from __future__ import annotations

from argparse import Namespace

from syncropel.cli.support.parsing import Parser
from syncropel.errors import SetupError


def configure(parser: Parser) -> None:
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    import asyncio

    from syncropel.client.attempt import Attempt

    attempt = Attempt.of_environment()
    try:
        from syncropel.cli.mcp_server import serve
    except ImportError as error:
        hint = "pip install 'syncropel-console[mcp]'"
        raise SetupError(f"the library mcp cannot be used: {error}", hint) from None
    asyncio.run(serve(attempt))
    return 0
