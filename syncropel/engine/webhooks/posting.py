"""Posts a notice to one webhook: signed, once, and with the reason when it is not taken."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx

from syncropel import __version__
from syncropel.errors import SetupError, SyncropelError
from syncropel.settings.adapters import read_private
from syncropel.settings.webhooks import Webhook, check_url

SIGNATURE: Final = "X-Syncropel-Signature"
TIMEOUT_SECS: Final = 10.0
_LATER: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500
_SUCCESS: Final = range(200, 300)


class NotTaken(Exception):
    """Raised when a notice was not taken. `again`: it may be taken later. `after`: not before so many
    seconds, as the webhook asks. The message never contains the URL, which may be secret.
    """

    def __init__(self, message: str, *, again: bool, after: float = 0.0) -> None:
        super().__init__(message)
        self.again = again
        self.after = after


class WebhookRefused(SyncropelError):
    """Raised when a webhook did not take a notice that somebody waits for."""

    code = "NOT_TAKEN"
    status = 502
    type = "not_taken"


def signature(secret: str, at: int, body: bytes) -> str:
    """`t=UNIX,v1=HEX`: HMAC-SHA256 over the time, a dot, and the body; so a notice cannot be sent again later
    as a new one.
    """
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


def url_of(hook: Webhook) -> str:
    """Where it is. Raises SetupError."""
    if not hook.url_file:
        return hook.url
    url = _private(hook.url_file).strip()
    check_url(url, f"the URL in {hook.url_file}")
    return url


def secret_of(hook: Webhook) -> str:
    """What signs its notices; empty when nothing does. Raises SetupError."""
    return _private(hook.secret_file) if hook.secret_file else ""


def _private(named: str) -> str:
    path = Path(named).expanduser().absolute()
    return read_private(path, f"the file {path}")


async def post(
    hook: Webhook,
    told: Mapping[str, Any],
    now: float,
    transport: httpx.AsyncBaseTransport | None = None,
) -> None:
    """Post it. `now`: unix seconds. `transport` replaces the network in tests. Raises NotTaken,
    SetupError.
    """
    url, secret = url_of(hook), secret_of(hook)  # each time: both can be changed while the daemon runs
    body = json.dumps(told, ensure_ascii=True).encode()
    headers = {
        "content-type": "application/json",
        "user-agent": f"syncropel/{__version__}",
        "X-Syncropel-Event": str(told["event"]),
        "X-Syncropel-Delivery": str(told["id"]),
    }
    if secret:
        headers[SIGNATURE] = signature(secret, int(now), body)
    try:
        async with httpx.AsyncClient(
            timeout=TIMEOUT_SECS, transport=transport, follow_redirects=False
        ) as client:
            answer = await client.post(url, content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotTaken(f"it cannot be reached: {type(error).__name__}", again=True) from None
    if answer.status_code in _SUCCESS:
        return
    again = answer.status_code in _LATER or answer.status_code >= _SERVER_ERROR
    told_why = f"it answered {answer.status_code} {answer.reason_phrase}".rstrip()
    raise NotTaken(told_why, again=again, after=_retry_after(answer))


def check(hook: Webhook) -> None:
    """Raise SetupError when it cannot be used as it is configured."""
    try:
        url_of(hook), secret_of(hook)
    except SetupError as error:
        raise SetupError(f"[webhooks.{hook.name}]: {error.message}", error.hint) from None


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0.0
