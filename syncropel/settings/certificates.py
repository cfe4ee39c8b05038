"""Certificates of a fleet: a CA of its own, what it signs for a daemon, and what a certificate says.

Everything here needs the package `cryptography`; nothing else in Syncropel does, but sealed backups. Times
are unix seconds.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from syncropel.errors import BadRequest, SetupError
from syncropel.settings.adapters import read_private
from syncropel.settings.identity import write_private

if TYPE_CHECKING:
    from cryptography import x509

    from syncropel.settings.home import Home

INSTALL: Final = "pip install 'syncropel-console[fleet]'"
CA_DAYS: Final = 3650
SERVER_DAYS: Final = 90
RENEWED_AT: Final = 0.67
"""The share of its life after which a certificate of our own CA is replaced."""
_BACKDATED: Final = timedelta(days=2)
"""A host whose clock is a day behind must not take a new certificate for one of tomorrow."""
_DAY: Final = 86_400.0
_HOST: Final = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)
_MOST_NAMES: Final = 64
LOCAL_NAMES: Final = ("localhost", "127.0.0.1")
"""In every certificate of ours, so that this machine can try what other hosts see."""


@dataclass(frozen=True)
class Certificate:
    """What a certificate says. `names`: host names and addresses that it is for. `pin`: the hash of its
    public key, which stays the same when it is issued again for the same key.
    """

    path: Path
    names: tuple[str, ...]
    since: float
    until: float
    pin: str
    pem: str

    @property
    def renew_at(self) -> float:
        """When a certificate of our own CA is replaced."""
        return self.since + RENEWED_AT * (self.until - self.since)

    def is_for(self, host: str) -> bool:
        """Whether it is for this host name or address; `*` stands for one label."""
        return any(_matches(name, host) for name in self.names)


def _matches(name: str, host: str) -> bool:
    wanted, given = name.lower().rstrip("."), host.lower().rstrip(".")
    if wanted.startswith("*."):
        return "." in given and given.split(".", 1)[1] == wanted[2:]
    return wanted == given or (_address(wanted) is not None and _address(wanted) == _address(given))


def need_library() -> None:
    """Raise SetupError where `cryptography` is not installed."""
    if find_spec("cryptography") is None:
        raise SetupError("this needs the package cryptography, which is not installed", INSTALL)


def checked_host(host: str) -> str:
    """A host name or an address for a certificate. Raises BadRequest."""
    if _address(host) is not None or (len(host) <= 253 and _HOST.fullmatch(host)):
        return host
    raise BadRequest(f"{host!r} is not a host name or an address", "for example coordinator.example.org")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def pin_of(pem: str) -> str:
    """The pin of the first certificate in this text: SHA-256 of its public key, base64url without padding.

    Raises BadRequest when there is none.
    """
    return _pin(_first(pem))


def first_pem(pem: str) -> str:
    """The first certificate in this text, and nothing that stands beside it. Raises BadRequest."""
    return _pem(_first(pem))


def _first(pem: str) -> x509.Certificate:
    need_library()
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise BadRequest(
            "there is no certificate in PEM", "it begins with -----BEGIN CERTIFICATE-----"
        ) from None


def _pin(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.urlsafe_b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def read_certificates(path: Path) -> list[Certificate]:
    """The certificates in a file, in their order: at least one. Raises SetupError."""
    need_library()
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise SetupError(f"cannot read {path}: {error.strerror}", "make one: spl fleet tls init") from None
    except ValueError:
        raise SetupError(f"{path} holds no certificate in PEM", "check the file") from None
    return [
        Certificate(
            path,
            _names(one),
            one.not_valid_before_utc.timestamp(),
            one.not_valid_after_utc.timestamp(),
            _pin(one),
            one.public_bytes(Encoding.PEM).decode(),
        )
        for one in found
    ]


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = map(str, found.get_values_for_type(x509.IPAddress))
    return (*found.get_values_for_type(x509.DNSName), *addresses)


def make_ca(home: Home, label: str, now: float) -> bool:
    """Make the fleet's CA unless there is one; return whether there was none. `label`: told in its name.

    Raises SetupError when only one of its two files is there, or they cannot be written.
    """
    need_library()
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    there = [home.fleet_ca.exists(), home.fleet_ca_key.exists()]
    if all(there):
        return False
    if home.fleet_ca.exists():
        raise SetupError(
            f"{home.fleet_ca} is there and its key {home.fleet_ca_key.name} is not: this home trusts a CA of "
            "another host",
            "an instance that has joined a fleet has no CA of its own; make one at the coordinator",
        )
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(f"Syncropel fleet CA {label}", key, now, CA_DAYS)
    builder = builder.issuer_name(_name(f"Syncropel fleet CA {label}"))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    signed = builder.sign(key, _sha256())
    _write(home.fleet_ca_key, _key_pem(key))
    _write(home.fleet_ca, _pem(signed))
    return True


def make_server(home: Home, names: Sequence[str], now: float) -> Certificate:
    """Have the fleet's CA sign a new certificate for this daemon, with a new key.

    Raises SetupError when the CA is not there, has expired, or cannot be used; BadRequest for too many names.
    """
    need_library()
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    every = list(dict.fromkeys([*map(checked_host, names), *LOCAL_NAMES]))
    if len(every) > _MOST_NAMES:
        raise BadRequest(f"{len(every)} names are too many for a certificate", f"at most {_MOST_NAMES}")
    ca, signer = _load_ca(home, now)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder("Syncropel daemon", key, now, SERVER_DAYS, most=ca.not_valid_after_utc)
    builder = builder.issuer_name(ca.subject)
    builder = builder.add_extension(x509.SubjectAlternativeName(map(_general, every)), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    signed = builder.add_extension(issuer, critical=False).sign(signer, _sha256())
    # A crash between the two leaves a pair that does not fit: `pair_problem` tells, and it is made again.
    _write(home.server_key, _key_pem(key))
    _write(home.server_certificate, _pem(signed) + _pem(ca))
    return read_certificates(home.server_certificate)[0]


def renew_if_due(home: Home, now: float) -> Certificate | None:
    """A new certificate of our own CA for the names of the present one, where that is due; None: it is not,
    or there is no CA here. Raises SetupError.
    """
    if not home.fleet_ca_key.exists() or not home.server_certificate.exists():
        return None
    present = read_certificates(home.server_certificate)[0]
    if now < present.renew_at and home.server_key.exists() and not pair_problem(home):
        return None
    return make_server(home, [one for one in present.names if one not in LOCAL_NAMES], now)


def pair_problem(home: Home) -> str:
    """What is wrong with the daemon's certificate and key together; empty when they fit."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        certificate = _first(home.server_certificate.read_text(encoding="ascii"))
        key = load_pem_private_key(home.server_key.read_bytes(), None)
    except (OSError, ValueError, BadRequest) as error:
        return str(error)
    return "" if certificate.public_key() == key.public_key() else "they are not of one key"


def _load_ca(home: Home, now: float) -> tuple[x509.Certificate, Any]:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        ca = _first(home.fleet_ca.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, BadRequest):
        raise SetupError(f"cannot read the CA {home.fleet_ca}", "make one: spl fleet tls init") from None
    try:
        key = load_pem_private_key(read_private(home.fleet_ca_key, "the CA's key").encode(), None)
    except ValueError:
        raise SetupError(
            f"{home.fleet_ca_key} is not a private key in PEM", "restore it from a backup"
        ) from None
    if ca.public_key() != key.public_key():
        raise SetupError(
            f"{home.fleet_ca} and {home.fleet_ca_key.name} are not of one key", "restore both from a backup"
        )
    if ca.not_valid_after_utc.timestamp() <= now:
        raise SetupError(f"the CA {home.fleet_ca} has expired", "make another; every host joins anew")
    return ca, key


def _builder(
    name: str, key: Any, now: float, days: int, most: datetime | None = None
) -> x509.CertificateBuilder:
    from cryptography import x509

    at = datetime.fromtimestamp(now, UTC)
    until = at + timedelta(days=days)
    until = until if most is None else min(until, most)
    builder = x509.CertificateBuilder(subject_name=_name(name), public_key=key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(at - _BACKDATED).not_valid_after(until)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _name(text: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text[:64])])


def _general(host: str) -> x509.GeneralName:
    from cryptography import x509

    address = _address(host)
    return x509.DNSName(host) if address is None else x509.IPAddress(address)


def _usage(*, signs: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _sha256() -> Any:
    from cryptography.hazmat.primitives.hashes import SHA256

    return SHA256()


def _pem(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def _write(path: Path, text: str) -> None:
    try:
        write_private(path, text)
    except OSError as error:
        raise SetupError(
            f"cannot write {path}: {error.strerror}", "check its owner and permissions"
        ) from None


def days_left(certificate: Certificate, now: float) -> float:
    """Days until it expires; negative when it has."""
    return (certificate.until - now) / _DAY
