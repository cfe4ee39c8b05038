"""Where an `http` adapter posts goals: the keys of its table, validated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from syncropel.errors import SetupError
from syncropel.settings.adapters import AdapterTable, read_secret

KEYS: Final = ("url", "timeout_secs", "retries", "headers", "secret_headers", "model", "models")
_LONGEST_TIMEOUT_SECS: Final = 86_400.0
_MOST_RETRIES: Final = 100
_HINT: Final = 'for example {} = {{ X-Name = "value" }}'


@dataclass(frozen=True)
class Endpoint:
    """`timeout_secs`: time limit of one request. `secret_headers`: names of secrets by header."""

    url: httpx.URL
    timeout_secs: float
    retries: int
    headers: Mapping[str, str]
    secret_headers: Mapping[str, str]

    def secrets(self, folder: Path) -> dict[str, str]:
        """The values of the secret headers. Raises SetupError for an unreadable or invalid one."""
        found = {header: read_secret(folder, name) for header, name in self.secret_headers.items()}
        for header, value in found.items():
            if not _is_header(header, value):
                raise SetupError(f"the secret of {header} is not a valid header value", "use printable ASCII")
        return found


def read_endpoint(table: AdapterTable) -> Endpoint:
    """The endpoint in a table. Raises SetupError naming section and key."""
    timeout, retries = table.options.get("timeout_secs", 60.0), table.options.get("retries", 3)
    if (
        isinstance(timeout, bool)
        or not isinstance(timeout, int | float)
        or not 0 < timeout <= _LONGEST_TIMEOUT_SECS
    ):
        raise table.wrong("timeout_secs", f"a number above 0, up to {_LONGEST_TIMEOUT_SECS:g}", timeout)
    if type(retries) is not int or not 0 <= retries <= _MOST_RETRIES:
        raise table.wrong("retries", f"a whole number from 0 to {_MOST_RETRIES}", retries)
    headers, secrets = _headers(table, "headers"), _headers(table, "secret_headers")
    return Endpoint(_url(table), float(timeout), retries, headers, secrets)


def _url(table: AdapterTable) -> httpx.URL:
    said = table.options.get("url")
    hint = 'for example url = "https://example.com/run"'
    try:
        url = httpx.URL(said) if isinstance(said, str) else httpx.URL("")
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise SetupError(f"[adapters.{table.name}] url must be an http or https URL", hint)
    if url.userinfo:
        raise SetupError(
            f"[adapters.{table.name}] url must not contain a user or a password",
            "put credentials into secret_headers",
        )
    return url


def _headers(table: AdapterTable, key: str) -> dict[str, str]:
    value = table.options.get(key, {})
    if not isinstance(value, dict):
        raise table.wrong(key, "a table of texts", value, _HINT.format(key))
    for name, text in value.items():
        if not isinstance(text, str) or not _is_header(name, text):
            raise SetupError(
                f"[adapters.{table.name}] {key}: {name} is not a valid header name", _HINT.format(key)
            )
    return dict(value)


def _is_header(name: str, value: str) -> bool:
    token = name.replace("-", "").replace("_", "")
    return token.isascii() and token.isalnum() and value.isascii() and value.isprintable()
