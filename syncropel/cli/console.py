"""`spl console` and `spl fleet status --live`: the door to the full-screen console, and its plain twin.

The console is imported here and nowhere else, when it is about to open.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from syncropel.cli import fleet_text
from syncropel.cli.connect import connect, target
from syncropel.cli.parsing import Parser, UsageError, add_target
from syncropel.cli.terminal import complain, is_json, say
from syncropel.errors import DaemonUnreachable, SetupError

if TYPE_CHECKING:
    from syncropel.client import Target

SCREENS: Final = ("fleet", "tasks")
_RECONNECT_SECS: Final = 2.0


def configure(parser: Parser) -> None:
    add_target(parser)
    parser.add_argument("--read-only", action="store_true", help="nothing can be changed from this console")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    parser.add_argument("--screen", choices=SCREENS, default="fleet", help="which screen to open first")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    if not _on_terminal():
        raise UsageError(
            "the console needs a terminal", "the same facts as text: spl fleet status --live, spl task list"
        )
    return open_console(target(args), args.screen, args.read_only, args.ascii)


def run_live(args: Namespace) -> int:
    """The console's fleet screen; on something else than a terminal a line for each change."""
    if _on_terminal() and not is_json(args):
        return open_console(target(args), "fleet", False, False)
    return follow(args)


def follow(args: Namespace, pause: Callable[[float], None] = time.sleep) -> int:
    """Print a line (or, as JSON, a document) for each change, until interrupted.

    Raises what the first connection raises; a later loss is said and waited out.
    """
    connected, last = False, ""
    while True:
        try:
            for line in _changes(args):
                connected = True
                if line != last:
                    say(line if is_json(args) else f"{time.strftime('%H:%M:%S')} {line}")
                    last = line
        except DaemonUnreachable as error:
            if not connected:
                raise
            if last != error.message:
                complain(error.message, "waiting for it to come back; Ctrl-C ends this")
                last = error.message
        pause(_RECONNECT_SECS)


def _changes(args: Namespace) -> Iterator[str]:
    with connect(args) as client:
        import json

        from syncropel.api.schema import FleetStatus

        with client.watch("/v1/fleet/watch") as events:
            for event in events:
                if event.name != "fleet.snapshot":
                    continue
                status = FleetStatus.model_validate(event.data)
                yield (
                    json.dumps(status.model_dump(mode="json"))
                    if is_json(args)
                    else fleet_text.change_line(status)
                )


def open_console(where: Target, screen: str, read_only: bool, ascii_only: bool) -> int:
    """Open the full-screen console; gives its exit status. Raises SetupError when Textual is missing."""
    try:
        from tui.app import run as run_console
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("textual", "rich", "tui"):
            raise
        raise SetupError(
            f"the console needs {error.name}, which is not installed",
            "install it: pip install textual; or see the same facts as text: spl fleet status",
        ) from None
    code: int = run_console(where, screen=screen, read_only=read_only, ascii_only=ascii_only)
    return code


def _on_terminal() -> bool:
    return sys.stdout.isatty() and sys.stdin.isatty()
