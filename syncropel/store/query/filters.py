"""Filter documents: which records a query means. Compiled once, then a pure test of one record.

    {"act": "KNOW", "body.cost_usd": {"$gt": 1, "$lte": 5},
     "$or": [{"topic": "a"}, {"body.n": {"$exists": false}}]}

A path is a column or goes into the body (`body.subtasks.0.goal`). A list fits when it or one of its elements
does. A path that is not there fits only `$ne`, `$nin`, `$not` and `{"$exists": false}`. Text is ordered by
code point and compares with text, numbers with numbers, anything else with nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, Final

from syncropel.errors import InvalidQuery
from syncropel.record.canonical import canonical_json
from syncropel.record.model import StoredRecord
from syncropel.store.query.like import compile_like

COLUMNS: Final[dict[str, Callable[[StoredRecord], Any]]] = {
    "id": lambda stored: stored.record.id,
    "thread": lambda stored: stored.record.thread,
    "actor": lambda stored: stored.record.actor,
    "act": lambda stored: stored.record.act,
    "topic": lambda stored: stored.record.topic,
    "clock": lambda stored: stored.record.clock,
    "data_type": lambda stored: stored.record.data_type,
    "judged_by": lambda stored: stored.record.judged_by,
    "parents": lambda stored: list(stored.record.parents),
    "sequence": lambda stored: stored.sequence,
    "received_at": lambda stored: stored.received_at,
}
MAX_NESTING: Final = 16
MAX_PARTS: Final = 300
"""Limit on the filters, conditions, and operators of one document."""
MAX_CHOICES: Final = 1000
"""Limit on the values of one `$in` or `$nin`."""

Predicate = Callable[[StoredRecord], bool]
Path = Callable[[StoredRecord], Any]
MISSING: Final = object()
"""The value of a path that does not exist."""

_Test = Callable[[Any], bool]
_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_OPERATORS: Final = ("$eq", "$ne", *_ORDER, "$in", "$nin", "$like", "$ilike", "$exists", "$not")
_JOINING: Final = ("$and", "$or", "$not")


def compile_filter(document: Any) -> Predicate:
    """The test that a filter document describes; an empty one is true for every record.

    Raises InvalidQuery, whose message begins with the position: `filter.$or[1].body.n.$gt: …`.
    """
    return _Compiler().document(document, "filter", 0)


def compile_path(path: str, place: str) -> Path:
    """The function from a record to the value at a path, or MISSING. Raises InvalidQuery when it is neither
    column nor body.
    """
    if path in COLUMNS:
        return COLUMNS[path]
    head, *steps = path.split(".")
    if head != "body" or not steps or "" in steps:
        raise InvalidQuery(
            f"{place}: no column {path!r}", f"{', '.join(COLUMNS)}, or a path such as body.goal"
        )
    return lambda stored: _walk(stored.record.body, steps)


def _walk(value: Any, steps: list[str]) -> Any:
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step, MISSING)
        elif isinstance(value, list) and step.isascii() and step.isdigit() and len(step) < 10:
            value = value[int(step)] if int(step) < len(value) else MISSING
        else:
            return MISSING
    return value


class _Compiler:
    """Compiles one document, and counts its parts."""

    def __init__(self) -> None:
        self._parts = 0

    def document(self, document: Any, place: str, depth: int) -> Predicate:
        self._enter(place, depth)
        if not isinstance(document, dict):
            raise InvalidQuery(
                f"{place}: an object is needed", 'such as {"act": "KNOW"}; {} means every record'
            )
        return _all_of([self._member(key, value, f"{place}.{key}", depth) for key, value in document.items()])

    def _member(self, key: str, value: Any, place: str, depth: int) -> Predicate:
        if key == "$not":
            inner = self.document(value, place, depth + 1)
            return lambda stored: not inner(stored)
        if key in _JOINING:
            if not isinstance(value, list) or not value:
                raise InvalidQuery(f"{place}: a list of filters is needed", "with at least one in it")
            parts = [self.document(one, f"{place}[{i}]", depth + 1) for i, one in enumerate(value)]
            return _all_of(parts) if key == "$and" else _any_of(parts)
        if key.startswith("$"):
            raise InvalidQuery(
                f"{place}: no such operator here", f"here go {', '.join(_JOINING)}, or a column"
            )
        path, test = compile_path(key, place), self._tests(value, place, depth + 1)
        return lambda stored: test(path(stored))

    def _tests(self, value: Any, place: str, depth: int) -> _Test:
        """The condition on one path: a value that it must equal, or operators that must all hold."""
        self._enter(place, depth)
        if not isinstance(value, dict) or not any(key.startswith("$") for key in value):
            return _some(_equal(value))
        tests = [self._test(name, wanted, f"{place}.{name}", depth) for name, wanted in value.items()]
        return lambda found: all(test(found) for test in tests)

    def _test(self, name: str, wanted: Any, place: str, depth: int) -> _Test:
        self._enter(place, depth)
        match name:
            case "$eq":
                return _some(_equal(wanted))
            case "$ne":
                return _none(_equal(wanted))
            case "$in" | "$nin":
                return (_some if name == "$in" else _none)(_one_of(wanted, place))
            case "$like" | "$ilike":
                return _some(_like(wanted, place, fold=name == "$ilike"))
            case "$exists":
                if not isinstance(wanted, bool):
                    raise InvalidQuery(f"{place}: true or false is needed", '{"$exists": true}')
                return lambda found: (found is not MISSING) is wanted
            case "$not":
                inner = self._tests(wanted, place, depth + 1)
                return lambda found: not inner(found)
        if name not in _ORDER:
            raise InvalidQuery(f"{place}: no such operator", f"one of {', '.join(_OPERATORS)}")
        return _some(_ordered(_ORDER[name], wanted, place))

    def _enter(self, place: str, depth: int) -> None:
        self._parts += 1
        if depth > MAX_NESTING:
            raise InvalidQuery(f"{place}: nested more than {MAX_NESTING} deep", "use fewer levels")
        if self._parts > MAX_PARTS:
            raise InvalidQuery(f"{place}: more than {MAX_PARTS} conditions", "$in takes many values in one")


def _all_of(parts: list[Predicate]) -> Predicate:
    return parts[0] if len(parts) == 1 else lambda stored: all(part(stored) for part in parts)


def _any_of(parts: list[Predicate]) -> Predicate:
    return lambda stored: any(part(stored) for part in parts)


def _candidates(found: Any) -> Iterator[Any]:
    if found is not MISSING:
        yield found
        if isinstance(found, list):
            yield from found


def _some(test: _Test) -> _Test:
    return lambda found: any(test(one) for one in _candidates(found))


def _none(test: _Test) -> _Test:
    return lambda found: not any(test(one) for one in _candidates(found))


def _key(value: Any) -> Any:
    """A hashable stand-in for a JSON value; equal exactly when the values are. In Python, True equals 1."""
    if isinstance(value, bool) or value is None:
        return (value is None, value)
    if isinstance(value, (dict, list)):
        return (type(value), canonical_json(value))
    return value


def _equal(wanted: Any) -> _Test:
    key, kind = _key(wanted), _container(wanted)
    # Formatting a long list only to find that a number was expected would be most of the work.
    return lambda one: _container(one) is kind and _key(one) == key


def _container(value: Any) -> type | None:
    return type(value) if isinstance(value, (dict, list)) else None


def _one_of(wanted: Any, place: str) -> _Test:
    if not isinstance(wanted, list):
        raise InvalidQuery(f"{place}: a list of values is needed", '{"$in": ["INTEND", "DO"]}')
    if len(wanted) > MAX_CHOICES:
        raise InvalidQuery(
            f"{place}: {len(wanted)} values, over the limit of {MAX_CHOICES}", "ask several times"
        )
    keys, kinds = {_key(one) for one in wanted}, {_container(one) for one in wanted}
    return lambda one: _container(one) in kinds and _key(one) in keys


def _like(wanted: Any, place: str, *, fold: bool) -> _Test:
    if not isinstance(wanted, str):
        raise InvalidQuery(f"{place}: a text is needed", "% is any text, _ any one character")
    try:
        matches = compile_like(wanted, fold)
    except ValueError as error:
        raise InvalidQuery(f"{place}: {error}", "use a shorter pattern") from None
    return lambda one: isinstance(one, str) and matches(one)


def _ordered(compare: Callable[[Any, Any], bool], wanted: Any, place: str) -> _Test:
    if isinstance(wanted, str):
        return lambda one: isinstance(one, str) and compare(one, wanted)
    if isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
        return lambda one: (
            isinstance(one, (int, float)) and not isinstance(one, bool) and compare(one, wanted)
        )
    raise InvalidQuery(f"{place}: expected a number or a text", "only these have an order")
