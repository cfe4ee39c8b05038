"""The line that is typed on a host that joins: `spl1.<hosts>.<pin>.<invite>.<secret>`.

`hosts` are addresses with ports, joined by commas, in base64url, since they contain dots. The pin is that of
the fleet's CA: whoever shows another certificate does not get the secret.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Final

from syncropel.errors import BadRequest

FORMAT: Final = "spl1"
_PIN: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_INVITE: Final = re.compile(r"[0-9a-f]{12}", re.ASCII)
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([1-9]\d{0,4})", re.ASCII)
_AGAIN: Final = "copy the whole line that spl fleet invite printed; or ask for another"


@dataclass(frozen=True)
class JoinLine:
    """Where the coordinator may be (`host:port`), the pin of its CA, and the invite with its secret."""

    hosts: tuple[str, ...]
    pin: str
    invite: str
    secret: str = field(repr=False)

    def text(self) -> str:
        """The line."""
        hosts = base64.urlsafe_b64encode(",".join(self.hosts).encode()).decode().rstrip("=")
        return ".".join((FORMAT, hosts, self.pin, self.invite, self.secret))


def with_port(host: str, port: int) -> str:
    """Host and port as in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_line(text: str) -> JoinLine:
    """Raises BadRequest for anything but a whole line. White space in it, as of a terminal that wraps, is
    left out. The message never contains the secret.
    """
    parts = "".join(text.split()).split(".")
    if parts[0] != FORMAT:
        told = "it does not begin with spl1."
        if re.fullmatch(r"spl\d+", parts[0]):
            raise BadRequest(
                f"too_old: the line begins with {parts[0]}", "upgrade this spl: it knows only spl1"
            )
        raise BadRequest(f"invalid join line: {told}", _AGAIN)
    if len(parts) != 5:
        raise BadRequest(f"the line has {len(parts)} of 5 parts", _AGAIN)
    _, packed, pin, invite, secret = parts
    for name, one, pattern in (("pin", pin, _PIN), ("invite", invite, _INVITE), ("secret", secret, _SECRET)):
        if not pattern.fullmatch(one):
            raise BadRequest(f"the {name} in the line is damaged", _AGAIN)
    try:
        hosts = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True).decode(
            "ascii"
        )
    except (binascii.Error, ValueError):
        raise BadRequest("the hosts in the line are damaged", _AGAIN) from None
    named = tuple(hosts.split(","))
    if not all((found := _HOST.fullmatch(one)) and int(found[2]) <= 65535 for one in named):
        raise BadRequest("the hosts in the line are damaged", _AGAIN)
    return JoinLine(named, pin, invite, secret)
