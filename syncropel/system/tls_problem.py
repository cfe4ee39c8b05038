"""What is wrong with an encrypted connection, by name: OpenSSL's own words hide which side has to change
what.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final

_EXPIRED, _NOT_YET, _HOST, _ADDRESS = 10, 9, 62, 64
_UNKNOWN_CA: Final = frozenset({2, 18, 19, 20, 21})
"""X509_V_ERR_…: of OpenSSL's verification."""
_PLAIN: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)
"""What OpenSSL says of an answer that is no TLS at all."""


@dataclass(frozen=True, slots=True)
class TlsProblem:
    """`code` is stable for programs; `told` and `hint` are for people."""

    code: str
    told: str
    hint: str


_ENDED: Final = "UNEXPECTED_EOF_WHILE_READING"
NOT_TLS: Final = TlsProblem(
    "NOT_TLS", "it does not speak TLS there", "use http:// for a port without TLS; or check the port"
)
SPEAKS_TLS: Final = TlsProblem("SPEAKS_TLS", "it speaks TLS there, not plain HTTP", "use https://")
_BAD_CLOCK: Final = "check the clock of this machine: date; or have it renewed there: spl fleet tls renew"


def tls_problem(error: BaseException | None) -> TlsProblem | None:
    """What was wrong with TLS, if this error, or one that caused it, comes from there."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ssl.SSLCertVerificationError):
            return _of_certificate(error)
        if isinstance(error, ssl.SSLError):
            return _of_handshake(error)
        error = error.__cause__ or error.__context__
    return None


def _of_certificate(error: ssl.SSLCertVerificationError) -> TlsProblem:
    code = error.verify_code
    if code == _EXPIRED:
        return TlsProblem("CERTIFICATE_EXPIRED", "its certificate has expired", _BAD_CLOCK)
    if code == _NOT_YET:
        return TlsProblem("CERTIFICATE_NOT_YET_VALID", "its certificate is not valid yet", _BAD_CLOCK)
    if code in (_HOST, _ADDRESS):
        return TlsProblem(
            "CERTIFICATE_WRONG_HOST",
            f"its certificate is for another host: {error.verify_message.rstrip('.')}",
            "have this name added there: spl fleet tls init --host NAME; or use a name that it is for",
        )
    if code in _UNKNOWN_CA:
        return TlsProblem(
            "CERTIFICATE_UNKNOWN_CA",
            f"its certificate is signed by a CA that is not trusted here: {error.verify_message}",
            "name the CA: ca_file of the context, or SPL_CA_FILE; of an instance: [fleet] ca_file",
        )
    told = f"its certificate is not accepted: {error.verify_message}"
    return TlsProblem("CERTIFICATE_REFUSED", told, "check the certificate there")


def _of_handshake(error: ssl.SSLError) -> TlsProblem:
    reason = error.reason or str(error)
    if reason in _PLAIN:
        return NOT_TLS
    if reason == _ENDED:
        told = "it ended the connection before the handshake was over"
        return TlsProblem(
            "TLS_FAILED", told, "try again: it may have too many from this address; or see its log"
        )
    told = f"the encrypted connection failed: {reason.lower().replace('_', ' ')}"
    return TlsProblem("TLS_FAILED", told, "check what listens there, and its log")
