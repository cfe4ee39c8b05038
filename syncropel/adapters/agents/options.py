"""The keys of `[adapters.NAME]` for coding agents only."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from syncropel.adapters.gateway.dialects import Dialect
from syncropel.adapters.models.prices import Price, Prices
from syncropel.errors import SetupError

PROVIDER: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""Valid names of providers."""
_MODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_PRICE_KEYS: Final = ("input", "output", "cached_input", "cache_write")


ASK: Final = "ask"
AUTO: Final = "auto"
"""Values of `permissions`: the operator is asked, or the agent edits its worktree without asking."""


@dataclass(frozen=True)
class Provider:
    """Where a model is, unless the config says otherwise: `name` in the fleet, `url`, and the file in
    `secrets/` with its `key`.
    """

    name: str
    url: str
    key: str

    @classmethod
    def of(cls, dialect: Dialect) -> Provider:
        """The usual provider of an API."""
        return cls(dialect.provider, dialect.url, dialect.key)


@dataclass(frozen=True)
class Defaults:
    """One agent's. `modes`: its permission modes; None: it says which it has only when it runs."""

    provider: Provider
    mode: str = ""
    modes: frozenset[str] | None = None
    permissions: str = AUTO


@dataclass(frozen=True)
class Options:
    """`mode`: the agent's permission mode, in its own words; empty: as `permissions` wants.

    `max_turns`: answers of the model; 0: no limit. `resume`: whether a retry continues the previous attempt's
    session. `prices`: `[…prices]`. `gateway`: whether it calls its model through the gateway, which forwards
    to `provider_url` with the key in `secrets/` named `provider_key`. `provider`: the fleet's name for the
    provider. `permissions`: whether its operator is asked. `mcp`: whether it is given the tools of `spl mcp`.
    """

    mode: str
    max_turns: int = 0
    resume: bool = True
    prices: Prices = field(default_factory=Prices)
    gateway: bool = False
    provider: str = ""
    provider_url: str = ""
    provider_key: str = ""
    permissions: str = AUTO
    mcp: bool = False


def read_options(name: str, defaults: Defaults, given: Mapping[str, Any]) -> Options:
    """Check the keys of the adapter called `name`. Raises SetupError naming the key."""
    readers: dict[str, Callable[[Any], Any]] = {
        "mode": lambda value: _mode(defaults.modes, value),
        "permissions": _permissions,
        "max_turns": _turns,
        "resume": _switch,
        "prices": _prices,
        "gateway": _switch,
        "mcp": _switch,
        "provider": _provider,
        "provider_url": _url,
        "provider_key": _secret,
    }
    found: dict[str, Any] = {
        "mode": defaults.mode,
        "permissions": defaults.permissions,
        "provider": defaults.provider.name,
        "provider_url": defaults.provider.url,
        "provider_key": defaults.provider.key,
    }
    for key, value in given.items():
        if key not in readers:
            known = ", ".join(sorted(readers))
            raise SetupError(f"[adapters.{name}]: unknown key {key!r}", f"known for an agent: {known}")
        try:
            found[key] = readers[key](value)
        except ValueError as error:
            raise SetupError(f"[adapters.{name}] {key} must be {error}", "see docs/howto/agents.md") from None
    return Options(**found)


def _mode(modes: frozenset[str] | None, value: Any) -> str:
    if modes is not None and (not isinstance(value, str) or value not in modes):
        raise ValueError(f"one of {', '.join(sorted(modes))}")
    if not isinstance(value, str) or not _MODE.fullmatch(value):
        raise ValueError("one of the agent's own modes, such as default")
    return value


def _permissions(value: Any) -> str:
    if value not in (ASK, AUTO):
        raise ValueError(f'"{ASK}" or "{AUTO}"')
    return str(value)


def _turns(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a whole number, 0 or more")
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _provider(value: Any) -> str:
    if not isinstance(value, str) or not PROVIDER.fullmatch(value):
        raise ValueError("a name of a-z, 0-9, '.', '_' and '-'")
    return value


def _url(value: Any) -> str:
    parsed = urlsplit(value) if isinstance(value, str) and value.isascii() else urlsplit("")
    safe = parsed.scheme == "https" or (parsed.scheme == "http" and parsed.hostname in _HERE)
    more = parsed.query or parsed.fragment or parsed.username or parsed.password
    if not safe or not parsed.hostname or more or any(one <= " " for one in value):
        raise ValueError("an address such as https://api.example.com; without https only on this machine")
    return str(value).rstrip("/").removesuffix("/v1")


def _secret(value: Any) -> str:
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        raise ValueError("the name of a file in secrets/, of letters, digits and '_'")
    return value


def _prices(value: Any) -> Prices:
    if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
        raise ValueError('tables such as prices."a-model" = { input = 5.0, output = 25.0 }')
    return Prices({model: _price(one) for model, one in value.items()})


def _price(given: dict[str, Any]) -> Price:
    usable = all(type(one) in (int, float) and 0 <= one < 1e6 for one in given.values())
    if not usable or not {"input", "output"} <= given.keys() or given.keys() - set(_PRICE_KEYS):
        raise ValueError(
            f"US dollars a million tokens, by {', '.join(_PRICE_KEYS)}; the first two are needed"
        )
    return Price(**{key: float(one) for key, one in given.items()})
