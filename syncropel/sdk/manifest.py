"""The version of the published client's interface that this package implements."""

from __future__ import annotations

from typing import Final

MANIFEST_VERSION: Final = "2"
GENERATED_SCHEMA_NAMES: Final[tuple[str, ...]] = ()
"""Models generated from the manifest: none; those of this API are in `syncropel.wire`."""
