"""The address of a log in PostgreSQL: read from a URL, shown without secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from syncropel.errors import SetupError

SCHEMES: Final = ("postgresql", "postgres")
_EXAMPLE: Final = "such as postgresql://syncropel@db.example.com:5432/syncropel"
_ALLOWED: Final = frozenset(
    {"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding", "passfile"}
)
"""Parameters of a URL that are passed on; any other would change what the log rests on."""


@dataclass(frozen=True)
class Address:
    """Where a log is, and who opens it. `parameters`: further ones of libpq. `hosts` and `ports` have one
    entry each for every server to try.
    """

    hosts: tuple[str, ...]
    ports: tuple[str, ...]
    database: str
    user: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """The URL for people: without the password."""
        user = f"{self.user}@" if self.user else ""
        places = ",".join(
            f"{'' if host.startswith('/') else _bracketed(host)}{f':{port}' if port else ''}"
            for host, port in zip(self.hosts, self.ports, strict=True)
        )
        return f"postgresql://{user}{places}/{self.database}"

    def keywords(self) -> dict[str, str]:
        """What libpq is given."""
        given = {
            "host": ",".join(self.hosts),
            "port": ",".join(self.ports) if any(self.ports) else "",
            "dbname": self.database,
            "user": self.user,
            "password": self.password,
            **dict(self.parameters),
        }
        return {key: value for key, value in given.items() if value}


def read_address(url: str, password: str = "") -> Address:
    """Read a URL. Raises SetupError, which never repeats a password."""
    try:
        parts = urlsplit(url)
        places = [_place(one) for one in parts.netloc.rpartition("@")[2].split(",")]
    except ValueError:
        raise SetupError("the URL of the store is invalid", _EXAMPLE) from None
    if parts.scheme not in SCHEMES:
        raise SetupError(f"the URL of the store has the scheme {parts.scheme!r}", _EXAMPLE)
    user, colon, secret = parts.netloc.rpartition("@")[0].partition(":")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if (colon and secret) or "password" in query:
        raise SetupError(
            "the URL of the store has a password in it, which would be shown with it",
            "put it into a file that only you can read, and name that: [store] password_file; "
            "or into the environment: SPL_STORE_PASSWORD",
        )
    if unknown := sorted(query.keys() - _ALLOWED):
        raise SetupError(
            f"the URL of the store has the parameter {unknown[0]!r}", f"known: {', '.join(sorted(_ALLOWED))}"
        )
    if parts.fragment:
        raise SetupError("the URL of the store has a '#' in it", _EXAMPLE)
    hosts = [query.pop("host")] if "host" in query else [host for host, _ in places]
    ports = [query.pop("port")] if "port" in query else [port for _, port in places]
    database = unquote(parts.path.removeprefix("/"))
    if not database or "/" in database:
        raise SetupError("the URL of the store names no database", _EXAMPLE)
    return Address(
        hosts=tuple(hosts),
        ports=tuple(ports) if len(ports) == len(hosts) else ("",) * len(hosts),
        database=database,
        user=unquote(user),
        parameters=tuple(sorted(query.items())),
        password=password,
    )


def _place(text: str) -> tuple[str, str]:
    """Host and port of one server. Raises ValueError."""
    parts = urlsplit(f"//{text}")
    port = parts.port
    return unquote(parts.hostname or ""), "" if port is None else str(port)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
