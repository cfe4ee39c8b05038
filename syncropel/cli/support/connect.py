"""Which daemon a command talks to: a URL with a token, a named context, or this home's socket.

Arguments take precedence over the environment, and a URL over a context: `--url`, `--context`, SPL_URL,
SPL_CONTEXT, the current context, the socket.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from syncropel import __version__
from syncropel.cli.support.parsing import UsageError
from syncropel.cli.support.terminal import complain
from syncropel.settings import contexts
from syncropel.settings.contexts import Context
from syncropel.settings.home import Home, actor_from, home_from
from syncropel.settings.keyring import Keyring
from syncropel.system.importing import quickly

if TYPE_CHECKING:
    from argparse import Namespace

    from syncropel.client import Client, Target


def this_home() -> Home:
    """The home named by the environment."""
    return home_from(os.environ)


def target(args: Namespace) -> Target:
    """Where to send requests.

    Raises UsageError when the URL is invalid, or when both a URL and a context are given; NotFound for an
    unknown context; SetupError when the contexts cannot be read.
    """
    import_client()

    url = chosen_url(args)
    return url_target(url) if url else context_target(chosen_context(args))


def chosen_url(args: Namespace) -> str:
    """The URL given for this command; empty when a context decides. Raises as `target`."""
    typed, context = getattr(args, "url", None), getattr(args, "context", None)
    if typed and context:
        raise UsageError("--url and --context name two daemons", "leave one of them out")
    return typed or ("" if context else os.environ.get("SPL_URL", ""))


def chosen_context(args: Namespace) -> Context:
    """The context that this command uses. Raises as `target`."""
    known = contexts.load(this_home())
    name = getattr(args, "context", None) or os.environ.get("SPL_CONTEXT", "") or known.current
    return known.find(name)


def url_target(url: str) -> Target:
    """A daemon at a URL, with SPL_TOKEN or the token stored by `spl token save`; with SPL_CA_FILE, if only
    that CA signs for it. Raises UsageError.
    """
    from syncropel.client import Target

    home = this_home()
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url!r} is not a URL", "for example --url http://127.0.0.1:9100")
    return Target(
        url=url.rstrip("/"),
        token=_token(home),
        home=home.display(),
        actor=_remote_actor(),
        ca_file=_ca_file(os.environ.get("SPL_CA_FILE", "")),
    )


def context_target(context: Context) -> Target:
    """The daemon of a context, with that context's own token and no other."""
    from syncropel.client import Target

    home = this_home()
    if not context.url:
        actor = actor_from(os.environ)
        fleet_token = _read_if_there(home.fleet_token)
        return Target(
            socket=home.socket,
            home=home.display(),
            actor=actor,
            fleet_token=fleet_token,
            peer_token=Keyring(home).towards,
        )
    token = contexts.token_of(home, context.name)
    return Target(
        url=context.url,
        token=token,
        home=home.display(),
        actor=_remote_actor(),
        ca_file=_ca_file(context.ca_file),
    )


def _ca_file(path: str) -> Path | None:
    return Path(path).expanduser() if path else None


def _remote_actor() -> str:
    """Over TCP the token determines who writes, unless SPL_ACTOR does."""
    return os.environ.get("SPL_ACTOR", "")


def connect(args: Namespace) -> Client:
    """A client for the daemon that `args` select; use it in a `with` block. Warns about a newer daemon."""
    where = target(args)
    from syncropel.client import Client

    return Client(where, on_version=partial(_tell_if_newer, args))


def _tell_if_newer(args: Namespace, theirs: str) -> None:
    """Warn on stderr, once per command, that the daemon is newer."""
    from syncropel.wire.version import is_newer

    if theirs != getattr(args, "told_version", "") and is_newer(theirs, __version__):
        args.told_version = theirs
        complain(
            f"warning: the daemon is newer (v{theirs[:40]}, this spl v{__version__})",
            "what is not known here is shown as it came, or left out; update this spl",
        )


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
    """Import the client with reduced import time; call it before anything else imports the client."""
    with quickly():
        import syncropel.client  # noqa: F401
