"""The check of `spl doctor` on what other hosts see: the certificate, its key, and when they expire."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from syncropel.errors import SetupError
from syncropel.launcher.finding import Finding, Patient
from syncropel.settings.certificates import days_left, read_certificates
from syncropel.settings.config import load_settings

SOON_DAYS = 14
_RENEW = "spl fleet tls renew"


def tls(patient: Patient) -> Iterator[Finding]:
    """Findings on an instance that listens for other hosts; none on any other."""
    home = patient.home
    try:
        server = load_settings(home, os.environ).server
        if not server.listen:
            return
        own = not server.tls_cert
        chain = read_certificates(home.server_certificate if own else home.path / server.tls_cert)
    except SetupError as error:
        yield Finding("tls", "fail", error.message, error.hint)
        return
    one, now = chain[0], time.time()
    left, hint = days_left(one, now), _RENEW if own else "replace it; the daemon takes it up by itself"
    told = f"for {', '.join(one.names[:4])}{' and more' if len(one.names) > 4 else ''}, on {server.listen}"
    if left <= 0:
        yield Finding("tls", "fail", f"the certificate has expired: other hosts refuse it ({told})", hint)
    elif one.since > now:
        yield Finding("tls", "fail", "the certificate is not valid yet", "check this machine's clock: date")
    elif left < SOON_DAYS:
        yield Finding("tls", "warn", f"the certificate expires in {left:.0f} days ({told})", hint)
    else:
        yield Finding("tls", "ok", f"certificate {told}, {left:.0f} days left")
    if len(chain) > 1 and days_left(chain[-1], now) < 180:
        told = f"the CA expires in {days_left(chain[-1], now):.0f} days"
        yield Finding("tls", "warn", told, "every host joins anew after that: make another CA in good time")
