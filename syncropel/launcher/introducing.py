"""Introduces a worker and its coordinator on one machine to each other: one secret for each direction."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from syncropel.client import Client, credential_calls
from syncropel.errors import RemoteError
from syncropel.settings.home import Home, actor_from
from syncropel.settings.identity import load_or_create_identity
from syncropel.settings.keyring import Keyring

_UNKNOWN_FIELD: Final = 422


def introduce(
    coordinator: Home, worker: Home, did: str, url: str, client: Callable[[], Client], *, anew: bool = False
) -> None:
    """Create the secrets that the two do not share yet, and the one with which the worker may take the
    coordinator's place; with `anew` in any case, even when the worker was revoked. `url`: where the worker
    finds the coordinator.

    Raises RemoteError with the code CREDENTIAL_REVOKED when it was revoked and is not readmitted, OSError
    when a secret cannot be written.
    """
    mine, its = Keyring(coordinator), Keyring(worker)
    own_did = load_or_create_identity(coordinator).did
    own, may_succeed = its.make_own(did, anew=anew), its.make_succession(did, anew=anew)
    actor = actor_from(os.environ)
    with client() as asking:
        try:
            asking.send(credential_calls.issue(did, own, actor, reissue=anew, succession=may_succeed))
        except RemoteError as error:
            if error.status != _UNKNOWN_FIELD:
                raise
            # An older daemon does not know it; the next start after its upgrade says it again.
            asking.send(credential_calls.issue(did, own, actor, reissue=anew))
    # The worker accepts the new secret only once the coordinator can present it.
    its.trust(own_did, mine.make_towards(did, own_did, anew=anew), url)
