"""Models that are imported when an answer is read, rather than before its request is sent.

They need pydantic, whose import takes longer than most of what a command waits for. A freeze is in the log by
then.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from syncropel import wire as models

__all__ = ["Late", "loaded", "schema"]


@dataclass(frozen=True, slots=True)
class Late:
    """A wire model by name, with the models that fill its type parameters."""

    name: str
    of: tuple[Late, ...] = ()

    def __getitem__(self, item: Late) -> Late:
        return Late(self.name, (*self.of, item))

    def load(self) -> Any:
        """The model itself."""
        return reduce(lambda model, item: model[item.load()], self.of, getattr(models, self.name))


class _Schema:
    def __getattr__(self, name: str) -> Late:
        return Late(name)


if TYPE_CHECKING:
    from syncropel import wire as schema
else:
    schema = _Schema()
    """Stands for `syncropel.wire` where calls name the models of their answers."""


def loaded(model: Any) -> Any:
    """The model, if it is a late one; otherwise the argument."""
    return model.load() if isinstance(model, Late) else model
