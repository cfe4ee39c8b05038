"""Recognises answers that do not come from a daemon: a proxy, a login page, another program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from syncropel.errors import DaemonUnreachable, StrangeAnswer

EVENTS: Final = "text/event-stream"
_PAGE: Final = "text/html"
_GATEWAY: Final = {502, 503, 504}
_BETWEEN: Final = "a proxy or a login stands in between: use the address of the daemon itself"


def check_answer(path: str, headers: Mapping[str, str]) -> None:
    """Raises DaemonUnreachable when a successful answer is a web page."""
    if _kind(headers) == _PAGE:
        raise DaemonUnreachable(f"{path} answered a web page", _BETWEEN)


def check_stream(path: str, headers: Mapping[str, str]) -> None:
    """Raises DaemonUnreachable when an event stream is something else, such as a web page."""
    check_answer(path, headers)
    if (kind := _kind(headers)) != EVENTS:
        raise DaemonUnreachable(
            f"{path} answered with {kind or 'no content type'} instead of events",
            "is that a Syncropel daemon?",
        )


def refusal(path: str, status: int, headers: Mapping[str, str]) -> StrangeAnswer:
    """The message for an error answer that is not a daemon's. `headers` look up names in any case."""
    if 300 <= status < 400 and (place := _host(headers)):
        return StrangeAnswer(status, f"{path} was sent on to {place} (HTTP {status})", _BETWEEN)
    if status in _GATEWAY:
        return StrangeAnswer(
            status,
            f"{path} answered HTTP {status}: whoever stands before the daemon does not reach it",
            "is the daemon running there? ask on its machine: spl status",
        )
    return StrangeAnswer(
        status, f"{path} answered HTTP {status} without saying why", "is that a Syncropel daemon?"
    )


def _host(headers: Mapping[str, str]) -> str:
    """The host of a redirect, rather than the whole URL, which may be long or contain a secret."""
    try:
        return urlsplit(headers.get("location", "")).hostname or ""
    except ValueError:
        return ""


def _kind(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()
