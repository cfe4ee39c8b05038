"""The certificate that other hosts see: what this home's own CA signed, or a given one. It is kept current
while the daemon serves.
"""

from __future__ import annotations

import logging
import os
import ssl
import stat
from pathlib import Path
from typing import Final

from syncropel.errors import SetupError
from syncropel.settings.certificates import (
    Certificate,
    days_left,
    need_library,
    pair_problem,
    read_certificates,
    renew_if_due,
)
from syncropel.settings.config import ServerSettings
from syncropel.settings.home import Home

log = logging.getLogger("syncropel.daemon")

_MAKE: Final = "make certificates: spl fleet tls init; or give them: [server] tls_cert and tls_key"


class Served:
    """A certificate, its key, and the TLS context that uses them. Raises SetupError when they cannot be used,
    or others may read the key.
    """

    def __init__(self, home: Home, server: ServerSettings, now: float) -> None:
        need_library()
        self._home = home
        self._given = bool(server.tls_cert or server.tls_key)
        if bool(server.tls_cert) != bool(server.tls_key):
            raise SetupError(
                f"{home.config}: [server] tls_cert and tls_key go together", "set both, or neither of them"
            )
        self._cert = _path(home, server.tls_cert) if self._given else home.server_certificate
        self._key = _path(home, server.tls_key) if self._given else home.server_key
        if not self._given and not self._cert.exists():
            raise SetupError("[server] listen needs TLS, and there is no certificate", _MAKE)
        self._renew(now)
        self.context = _context()
        self._seen = self._stamps()
        self._chain = self._load(self.context)

    @property
    def certificate(self) -> Certificate:
        """That of this daemon."""
        return self._chain[0]

    @property
    def anchor(self) -> Certificate:
        """What other hosts pin: the fleet's CA, or the last certificate of those that were given."""
        return self._chain[-1]

    def look(self, now: float) -> bool:
        """Renew the certificate when that is due, and take up changed files; return whether any changed.

        New connections get the new one. Raises SetupError when the present one stays, with the reason.
        """
        self._renew(now)
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._seen = stamps
        self._load(_context())  # a broken pair must not be half taken up
        self._chain = self._load(self.context)
        return True

    def tell_of_expiry(self, now: float) -> None:
        """Log when it has expired, or soon does."""
        left = days_left(self.certificate, now)
        if left <= 0:
            log.error("the certificate for other hosts has expired: they refuse it; see: spl doctor")
        elif self._given and left < 14:
            log.warning("the certificate for other hosts expires in %.0f days", left)

    def _renew(self, now: float) -> None:
        if not self._given and (made := renew_if_due(self._home, now)) is not None:
            log.info("renewed the certificate for other hosts, for %s", ", ".join(made.names))

    def _stamps(self) -> list[tuple[int, int]]:
        found = []
        for path in (self._cert, self._key):
            try:
                one = path.stat()
            except OSError:
                found.append((0, 0))
            else:
                found.append((one.st_ctime_ns, one.st_ino))
        return found

    def _load(self, context: ssl.SSLContext) -> list[Certificate]:
        chain = read_certificates(self._cert)
        self._check_key()
        if not self._given and (problem := pair_problem(self._home)):
            raise SetupError(f"{self._cert} and {self._key.name}: {problem}", "renew: spl fleet tls renew")
        try:
            context.load_cert_chain(self._cert, self._key)
        except (OSError, ssl.SSLError) as error:
            told = getattr(error, "reason", None) or error.strerror or str(error)
            raise SetupError(f"cannot use {self._cert} with {self._key}: {told}", _MAKE) from None
        return chain

    def _check_key(self) -> None:
        try:
            found = os.stat(self._key)
        except OSError as error:
            raise SetupError(f"cannot read {self._key}: {error.strerror}", _MAKE) from None
        # A given key may belong to a group of its own, as Debian's `ssl-cert`.
        if found.st_mode & (stat.S_IRWXO if self._given else stat.S_IRWXG | stat.S_IRWXO):
            mode = stat.S_IMODE(found.st_mode)
            raise SetupError(
                f"the private key {self._key} may be read by others (mode {mode:04o})",
                f"chmod 600 {self._key}; if others had access, make another",
            )


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context


def _path(home: Home, text: str) -> Path:
    return home.path / Path(text).expanduser()
