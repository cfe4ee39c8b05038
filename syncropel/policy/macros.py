"""CEL's macros, the only loops of the language: every turn is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import lark
from celpy import celtypes

from syncropel.policy.syntax import BadLiteral, inner
from syncropel.policy.values import ABSORBED, SCALARS, CelError, truth

if TYPE_CHECKING:
    from syncropel.policy.compiler import Compiler, Frame, Run

Loop = Callable[["Frame", Iterator[Any], "Run"], Any]


def _all(frame: Frame, items: Iterator[Any], body: Run) -> Any:
    return _decided(frame, items, body, decisive=False)


def _exists(frame: Frame, items: Iterator[Any], body: Run) -> Any:
    return _decided(frame, items, body, decisive=True)


def _decided(frame: Frame, items: Iterator[Any], body: Run, *, decisive: bool) -> Any:
    failure: Exception | None = None
    goes_on = truth(not decisive)
    for _ in items:
        try:
            value = body(frame)
        except ABSORBED as error:
            failure = failure or error
            continue
        if value is goes_on:
            continue
        if not isinstance(value, celtypes.BoolType):
            failure = failure or CelError("no such overload: all and exists take a boolean")
        elif bool(value) is decisive:
            return truth(decisive)
    if failure is not None:
        raise failure
    return truth(not decisive)


def _exists_one(frame: Frame, items: Iterator[Any], body: Run) -> Any:
    return truth(sum(_true(body(frame)) for _ in items) == 1)


def _filter(frame: Frame, items: Iterator[Any], body: Run) -> Any:
    return [item for item in items if _true(body(frame))]


def _map(frame: Frame, items: Iterator[Any], body: Run) -> Any:
    return [body(frame) for _ in items]


def _true(value: Any) -> bool:
    if not isinstance(value, celtypes.BoolType):
        raise CelError("no such overload: filter and exists_one take a boolean")
    return bool(value)


MACROS: Final[dict[str, Loop]] = {
    "all": _all,
    "exists": _exists,
    "exists_one": _exists_one,
    "filter": _filter,
    "map": _map,
}


def compile_macro(compiler: Compiler, name: str, of: Any, arguments: Any, node: Any, depth: int) -> Run:
    """`of.name(variable, body)`. Raises BadLiteral when the arguments are others."""
    if arguments is None or len(arguments.children) != 2:
        raise BadLiteral(f"{name} takes a variable and an expression", node)
    bound = inner(arguments.children[0])
    if not isinstance(bound, lark.Tree) or bound.data != "ident":
        raise BadLiteral(f"{name} takes a variable first", node)
    variable = str(bound.children[0])
    source = compiler.compile(of, depth)
    before = compiler.size
    body = compiler.compile(arguments.children[1], depth)
    cost = 1 + compiler.size - before
    loop = MACROS[name]

    def run(frame: Frame) -> Any:
        items = source(frame)
        if not isinstance(items, dict | list | tuple):
            raise CelError(f"no such overload: {name} takes a list or a map")
        shadowed = frame.values.get(variable, _ABSENT)
        try:
            return loop(frame, _turns(frame, items, variable, cost), body)
        finally:
            if shadowed is _ABSENT:
                frame.values.pop(variable, None)
            else:
                frame.values[variable] = shadowed

    return run


_ABSENT: Final = object()


def _turns(frame: Frame, items: Any, variable: str, cost: int) -> Iterator[Any]:
    budget, values = frame.budget, frame.values
    for item in items:
        budget.steps += cost
        if budget.steps >= budget.look_at:
            budget.check()
        convert = SCALARS.get(item.__class__)
        values[variable] = value = item if convert is None else convert(item)
        yield value
