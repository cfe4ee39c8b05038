"""Where things are, and who is typing: the home of an instance, as the environment names it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SOCKET_PATH_LIMIT: Final = 100  # sun_path holds 108 bytes on Linux, 104 on macOS


@dataclass(frozen=True)
class Home:
    """One instance's folder and the files in it."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def store(self) -> Path:
        return self.path / "hub.db"

    @property
    def reserve(self) -> Path:
        """Disk space that is reserved for the next freeze when the disk is full."""
        return self.path / "hub.db.reserve"

    @property
    def webhooks(self) -> Path:
        """What webhooks were told, and what they still have to be."""
        return self.path / "webhooks.json"

    @property
    def lineage(self) -> Path:
        """What is known of the store: which log it is, and how far it went."""
        return self.path / "hub.db.lineage"

    @property
    def known_log(self) -> Path:
        """What is known of a log in a database: where and which one it is, and how far it went."""
        return self.path / "postgres.json"

    @property
    def has_log(self) -> bool:
        """Whether a log was begun here, in the file or in a database."""
        return self.store.exists() or self.known_log.exists()

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def fleet_ca(self) -> Path:
        """The certificate of the fleet's CA: of its own, or on a joined instance the one that it trusts."""
        return self.keys / "fleet-ca.pem"

    @property
    def fleet_ca_key(self) -> Path:
        """The private key of the fleet's CA."""
        return self.keys / "fleet-ca.key"

    @property
    def server_certificate(self) -> Path:
        """What the fleet's CA has signed for this daemon: its certificate, then the CA's."""
        return self.keys / "fleet-server.pem"

    @property
    def server_key(self) -> Path:
        return self.keys / "fleet-server.key"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def fleet_token(self) -> Path:
        """The bearer token that instances of one fleet share."""
        return self.secrets / "fleet.token"

    @property
    def instance_token(self) -> Path:
        """The bearer token with which this worker identifies itself to its coordinator."""
        return self.secrets / "instance.token"

    @property
    def next_instance_token(self) -> Path:
        """What replaces that, once the coordinator has accepted it."""
        return self.secrets / "instance.token.next"

    @property
    def coordinator_key(self) -> Path:
        """On a worker: its coordinator's DID, and the hash of the secret that the coordinator
        presents here."""
        return self.secrets / "coordinator.json"

    @property
    def succession_token(self) -> Path:
        """What this worker shows its coordinator once, when its operator promotes it in its place."""
        return self.secrets / "succession.token"

    def peer_token(self, did: str) -> Path:
        """The bearer token that this coordinator presents to an instance of its fleet."""
        # The file name is a hash, since a DID may be any text.
        return self.secrets / "peers" / f"{hashlib.sha256(did.encode()).hexdigest()[:32]}.token"

    @property
    def client_token(self) -> Path:
        """The bearer token that `spl token save` stores for the command line's TCP calls."""
        return self.secrets / "client.token"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def pid_file(self) -> Path:
        return self.run / "spl.pid"

    @property
    def promotion(self) -> Path:
        """What an interrupted promotion of this worker had found; a complete one removes it."""
        return self.run / "promotion.json"

    @property
    def gateway_port(self) -> Path:
        """The port that this instance's gateway listens on."""
        return self.run / "gateway.port"

    @property
    def log(self) -> Path:
        return self.path / "logs" / "spl.log"

    @property
    def work(self) -> Path:
        """Working folders and full outputs of the goals that ran here."""
        return self.path / "work"

    @property
    def merges(self) -> Path:
        """A folder for each merge of branches that is not over here, or not told of."""
        return self.path / "merges"

    @property
    def socket(self) -> Path:
        """`run/spl.sock`, or a short private path when the home's own is too long for a socket address."""
        path = self.run / "spl.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT:
            return path
        key = hashlib.sha256(os.fsencode(self.path.absolute())).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"spl-{os.getuid()}-{key}" / "spl.sock"

    def sibling(self, name: str) -> Home:
        """The home of a worker beside this one: `~/.syncro` gives `~/.syncro-worker-a`."""
        return Home(self.path.with_name(f"{self.path.name}-{name}"))

    def display(self) -> str:
        """The path as a person writes it, with `~` for their own home folder."""
        try:
            return str(Path("~") / self.path.relative_to(Path.home()))
        except (ValueError, RuntimeError):
            return str(self.path)


def home_from(environ: Mapping[str, str]) -> Home:
    """`SYNCROPEL_HOME`, or `~/.syncro`."""
    return Home(Path(environ.get("SYNCROPEL_HOME") or "~/.syncro").expanduser().absolute())


def lock_of(store: Path) -> Path:
    """The file that the daemon of this store keeps locked, with its PID in it."""
    return store.with_name(f"{store.name}.lock")


def data_dir_from(environ: Mapping[str, str]) -> Path:
    """`SYNCROPEL_DATA`, or `~/.syncro-data`: task files and aliases."""
    return Path(environ.get("SYNCROPEL_DATA") or "~/.syncro-data").expanduser().absolute()


def actor_from(environ: Mapping[str, str]) -> str:
    """Who is typing: `SPL_ACTOR`, or a DID made from the login name."""
    return (
        environ.get("SPL_ACTOR")
        or f"did:sync:user:{environ.get('USER') or environ.get('LOGNAME') or 'operator'}"
    )
