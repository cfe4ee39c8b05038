"""Which CAs are trusted: those of the system, or one private CA and nobody else."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from syncropel.errors import SetupError

if TYPE_CHECKING:
    from syncropel.settings.home import Home


def ca_path(home: Home, ca_file: str) -> Path | None:
    """The file that `[fleet] ca_file` names; None: the system's CAs."""
    return (home.path / Path(ca_file).expanduser()) if ca_file else None


def trusting(ca_file: Path) -> ssl.SSLContext:
    """Trusts what this CA has signed and nothing else; TLS 1.2 or later. Raises SetupError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The file may end with an intermediate CA: then that one is what is trusted.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        raise SetupError(f"{ca_file} holds no certificate in PEM", "give the certificate of the CA") from None
    except OSError as error:
        raise SetupError(f"cannot read the CA {ca_file}: {error.strerror}", "check ca_file") from None
    return context
