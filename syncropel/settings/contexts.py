"""Named contexts: the fleets that one operator looks after, in `contexts.toml` of the home.

A context is a URL and how careful to be with it. Its bearer token is a file of its own in `secrets/` (0600),
never part of the settings. `local` always exists and means this home's own socket.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from syncropel.errors import BadRequest, NotFound, SetupError
from syncropel.settings.identity import make_home, write_private
from syncropel.toml_text import REMOVED, edited, read

if TYPE_CHECKING:
    from syncropel.settings.home import Home

LOCAL: Final = "local"
COLOURS: Final = ("red", "yellow", "green", "cyan", "blue", "magenta")
_HEAD: Final = "# The fleets that `spl --context NAME` and the console know. Written by `spl context`.\n\n"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)
_PATIENCE_SECS: Final = 5.0
"""Nobody needs the lock longer than it takes to write a few lines."""
_POLL_SECS: Final = 0.01
_LOOPBACK: Final = re.compile(r"localhost|127(\.\d{1,3}){3}|::1", re.ASCII)


@dataclass(frozen=True)
class Context:
    """One fleet. `url` is empty only for `local`; `read_only` None means: unless it is on this machine.

    `ca_file`: the only CA that signs for its URL; empty: those of the system.
    """

    name: str
    url: str = ""
    read_only: bool | None = None
    colour: str = ""
    ca_file: str = ""


@dataclass(frozen=True)
class Contexts:
    """All contexts by name, without `local`, and the default one."""

    current: str = LOCAL
    known: Mapping[str, Context] = field(default_factory=dict)

    def find(self, name: str) -> Context:
        """The context with that name. Raises NotFound listing the existing names."""
        if name == LOCAL:
            return Context(LOCAL)
        if name not in self.known:
            raise NotFound(
                f"there is no context {name!r}", f"there are: {', '.join([LOCAL, *sorted(self.known)])}"
            )
        return self.known[name]

    def all(self) -> list[Context]:
        """`local` first, the others by name."""
        return [Context(LOCAL), *(self.known[name] for name in sorted(self.known))]

    def with_(self, context: Context) -> Contexts:
        return replace(self, known={**self.known, context.name: context})

    def without(self, name: str) -> Contexts:
        """Remove one; if it was the current one, `local` becomes current."""
        known = {key: one for key, one in self.known.items() if key != name}
        return replace(self, known=known, current=LOCAL if name == self.current else self.current)


def is_local(url: str) -> bool:
    """Whether a URL leads to this machine; an empty one is this home's own socket."""
    return not url or _LOOPBACK.fullmatch(urlsplit(url).hostname or "") is not None


def path(home: Home) -> Path:
    return home.path / "contexts.toml"


def token_path(home: Home, name: str) -> Path:
    return home.secrets / f"context-{name}.token"


def check_url(url: str) -> str:
    """The URL in stored form. Raises BadRequest when it is invalid, or contains a password."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises when it is none
    except ValueError:
        parts = urlsplit("")
    if not url.isascii() or not url.isprintable() or " " in url:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadRequest(f"{url!r} is not a URL", "for example https://fleet.example.org:9100", code="USAGE")
    if parts.username is not None or parts.query or parts.fragment:
        raise BadRequest(
            "a context's URL has a host and perhaps a port and a path, nothing else",
            "give the token with --token-file or --token-stdin",
            code="USAGE",
        )
    return url.rstrip("/")


def check_name(name: str) -> str:
    """Raises BadRequest for an invalid context name."""
    if name == LOCAL or not _NAME.fullmatch(name):
        raise BadRequest(
            f"invalid context name {name!r}",
            f"up to 32 letters, digits, dots, - and _; {LOCAL!r} is this home's own socket",
            code="USAGE",
        )
    return name


@contextmanager
def alone(home: Home) -> Iterator[None]:
    """Lock the contexts: what is loaded inside cannot be changed by another process before it is saved.

    The kernel releases the lock with its holder. Readers do not need it: each file is replaced atomically.
    Raises SetupError when another process does not let go, or the home cannot be written.
    """
    make_home(home)
    place = home.path / "contexts.lock"
    try:
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(place, error) from None
    try:
        _take(descriptor, place)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, place: Path) -> None:
    until = time.monotonic() + _PATIENCE_SECS
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise SetupError(
                    f"another process has been changing the contexts for {_PATIENCE_SECS:g} s",
                    f"end the `spl context` that hangs; to find it: fuser {place}",
                ) from None
            time.sleep(_POLL_SECS)


def load(home: Home) -> Contexts:
    """The contexts of this home; having none is no error. Raises SetupError naming file and key."""
    place = path(home)
    try:
        text = place.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Contexts()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"cannot read {place}: {error}", "check the file and its permissions") from None
    import tomllib  # few homes have any contexts

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SetupError(
            f"{place} is not TOML: {error}", "correct that line, or move the file away"
        ) from None
    tables = document.get("contexts", {})
    current = document.get("current", LOCAL)
    if not isinstance(tables, dict) or not isinstance(current, str):
        raise SetupError(f"{place}: `contexts` must be a table and `current` a name", "see: spl context list")
    return Contexts(current, {name: _context(name, table, place) for name, table in tables.items()})


def _context(name: str, table: Any, place: Path) -> Context:
    kinds = {"url": str, "read_only": bool, "colour": str, "ca_file": str}
    if not isinstance(table, dict) or "url" not in table:
        raise SetupError(f"{place}: [contexts.{name}] needs a url", 'for example url = "https://…"')
    for key, value in table.items():
        if key not in kinds or type(value) is not kinds[key]:
            raise SetupError(
                f"{place}: [contexts.{name}] {key} = {value!r} is not understood",
                'known: url = "…", read_only = true, colour = "red", ca_file = "…"',
            )
    if table.get("colour", "") not in ("", *COLOURS):
        raise SetupError(f"{place}: [contexts.{name}] has an unknown colour", f"known: {', '.join(COLOURS)}")
    try:
        return Context(**table | {"name": check_name(name), "url": check_url(table["url"])})
    except BadRequest as error:
        raise SetupError(f"{place}: [contexts.{name}] {error.message}", error.hint) from None


def save(home: Home, contexts: Contexts) -> None:
    """Write the contexts to the file, readable by its owner only; a person's comments in it are kept.

    Raises SetupError when it cannot be written.
    """
    before, place = load(home), path(home)
    changes: dict[tuple[str, ...], Any] = {("current",): contexts.current}
    changes |= {("contexts", name): REMOVED for name in before.known if name not in contexts.known}
    for name, one in contexts.known.items():
        if one != before.known.get(name):
            changes |= {("contexts", name, key): value for key, value in _keys(one).items()}
    try:
        text = edited(read(place) or _HEAD, changes)
    except OSError as error:
        raise _unwritable(place, error) from None
    except ValueError as error:
        raise SetupError(f"cannot change {place}: {error}", "edit it by hand") from None
    _write(home, place, text)


def _keys(context: Context) -> dict[str, Any]:
    return {
        "url": context.url,
        "read_only": REMOVED if context.read_only is None else context.read_only,
        "colour": context.colour or REMOVED,
        "ca_file": context.ca_file or REMOVED,
    }


def save_token(home: Home, name: str, token: str) -> None:
    """Store the token of a context. Raises SetupError when it cannot be written."""
    _write(home, token_path(home, name), token + "\n")


def token_of(home: Home, name: str) -> str:
    """The stored token of a context, or an empty text."""
    try:
        return token_path(home, name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def forget_token(home: Home, name: str) -> None:
    token_path(home, name).unlink(missing_ok=True)


def _write(home: Home, place: Path, text: str) -> None:
    make_home(home)
    try:
        write_private(place, text)
    except OSError as error:
        raise _unwritable(place, error) from None


def _unwritable(place: Path, error: OSError) -> SetupError:
    return SetupError(f"cannot write {place}: {error.strerror}", "check the folder's permissions")
