"""`spl console` and `spl fleet status --live`: opens the full-screen console, or its plain equivalent.

The console is imported only here, when it is about to open.
"""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from syncropel import __version__
from syncropel.cli.support import following
from syncropel.cli.support.connect import chosen_url, import_client, target
from syncropel.cli.support.parsing import Parser, UsageError, add_target
from syncropel.cli.support.terminal import is_json, say
from syncropel.cli.text import fleet as fleet_text
from syncropel.errors import SetupError

if TYPE_CHECKING:
    from syncropel.client import Target

DUMB: Final = frozenset({"dumb", "unknown"})
_WEB: Final = ("textual_serve", "aiohttp")
"""Installed by the extra `web`."""
_FIRM: Final = "this page was opened read-only: serve it with --allow-changes"


def _screens() -> list[str] | None:
    """The names of the console's screens; None where it is not installed, as on a headless worker."""
    try:
        from tui.model.setup import BASE_SCREENS
    except ModuleNotFoundError:
        return None
    return list(BASE_SCREENS)


def configure(parser: Parser) -> None:
    add_target(parser)
    parser.add_argument("--read-only", action="store_true", help="nothing can be changed from this console")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    parser.add_argument(
        "--screen",
        choices=_screens(),
        default="",
        help="which screen to open first (default: the one looked at last)",
    )
    parser.add_argument(
        "--web",
        action="store_true",
        help="serve the console, read-only, to one browser on this machine; needs the extra web",
    )
    parser.add_argument("--port", type=int, help="with --web: the port on 127.0.0.1 (default: a free one)")
    parser.add_argument(
        "--allow-changes", action="store_true", help="with --web: let the page change the fleet"
    )
    parser.add_argument("--bundle", metavar="F", help="look at a bundle of records instead of a daemon")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    if args.bundle is not None and (args.web or chosen_url(args) or getattr(args, "context", None)):
        raise UsageError(
            "--bundle takes the place of a daemon", "leave out --web, --url and --context, or --bundle"
        )
    if args.web:
        return _serve(args)
    if args.port is not None or args.allow_changes:
        raise UsageError("--port and --allow-changes belong to --web", "add --web, or leave them out")
    if os.environ.get("TERM") in DUMB and not _in_page():
        raise UsageError(
            f"this terminal cannot draw a screen (TERM={os.environ['TERM']})",
            "where it can, set TERM, such as xterm-256color; or as text: spl fleet status --live",
        )
    if not _on_terminal() and not _in_page():
        raise UsageError(
            "the console needs a terminal", "the same facts as text: spl fleet status --live, spl task list"
        )
    if args.bundle is not None:
        return _open_bundle(args)
    return open_console(args, args.screen)


def _open_bundle(args: Namespace) -> int:
    """The console over a file. Raises NotFound, SetupError, and InvalidBundle before the terminal
    is taken."""
    from syncropel.cli.console_setup import make_bundle_setup

    with _needing("the console"):
        from tui.app.launch import run as run_console

        code: int = run_console(make_bundle_setup(args))
        return code


def _serve(args: Namespace) -> int:
    """Serve the console until interrupted. The page runs this same command without `--web`."""
    if args.read_only and args.allow_changes:
        raise UsageError("--read-only and --allow-changes contradict each other", "leave one of them out")
    if args.port is not None and not 0 <= args.port <= 65535:
        raise UsageError(
            f"invalid port {args.port}", "from 1 to 65535, or leave out --port to take a free one"
        )
    target(args)  # errors are reported here, rather than in the page
    words = [sys.executable, "-P", "-m", "syncropel.cli.main", "console"]
    words += ["--screen", args.screen] if args.screen else []
    for name in ("url", "context"):
        words += [f"--{name}", given] if (given := getattr(args, name, None)) else []
    words += [] if args.allow_changes else ["--read-only"]
    words += ["--ascii"] if args.ascii else []

    def announce(url: str) -> None:
        may = "and can change the fleet" if args.allow_changes else "read-only"
        say(f"console on {url}")
        say(f"  for one browser, {may}; the address works once. Ctrl-C ends it.")

    with _needing("the console in a browser"):
        from tui.app.launch import serve

        serve(words, args.port or 0, announce)
    return 0


def run_live(args: Namespace) -> int:
    """The console's fleet screen; without a terminal, a line for each change."""
    if _on_terminal() and os.environ.get("TERM") not in DUMB and not is_json(args):
        return open_console(args, "fleet")
    return follow(args)


def follow(args: Namespace) -> int:
    """Print a line (or, as JSON, a document) for each change, until interrupted.

    Raises as `following.events`.
    """
    import_client()
    from syncropel.client import reading
    from syncropel.wire import FleetStatus

    last = ""
    for event in following.events(args, "/v1/fleet/watch"):
        if event.name != "fleet.snapshot":
            continue
        status = reading.document(FleetStatus, event.data)
        line = json.dumps(status.model_dump(mode="json")) if is_json(args) else fleet_text.change_line(status)
        if line != last:
            say(line if is_json(args) else f"{time.strftime('%H:%M:%S')} {line}")
            last = line
    return 0


def open_console(args: Namespace, screen: str) -> int:
    """Open the full-screen console; return its exit status. Raises SetupError when Textual is missing."""
    from syncropel.cli.console_setup import make_setup

    with _needing("the console"):
        from tui.app.launch import run as run_console

        code: int = run_console(make_setup(args, screen, firm=_FIRM if _in_page() else ""))
        return code


def open_on(where: Target, screen: str, farewell: Callable[[], None] | None = None) -> int:
    """The same for one daemon, whatever contexts exist; `farewell` is called when the terminal is gone."""
    from syncropel.cli.support.grammar import Grammar

    with _needing("the console"):
        from tui.app.launch import run as run_console
        from tui.model.setup import Setup

        setup = Setup.single(where, screen=screen, grammar=Grammar(), version=__version__, farewell=farewell)
        code: int = run_console(setup)
        return code


@contextmanager
def _needing(what: str) -> Iterator[None]:
    """Report a missing library by name. Raises SetupError."""
    try:
        yield
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name in _WEB:
            raise SetupError(
                f"{what} needs the extra 'web'", "pip install 'syncropel-console[web]'"
            ) from None
        if name not in ("textual", "rich", "tui"):
            raise
        raise SetupError(
            f"{what} needs {name}, which is not installed",
            f"install it: pip install {name.replace('_', '-')}; or as text: spl fleet status",
        ) from None


def _on_terminal() -> bool:
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))  # it draws on stderr


def _in_page() -> bool:
    """Whether this console belongs to a web page, which draws on a pipe."""
    return "TEXTUAL_DRIVER" in os.environ
