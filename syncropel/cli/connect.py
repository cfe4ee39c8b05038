"""Which daemon a command talks to: this home's socket, or a URL with a token."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from syncropel.cli.parsing import UsageError
from syncropel.settings import Home, actor_from, home_from

if TYPE_CHECKING:
    from argparse import Namespace

    from syncropel.client import Client, Target


def this_home() -> Home:
    """The home that the environment names."""
    return home_from(os.environ)


def target(args: Namespace) -> Target:
    """Where to send: `--url` or SPL_URL with a bearer token, else the home's Unix socket.

    Raises UsageError when the URL is none.
    """
    import_client()
    from syncropel.client import Target

    home = this_home()
    url = getattr(args, "url", None) or os.environ.get("SPL_URL", "")
    actor = actor_from(os.environ)
    if not url:
        fleet_token = _read_if_there(home.fleet_token)
        return Target(socket=home.socket, home=home.display(), actor=actor, fleet_token=fleet_token)
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url!r} is not a URL", "for example --url http://127.0.0.1:9100")
    return Target(url=url.rstrip("/"), token=_token(home), home=home.display(), actor=actor)


def connect(args: Namespace) -> Client:
    """A client of the daemon that `args` name; use it in a `with` block."""
    where = target(args)
    from syncropel.client import Client

    return Client(where)


def _token(home: Home) -> str:
    token = os.environ.get("SPL_TOKEN", "")
    if token:
        return token.strip()
    return _read_if_there(home.client_token)


def _read_if_there(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def import_client() -> None:
    """Import the client the quick way; to be called before anything else imports it."""
    # httpx imports its own command line, and with it click, rich and pygments, wherever they happen to be
    # installed: 50 ms that no command of ours should wait for. It copes when they are absent.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    import syncropel.client  # noqa: F401
