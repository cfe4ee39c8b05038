"""`[webhooks.NAME]`: who else hears what happens in the fleet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from syncropel.errors import SetupError

EVENTS: Final = ("join", "failure", "question", "freeze", "budget", "stale")
"""What a webhook can be told of."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")


@dataclass(frozen=True)
class Webhook:
    """`[webhooks.NAME]`"""

    name: str
    url: str = ""
    """Where each notice is posted, such as `https://chat.example.com/hooks/…`. If the URL itself is secret,
    use `url_file`.
    """
    url_file: str = ""
    """A file (mode 0600) with the URL, in place of `url`."""
    secret_file: str = ""
    """A file (mode 0600) with the secret that signs each notice; empty: they are not signed."""
    events: tuple[str, ...] = EVENTS
    """Of what it is told: `join`, `failure`, `question` (also approvals and reviews), `freeze` (also its
    lifting), `budget`, `stale` (also silent and late work).
    """
    texts: bool = True
    """Whether a notice contains what a subtask or an agent said. It can be confidential."""


@dataclass(frozen=True)
class WebhookSettings:
    """`[webhooks]`"""

    hooks: Mapping[str, Webhook] = field(default_factory=dict, metadata={"tables": True})
    """`[webhooks.NAME]`, by name."""


def read_webhooks(values: Mapping[str, Any], path: Path) -> WebhookSettings:
    """The tables of `[webhooks]`. Raises SetupError naming the table and the key."""
    return WebhookSettings({name: _read(name, values[name], f"{path}: [webhooks.{name}]") for name in values})


def _read(name: str, values: Any, where: str) -> Webhook:
    if not _NAME.fullmatch(name):
        raise SetupError(
            f"{where}: invalid name {name!r}", "use a-z, 0-9, '_' and '-', beginning with a letter"
        )
    if not isinstance(values, dict):
        raise SetupError(f"{where}: must be a table", f"write [webhooks.{name}] on a line of its own")
    default = Webhook(name)
    known = {key.name: getattr(default, key.name) for key in fields(Webhook) if key.name != "name"}
    checked: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise SetupError(f"{where}: unknown key {key!r}", f"known: {', '.join(sorted(known))}")
        checked[key] = _events(value, where) if key == "events" else value
        if type(checked[key]) is not type(known[key]):
            raise SetupError(
                f"{where} {key} must be a {type(known[key]).__name__}, not {value!r}",
                f"default: {known[key]!r}",
            )
    hook = Webhook(name, **checked)
    if bool(hook.url) == bool(hook.url_file):
        raise SetupError(f"{where}: give either url or url_file", 'such as url = "https://…"')
    if hook.url:
        check_url(hook.url, f"{where} url")
    return hook


def check_url(url: str, where: str) -> None:
    """Raise SetupError for what is no URL of a web server; the message does not contain it."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable()
    except ValueError:
        good = False
    if not good:
        raise SetupError(
            f"{where} is not the URL of a web server", "such as https://chat.example.com/hooks/1"
        )


def _events(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or any(one not in EVENTS for one in value):
        raise SetupError(
            f"{where} events must be a list of some of them, not {value!r}", f"known: {', '.join(EVENTS)}"
        )
    return tuple(value)
