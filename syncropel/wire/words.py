"""Words of a closed list that a newer daemon may have extended. Separate from the models that use them."""

from __future__ import annotations

from typing import Final

AS_IT_CAME: Final = {"as_it_came": True}
"""The validation context that accepts words which a newer daemon may have added."""


class UnknownWord(str):
    """A word that this version does not know: it came from a newer daemon."""

    __slots__ = ()
