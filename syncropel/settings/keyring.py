"""The secrets by which an instance and its coordinator identify each other, in files readable by their owner
only.

Each pair has two, since a presented secret is known to its receiver: the worker's own, which it presents to
its coordinator, and the coordinator's for that worker, of which the worker stores only the hash. A worker
that may take its coordinator's place has a third, which it presents once, when it does.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from syncropel.record.threads import INSTANCE_DID_PREFIX
from syncropel.settings.identity import write_private, write_private_once

if TYPE_CHECKING:
    from syncropel.settings.home import Home

_UP: Final = "instance"
_DOWN: Final = "coordinator"
_SUCCEED: Final = "succession"
_KNOWN: Final = ("did", "sha256", "url", "former_sha256")


def secret_hash(secret: str) -> str:
    """SHA-256 of a secret, hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def split_bearer(bearer: str) -> tuple[str, str] | None:
    """Account id and secret of `spl_<env>_<sa>_<secret>`, or None for any other form."""
    parts = bearer.split("_", 3)
    if len(parts) != 4 or parts[0] != "spl":
        return None
    return parts[2], parts[3]


def bearer_hash(bearer: str) -> str:
    """The hash of a bearer token's secret; empty if it has another form."""
    split = split_bearer(bearer)
    return secret_hash(split[1]) if split is not None else ""


class Keyring:
    """The secrets of one home. Files are read on demand, since they may appear while a daemon runs."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._seen: tuple[int, dict[str, str]] = (-1, {})

    def shared(self) -> str:
        """The fleet's shared token; empty when there is none."""
        return _read(self._home.fleet_token)

    def own(self) -> str:
        """What this instance presents to its coordinator; empty when it has no secret of its own."""
        return _read(self._home.instance_token)

    def following(self) -> str:
        """What this instance presents once its coordinator has accepted it; empty when it renews nothing."""
        return _read(self._home.next_instance_token)

    def make_following(self, did: str) -> str:
        """Create the secret that is to replace this instance's own, unless there is one; return its hash.
        Raises OSError.
        """
        if not self.following():
            write_private(self._home.next_instance_token, _bearer(_UP, did) + "\n")
        return bearer_hash(self.following())

    def take_following(self, sha256: str) -> bool:
        """Replace this instance's own secret by the next one, if that has this hash; return whether it had.
        Raises OSError.
        """
        if not sha256 or bearer_hash(self.following()) != sha256:
            return False
        self._home.next_instance_token.replace(self._home.instance_token)
        return True

    def towards(self, did: str) -> str:
        """What this coordinator presents to that instance; empty when the two have no secret of their own."""
        return _read(self._home.peer_token(did))

    def presented(self, to: str) -> list[str]:
        """What to present to an instance (a DID; empty: the coordinator), best first: the secret of the two,
        then the fleet's token.
        """
        own = [self.towards(to)] if to else [self.own(), self.following()]
        return [token for token in (*own, self.shared()) if token]

    def succession(self) -> str:
        """What shows that this instance was promoted; empty when it has no such secret, or has used it."""
        return _read(self._home.succession_token)

    def make_succession(self, did: str, *, anew: bool = False) -> str:
        """Create that secret unless it exists; return its hash. Raises OSError."""
        if anew or not self.succession():
            write_private(self._home.succession_token, _bearer(_SUCCEED, did) + "\n")
        return bearer_hash(self.succession())

    def spend_succession(self) -> None:
        """It was used: it is worth nothing any more. Raises OSError."""
        self._home.succession_token.unlink(missing_ok=True)

    def was_coordinator(self, bearer: str) -> bool:
        """Whether this is the secret of this instance's coordinator, or of the one before."""
        known, found = self._coordinator(), bearer_hash(bearer)
        wanted = [known.get(key, "") for key in ("sha256", "former_sha256")]
        return bool(found) and any(hmac.compare_digest(found, one) for one in wanted)

    def answer_to(self, nonce: str, sha256: str) -> str:
        """What only two who know this hash can answer to a nonce: it identifies the one to the other."""
        return hmac.new(sha256.encode(), nonce.encode(), hashlib.sha256).hexdigest() if sha256 else ""

    @property
    def coordinator_sha256(self) -> str:
        """The hash of the secret by which this worker's coordinator identifies itself; empty when unknown."""
        return self._coordinator().get("sha256", "")

    def coordinator_of(self, bearer: str) -> str:
        """The DID of this worker's coordinator, if this is the secret it presents here; otherwise empty."""
        known = self._coordinator()
        found, wanted = bearer_hash(bearer), known.get("sha256", "")
        return known.get("did", "") if wanted and hmac.compare_digest(found, wanted) else ""

    def prove_to(self, did: str, challenge: str) -> str:
        """The proof, over a challenge of that instance, that this is its coordinator; empty when the two have
        no secret. It does not give the secret away.
        """
        secret = self.towards(did)
        return _proof(bearer_hash(secret), challenge) if secret else ""

    def is_proven(self, coordinator: str, challenge: str, proof: str) -> bool:
        """Whether this proves that whoever calls itself by this DID is this worker's coordinator."""
        known = self._coordinator()
        if not known.get("sha256") or known.get("did") != coordinator:
            return False
        return hmac.compare_digest(_proof(known["sha256"], challenge).encode(), proof.encode())

    @property
    def coordinator(self) -> str:
        """The DID of this worker's coordinator; empty when none is known, or the file cannot be read."""
        return self._coordinator().get("did", "")

    @property
    def knows_coordinator(self) -> bool:
        """Whether the coordinator has its own credential here: then nobody else speaks for it."""
        path = self._home.coordinator_key
        # An unreadable file must not let just anybody pass for the coordinator.
        return path.exists()

    @property
    def coordinator_url(self) -> str:
        """Where this worker's coordinator was when the two identified each other; empty when that is not
        known.
        """
        return self._coordinator().get("url", "")

    def _coordinator(self) -> dict[str, str]:
        path = self._home.coordinator_key
        try:
            changed = path.stat().st_mtime_ns
            if changed != self._seen[0]:
                found = json.loads(path.read_text(encoding="utf-8"))
                self._seen = (changed, {key: str(found.get(key, "")) for key in _KNOWN})
        except (OSError, ValueError, AttributeError):
            return {}
        return self._seen[1]

    def make_own(self, did: str, *, anew: bool = False) -> str:
        """Create this instance's own secret unless it has one; return its hash. Raises OSError."""
        if anew or not self.own():
            self._home.next_instance_token.unlink(missing_ok=True)
            write_private(self._home.instance_token, _bearer(_UP, did) + "\n")
        return bearer_hash(self.own())

    def make_towards(self, did: str, own_did: str, *, anew: bool = False) -> str:
        """Create what this coordinator presents to that instance unless it exists; return its hash. Raises
        OSError.
        """
        path = self._home.peer_token(did)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        secret = _bearer(_DOWN, own_did) + "\n"
        if anew:
            write_private(path, secret)
        elif not self.towards(did):
            # The daemon and a command may both be at it: the first one's counts for both.
            write_private_once(path, secret)
        return bearer_hash(self.towards(did))

    def trust(self, coordinator: str, sha256: str, url: str = "") -> None:
        """Accept whoever presents the secret with this hash as the coordinator, and nobody else. `url`: where
        this worker is configured to find it. Raises OSError.
        """
        before = self._coordinator()
        former = before.get("sha256" if before.get("did") != coordinator else "former_sha256", "")
        known = {"did": coordinator, "sha256": sha256, "url": url}
        # It may come back, and is then told that it leads no more.
        text = json.dumps({**known, **({"former_sha256": former} if former else {})}) + "\n"
        if _read(self._home.coordinator_key) != text.strip():
            write_private(self._home.coordinator_key, text)

    def trust_at(self, url: str) -> None:
        """The coordinator that is accepted now is found at this address. Raises OSError."""
        known = self._coordinator()
        self.trust(known["did"], known["sha256"], url)


def _proof(key: str, challenge: str) -> str:
    return hmac.new(key.encode(), challenge.encode(), hashlib.sha256).hexdigest()


def _bearer(kind: str, did: str) -> str:
    return f"spl_{kind}_{did.removeprefix(INSTANCE_DID_PREFIX)}_{secrets.token_hex(24)}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
