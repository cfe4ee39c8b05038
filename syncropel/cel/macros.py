"""CEL's macros, the only loops of the language: every iteration is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

from syncropel.cel.frame import Frame, Run
from syncropel.cel.syntax import BadCall, Call, Name, Node
from syncropel.cel.values import MAX_INT, MIN_INT, NONE, CelError, Optional, key_of, shallow, unkeyed

Loop = Callable[[Frame, Iterator[Any], Run, Run], Any]
"""Takes the iterations, each yielding the element, and two bodies: the last one, and the one before it."""


def _decided(*, decisive: bool) -> Loop:
    goes_on = not decisive

    def loop(frame: Frame, turns: Iterator[Any], body: Run, _: Run) -> Any:
        failure: CelError | None = None
        for _element in turns:
            try:
                value = body(frame)
            except CelError as error:
                failure = failure or error
                continue
            if value is goes_on:
                continue
            if value is decisive:
                return decisive
            failure = failure or CelError("no such overload: all and exists take a boolean")
        if failure is not None:
            raise failure
        return goes_on

    return loop


def _exists_one(frame: Frame, turns: Iterator[Any], body: Run, _: Run) -> Any:
    return sum(_true(body(frame)) for _element in turns) == 1


def _filter(frame: Frame, turns: Iterator[Any], body: Run, _: Run) -> Any:
    return [element for element in turns if _true(body(frame))]


def _map(frame: Frame, turns: Iterator[Any], body: Run, _: Run) -> Any:
    return [body(frame) for _element in turns]


def _filtered_map(frame: Frame, turns: Iterator[Any], body: Run, condition: Run) -> Any:
    return [body(frame) for _element in turns if _true(condition(frame))]


def _transform(frame: Frame, turns: Iterator[Any], body: Run, _: Run) -> Any:
    return {key_of(key): body(frame) for key in turns}


def _filtered_transform(frame: Frame, turns: Iterator[Any], body: Run, condition: Run) -> Any:
    return {key_of(key): body(frame) for key in turns if _true(condition(frame))}


def _true(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise CelError("no such overload: the condition of a macro is a boolean")


MACROS: Final[dict[tuple[str, int, int], Loop]] = {
    **{("all", variables, 1): _decided(decisive=False) for variables in (1, 2)},
    **{("exists", variables, 1): _decided(decisive=True) for variables in (1, 2)},
    **{
        (name, variables, 1): _exists_one
        for name in ("exists_one", "existsOne")
        for variables in (1, 2)
        if (name, variables) != ("exists_one", 2)
    },
    ("filter", 1, 1): _filter,
    ("map", 1, 1): _map,
    ("map", 1, 2): _filtered_map,
    ("transformList", 2, 1): _map,
    ("transformList", 2, 2): _filtered_map,
    ("transformMap", 2, 1): _transform,
    ("transformMap", 2, 2): _filtered_transform,
}
"""(Name, variables, expressions) → implementation. With two variables, the first is a position or a key."""
OPTIONAL: Final = frozenset({"optMap", "optFlatMap"})
"""Macros of an optional value: the variable is bound to the contained value."""
NAMES: Final = frozenset(name for name, _, _ in MACROS) | OPTIONAL


def binds(call: Call) -> int:
    """How many variables a call binds: its leading names, if it is a macro."""
    if _is_bind(call):
        return 1
    if call.of is None or call.name not in NAMES:
        return 0
    given = len(call.arguments)
    if call.name in OPTIONAL:
        return 1
    two = any(name == call.name and given == 2 + bodies for name, count, bodies in MACROS if count == 2)
    # `map(x, condition, expression)` has one, `all(key, value, condition)` two: the number of arguments
    # decides.
    one = any(name == call.name and given == 1 + bodies for name, count, bodies in MACROS if count == 1)
    return 2 if two and not one else 1


def _is_bind(call: Call) -> bool:
    return call.name == "bind" and isinstance(call.of, Name) and call.of.name == "cel"


def is_macro(call: Call) -> bool:
    """Whether a call has the name of a macro."""
    return _is_bind(call) or (call.of is not None and call.name in NAMES)


class Compiler(Protocol):
    """Compiles the parts of a macro."""

    size: int
    """How many nodes were compiled."""

    def compile(self, node: Node) -> Run:
        """The function of a node."""

    def within(self, names: Sequence[str], nodes: Sequence[Node]) -> list[Run]:
        """The functions of nodes in which these names are also bound."""


def compile_macro(compiler: Compiler, call: Call) -> Run:
    """Compile `of.name(variable, …, body)`. Raises BadCall for other arguments."""
    count = binds(call)
    bound, bodies = call.arguments[:count], call.arguments[count:]
    wanted = "two variables" if count == 2 else "a variable"
    if len(bound) < count or not bodies:
        raise BadCall(f"{call.name} takes {wanted} and an expression", call)
    names = []
    for one in bound:
        if not isinstance(one, Name):
            raise BadCall(f"{call.name} takes {wanted} first", call)
        names.append(one.name)
    if len(set(names)) < count:
        raise BadCall(f"{call.name} takes two variables of different names", call)
    if _is_bind(call) or call.name in OPTIONAL:
        if len(bodies) != (2 if _is_bind(call) else 1):
            raise BadCall(f"{call.name} takes a variable and {len(bodies) and 'an'} expression", call)
        return _bind(compiler, names[0], bodies) if _is_bind(call) else _on_optional(compiler, call, names[0])
    loop = MACROS.get((call.name, count, len(bodies)))
    if loop is None:
        raise BadCall(f"{call.name} takes {wanted} and an expression", call)
    return _compile_loop(compiler, call, loop, names, bodies)


def _compile_loop(
    compiler: Compiler, call: Call, loop: Loop, names: list[str], bodies: tuple[Node, ...]
) -> Run:
    assert call.of is not None
    source, name = compiler.compile(call.of), call.name
    before = compiler.size
    runs = compiler.within(names, bodies)
    cost = 1 + compiler.size - before
    turns = _turns if len(names) == 1 else _pairs

    def run(frame: Frame) -> Any:
        items = source(frame)
        if items.__class__ is not list and items.__class__ is not dict:
            raise CelError(f"no such overload: {name} takes a list or a map")
        values = frame.values
        shadowed = [(one, values.get(one, _ABSENT)) for one in names]
        try:
            return loop(frame, turns(frame, items, names, cost), runs[-1], runs[0])
        finally:
            _restore(frame, shadowed)

    return run


_ABSENT: Final = object()


def _restore(frame: Frame, shadowed: list[tuple[str, Any]]) -> None:
    for name, value in shadowed:
        if value is _ABSENT:
            frame.values.pop(name, None)
        else:
            frame.values[name] = value


def _turns(frame: Frame, items: Any, names: list[str], cost: int) -> Iterator[Any]:
    budget, values, (variable,) = frame.budget, frame.values, names
    for item in items if items.__class__ is list else map(unkeyed, items):
        budget.steps += cost
        if budget.steps >= budget.look_at:
            budget.check()
        if item.__class__ is int and not MIN_INT <= item <= MAX_INT:
            shallow(item)
        values[variable] = item
        yield item


def _pairs(frame: Frame, items: Any, names: list[str], cost: int) -> Iterator[Any]:
    budget, values, (first, second) = frame.budget, frame.values, names
    pairs: Iterable[tuple[Any, Any]] = enumerate(items) if items.__class__ is list else items.items()
    for key, item in pairs:
        budget.steps += cost
        if budget.steps >= budget.look_at:
            budget.check()
        values[first], values[second] = unkeyed(key), shallow(item)
        yield values[first]


def _bind(compiler: Compiler, name: str, bodies: tuple[Node, ...]) -> Run:
    value = compiler.compile(bodies[0])
    (body,) = compiler.within([name], bodies[1:])
    return lambda frame: _run_with(frame, name, value(frame), body)


def _on_optional(compiler: Compiler, call: Call, name: str) -> Run:
    assert call.of is not None
    of = compiler.compile(call.of)
    (body,) = compiler.within([name], call.arguments[1:])
    flat = call.name == "optFlatMap"

    def run(frame: Frame) -> Any:
        value = of(frame)
        if value.__class__ is not Optional:
            raise CelError(f"no such overload: {call.name} takes an optional value")
        if value is NONE:
            return NONE
        found = _run_with(frame, name, value.value, body)
        if not flat:
            return Optional(found)
        if found.__class__ is not Optional:
            raise CelError("no such overload: the expression of optFlatMap is an optional value")
        return found

    return run


def _run_with(frame: Frame, name: str, value: Any, body: Run) -> Any:
    shadowed = [(name, frame.values.get(name, _ABSENT))]
    frame.values[name] = value
    try:
        return body(frame)
    finally:
        _restore(frame, shadowed)
