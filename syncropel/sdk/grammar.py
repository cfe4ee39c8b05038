"""The grammar of `body.kind`: `scope.category.entity`, optionally followed by a version such as `.v2`."""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(r"[a-z0-9_-]+", re.ASCII)
_VERSION: Final = re.compile(r"v\d+", re.ASCII)


class SyncropelKindError(ValueError):
    """Raised when a kind, or its scope, does not follow the grammar."""


def validate_kind(kind: str) -> None:
    """Check a kind. Raises SyncropelKindError.

    A kind has three segments, or four when the last one is a version. Two suffice in the scope `core` and in
    a community's scope, such as `@music.track`.
    """
    if not isinstance(kind, str):
        raise SyncropelKindError(f"a kind is a string, not {type(kind).__name__}")
    scope, *names = kind.split(".")
    if not 1 <= len(names) <= 3:
        raise SyncropelKindError(
            f"invalid kind {kind!r}: it has {len(names) + 1} of 2 to 4 segments (scope.category.entity.v2)"
        )
    _check_scope(scope, f"invalid kind {kind!r}")
    if len(names) == 1 and scope != "core" and not scope.startswith("@"):
        raise SyncropelKindError(
            f"invalid kind {kind!r}: the scope {scope!r} needs a category and an entity, "
            f"such as {scope}.category.entity"
        )
    if len(names) == 3 and not _VERSION.fullmatch(names.pop()):
        raise SyncropelKindError(f"invalid kind {kind!r}: the fourth segment is a version, such as v2")
    for name in names:
        if not _NAME.fullmatch(name):
            raise SyncropelKindError(f"invalid kind {kind!r}: segment {name!r} may have a–z, 0–9, '_', '-'")


def validate_scope(scope: str) -> None:
    """Check the first segment of a kind: `core`, `x`, a publisher, or `@` and a community.

    Raises SyncropelKindError.
    """
    if not isinstance(scope, str):
        raise SyncropelKindError(f"a scope is a string, not {type(scope).__name__}")
    _check_scope(scope, f"invalid scope {scope!r}")


def has_version(kind: str) -> bool:
    """Whether a valid kind includes its version."""
    return kind.count(".") == 3


def _check_scope(scope: str, what: str) -> None:
    if not _NAME.fullmatch(scope.removeprefix("@")):
        raise SyncropelKindError(f"{what}: a scope may have a–z, 0–9, '_', '-', and an '@' before them")
