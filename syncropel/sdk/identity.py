"""The identity under which a client writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn


@dataclass(frozen=True)
class Identity:
    """The DID that every record of a client has as its actor."""

    actor_did: str

    @staticmethod
    def static(did: str) -> Identity:
        """A fixed DID. Raises ValueError when it is empty or not a string."""
        if not isinstance(did, str) or not did:
            raise ValueError(f"a DID is a string that is not empty, not {did!r}")
        return Identity(did)

    @staticmethod
    def key(path_or_bytes: Any = None, **kwargs: Any) -> NoReturn:
        """Reserved for identities that sign. Raises NotImplementedError."""
        raise NotImplementedError("identities that sign do not exist yet; use Identity.static(did)")

    @staticmethod
    def federated(*args: Any, **kwargs: Any) -> NoReturn:
        """Reserved for identities of other instances. Raises NotImplementedError."""
        raise NotImplementedError("federated identities do not exist yet; use Identity.static(did)")
