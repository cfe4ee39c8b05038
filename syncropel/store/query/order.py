"""The order of a query's answer: one in which the store can be walked, or one to sort by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from syncropel.errors import InvalidQuery
from syncropel.record.canonical import canonical_json
from syncropel.record.model import StoredRecord
from syncropel.store.query.filters import MISSING, Path, compile_path

MAX_SORT: Final = 4
_KEY_CHARS: Final = 256
"""How much of a text is used for sorting, so that the keys of long texts fit in memory."""

Place = tuple[Any, ...]
"""The sort keys of a record, then its sequence: comparable, and no two are equal."""


@dataclass(frozen=True)
class Order:
    """By sequence; `by_clock`, then by sequence; or, if `place` is given, by that.

    `told`: the paths as they were given, for messages.
    """

    by_clock: bool = False
    descending: bool = False
    place: Callable[[StoredRecord], Place] | None = None
    told: str = ""


def read_order(value: Any, *, of_thread: bool) -> Order:
    """The order that `sort` describes. A thread can also be walked by clock. Raises InvalidQuery."""
    keys = _sort_keys(value)
    if len(keys) > MAX_SORT:
        raise InvalidQuery(f"sort: {len(keys)} paths, over the limit of {MAX_SORT}", "sort by fewer")
    paths = [(compile_path(name, place), descending) for name, place, descending in keys]
    by = [(name, descending) for name, _, descending in keys]
    if not by or by[0][0] == "sequence":
        return Order(descending=bool(by) and by[0][1])
    if of_thread and by[0][0] == "clock" and by[1:] in ([], [("sequence", False)]):
        return Order(by_clock=True, descending=by[0][1])
    return Order(place=_placing(paths), told=", ".join(name for name, _ in by))


def _sort_keys(value: Any) -> list[tuple[str, str, bool]]:
    """The paths to sort by, each with its position in the document and whether it is descending."""
    if isinstance(value, dict):
        for name, direction in value.items():
            if type(direction) is not int or direction not in (1, -1):
                raise InvalidQuery(
                    f"sort.{name}: 1 or -1 is needed", "1: the lowest comes first; -1: the highest"
                )
        return [(name, f"sort.{name}", direction == -1) for name, direction in value.items()]
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidQuery(
            "sort: a list of paths, or an object of paths and 1 or -1, is needed",
            'such as ["-body.cost_usd", "clock"] or {"body.cost_usd": -1, "clock": 1}',
        )
    return [
        (name.removeprefix("-"), f"sort[{index}]", name.startswith("-")) for index, name in enumerate(names)
    ]


def _placing(paths: list[tuple[Path, bool]]) -> Callable[[StoredRecord], Place]:
    def place(stored: StoredRecord) -> Place:
        ranks = (
            _Descending(_rank(path(stored))) if descending else _rank(path(stored))
            for path, descending in paths
        )
        return (*ranks, stored.sequence)

    return place


class _Descending:
    """A sort key by which the highest comes first."""

    __slots__ = ("_key",)

    def __init__(self, key: tuple[int, Any]) -> None:
        self._key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self._key == other._key

    def __lt__(self, other: _Descending) -> bool:
        return other._key < self._key


def _rank(value: Any) -> tuple[int, Any]:
    """A key by which any two values can be compared: missing, null, false, true, numbers, texts, the rest."""
    if value is MISSING or value is None:
        return (0 if value is MISSING else 1, 0)
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, (int, float)):
        return (3, value)
    if isinstance(value, str):
        return (4, value[:_KEY_CHARS])
    return (5, canonical_json(value)[:_KEY_CHARS])
