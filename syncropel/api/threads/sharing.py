"""Who gets which threads in a bundle: all they ask for, or what consent allows to share with them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from syncropel.api.http.caller import caller, lacks
from syncropel.api.threads.thread_views import find_line
from syncropel.engine.consent import withheld
from syncropel.engine.engine import Engine
from syncropel.errors import ConsentRequired, Forbidden, NotFound
from syncropel.folds.control.namespaces import covers
from syncropel.record.threads import RESERVED

_UNSHARED: Final = "there is no such thread, or it is not shared with you"
_ALL: Final = "request everything that is: --all, or all=true"


@dataclass(frozen=True, slots=True)
class Receiver:
    """The namespace that a bundle is for. `is_guest`: the caller must not learn of anything that is not
    shared.
    """

    namespace: str
    is_guest: bool


def receiver_of(scope: Scope, engine: Engine, asked: str | None) -> Receiver | None:
    """The receiver of this request's bundle; None for a caller's own, who may read everything.

    Raises Forbidden for a guest that names another namespace than its account's.
    """
    token = caller(scope)
    if token is None or lacks(token, "records:read") is None:
        return None if asked is None else Receiver(asked, False)
    account = engine.ingest.live.access.accounts.get(token.sa_id)
    own = account.pulls_for if account is not None else ""
    if own and (asked is None or covers(own, asked)):
        return Receiver(asked or own, True)
    whom = f"for {own!r}, not for {asked!r}" if own else "for no namespace"
    raise Forbidden(
        f"{token.sa_id} pulls {whom}", "its owner decides: spl token grant ACCOUNT --pulls-for NS"
    )


def named_threads(engine: Engine, names: Iterable[str], receiver: Receiver | None) -> set[str]:
    """The threads with these names. Raises NotFound; a guest is not told where else they may be."""
    try:
        return {find_line(engine, name).id for name in names}
    except NotFound:
        if receiver is None or not receiver.is_guest:
            raise
        raise NotFound(_UNSHARED, _ALL) from None


async def shared_threads(engine: Engine, chosen: set[str], named: set[str], receiver: Receiver) -> set[str]:
    """The chosen threads that may be shared.

    Raises ConsentRequired when a named one may not be, or none may; NotFound instead for a guest;
    InvalidNamespace.
    """
    kept = await withheld(engine.store, engine.ingest.live, chosen, receiver.namespace, engine.runtime.now())
    refused = sorted(named & kept.keys())
    if not refused and kept.keys() < chosen:
        return chosen - kept.keys()
    if receiver.is_guest and refused:
        raise NotFound(_UNSHARED, _ALL)
    if receiver.is_guest:
        raise NotFound("nothing is shared with you", "ask whoever gave you the token")
    if not refused:
        raise ConsentRequired(
            f"nothing here may be shared with {receiver.namespace!r}",
            "see the grants: spl consent list; grant: spl consent grant --to-namespace NS",
        )
    raise _not_shared(refused[0], kept[refused[0]], receiver.namespace)


def _not_shared(thread: str, source: str, target: str) -> ConsentRequired:
    if thread in RESERVED:
        return ConsentRequired(
            f"{thread} is this instance's own thread and is shared with nobody",
            "leave it out; or make a bundle for yourself, without a namespace",
        )
    return ConsentRequired(
        f"{thread} may not be shared with {target!r}: {source!r} has not consented",
        f"spl consent grant --from-namespace {shlex.quote(source)} --to-namespace {target}",
    )
