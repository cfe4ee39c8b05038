"""Origins of web pages: scheme, host, and port, written as a browser sends them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from syncropel.errors import BadRequest

MAX_ORIGINS: Final = 100
CODE: Final = "INVALID_ORIGIN"
_ORIGIN: Final = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::([1-9][0-9]{0,4}))?",
    re.ASCII,
)
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


def parse_origins(texts: Iterable[object]) -> tuple[str, ...]:
    """These origins without duplicates, in order. Raises BadRequest quoting the first invalid one."""
    origins = tuple(dict.fromkeys(_parse(text) for text in texts))
    if len(origins) > MAX_ORIGINS:
        raise BadRequest(
            f"{len(origins)} origins, over the limit of {MAX_ORIGINS}", "name those that need it", code=CODE
        )
    return origins


def _parse(text: object) -> str:
    found = _ORIGIN.fullmatch(text.lower()) if isinstance(text, str) else None
    if found is None:
        raise BadRequest(f"{text!r} is not an origin", _hint(text), code=CODE)
    scheme, host, port = found.groups()
    if port is not None and int(port) > 65_535:
        raise BadRequest(f"{text!r} is not an origin", "a port is at most 65535", code=CODE)
    # Browsers omit the default port, so an origin with it would never match.
    return f"{scheme}://{host}" if port in (None, _DEFAULT_PORTS[scheme]) else f"{scheme}://{host}:{port}"


def _hint(text: object) -> str:
    if text == "*":
        return "name every origin: any page that somebody looks at could call otherwise"
    if text == "null":
        return "every file and sandbox has the origin null; serve the page from a host of its own"
    cut = re.match(r"https?://[^/?#@]+(?=[/?#])", text) if isinstance(text, str) else None
    if cut is not None and _ORIGIN.fullmatch(cut.group().lower()):
        return f"an origin has no path: {cut.group()}"
    return "scheme, host and port as a browser sends them, for example https://app.example.com"
