"""Words of a closed list that a newer daemon may have added to. Known without the models that carry them."""

from __future__ import annotations

from typing import Final

AS_IT_CAME: Final = {"as_it_came": True}
"""The context of a validation that lets words pass which a newer daemon may have added."""


class UnknownWord(str):
    """A word of a closed list that this version does not know: it came from a newer daemon."""

    __slots__ = ()
